"""Selection as a whole: a new version, a reason for every row that is left out, and two rivals beside it."""

import json
from pathlib import Path
from typing import get_args

import pytest
from tests.tasks import write_task

import sartor
from sartor.cli.main import main
from sartor.errors import InputError
from sartor.models.builtin import ENCODER, pulled
from sartor.task import Way

pytestmark = pytest.mark.real
WORDS = {"card": ("card", "debit card", "credit card", "bank card"), "rate": ("dollars", "euros", "yen", "pounds")}
ROWS = [
    {"text": f"{how} my {thing} {when}" if label == "card" else f"the rate of {thing} {how} {when}", "label": label}
    for label, things in WORDS.items()
    for thing in things
    for how in ("where is", "I lost", "please replace", "help with")
    for when in ("today", "now", "at once")
]


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    try:
        pulled(ENCODER.name)
    except InputError as error:
        pytest.skip(str(error))
    spec = {"train": {"epochs": 1, "rank": 4}, "generate": {"shots": 0}}
    return write_task(tmp_path / "task", base, ROWS, ROWS[::9], "classification", **spec)


@pytest.mark.parametrize("way", get_args(Way))
def test_every_way_makes_a_version_of_its_size_that_can_be_undone(folder: Path, tmp_path: Path, capsys, way) -> None:
    ledger, like = tmp_path / "ledger.jsonl", folder / "test.jsonl"
    options = ["--like", str(like)] if way == "similar" else []
    assert (
        main(
            ["curate", "select", str(folder), "--size", "20", "--by", way, *options, "--ledger", str(ledger), "--json"]
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert [choice["way"] for choice in document["choices"]] == list(dict.fromkeys([way, "random", "longest"]))
    assert all(choice["rows"] == 20 and 0 < choice["reach"] <= 1 for choice in document["choices"])
    project = sartor.open(folder)
    added, selected = (entry for entry, _ in project.versions())
    rows = project.version()[2]
    assert (selected.step, len(rows)) == ("select", 20)
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    left_out = {int(example.id) for example in project.version(added.hash)[2]} - {int(row.id) for row in rows}
    assert {line["row"] for line in lines} == left_out and len(lines) == len(ROWS) - 20
    assert all(line["check"] == "select" and line["action"] == "drop" for line in lines)
    assert project.undo().hash == added.hash


def test_classes_are_covered_evenly_and_a_plan_does_nothing(folder: Path) -> None:
    project = sartor.open(folder)
    planned = project.select(10, plan=True)
    assert planned.after is None and [entry.step for entry, _ in project.versions()] == ["add"]
    assert [row.target for row in project.version(project.select(10).after)[2]].count("card") == 5
    assert planned.choices[0].smallest == 5 and 0 < planned.choices[0].probe.low < planned.choices[0].probe.accuracy


def test_wrong_sizes_and_ways_are_said_in_a_sentence(folder: Path, capsys) -> None:
    for options, said in (
        (["--size", "5000"], "small has 96 rows: a selection takes fewer, such as 48"),
        ([], "Missing option '--size'"),
        (["--size", "5", "--by", "similar"], "--by similar --like FILE"),
        (["--size", "5", "--plan", "--prove"], "--plan does nothing"),
    ):
        assert main(["curate", "select", str(folder), *options]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_proof_sets_the_selection_beside_random_and_longest(folder: Path, capsys) -> None:
    assert main(["curate", "select", str(folder), "--size", "24", "--prove", "--seeds", "2", "--json"]) == 0
    proof = json.loads(capsys.readouterr().out)["proof"]
    assert proof["rows_of"] == {"coverage": 24, "random": 24, "longest": 24}
    assert len(proof["systems"]) == 6 and proof["sentences"][0].startswith("Selection by coverage ")


@pytest.mark.parametrize("way", ["coverage", "diverse", "typical", "random"])
def test_rows_that_all_ask_the_same_are_chosen_from_without_a_probe(base: Path, tmp_path: Path, way: str) -> None:
    rows = [{"text": text, "label": label} for text, label in (("hello", "a"), ("hello!", "a"), ("Hello", "b"))]
    made = sartor.open(write_task(tmp_path / "one", base, rows, None, "classification")).select(2, way)
    assert len(made.chosen[way]) == 2
    assert all(choice.probe is None for choice in made.choices)
