"""Pairs of rows that share most of their letters: MinHash over the 4-grams of their words, and banding."""

import functools
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartor.curate.words import Ints, Words, mix

SIMILARITIES = np.arange(0.5, 1, 0.05)
"""Jaccard similarities of 4-grams from which on a pair should be proposed: the first for which MINIMA suffice."""
RECALL = 0.99
"""Share of the pairs of that similarity that are."""
MINIMA = 750
"""Hashes a row at most."""
CHANCE = 50
"""Pairs a row that may meet by chance."""
PAIRS = 5000
"""Random pairs that tell how like each other rows are that have nothing to do with each other."""
FLOOR = 0.35
"""Estimated similarity below which a pair that shares a band is not worth verifying."""
NEAREST = 50
"""Rows of its bucket that a row is paired with: all of them in most buckets, else those next in the order of their letters."""
SAMPLE = 128
"""Minima whose lowest bytes estimate the similarity of a pair."""
THREADS = 2

Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Banding:
    """Two rows are candidates when one of `bands` bands agrees in all of its `width` minima (Leskovec et al. 2014, 3.4)."""

    bands: int
    width: int

    def recall(self, similarity: float) -> float:
        """The S-curve: the chance that a pair of that Jaccard similarity is proposed."""
        return float(1 - (1 - similarity**self.width) ** self.bands)


def banding(words: Words) -> Banding:
    """The narrowest bands in which rows that have nothing to do with each other seldom meet, as many as RECALL asks for.

    How often such rows meet is told by random pairs, less those that are alike: by their mean similarity to the power of
    the width.
    """
    chance = _chance(words)
    for width in range(3, 13):
        found = next(
            found for found in map(functools.partial(_bands, width), SIMILARITIES) if found.bands * width <= MINIMA
        )
        if len(words) * np.sum(chance**width) / PAIRS * found.bands / 2 <= CHANCE:
            break
    return found


def _bands(width: int, similarity: float) -> Banding:
    return Banding(math.ceil(math.log(1 - RECALL) / math.log(1 - similarity**width)), width)


def _chance(words: Words) -> npt.NDArray[np.float64]:
    """The Jaccard similarities of random pairs of rows below what is sought; a word counts as often as it has 4-grams."""
    grams = [max(1, len(word) - 1) for word in words.vocabulary]
    row = functools.cache(lambda at: set(words.row(at)))

    @functools.cache  # few rows are drawn many times
    def similarity(i: int, j: int) -> float:
        one, other = row(i), row(j)
        return sum(grams[word] for word in one & other) / sum(grams[word] for word in one | other)

    pairs = np.random.default_rng(0).integers(0, max(1, len(words)), (PAIRS, 2)).tolist()
    alike = [similarity(i, j) for i, j in pairs if i != j]
    return np.array([each for each in alike if each < SIMILARITIES[0]], np.float64)


def candidates(words: Words, bands: Banding) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of rows, band by band, each pair once, the lower row first."""
    keys, sample = _signatures(words, bands)
    for band in range(bands.bands):
        for low, high in _pairs(keys[band], keys[band - 1]):
            near = np.mean(sample[low] == sample[high], axis=1) >= FLOOR
            low, high = low[near], high[near]
            for earlier in range(band):
                new = keys[earlier][low] != keys[earlier][high]
                low, high = low[new], high[new]
            yield low, high


def _pairs(key: Hashes, tie: Hashes) -> Iterator[tuple[Ints, Ints]]:
    """The pairs of one band."""
    order = np.argsort(key.astype(np.uint64) << np.uint64(32) | tie)
    bucket = key[order]
    at = np.arange(len(order))
    for distance in range(1, NEAREST + 1):
        at = at[at + distance < len(order)]
        at = at[bucket[at] == bucket[at + distance]]
        if not len(at):
            return
        one, other = order[at], order[at + distance]
        yield np.minimum(one, other), np.maximum(one, other)


def _signatures(words: Words, bands: Banding) -> tuple[Hashes, npt.NDArray[np.uint8]]:
    """(bands, n) hashes of each band's minima, and (n, SAMPLE) bytes of the first minima.

    A row's minimum is the least of its words' minima, so each distinct word is hashed once (Broder 1997).
    """
    grams, begins = _grams(words.vocabulary)
    minima = bands.bands * bands.width
    seeds = mix(np.arange(2 * minima)).reshape(2, minima)
    keys = np.zeros((bands.bands, len(words)), np.uint32)
    sample = np.zeros((len(words), min(SAMPLE, minima)), np.uint8)

    def fill(band: int) -> None:
        key = np.zeros(len(words), np.uint64)
        for k in range(band * bands.width, (band + 1) * bands.width):
            hashed = ((grams * (seeds[0, k] | np.uint64(1)) + seeds[1, k]) >> np.uint64(32)).astype(np.uint32)
            least = np.minimum.reduceat(hashed, begins)
            of_row = np.minimum.reduceat(least[words.ids], words.starts[:-1])
            key = mix(key ^ of_row)
            if k < sample.shape[1]:
                sample[:, k] = of_row.astype(np.uint8)
        keys[band] = key >> np.uint64(32)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fill, range(bands.bands)))
    return keys, sample


def _grams(vocabulary: list[str]) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Hashes of the 4-grams of all words, their edges marked, and where each word's begin."""
    marked = [f"\n{word}\n".ljust(4, "\n") for word in vocabulary]
    lengths = np.array([len(word) for word in marked], np.int64)
    letters = np.frombuffer("".join(marked).encode("utf-32-le"), np.uint32).astype(np.uint64)
    place = np.arange(len(letters)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    whole = np.flatnonzero(place + 4 <= np.repeat(lengths, lengths))
    hashes = np.zeros(len(whole), np.uint64)
    for k in range(4):
        hashes = mix(hashes ^ letters[whole + k])
    return hashes, np.cumsum(lengths - 3) - (lengths - 3)
