"""Rows that ask the same: exact duplicates, contradictions, and leaks into the test set."""

from pathlib import Path

import pytest
from tests.curate.pools import flagged, look, pool, row

from sartor.curate.check import make_check
from sartor.curate.pool import Pool
from sartor.data.example import Example
from sartor.data.examples import build_examples
from sartor.data.read import read_rows
from sartor.task import DataSpec, TaskSpec


def test_the_first_row_stands_for_those_that_repeat_it() -> None:
    rows = [row("a", "Where is it?"), row("b", "else"), row("c", "where is it"), row("d", " Where is  it!")]
    found = look("exact_duplicates", rows)
    assert {place: dict(one.evidence) for place, one in found.items()} == {
        2: {"duplicate_of": "a"},
        3: {"duplicate_of": "a"},
    }
    assert found[2].reason == "same question and target as row a"


@pytest.mark.parametrize(
    ("first", "second", "duplicates", "contradict"),
    [
        (row("a", "Hi", "x"), row("b", "hi!", "x"), True, False),
        (row("a", "Hi", "x"), row("b", "hi!", "y"), False, True),
        (row("a", "Hi", " x\n"), row("b", "Hi", "x"), True, False),
        (row("a", "Hi", '{"a":1,"b":2}'), row("b", "Hi", '{"b":2,"a":1}'), True, False),
        (row("a", "Hi", '{"a":1}'), row("b", "Hi", '{"a":2}'), False, True),
        (row("a", "Hi", "[not json"), row("b", "Hi", "[not json"), True, False),
        (row("a", "Hi", labels=("p", "q")), row("b", "Hi", labels=("q", "p")), True, False),
        (row("a", "Hi", labels=("p", "q")), row("b", "Hi", labels=("p",)), False, True),
        (row("a", "5 mg, allergic"), row("b", "5 mg, not allergic"), False, False),
        (row("a", "Hi", system="Be brief"), row("b", "Hi", system="Be kind"), False, False),
        (row("a", "Hi", "x", system="Be brief"), row("b", "Hi", "y", system="Be kind"), False, False),
    ],
)
def test_duplicates_answer_the_same_and_contradictions_do_not(
    first: Example, second: Example, duplicates: bool, contradict: bool
) -> None:
    kind = "classification" if first.labels else "extraction"
    assert bool(flagged("exact_duplicates", [first, second], kind)) == duplicates
    assert flagged("contradictions", [first, second], kind) == (["a", "b"] if contradict else [])


def test_the_odd_one_out_is_more_suspicious_and_evidence_names_the_whole_group() -> None:
    rows = [row("a", "Hi", "x"), row("b", "Hi", "x"), row("c", "Hi", "x"), row("d", "Hi", "y"), row("e", "Bye", "z")]
    found = look("contradictions", rows, "code")
    assert [found[place].score for place in range(4)] == [0.25, 0.25, 0.25, 0.75]
    assert all(one.evidence == {"targets": [["a", "b", "c"], ["d"]]} for one in found.values())
    assert (found[0].reason, found[3].reason) == (
        "same question as row d, another target",
        "same question as row a, another target",
    )


def test_prose_that_differs_in_case_and_punctuation_is_no_other_answer_but_code_is() -> None:
    rows = [row("a", "Hi", "a-b"), row("b", "Hi", "A b.")]
    assert flagged("contradictions", rows, "generation") == []
    assert flagged("contradictions", rows, "code") == ["a", "b"]


def test_a_row_leaks_by_its_question_its_subject_or_its_group() -> None:
    test = [row("t1", "Where is it?", "x"), row("t2", "Else", subject="Ann", group="g"), row("t3", "where is it", "y")]
    rows = [
        row("a", "WHERE is it", "x"),
        row("b", "where is it", "y"),
        row("c", "new", subject="Ann", group="g"),
        row("d", "newer", subject="Bob", group="g"),
        row("e", "newest", subject="Bob", group="h"),
        row("f", "no subject"),
    ]
    found = look("leakage", rows, test=test)
    assert {rows[place].id: (one.score, one.evidence["by"], one.evidence["test"]) for place, one in found.items()} == {
        "a": (1.0, "question", "t1"),
        "b": (1.0, "question", "t1"),
        "c": (0.5, "subject", "t2"),
        "d": (0.5, "group", "t2"),
    }
    assert found[0].reason == "asks what test row t1 asks, with the same target"
    assert found[1].reason == "asks what test row t1 asks, with another target"


def test_nothing_leaks_into_no_test_set() -> None:
    assert look("leakage", [row("a", "Hi", subject="Ann")]) == {}


@pytest.mark.real
def test_banking77_holds_the_known_duplicates_the_conflict_and_the_leaks(shared: Path) -> None:
    spec = TaskSpec(task="t", kind="classification", data=DataSpec(train="-", input="text", target="category"))
    train = build_examples(read_rows(shared / "banking77" / "train.csv"), spec)
    test = build_examples(read_rows(shared / "banking77" / "test.csv"), spec)
    rows = Pool(train, spec, test)
    exact = make_check("exact_duplicates", spec.kind).look(rows)
    contradictions = make_check("contradictions", spec.kind).look(rows)
    leaks = make_check("leakage", spec.kind).look(rows)
    first = {example.id: example for example in train}
    verbatim = [
        at
        for at, one in exact.items()
        if train[at].question.strip() == first[one.evidence["duplicate_of"]].question.strip()
    ]
    assert len(verbatim) == 4
    assert (len(exact), len(contradictions)) == (
        29,
        2,
    )  # the 31st known pair differs in `£1` and `€1`: not the same question
    assert len({frozenset(map(tuple, one.evidence["targets"])) for one in contradictions.values()}) == 1
    told = {example.id: example for example in test}
    assert (
        sum(train[at].question.strip() == told[one.evidence["test"]].question.strip() for at, one in leaks.items()) == 6
    )


def test_rows_that_share_a_group_or_a_subject_through_others_belong_together() -> None:
    rows = [
        row("0", "first", group="g", subject="s"),
        row("1", "second", group="g"),
        row("2", "third", group="h", subject="s"),
        row("3", "FOURTH!"),
        row("4", "fourth"),
        row("5", "fifth"),
    ]
    number = pool(rows).groups
    assert len(set(number[:3])) == 1
    assert number[3] == number[4]
    assert len(set(number)) == 3
