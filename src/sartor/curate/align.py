"""Whether two texts say the same: their words side by side, and every difference named and judged."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sartor.curate.lexicon import CONTRACTIONS, FUNCTION_WORDS, NEGATIONS, NUMBER_WORDS, UNITS
from sartor.curate.spelling import Speller
from sartor.curate.words import Words

BLOCK = 4
"""Words that may move from one end of a text to the other, at least; fewer may be a name or an amount."""
ANCHOR = 3
"""Words, as they are, by which a moved block is found."""


class Edit(NamedTuple):
    """A difference that does not change what a text says."""

    kind: str
    """`typo`, `order` or `spacing`."""
    first: str
    second: str
    """What the two texts have; "" where one has nothing."""
    place: int
    """Where in the first text."""
    doubtful: bool
    """The first text is the one that is mistyped, so that a third may have meant another word by it."""


class Aligner:
    """Compares rows of words; `texts`, without repetitions, tell a rare spelling from a common word.

    In `code` only misspellings may differ.
    """

    def __init__(self, texts: Words, code: bool = False) -> None:
        self._words = texts.vocabulary
        self._compounds = texts.compounds
        self._speller = Speller(texts)
        self._code = code

    def edits(self, first: Sequence[int], second: Sequence[int]) -> list[Edit] | None:
        """What differs, where all of it may; None where a word was changed, added, dropped or moved further than by one.

        A sentence or more may have moved from one end to the other: no other order of so many words says something.
        """
        most = 1 + min(len(first), len(second)) // 6
        if abs(len(first) - len(second)) > most:
            return None
        found = self._aligned(first, second, most)
        return found if found is not None or self._code else self._turned(first, second, most - 1)

    def _turned(self, first: Sequence[int], second: Sequence[int], most: int) -> list[Edit] | None:
        for at in _turns(first, second):
            if (rest := self._aligned([*first[at:], *first[:at]], second, most)) is not None:
                moved = self._text(first[:at])
                return [Edit("order", moved, moved, 0, False), *(_moved(edit, at, len(first)) for edit in rest)]
        for at in _turns(second, first):
            if (rest := self._aligned(first, [*second[at:], *second[:at]], most)) is not None:
                moved = self._text(second[:at])
                return [Edit("order", moved, moved, 0, False), *rest]
        return None

    def _aligned(self, first: Sequence[int], second: Sequence[int], most: int) -> list[Edit] | None:
        """At most so many differences, in their order."""
        found: list[Edit] = []
        i = j = 0
        while i < len(first) or j < len(second):
            if i < len(first) and j < len(second) and first[i] == second[j]:
                i, j = i + 1, j + 1
                continue
            kind, ahead, behind = self._step(first, i, second, j)
            if not kind or len(found) == most:
                return None
            said = self._text(first[i : i + ahead]), self._text(second[j : j + behind])
            found.append(Edit(kind, *said, i, self._mistyped(first[i : i + ahead], second[j : j + behind])))
            i, j = i + ahead, j + behind
        return found

    def _step(self, first: Sequence[int], i: int, second: Sequence[int], j: int) -> tuple[str, int, int]:
        """(kind, words of the first, words of the second) of the difference at places i and j; kind is "" for a change."""
        a, b = first[i : i + 2], second[j : j + 2]
        if self._code:
            return ("typo", 1, 1) if a and b and self._same(a[0], b[0]) else ("", 0, 0)
        if self._swapped(a, b):
            return "order", 2, 2
        if self._past_compound(first[i : i + 3], second[j : j + 3]):
            return "order", 3, 3
        if a and b and self._same(a[0], b[0]):
            return "typo", 1, 1
        if len(a) == 2 and b and self._joined(a, b[0]):
            return "spacing", 2, 1
        if len(b) == 2 and a and self._joined(b, a[0]):
            return "spacing", 1, 2
        if self._slipped(first, i):
            return "typo", 1, 0
        if self._slipped(second, j):
            return "typo", 0, 1
        return "", 0, 0

    def _same(self, a: int, b: int) -> bool:
        return a == b or self._speller.mistyped(a, b) is not None

    def _mistyped(self, first: Sequence[int], second: Sequence[int]) -> bool:
        return any(a != b and self._speller.mistyped(a, b) == a for a in first for b in second)

    def _text(self, row: Sequence[int]) -> str:
        return " ".join(self._words[i] for i in row)

    def _swapped(self, a: Sequence[int], b: Sequence[int]) -> bool:
        both = len(a) == len(b) == 2
        return both and self._same(a[0], b[1]) and self._same(a[1], b[0]) and self._may_swap(*a)

    def _past_compound(self, a: Sequence[int], b: Sequence[int]) -> bool:
        """`my top-up` and `top-up my`: a compound moves as one word."""
        if len(a) < 3 or len(b) < 3:
            return False
        if a[0] != b[2]:
            a, b = b, a
        moved = a[0] == b[2] and (a[1], a[2]) == (b[0], b[1]) and (b[0], b[1]) in self._compounds
        return moved and self._may_swap(a[0], a[1]) and self._may_swap(a[0], a[2])

    def _may_swap(self, a: int, b: int) -> bool:
        """Not with a number, not two names or units (`USD EUR`), and not a `not` that would take hold of another word."""
        words = {self._words[a], self._words[b]}
        if any(has_digit(word) for word in words):
            return False
        if words & NEGATIONS:
            return words <= FUNCTION_WORDS | NEGATIONS or (bool(words & CONTRACTIONS) and not words & NUMBER_WORDS)
        return not all(self._speller.names[i] or self._words[i] in UNITS - FUNCTION_WORDS for i in (a, b))

    def _joined(self, pair: Sequence[int], one: int) -> bool:
        """`log in` and `login`; not `not able` and `notable`."""
        words = [self._words[i] for i in pair]
        return self._words[one] == "".join(words) and not any(word in NEGATIONS or has_digit(word) for word in words)

    def _slipped(self, row: Sequence[int], i: int) -> bool:
        """A lone `a` or `I` that a sentence loses without harm; `vitamin A` and `type I` are something else."""
        if i >= len(row) or self._words[row[i]] not in ("a", "i"):
            return False
        return i + 1 < len(row) and (i == 0 or self._words[row[i - 1]] in FUNCTION_WORDS)


def _moved(edit: Edit, by: int, count: int) -> Edit:
    return edit._replace(place=(edit.place + by) % count)


def _turns(first: Sequence[int], second: Sequence[int]) -> Iterator[int]:
    """Places in the first where the second may begin, some words from either end."""
    start = list(second[:ANCHOR])
    for at in range(BLOCK, len(first) - BLOCK + 1):
        if first[at] == start[0] and list(first[at : at + ANCHOR]) == start:
            yield at


def has_digit(word: str) -> bool:
    """Whether it holds a digit of any script."""
    return any(char.isdigit() for char in word)
