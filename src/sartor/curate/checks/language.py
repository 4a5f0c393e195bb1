"""Rows in a language that is not the set's."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.task import Kind

_OWN = 0.1
"""A language that this share of the rows is in is the set's, on purpose."""
_NONE = "zxx"
"""Numbers, codes, markup: no language."""
_PIDGIN = "pcm"
"""Nigerian Pidgin: a plain short question in English looks like it too often."""
_WORD = re.compile(r"[^\W\d_]+")
_LEAST = 8
"""Bytes of words without a capital; names and headings have no language."""
_WRITTEN: tuple[Kind, ...] = ("summarization", "generation")


@register
class Language(Check):
    """Finds rows whose question, or written target, is in another language than the set's, by n-grams of bytes (langid.py).

    The score is the probability that it is in none of the set's languages: the most frequent one, and every other in which a
    tenth of the rows is. Of short texts that probability says little, so half of the words must be ones that no row in the
    set's languages has; `no idea` is not Croatian where others write `idea`.
    """

    name = "language"
    title = "rows in another language"
    threshold = 0.95

    def look(self, pool: Pool) -> Suspicions:
        found = _foreign("question", pool.questions)
        if pool.spec.kind in _WRITTEN:
            found = _foreign("target", [example.target for example in pool.examples]) | found
        return found


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([language for language in identifier.labels if language != _PIDGIN])
    return identifier


def _foreign(part: str, texts: Sequence[str]) -> Suspicions:
    identifier = _identifier()
    said = [text.encode("utf-8", "replace") for text in texts]
    languages = [identifier.classify(text)[0] for text in said]
    counts = Counter(language for language in languages if language != _NONE)
    if not counts:
        return {}
    main = counts.most_common(1)[0][0]
    own = {main, _NONE} | {language for language, count in counts.items() if count >= _OWN * counts.total()}
    vocabulary = {
        word for text, language in zip(texts, languages, strict=True) if language in own for word in _words(text)
    }
    found: Suspicions = {}
    for place, language in enumerate(languages):
        if language in own or not _is_strange(texts[place], vocabulary):
            continue
        score = 1 - sum(share for known, share in identifier.rank(said[place]) if known in own)
        reason = f"the {part} reads as `{language}`, in a set in `{main}`"
        found[place] = Suspicion(max(0.0, float(score)), reason, {"part": part, "language": language, "main": main})
    return found


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _is_strange(text: str, vocabulary: set[str]) -> bool:
    """Whether the text is no mere name, and half of its words are not in the vocabulary."""
    running = sum(len(word.encode()) for word in _WORD.findall(text) if not word[0].isupper())
    words = _words(text)
    return running >= _LEAST and 2 * len(words - vocabulary) >= len(words)
