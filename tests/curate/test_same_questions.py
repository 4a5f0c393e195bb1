"""Rows that ask the same: exact duplicates, contradictions, and leaks into the test set."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from tests.curate.pools import flagged, look, pool, row

from sartor.cli.main import main
from sartor.data.example import Example
from sartor.task import CODE


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


@pytest.mark.parametrize("name", ["exact_duplicates", "near_duplicates"])
@pytest.mark.parametrize(
    ("first", "second", "by"),
    [
        ("Return a - b", "Return a * b", ""),
        ("Return a - b", "Return a - b \n", "exact_duplicates"),
        ("Return a - b", "Return a  -  b", "near_duplicates"),
    ],
)
def test_in_code_white_space_inside_a_line_is_for_people_and_a_mark_is_another_question(
    name: str, first: str, second: str, by: str
) -> None:
    for kind in CODE:
        assert flagged(name, [row("a", first), row("b", second)], kind) == (["b"] if name == by else [])
        leaks = look("leakage", [row("a", first)], kind, test=[row("t", second)])
        assert [one.evidence["by"] for one in leaks.values()] == (
            ["question" if by[0] == "e" else "near"] if by else []
        )


CURRENCIES = str.maketrans("$€", "££")


@pytest.mark.real
def test_banking77_holds_the_known_duplicates_the_conflict_and_the_leaks(shared: Path, tmp_path: Path) -> None:
    """31 rows repeat another's question where every mark becomes a space, says `SOURCES.md`. Two of those pairs differ in their
    currency, which is another question: `… an extra £1 charge …` and `€1`, `… a $1 charge …` and `€1`. One that it does not
    count is a repetition: `i dont recognize` and `I don't recognize`. So there are 30, a pair of them with two labels."""
    files = {side: str(shared / "banking77" / f"{side}.csv") for side in ("train", "test")}
    spec = {"task": "intents", "kind": "classification", "data": {**files, "input": "text", "target": "category"}}
    (tmp_path / "sartor.yaml").write_text(json.dumps(spec))
    checks = ["exact_duplicates", "near_duplicates", "contradictions", "leakage"]
    named = [word for check in checks for word in ("--check", check)]
    assert main(["curate", str(tmp_path), *named, "--ledger", str(tmp_path / "ledger.jsonl")]) == 0
    ledger = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    exact, near, contradictions, leaks = ([line for line in ledger if line["check"] == check] for check in checks)
    train, test = (
        [row["text"].strip() for row in csv.DictReader(StringIO(Path(file).read_text()))] for file in files.values()
    )

    repeated = {line["row"]: line["evidence"]["duplicate_of"] for line in exact}
    assert all(line["action"] == "drop" for line in exact)
    assert sum(train[row] == train[of] for row, of in repeated.items()) == 4
    (conflict,) = {tuple(map(tuple, line["evidence"]["targets"])) for line in contradictions}
    assert (len(repeated), conflict) == (29, ((2002,), (3160,)))

    for first, second in ((574, 610), (585, 735)):
        assert train[first] != train[second]
        assert train[first].translate(CURRENCIES) == train[second].translate(CURRENCIES)
        assert not {first, second} & {line["row"] for line in (*exact, *near, *contradictions)}

    asked = {int(line["evidence"]["test"]) for line in leaks if line["evidence"]["by"] == "question"}
    verbatim = {row for row, text in enumerate(test) if text in set(train)}
    assert len(verbatim) == 6 and verbatim <= asked


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
