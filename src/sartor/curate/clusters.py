"""Clusters of rows around a hub, so that likeness is not passed on from row to row."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sartor.curate.align import Aligner, Edit
from sartor.curate.words import Ints, Words

Edits = list[Edit]


def hubs(rows: Words, pairs: Ints, aligner: Aligner) -> Ints:
    """(n,): each row's hub; a row that is nobody's duplicate is its own. `pairs` (p, 2) are verified.

    In every connected component the row with most pairs becomes the first hub (the first in the alphabet of equals) and
    takes each row that aligns with it; what is left is clustered again. Where the hub is the one that is mistyped, two
    members must align with each other as well: `lon` may be `loan` or `lone`, which may not meet in one cluster.
    """
    hub = np.arange(len(rows))
    degree = np.bincount(pairs.ravel(), minlength=len(rows))
    for component in _components(len(rows), pairs):
        texts = {i: rows.row(i) for i in component}
        left = sorted(component, key=lambda i: (-degree[i], [rows.vocabulary[word] for word in texts[i]]))
        while left:
            members = _members([texts[i] for i in left], aligner.edits)
            taken = {left[k] for k in members}
            hub[list(taken)] = left[0]
            left = [i for i in left[1:] if i not in taken]
    return hub


def _members(texts: Sequence[list[int]], edits: Callable[[list[int], list[int]], Edits | None]) -> list[int]:
    """The places of the texts that join the first."""
    members: list[tuple[int, set[int]]] = [(0, set())]
    for k in range(1, len(texts)):
        found = edits(texts[0], texts[k])
        if found is None:
            continue
        doubtful = {edit.place for edit in found if edit.doubtful}
        rivals = [other for other, places in members if places & doubtful]
        if all(edits(texts[other], texts[k]) is not None for other in rivals):
            members.append((k, doubtful))
    return [k for k, _ in members]


def linked(count: int, pairs: Ints) -> Ints:
    """(count,): the number of each row's connected component."""
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    number: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return number


def _components(count: int, pairs: Ints) -> Iterator[list[int]]:
    """The connected components of two rows or more."""
    label = linked(count, pairs)
    order = np.argsort(label, kind="stable")
    _, first, size = np.unique(label[order], return_index=True, return_counts=True)
    for begin, rows in zip(first[size > 1], size[size > 1], strict=True):
        yield order[begin : begin + rows].tolist()
