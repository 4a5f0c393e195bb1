"""Labels as a tree of reply tokens, so that labels that begin alike are read together, and those that cannot be are not read.

With prompt x and the label's own tokens y₁…y_T, the last of which is the stop token,

    log p(label | x) = Σ_t log p(y_t | x, y_<t)          p(label | x, some label) = p(label | x) / Σ p(other | x)

Labels that begin alike share their first nodes. Each node attends to the prompt, its ancestors and itself, so its
logits are those of the label read alone. The stop token is what tells a label from a longer one that begins with it
("card", "card lost").

No label is likelier than its beginning. So nothing is read below a node that is less likely than `LEAST` times the likeliest
label (branch and bound): that label, and the scores of all labels that are read, are exact. The others are together at most as
likely as the node, and count as if they were, each alike.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from sartor.errors import InputError

LEAST = 1e-3
"""Times the likeliest label's probability: what cannot reach that is not read."""
WIDTH = 16
"""Nodes of a row that are read at once, not counting those below that leave no choice."""


class LabelTrie:
    """The flattened tree. A parent comes before its children, and all leaves (stop tokens) come last.

    The log-probability of node i is read off the logits at `parent[i]`, at the prompt's last token where `parent[i]` is
    -1. So only the first `n_inner` nodes need a forward pass: no logits are read at a leaf.
    """

    labels: tuple[str, ...]
    tokens: NDArray[np.int64]
    """Token id per node, [n_nodes]."""
    parent: NDArray[np.int64]
    """Index of the parent node, -1 for a label's first token, [n_nodes]."""
    depth: NDArray[np.int64]
    """0 for a label's first token: the node's position is the prompt's length + depth, [n_nodes]."""
    paths: tuple[NDArray[np.int64], ...]
    """Per label, the nodes from its first token to its stop token."""
    n_inner: int
    children: NDArray[np.int64]
    """The children of each inner node and, in the last line, of the prompt, filled up with -1: [n_inner + 1, most]."""
    even: NDArray[np.float64]
    """log p(token | path) of each node, were all labels that begin with the path equally likely, [n_nodes]."""
    levels: tuple[NDArray[np.int64], ...]
    """The nodes of each depth."""

    def __init__(self, labels: Sequence[str], encode: Callable[[str], Sequence[int]]) -> None:
        """`encode` gives the reply's token ids of a label, exactly as supervised in training, the stop token last.

        Raises InputError when there is no label, a label is empty, or two labels cannot be told apart by their tokens.
        """
        if not labels:
            raise InputError("there is no label to choose from: the training rows name none")
        children: dict[tuple[int, int], int] = {}
        paths: list[list[int]] = []
        for label in labels:
            path: list[int] = []
            for token in encode(label):
                path.append(children.setdefault((path[-1] if path else -1, token), len(children)))
            if not path:
                raise InputError(f"the label {label!r} has no tokens: give it a name with letters or digits")
            paths.append(path)

        parents = np.array([parent for parent, _ in children], dtype=np.int64)
        leaf = np.ones(len(children), dtype=bool)
        leaf[parents[parents >= 0]] = False
        ends: dict[int, str] = {}
        for label, path in zip(labels, paths, strict=True):
            if path[-1] in ends:
                raise InputError(f"the labels {ends[path[-1]]!r} and {label!r} read the same to this model: rename one")
            ends[path[-1]] = label

        order = np.argsort(leaf, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        self.labels = tuple(labels)
        self.tokens = np.array([token for _, token in children], dtype=np.int64)[order]
        self.parent = np.where(parents >= 0, place[parents], -1)[order]
        self.paths = tuple(place[path] for path in paths)
        self.n_inner = int((~leaf).sum())
        self.depth = np.zeros(len(order), dtype=np.int64)
        self._padded = np.full((len(paths), max(map(len, paths))), len(order), dtype=np.int64)
        for row, nodes in zip(self._padded, self.paths, strict=True):
            self.depth[nodes] = np.arange(len(nodes))
            row[: len(nodes)] = nodes
        below = np.bincount(np.concatenate(self.paths), minlength=len(order))
        self.even = np.log(below / np.where(self.parent >= 0, below[self.parent], len(labels)))
        families = [np.flatnonzero(self.parent == node) for node in (*range(self.n_inner), -1)]
        self.children = rectangle(families)
        self.levels = tuple(np.flatnonzero(self.depth == depth) for depth in range(int(self.depth.max()) + 1))
        self._alone = np.array([len(families[parent]) == 1 for parent in self.parent])

    def __len__(self) -> int:
        return len(self.tokens)

    def ancestor_mask(self) -> NDArray[np.bool_]:
        """[n_nodes, n_nodes]: node i attends to node j iff j is an ancestor of i or i itself. Prompt excluded."""
        mask = np.eye(len(self), dtype=bool)
        for node, parent in enumerate(self.parent):
            if parent >= 0:
                mask[node] |= mask[parent]
        return mask

    def with_runs(self, nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Some nodes [rows, n_inner], and those below each as far as there is no choice."""
        found = nodes.copy()
        for level in self.levels[1:]:
            alone = level[self._alone[level] & (level < self.n_inner)]
            found[:, alone] |= found[:, self.parent[alone]]
        return found

    def label_logprobs(self, node_logprobs: NDArray[np.floating]) -> NDArray[np.float64]:
        """[…, n_nodes] log p(token | prompt, path) to […, n_labels] log p(label | prompt), in nats."""
        padded = np.concatenate([node_logprobs, np.zeros_like(node_logprobs[..., :1])], axis=-1, dtype=np.float64)
        scores: NDArray[np.float64] = padded[..., self._padded].sum(axis=-1)
        return scores

    def label_probs(self, node_logprobs: NDArray[np.floating]) -> NDArray[np.float64]:
        """[…, n_nodes] to […, n_labels]: p(label | prompt) renormalised over the labels, so that they sum to 1."""
        probs: NDArray[np.float64] = softmax(self.label_logprobs(node_logprobs), axis=-1)
        return probs


class Descent:
    """Which nodes are worth reading for each of several rows: first those that lead to one label, then all that may count.

    `frontier` names nodes to read, `tell` takes what was read, until the frontier is empty.
    """

    logprobs: NDArray[np.float64]
    """log p(token | row, path) of every node; where its parent was not read, `LabelTrie.even`. [rows, nodes]."""

    def __init__(self, trie: LabelTrie, first: NDArray[np.floating]) -> None:
        """`first`: log p(token | row) of the labels' first tokens, in the order of the trie's last line of `children`."""
        rows = len(first)
        self._trie, self.logprobs = trie, np.tile(trie.even, (rows, 1))
        self._read = np.zeros((rows, trie.n_inner + 1), dtype=bool)
        self.tell(np.arange(rows), np.full(rows, -1), first)

    def frontier(self) -> NDArray[np.bool_]:
        """The nodes to read next, of each row: [rows, n_inner]."""
        inner = self._trie.n_inner
        reach = self._reach()
        ahead = np.where(self._read[:, :inner], -np.inf, reach[:, :inner])
        best = reach[:, inner:].max(axis=1)
        least = np.where(np.isfinite(best), best + np.log(LEAST), ahead.max(axis=1, initial=-np.inf))
        # The likeliest first: what they turn out to be may spare others.
        wide = np.sort(ahead, axis=1)[:, -WIDTH:].min(axis=1, initial=np.inf)
        return self._trie.with_runs(np.isfinite(ahead) & (ahead >= np.maximum(least, wide)[:, None]))

    def tell(self, rows: NDArray[np.int64], nodes: NDArray[np.int64], children: NDArray[np.floating]) -> None:
        """Of some rows a node each, or -1 for the prompt, and log p(token | row, path) of its children, [rows, most children]."""
        self._read[rows, nodes] = True
        below = self._trie.children[nodes][:, : children.shape[1]]
        line, column = np.nonzero(below >= 0)
        self.logprobs[rows[line], below[line, column]] = children[line, column]

    def _reach(self) -> NDArray[np.float64]:
        """log p(path | row) of every node whose path is read, else -inf: [rows, nodes]."""
        trie = self._trie
        reach = np.where(self._read[:, trie.parent], self.logprobs, -np.inf)
        for level in trie.levels[1:]:
            reach[:, level] += reach[:, trie.parent[level]]
        return reach


def rectangle(rows: Sequence[Sequence[int] | NDArray[np.int64]]) -> NDArray[np.int64]:
    """Rows of several lengths as one array, filled up with -1."""
    found = np.full((len(rows), max(map(len, rows))), -1)
    for line, row in zip(found, rows, strict=True):
        line[: len(row)] = row
    return found
