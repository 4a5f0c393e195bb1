"""Which of two words is the other one mistyped, and when they are two words."""

import re
from collections import Counter
from functools import cache, lru_cache

import numpy as np
from spellchecker import SpellChecker

from sartor.curate.lexicon import FUNCTION_WORDS, GUARDED, NEGATIONS
from sartor.curate.words import Words

ODDS = 100
"""How many times commoner in English a word must be than another that is a word too, to be what was meant."""
RARER = 20
"""How many times rarer than a word its misspelling is in these texts, where it is not rare altogether (twice at most)."""
_REPEATED = re.compile(r"(.)\1+")


class Speller:
    """Judges pairs of a vocabulary by the noisy-channel idea (Kernighan et al. 1990): what is rare stands for what is common.

    How common a word is, an English dictionary tells, and the texts themselves. Words of another language are in no
    dictionary: there, the rarer is taken for mistyped only if the other is common in the texts.
    """

    def __init__(self, texts: Words) -> None:
        self._words = texts.vocabulary
        self.names = [
            name and word not in FUNCTION_WORDS for name, word in zip(texts.names, texts.vocabulary, strict=True)
        ]
        self._count: list[int] = np.bincount(texts.ids, minlength=len(texts.vocabulary)).tolist()
        self._usual = _english()
        self._judge = lru_cache(1 << 20)(self._mistyped)

    def mistyped(self, a: int, b: int) -> int | None:
        """The one of two different words that is the other mistyped; None where both are what was meant."""
        return self._judge(a, b) if a < b else self._judge(b, a)

    def _mistyped(self, a: int, b: int) -> int | None:
        rare, common = sorted((a, b), key=lambda i: (self._usual[self._words[i]], self._count[i], self._words[i]))
        return rare if self._stands_for(rare, common) else None

    def _stands_for(self, rare: int, common: int) -> bool:
        wrong, right = self._words[rare], self._words[common]
        if wrong.casefold() == right.casefold():  # told apart in code alone
            return False
        drawn_out = same_but_repeated(wrong, right)
        if not (wrong.isalpha() and right.isalpha()) or not (drawn_out or one_slip(wrong, right)):
            return False
        rarer = self._count[common] >= RARER * self._count[rare]
        if not rarer and self._count[rare] > 2:
            return False
        if self.names[rare] and self.names[common]:
            return drawn_out and rarer
        if len(wrong) == 1:
            return len(right) == 2 and right in FUNCTION_WORDS and wrong not in FUNCTION_WORDS
        if wrong in GUARDED or wrong in NEGATIONS or (wrong in FUNCTION_WORDS and right in FUNCTION_WORDS):
            return False
        if self._usual[right] < ODDS * self._usual[wrong]:
            return False
        if right in NEGATIONS:
            return drawn_out or (len(right) >= 5 and right.endswith("nt") and wrong.endswith("nt"))
        if right in GUARDED:
            swapped = sorted(wrong) == sorted(right)
            return not self._usual[wrong] and (drawn_out or (len(right) >= 5 and (len(wrong) != len(right) or swapped)))
        if self._usual[right] or drawn_out:
            return drawn_out or wrong != "a" + right  # as in `typical` and `atypical`
        return self._count[common] > 2 and not _inflected(*sorted((wrong, right), key=len))


@cache
def _english() -> Counter[str]:
    """How often English films and series say each word."""
    return Counter(SpellChecker(language="en").word_frequency.dictionary)


def one_slip(a: str, b: str) -> bool:
    """Whether the words are one letter apart: one more, one less, one changed, or two neighbours swapped (Damerau 1964)."""
    if abs(len(a) - len(b)) > 1:
        return False
    begin = 0
    while begin < min(len(a), len(b)) and a[begin] == b[begin]:
        begin += 1
    a, b = a[begin:], b[begin:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return max(len(a), len(b)) == 1 or (len(a) == 2 and a == b[::-1])


def same_but_repeated(a: str, b: str) -> bool:
    """Whether the words are the same but for letters typed more than once: `okkay`, `soooo`."""
    return _REPEATED.sub(r"\1", a) == _REPEATED.sub(r"\1", b)


def _inflected(short: str, long: str) -> bool:
    return long[:-1] == short and long[-1] in "sdr"
