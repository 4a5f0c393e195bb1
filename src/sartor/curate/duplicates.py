"""Rows that say the same, exactly or nearly: inside one set, and between a set and the rows held out from it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import polars as pl

from sartor.curate.align import Aligner, Edit
from sartor.curate.candidates import Banding, banding, candidates
from sartor.curate.clusters import hubs, linked
from sartor.curate.courtesy import core, wrapper
from sartor.curate.templates import without_templates
from sartor.curate.words import Flags, Ints, Texts, Words, batches, read
from sartor.data.example import Example

ENOUGH = 20
"""Verified pairs of a row from which on it is not compared with another that has as many: its cluster is known by then."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row that says what another says."""

    row: int
    of: int
    """The representative of its cluster; in a leak, the held-out row, numbered within its own set."""
    kind: Literal["exact", "near"]
    """`exact`: the same but for case, punctuation and white space."""
    score: float
    """The share of the longer row's words that stand as they are in the other."""
    evidence: dict[str, list[list[str]]]
    """What differs, [of this row, of the other], by kind: `typo`, `order`, `spacing`, and `wrapper` for polite phrases."""

    @property
    def counts(self) -> dict[str, int]:
        """How many differences of each kind there are: what can be told without quoting a row."""
        return {kind: len(pairs) for kind, pairs in self.evidence.items()}


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows and what they duplicate. Iterating works out score and evidence, one row at a time."""

    rows: Ints
    of: Ints
    exact: Flags
    _compare: "_Comparison"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Duplicate]:
        for row, of, exact in zip(self.rows.tolist(), self.of.tolist(), self.exact.tolist(), strict=True):
            yield Duplicate(row, of, "exact", 1.0, {}) if exact else self._compare(row, of)


@dataclass(frozen=True, slots=True)
class Found:
    """What `find` found."""

    duplicates: Duplicates
    """Every row of a cluster but its representative, in the order of the rows."""
    leaks: Duplicates
    """Every row that a held-out row says too, in the order of the rows."""
    linked: Ints
    """(n,): rows that duplicates lead to from each other have the same number: what a split keeps on one side. A cluster is a
    part of it, or all."""
    banding: Banding
    """How candidates were looked for; its `recall` is the S-curve."""


def find(texts: Texts, *, held_out: Texts = (), code: bool = False) -> Found:
    """The duplicates among the texts, and the texts that a held-out text says too.

    Two rows are duplicates when their words align, polite phrases left out, and every difference is a
    misspelling, two neighbours in another order, or a word written apart: `sartor.curate.align` judges it, and
    `sartor.curate.clusters` keeps likeness from being passed on. In `code` case and every mark count, and nothing but
    misspellings may differ. The representative of a cluster is its first row. Beside the words' numbers, at 4 bytes each,
    some 500 bytes a distinct row are held.
    """
    count = 0

    def counted() -> Iterator[pl.Series]:
        nonlocal count
        for batch in batches(texts):
            count += len(batch)
            yield batch

    words = read(chain(counted(), batches(held_out)), code)
    exact, cores = words.keys(), words if code else core(words)
    _, first, group = np.unique(cores.keys(), return_index=True, return_inverse=True)
    distinct = cores.take(first)
    aligner, sought = Aligner(distinct, code), without_templates(distinct)
    bands = banding(sought)
    order = np.arange(count)
    held = np.arange(count, len(words))
    ours, theirs = _best(group, order, len(first)), _best(group, held, len(first))
    within, across = _verified(distinct, candidates(sought, bands), aligner, ours >= 0, theirs >= 0)

    hub = hubs(distinct, within, aligner)
    cluster = hub[group]
    of = _best(cluster, order, len(first))[cluster[:count]]
    again = np.flatnonzero(of != np.arange(count))
    same = exact[again] == exact[of[again]]
    duplicates = Duplicates(again, of[again], same, _Comparison(words, distinct, aligner, group, hub, 0))

    keys, key = np.unique(exact, return_inverse=True)
    twin = _best(key, held, len(keys))[key[:count]]
    likest = np.where(theirs >= 0, theirs, _likest(across, theirs))[group[:count]]
    source = np.where(twin >= 0, twin, likest)
    leaked = np.flatnonzero(source >= 0)
    compare = _Comparison(words, distinct, aligner, group, hub, count)
    leaks = Duplicates(leaked, source[leaked] - count, twin[leaked] >= 0, compare)
    return Found(duplicates, leaks, linked(len(first), within)[group[:count]], bands)


def conversations(examples: Sequence[Example]) -> list[str]:
    """What each row asks, turn after turn, as `find` takes it; halves of surrogate pairs are replaced, for Arrow holds none."""
    return [example.conversation.encode("utf-8", "replace").decode() for example in examples]


def _best(group: Ints, order: Ints, groups: int) -> Ints:
    """(groups,): of the rows in `order`, best first, the best of each group; −1 where none is of it."""
    best = np.full(groups, -1)
    best[group[order[::-1]]] = order[::-1]
    return best


def _verified(
    distinct: Words, proposed: Iterable[tuple[Ints, Ints]], aligner: Aligner, ours: Flags, theirs: Flags
) -> tuple[Ints, Ints]:
    """The pairs that align: (p, 2) of two texts of ours, and (q, 3) of ours, of theirs, and how many edits apart."""
    degree = np.zeros(len(distinct), np.int64)
    within: list[tuple[int, int]] = []
    across: list[tuple[int, int, int]] = []
    for low, high in proposed:
        wanted = (theirs[low] | theirs[high] | (np.minimum(degree[low], degree[high]) < ENOUGH)) & (
            ours[low] | ours[high]
        )
        for i, j in zip(low[wanted].tolist(), high[wanted].tolist(), strict=True):
            edits = aligner.edits(distinct.row(i), distinct.row(j))
            if edits is None:
                continue
            if ours[i] and ours[j]:
                within.append((i, j))
                degree[[i, j]] += 1
            across += [(a, b, len(edits)) for a, b in ((i, j), (j, i)) if ours[a] and theirs[b]]
    return np.array(within, np.int64).reshape(-1, 2), np.array(across, np.int64).reshape(-1, 3)


def _likest(across: Ints, theirs: Ints) -> Ints:
    """For each distinct text the held-out row fewest edits away, of equals the first; −1 where none aligns."""
    likest = np.full(len(theirs), -1)
    order = np.lexsort((theirs[across[:, 1]], across[:, 2]))[::-1]
    likest[across[order, 0]] = theirs[across[order, 1]]
    return likest


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Explains why a row duplicates another; `offset` is added to the number of the other."""

    words: Words
    distinct: Words
    aligner: Aligner
    group: Ints
    hub: Ints
    offset: int

    def __call__(self, row: int, of: int) -> Duplicate:
        sides = [self.words.text(row), self.words.text(of + self.offset)]
        evidence: dict[str, list[list[str]]] = {}
        changed = 0
        for edit in self._edits(int(self.group[row]), int(self.group[of + self.offset])):
            evidence.setdefault(edit.kind, []).append([edit.first, edit.second])
            changed += max(len(edit.first.split()), len(edit.second.split()))
        dress = [wrapper(side) for side in sides]
        if dress[0] != dress[1] or not evidence:
            evidence["wrapper"] = [dress]
            changed += sum(len(phrase.replace("…", "").split()) for phrase in dress)
        return Duplicate(row, of, "near", max(0.0, 1 - changed / max(map(len, sides))), evidence)

    def _edits(self, row: int, of: int) -> list[Edit]:
        """Directly, or by way of the hub that both were verified against."""
        texts = [self.distinct.row(i) for i in (row, int(self.hub[row]), of)]
        direct = self.aligner.edits(texts[0], texts[2])
        if direct is not None:
            return direct
        return [*(self.aligner.edits(texts[0], texts[1]) or ()), *(self.aligner.edits(texts[1], texts[2]) or ())]
