"""Which words a text negates: `no fever, chills or cough`, `must not take aspirin`, `Any fever? – No.`"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from sartor.evaluate.facts.words import Token, phrase_set, word_set

_LISTING = word_set("no without denies denied deny denying negative absence free nor neither lack lacks rule rules")
"""Cues that reach through a list: `denies fever, chills, or cough`."""
_NEEDS_NEXT = {
    "negative": ("for",),
    "absence": ("of",),
    "free": ("of", "from"),
    "lack": ("of",),
    "rule": ("out",),
    "rules": ("out",),
}
_VERBAL = word_set("not never cannot unable refuse refuses refused unlikely")
"""Cues that negate a statement, up to the next comma."""
_NOTHING = word_set("none noncontributory unremarkable normal negative nil")
"""What by itself says that there is nothing to tell."""
CUES = _LISTING | _VERBAL | _NOTHING | {"non", "nope", "nah", "nothing", "n't"}
"""Words that negate, and state nothing beside it."""
_ENDS = frozenset(".;!?\n:()[]")
# Below after NegEx (Chapman et al. 2001) and ConText (Harkema et al. 2009); a phrase has one word or two.
_CONTRAST = phrase_set(
    """
    but, except, excluding, however, although, though, yet, because, since, until, unless, while, whereas, after, before,
    when, if, despite, in spite, besides, nevertheless, nonetheless, which, who, whose, presents, complains,
    together with, along with, in addition, other than, apart from, aside from, the exception, due to, secondary to
    """
)
"""What ends a negation wherever it stands."""
_STARTS = phrase_set(
    """
    he, she, i, we, they, it, you, there, patient, the patient, mr, mrs, ms,
    has, have, had, is, are, am, was, were, can, will, should, must, takes, took, taking, uses, presented, presenting,
    reports, reported, complained, complaining, admits, admitted, endorses, endorsed, states, stated, says, said, feels,
    felt, continues, continued,
    also, still, now, currently, just, only, instead, on, with
    """
)
"""What begins a new statement behind a comma or `and`, and so ends a negation: `no fever, takes aspirin`."""
_FIRST_ONLY = phrase_set(
    """
    relief from, relief of, relief with, improvement in, improvement on, improvement with, benefit from, response to,
    cause of, cause for, source of, reason for, explanation for
    """
)
"""What is negated in its first word, and not in what follows: `without relief from ibuprofen` says that it was taken."""
_TURN = re.compile(r"(?:^|\n|(?<=[.?!]) )[ \t]{0,8}[A-Z]\w{0,30}:")
_NO = re.compile(
    r"\s{0,4}(?:(?:um+|uh+|oh|well|hm+|so|ah|actually|okay|yeah)[,.]?\s{1,4}){0,3}(?:no|nope|nah|none|never|not|nothing|negative)\b",
    re.IGNORECASE,
)


def negated(text: str, found: Sequence[Token]) -> tuple[bytearray, list[int]]:
    """For each token, 1 where it is negated; and the places of words that say `nothing` (`None.`, `unremarkable`)."""
    marks = bytearray(len(found))
    nothing: list[int] = []
    i = 0
    while i < len(found):
        word = found[i].low
        end = i + 1
        if opened := _opens(found, i):
            end = _reach(found, i + opened, through_lists=word in _LISTING)
            marks[i + opened : end] = b"\1" * (end - i - opened)
        elif word == "non" and found[i + 1 : i + 2] and found[i + 1].low == "-":
            end = min(i + 3, len(found))
            if found[end - 1].low == "contributory":
                nothing.append(i)
            marks[i + 2 : end] = b"\1" * (end - i - 2)
        elif word in _NOTHING:
            nothing.append(i)
        i = end
    _answers(text, found, marks)
    return marks, nothing


def _opens(found: Sequence[Token], i: int) -> int:
    """How many tokens the cue at place i has; 0 where none is."""
    word = found[i].low
    following = found[i + 1].low if i + 1 < len(found) else "."
    if word in _NEEDS_NEXT:
        return 2 * (following in _NEEDS_NEXT[word])
    if word in _LISTING:
        return int(following not in _ENDS and following != ",")  # `No, I do not` only answers
    if word in _VERBAL or word.endswith(("n't", "n’t")):
        return int(following != "only")
    return 0


def _reach(found: Sequence[Token], i: int, through_lists: bool) -> int:
    """The place after the last token that a cue before place i negates."""
    while i < len(found):
        word = found[i].low
        if word in _ENDS or (word == "," and not through_lists) or _at(found, i, _CONTRAST) or _opens(found, i):
            return i
        if word in (",", "and") and _at(found, i + 1, _STARTS):
            return i
        if _at(found, i, _FIRST_ONLY):
            return i + 1
        i += 1
    return i


def _at(found: Sequence[Token], i: int, phrases: frozenset[str]) -> bool:
    """Whether one of the phrases starts at place i."""
    words = [token.low for token in found[i : i + 2]]
    return bool(words) and (words[0] in phrases or " ".join(words) in phrases)


def _answers(text: str, found: Sequence[Token], marks: bytearray) -> None:
    """In a dialogue, `No` as an answer negates what the turn before it asked."""
    turns = list(_TURN.finditer(text))
    starts = [token.start for token in found] if len(turns) > 1 else []
    for asked, answered in pairwise(turns):
        if not _NO.match(text, answered.end()):
            continue
        question_end = text.rfind("?", asked.end(), answered.start())
        if question_end < 0:
            continue
        first, last = bisect_left(starts, asked.end()), bisect_left(starts, question_end)
        for i in _asked(found, first, last + 1):
            marks[i] = 1


def _asked(found: Sequence[Token], first: int, end: int) -> list[int]:
    """Places of the tokens in sentences that end with a question mark."""
    result: list[int] = []
    sentence: list[int] = []
    for i in range(first, min(end, len(found))):
        sentence.append(i)
        if found[i].low in ".?!":
            result += sentence if found[i].low == "?" else []
            sentence = []
    return result
