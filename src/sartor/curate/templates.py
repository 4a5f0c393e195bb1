"""The text that many rows share around what they say: a prompt's frame, a form letter, a signature."""

import numpy as np
import numpy.typing as npt

from sartor.curate.words import Words, mix

SHINGLE = 6
"""Words in a row that make a template when enough rows share them."""
ROWS = 50
"""Rows that share a shingle from which on it is taken for a template's."""
MANY = 1_000_000
"""Shingles from which on those that cannot be shared are left out before the others are sorted."""


def without_templates(words: Words) -> Words:
    """The rows less the words that stand in a shared shingle; a row that would keep fewer than two words stays whole.

    Only to look for candidates: what stands in the template is compared when a pair is verified.
    """
    shared = np.zeros(len(words.ids), bool)
    for place in _shared(words):
        shared[place] = True
    row = np.repeat(np.arange(len(words)), np.diff(words.starts))
    left = np.bincount(row[~shared], minlength=len(words))
    return words.where(~shared | (left < 2)[row])


def _shared(words: Words) -> list[npt.NDArray[np.int64]]:
    """For each word of a shingle, the places where a shared one has it."""
    if len(words.ids) < SHINGLE:
        return []
    size = len(words.ids) - SHINGLE + 1
    hashes = np.zeros(size, np.uint64)
    for k in range(SHINGLE):
        hashes = hashes * np.uint64(0x100000001B3) + words.ids[k : k + size].astype(np.uint64)
    first = np.arange(size)
    ends = words.starts[1:][np.searchsorted(words.starts, first, side="right") - 1]
    maybe = first = first[first + SHINGLE <= ends]
    if len(first) >= MANY:
        slot = (mix(hashes[first]) >> np.uint64(40)).astype(np.int64)
        maybe = first[np.bincount(slot)[slot] >= ROWS]
    _, inverse, exact = np.unique(hashes[maybe], return_inverse=True, return_counts=True)
    found = maybe[exact[inverse] >= ROWS]
    return [found + k for k in range(SHINGLE)]
