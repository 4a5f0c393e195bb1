"""Versions of a task's examples: every step can be undone, and undoing gives the very same version back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.data.history import History
from sartor.errors import InputError
from sartor.store import Store


def rows(*texts: str) -> list[Example]:
    return [Example(str(n), (Message("user", text),), "x", columns={"n": n}) for n, text in enumerate(texts)]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    store = Store.open(tmp_path / ".sartor")
    yield History(store, "notes")
    store.close()


def test_a_version_gives_back_the_rows_that_it_was_made_of(history: History) -> None:
    entry = history.append(rows("a", "b"), "add", {"file": "notes.csv"})
    assert history.examples(entry.hash) == rows("a", "b")
    assert history.manifest(entry.hash)["config"] == {"file": "notes.csv"}
    assert history.append(rows("a", "b"), "curate", {}, parent=entry.hash) == entry


def test_undo_restores_the_former_version_and_undoes_one_step_more_each_time(history: History) -> None:
    states = [rows("a", "b", "c"), rows("a", "b"), rows("a")]
    hashes = [
        history.append(state, step, {}).hash for state, step in zip(states, ("add", "curate", "select"), strict=True)
    ]
    assert history.undo().hash == hashes[1]
    assert history.examples(hashes[1]) == states[1]
    assert history.undo().hash == hashes[0]
    with pytest.raises(InputError, match="notes has no step to undo"):
        history.undo()
    assert history.append(states[2], "select", {}).hash == hashes[2]
    assert history.undo().hash == hashes[0]
    assert [entry.step for entry in history.entries()] == ["add", "curate", "select", "undo", "undo", "select", "undo"]


@given(st.lists(st.sampled_from(["undo", "a", "b", "c"]), max_size=12))
def test_undo_is_the_way_back_whatever_was_done(tmp_path_factory: pytest.TempPathFactory, moves: list[str]) -> None:
    store = Store.open(tmp_path_factory.mktemp("store") / ".sartor")
    history, stack = History(store, "notes"), ["first"]
    history.append(rows("first"), "add", {})
    for move in moves:
        if move == "undo" and len(stack) > 1:
            stack.pop()
            history.undo()
        elif move not in ("undo", stack[-1]):
            stack.append(move)
            history.append(rows(move), "curate", {})
        head = history.head()
        assert head and history.examples(head.hash) == rows(stack[-1])
    store.close()


def test_a_version_is_named_by_the_beginning_of_its_hash(history: History) -> None:
    first, second = (history.append(rows(text), "add", {}).hash for text in "ab")
    assert (history.find(first[:8]), history.find("latest")) == (first, second)
    with pytest.raises(InputError, match=f"`nothing` is no version of notes; there are {first[:12]}, {second[:12]}"):
        history.find("nothing")
