"""The label trie: shared beginnings are one node, and its scores are those of the labels read alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sartor.errors import InputError
from sartor.generate.trie import LabelTrie

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
