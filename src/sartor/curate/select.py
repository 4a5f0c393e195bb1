"""N rows out of n: by diversity, by coverage of classes or clusters, by difficulty, by likeness to given rows, by length.

Every way returns rows in the order of choice, so that a smaller selection is the beginning of a larger one; the same seed
gives the same rows. `size` is from 0 to n. None is trusted: each must beat rows taken at random (2410.15225, 2410.09335).
"""

import heapq

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from sartor.curate.embeddings import Vectors
from sartor.curate.neighbours import Neighbours

Rows = NDArray[np.int64]
Numbers = NDArray[np.floating]


def longest(lengths: NDArray[np.int64], size: int) -> Rows:
    """The longest rows, which are hard to beat (2402.04833); of equally long ones, the first."""
    return np.argsort(-lengths, kind="stable")[:size]


def k_center(vectors: Vectors, size: int, seed: int) -> Rows:
    """After a random first row, always the row farthest from all chosen ones.

    No row is then farther from its nearest chosen one than twice the least possible (Gonzalez 1985). It seeks the odd rows,
    wrong ones included: drop those first. `vectors` [n, d] have length 1; work grows with n d `size`.
    """
    chosen = np.zeros(size, dtype=np.int64)
    nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
    for place in range(size):
        row = int(nearest.argmin()) if place else int(np.random.default_rng(seed).integers(len(vectors)))
        chosen[place] = row
        np.maximum(nearest, vectors @ vectors[row], out=nearest)
        nearest[row] = np.inf  # copies of it remain, the row itself does not
    return chosen


def facility_location(
    neighbours: Neighbours, size: int, weights: Numbers | None = None, covered: Numbers | None = None
) -> Rows:
    """Always the row that adds most to Σ over rows of weight · cosine to the nearest chosen one; on the neighbour graph, where
    rows that are not linked have cosine 0.

    `weights` [n] are 0 or more, all 1 where not given; `covered` [n] is each row's cosine to the nearest of rows that count as
    chosen before, 0 where not given. Greedy is within 1 − 1/e of the best (Nemhauser et al. 1978); gains only fall, so that
    most need not be computed again (lazy, Minoux 1978). It seeks typical rows.
    """
    links = _links(neighbours)
    weight = np.ones(len(links)) if weights is None else weights
    covered = np.zeros(len(links)) if covered is None else np.maximum(covered, 0).astype(np.float64)

    def gain(row: int) -> float:
        rows, cosines = links[row]
        return float(weight[rows] @ np.maximum(cosines - covered[rows], 0))

    heap = [(-gain(row), row) for row in range(len(links))]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < size:
        _, row = heapq.heappop(heap)
        now = -gain(row)
        if heap and (now, row) > heap[0]:
            heapq.heappush(heap, (now, row))
            continue
        chosen.append(row)
        rows, cosines = links[row]
        covered[rows] = np.maximum(covered[rows], cosines)
    return np.array(chosen, dtype=np.int64)


def evenly(parts: NDArray[np.int64], size: int, seed: int) -> Rows:
    """A row of every part (class or cluster, `parts` [n]) in turn until parts run out; within a part at random."""
    shuffled = np.random.default_rng(seed).permutation(len(parts))
    by_part = shuffled[np.argsort(parts[shuffled], kind="stable")]
    _, start, counts = np.unique(parts[by_part], return_index=True, return_counts=True)
    turn = np.arange(len(parts)) - np.repeat(start, counts)
    return by_part[np.lexsort((by_part, turn))][:size]


def hardest(difficulty: NDArray[np.float64], size: int) -> Rows:
    """Rows by falling difficulty as `instruction_following_difficulty` has it; those of 1 and more come last, the least first.

    There the question does not help to tell the target, which is probably not its answer (2402.00530).
    """
    misled = difficulty >= 1
    order: Rows = np.lexsort((np.where(misled, difficulty, -difficulty), misled))
    return order[:size]


def most_like(vectors: Vectors, wanted: Vectors, size: int) -> Rows:
    """For every wanted row in turn, the row nearest to it that was not taken yet, until `size` are (RDS+, 2503.01807).

    `vectors` [n, d] and `wanted` [m, d] have length 1; of equally near rows, the first.
    """
    preferred = np.argsort(-(wanted @ vectors.T), axis=1, kind="stable")
    following, taken, chosen = [0] * len(wanted), np.zeros(len(vectors), dtype=bool), list[int]()
    while len(chosen) < size:
        for asking, row in enumerate(preferred):
            while taken[row[following[asking]]]:
                following[asking] += 1
            taken[row[following[asking]]] = True
            chosen.append(int(row[following[asking]]))
            if len(chosen) == size:
                break
    return np.array(chosen, dtype=np.int64)


def clusters(vectors: Vectors, count: int, seed: int) -> NDArray[np.int64]:
    """[n] from 0 to `count` − 1: k-means on the sphere, near enough, for `evenly` and for gaps in coverage."""
    model = MiniBatchKMeans(min(count, len(vectors)), random_state=seed, n_init=3, batch_size=4096)
    found: Rows = model.fit_predict(vectors).astype(np.int64)
    return found


def _links(neighbours: Neighbours) -> list[tuple[Rows, NDArray[np.float64]]]:
    """Per row, whom it would cover (itself, and rows that have it among their nearest) and how well."""
    count, k = neighbours.rows.shape
    covering = np.concatenate([np.arange(count), neighbours.rows.ravel()])
    covered = np.concatenate([np.arange(count), np.repeat(np.arange(count), k)])
    cosines = np.concatenate([np.ones(count), np.maximum(neighbours.cosines.ravel().astype(np.float64), 0)])
    order = np.argsort(covering, kind="stable")
    ends = np.cumsum(np.bincount(covering, minlength=count))[:-1]
    return list(zip(np.split(covered[order], ends), np.split(cosines[order], ends), strict=True))
