"""Duplicates and leakage: what counts as the same question, and what two sets share."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.duplicates import Match, duplicate_groups, fold, normalise, overlap
from sartor.data.example import Example, Message
from sartor.data.examples import build_examples
from sartor.data.read import read_rows
from sartor.task import DataSpec, Kind, TaskSpec


def example(place: str, question: str, target: str = "x", **more: Any) -> Example:
    return Example(place, (Message("system", "Be brief."), Message("user", question)), target, source=place, **more)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Where's my card?", "wheres MY  card"),
        ("top-up", "Top up!"),
        ("Straße (neu)", "STRASSE neu"),
        ("\uff21 \u2014 b\u00a0c", "a b c"),
    ],
)
def test_case_punctuation_and_space_do_not_count(first: str, second: str) -> None:
    assert normalise(first) == normalise(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1.5 mg", "15 mg"),
        ("< 5", "> 5"),
        ("allergic", "not allergic"),
        ("??", "!"),
        ("कि", "की"),
        ("£5", "€5"),
        ("it is -5 now", "it is 5 now"),
        ("3/4 mg", "3.4 mg"),
        ("3-4 mg", "3/4 mg"),
        (".5 mg", "5 mg"),
        ("-.5 mg", ".5 mg"),
        ("5 % of it", "5 of it"),
    ],
)
def test_what_carries_meaning_counts(first: str, second: str) -> None:
    assert normalise(first) != normalise(second)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("kind", ["code", "sql"])
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("a - b", "a - b  \r\n", True),
        ("\n\nif a:\n  b\t\n", "if a:\n  b", True),
        ("a - b", "a * b", False),
        ("x < y", "x > y", False),
        ("f(N)", "f(n)", False),
        ("if a:\n  b\nc", "if a:\n  b\n  c", False),
        ("  a\nb", "a\nb", False),
        ("print('a  b')", "print('a b')", False),
    ],
)
def test_in_code_only_space_at_the_ends_of_lines_does_not_count(
    kind: Kind, first: str, second: str, same: bool
) -> None:
    assert (fold(first, kind) == fold(second, kind)) == same
    assert bool(duplicate_groups([example("t:1", first), example("t:2", second)], kind)) == same


@given(st.text())
def test_folding_code_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text, "code"), "code") == fold(text, "code")


def test_duplicate_groups_say_whether_they_contradict() -> None:
    rows = [example("t:1", "Hi"), example("t:2", "Bye"), example("t:3", "hi!", "y"), example("t:4", "bye.")]
    groups = [(group.rows, group.places, group.same_target) for group in duplicate_groups(rows, "generation")]
    assert groups == [((0, 2), ("t:1", "t:3"), False), ((1, 3), ("t:2", "t:4"), True)]


def test_the_same_labels_and_the_same_record_do_not_contradict() -> None:
    labelled = [example("t:1", "Hi", "a; b", labels=("a", "b")), example("t:2", "hi", "b; a", labels=("b", "a"))]
    records = [example("t:3", "Ho", '{"a":1,"b":[2,3]}'), example("t:4", "ho", '{"b":[2,3],"a":1}')]
    other = [example("t:5", "He", '{"b":[2,3]}'), example("t:6", "he", '{"b":[3,2]}')]
    assert [group.same_target for group in duplicate_groups([*labelled, *records, *other], "generation")] == [
        True,
        True,
        False,
    ]
    assert overlap(labelled[:1], labelled[1:], "generation").contradictions == ()


def test_conversations_are_told_apart_by_all_their_turns() -> None:
    def chat(place: str, first: str) -> Example:
        turns = (Message("user", first), Message("assistant", "Sure?"), Message("user", "Yes"))
        return Example(place, turns, "Done.", source=place)

    assert duplicate_groups([chat("t:1", "Block my card"), chat("t:2", "Order a card")], "generation") == []
    assert len(duplicate_groups([chat("t:1", "Block my card"), chat("t:2", "block my card.")], "generation")) == 1


def test_overlap_names_the_rows() -> None:
    train = [
        example("train:1", "Hi", "x", subject="ann"),
        example("train:2", "Bye", "x", group="g", subject="bob"),
        example("train:3", "Why", "x", group="g"),
    ]
    test = [
        example("test:1", "Hi", "x"),
        example("test:2", "hi!", "x", subject="bob"),
        example("test:3", "bye", "y", group="g"),
        example("test:4", "New", "y", group="g", subject="ann"),
    ]
    found = overlap(train, test, "generation")
    assert found.exact == (Match("train:1", "test:1"),)
    assert [match.test for match in found.questions] == ["test:1", "test:2", "test:3"]
    assert found.contradictions == (Match("train:2", "test:3"),)
    assert found.groups == (Match("train:2", "test:3"),)
    assert found.subjects == (Match("train:2", "test:2"), Match("train:1", "test:4"))
    assert not found.identical


def test_train_that_is_the_test_is_noticed_in_any_order() -> None:
    rows = [example("t:1", "Hi"), example("t:2", "Bye")]
    assert overlap(rows, rows[::-1], "generation").identical
    assert not overlap(rows, rows[:1], "generation").identical


@pytest.mark.real
def test_banking77_has_the_known_duplicates(shared: Path) -> None:
    spec = TaskSpec(task="t", kind="classification", data=DataSpec(train="-", input="text", target="category"))
    train = build_examples(read_rows(shared / "banking77" / "train.csv"), spec)
    test = build_examples(read_rows(shared / "banking77" / "test.csv"), spec)
    groups = duplicate_groups(train, spec.kind)
    assert len(groups) == 30
    assert sum(not group.same_target for group in groups) == 1
    found = overlap(train, test, spec.kind)
    assert (len(found.exact), len(found.questions), found.contradictions) == (6, 26, ())
