"""The label trie: shared beginnings are one node, and its scores are those of the labels read alone."""

from collections.abc import Callable
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sartor.errors import InputError
from sartor.generate.trie import LEAST, Descent, LabelTrie

STOP = 0


def encode(label: str) -> list[int]:
    return [*label.encode(), STOP]


label_lists = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=12, unique=True)


def test_shared_beginnings_are_one_node() -> None:
    trie = LabelTrie(["card", "cash", "card lost"], encode)
    assert len(trie) == len("card") + len("sh") + len(" lost") + 3
    assert [bytes(trie.tokens[path][:-1].tolist()).decode() for path in trie.paths] == ["card", "cash", "card lost"]


@given(label_lists)
def test_paths_spell_the_labels_and_follow_the_parents(labels: list[str]) -> None:
    trie = LabelTrie(labels, encode)
    for label, path in zip(labels, trie.paths, strict=True):
        assert trie.tokens[path].tolist() == encode(label)
        assert trie.parent[path[0]] == -1
        assert all(trie.parent[child] == parent for parent, child in pairwise(path))
        assert trie.depth[path].tolist() == list(range(len(path)))


@given(label_lists)
def test_parents_come_first_and_leaves_last(labels: list[str]) -> None:
    trie = LabelTrie(labels, encode)
    assert (trie.parent < np.arange(len(trie))).all()
    assert trie.tokens[trie.n_inner :].tolist() == [STOP] * len(labels)
    assert trie.parent.max() < trie.n_inner


@given(label_lists)
def test_a_node_attends_to_its_ancestors_and_itself(labels: list[str]) -> None:
    trie = LabelTrie(labels, encode)
    expected = np.zeros((len(trie), len(trie)), dtype=bool)
    for path in trie.paths:
        for position, node in enumerate(path):
            expected[node, path[: position + 1]] = True
    assert (trie.ancestor_mask() == expected).all()


def next_token_logprobs(prefix: bytes) -> NDArray[np.float64]:
    """A model: the distribution over the next token, given all tokens before it."""
    logits = np.random.default_rng(list(prefix)).normal(size=128)
    return logits - np.log(np.exp(logits).sum())


@given(label_lists)
def test_scores_equal_those_of_each_label_read_alone(labels: list[str]) -> None:
    trie = LabelTrie(labels, encode)
    prefixes = {-1: b""}
    node_logprobs = np.zeros(len(trie))
    for node, (token, parent) in enumerate(zip(trie.tokens, trie.parent, strict=True)):
        node_logprobs[node] = next_token_logprobs(prefixes[parent])[token]
        prefixes[node] = prefixes[parent] + bytes([token])
    alone = [
        sum(next_token_logprobs(bytes(ids[:position]))[token] for position, token in enumerate(ids))
        for ids in map(encode, labels)
    ]
    np.testing.assert_allclose(trie.label_logprobs(node_logprobs), alone)
    np.testing.assert_allclose(trie.label_probs(node_logprobs), np.exp(alone) / np.exp(alone).sum())


Model = Callable[[int, bytes], NDArray[np.float64]]
"""(row, what was read) → log p of the next token."""


def drawn(sharpness: float) -> Model:
    def model(row: int, prefix: bytes) -> NDArray[np.float64]:
        logits = sharpness * np.random.default_rng([row, *prefix]).normal(size=128)
        return np.asarray(logits - np.logaddexp.reduce(logits))

    return model


def descend(trie: LabelTrie, model: Model, rows: int) -> tuple[NDArray[np.float64], int]:
    """Node scores as the descent finds them, and how many nodes were read."""
    prefixes = {-1: b""}
    for node, (token, parent) in enumerate(zip(trie.tokens, trie.parent, strict=True)):
        prefixes[node] = prefixes[parent] + bytes([token])

    def read(row: int, node: int) -> NDArray[np.float64]:
        return model(row, prefixes[node])[trie.tokens[trie.children[node]]]

    descent, count = Descent(trie, np.array([read(row, -1) for row in range(rows)])), 0
    while (frontier := descent.frontier()).any():
        at, nodes = np.nonzero(frontier)
        count += len(nodes)
        descent.tell(at, nodes, np.array([read(*place) for place in zip(at, nodes, strict=True)]))
    return descent.logprobs, count


@given(label_lists, st.floats(0, 8))
def test_what_is_not_read_is_no_likelier_than_its_beginning(labels: list[str], sharpness: float) -> None:
    trie = LabelTrie(labels, encode)
    with mock.patch("sartor.generate.trie.LEAST", 1e-300):
        exact, all_nodes = descend(trie, drawn(sharpness), 3)
    found, read = descend(trie, drawn(sharpness), 3)
    assert read <= all_nodes == 3 * trie.n_inner
    wanted, got = (np.exp(trie.label_logprobs(each)) for each in (exact, found))
    best = wanted.max(axis=1, keepdims=True)
    assert (got.argmax(axis=1) == wanted.argmax(axis=1)).all()
    likely = wanted >= LEAST * best
    np.testing.assert_allclose(got[likely], wanted[likely])
    assert (got <= np.maximum(wanted, LEAST * best) * (1 + 1e-9)).all()


def test_of_a_sure_model_few_nodes_are_read() -> None:
    labels = [f"{first}{rest}" for first in "abcdefgh" for rest in ("lost in the post", "stolen by a thief")]
    trie = LabelTrie(labels, encode)

    def sure(row: int, prefix: bytes) -> NDArray[np.float64]:
        shares, label = np.full(128, 1e-5), bytes(encode(labels[row]))
        shares[label[len(prefix)] if label.startswith(prefix) else 0] = 1
        return np.log(shares / shares.sum())

    found, read = descend(trie, sure, len(labels))
    assert trie.label_logprobs(found).argmax(axis=1).tolist() == list(range(len(labels)))
    assert read == sum(map(len, labels))


def test_a_batch_is_scored_at_once_and_far_tails_do_not_vanish() -> None:
    trie = LabelTrie(["a", "b"], encode)
    node_logprobs = np.full((5, len(trie)), -1000.0, dtype=np.float32)
    probs = trie.label_probs(node_logprobs)
    assert probs.shape == (5, 2)
    np.testing.assert_allclose(probs, 0.5)


def test_labels_that_read_the_same_are_refused() -> None:
    with pytest.raises(InputError, match="'Card' and 'card' read the same"):
        LabelTrie(["Card", "card"], lambda label: encode(label.lower()))


@pytest.mark.parametrize(("labels", "message"), [([], "no label"), (["a", ""], "'' has no tokens")])
def test_there_must_be_something_to_choose(labels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LabelTrie(labels, lambda label: list(label.encode()))
