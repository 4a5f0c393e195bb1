"""Which words a text negates: `no fever, chills or cough`, `must not take aspirin`, `Any fever? – No.`"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from sartor.evaluate.facts.words import Token, word_set

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
_CONTRAST = word_set("but except however although though yet because since until unless while after before when if")
_SUBJECTS = word_set("he she i we they it patient there")
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
        if word in _ENDS or word in _CONTRAST or (word == "," and not through_lists):
            return i
        following = found[i + 1].low if i + 1 < len(found) else "."
        if word in (",", "and") and (following in _SUBJECTS or following in _CONTRAST):
            return i
        if _opens(found, i):
            return i
        i += 1
    return i


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
