"""The polite words around a request: `Hello, … Thanks!`, `… Please help.`"""

from collections.abc import Sequence

import numpy as np

from sartor.curate.lexicon import CLOSINGS, EXISTS, INVERTED, OPENINGS, POLITE
from sartor.curate.words import Words

_BY_FIRST: dict[str, list[tuple[str, ...]]] = {}
for _phrase in sorted(OPENINGS | CLOSINGS, key=lambda phrase: (-len(phrase), phrase)):
    _BY_FIRST.setdefault(_phrase[0], []).append(_phrase)


def core(words: Words) -> Words:
    """The rows without polite phrases; a row of nothing else stays whole."""
    keep = np.ones(len(words.ids), bool)
    suspect = np.array([word in _BY_FIRST for word in words.vocabulary], bool)[words.ids]
    for i in np.flatnonzero(np.logical_or.reduceat(suspect, words.starts[:-1])).tolist():
        keep[words.starts[i] : words.starts[i + 1]] = essential(words.text(i))
    return words.where(keep)


def essential(row: Sequence[str]) -> list[bool]:
    """Which words are no part of a polite phrase; all where none would be left."""
    keep = [True] * len(row)
    i = kept = 0
    while i < len(row):
        for phrase in _BY_FIRST.get(row[i], ()):
            if tuple(row[i : i + len(phrase)]) == phrase and _polite(phrase, row[i + len(phrase) :], first=not kept):
                keep[i : i + len(phrase)] = [False] * len(phrase)
                i += len(phrase)
                break
        else:
            i, kept = i + 1, kept + 1
    return keep if kept else [True] * len(row)


def _polite(phrase: tuple[str, ...], following: Sequence[str], first: bool) -> bool:
    known = phrase in POLITE or (first and phrase in OPENINGS) or (not following and phrase in CLOSINGS)
    return known and not (phrase[-1] == "there" and _exists(following[:2]))


def _exists(following: Sequence[str]) -> bool:
    """Whether the `there` before belongs to what follows: `hello there is a fee`, not `hello there is it free`."""
    return bool(following) and following[0] in EXISTS and following[-1] not in INVERTED


def wrapper(row: Sequence[str]) -> str:
    """The row's polite words, `…` for what they dress: `hello … thanks`; "" where there are none."""
    said: list[str] = []
    for word, kept in zip(row, essential(row), strict=True):
        if not kept or said[-1:] != ["…"]:
            said.append("…" if kept else word)
    return "" if said == ["…"] else " ".join(said)
