"""A key of planted flaws: how many of them curation found, and how many of the rows that it flagged are right."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tasks import intents, write_task

import sartor
from sartor.cli.main import main
from sartor.errors import InputError
from sartor.flows.curate import Curated
from sartor.flows.planted import planted, read_key
from sartor.report.curation import PlantedView

ROWS = [
    *intents(24),
    {"text": "Question number 3, please!", "label": "card"},  # row 24 repeats row 3
    {"text": "question number 4 please", "label": "balance"},  # row 25 contradicts row 4
    {"text": "Question number 6, please!", "label": "card"},  # row 26 repeats row 6, and the key does not say so
    {"text": "how many questions are too many", "label": "card"},  # row 27 should be labelled otherwise
]
KEY: list[dict[str, Any]] = [
    {"row": 24, "defect": "duplicate", "of": 3},
    {"row": 9, "defect": "duplicate", "of": 10},
    {"row": "25", "defect": "contradiction", "of": "4", "detail": {"true": "refund"}},
    {"row": 27, "defect": "wrong-label", "of": None},
    {"row": 99, "defect": "pii"},
    {"row": 1, "defect": "pii"},
]
CHECKS = ("exact_duplicates", "contradictions")


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", base, ROWS, intents(9, start=500), "classification")


def write_key(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "key.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def found(made: Curated, key: Path) -> dict[str, PlantedView]:
    return {each.defect: each for each in planted(read_key(key), made)}


def test_a_pair_is_found_where_either_row_is_flagged_and_what_was_not_is_named(folder: Path) -> None:
    views = found(sartor.open(folder).curate(CHECKS, plan=True), write_key(folder, KEY))
    duplicates = views["duplicate"]
    assert (duplicates.planted, duplicates.pairs, duplicates.found, duplicates.missed) == (2, True, 1, ("9",))
    assert duplicates.recall is not None
    assert (duplicates.recall.value, round(duplicates.recall.low, 2), round(duplicates.recall.high, 2)) == (
        0.5,
        0.09,
        0.91,
    )
    contradictions = views["contradiction"]
    assert (contradictions.found, contradictions.missed) == (1, ())


def test_precision_is_of_all_rows_that_a_check_flags(folder: Path) -> None:
    [by] = found(sartor.open(folder).curate(CHECKS, plan=True), write_key(folder, KEY))["duplicate"].finders
    assert (by.check, by.flagged, by.right, by.otherwise) == ("exact_duplicates", 2, 1, 0)
    assert by.precision and by.precision.value == 0.5
    other = [*KEY, {"row": 26, "defect": "pii"}]
    [by] = found(sartor.open(folder).curate(CHECKS, plan=True), write_key(folder, other))["duplicate"].finders
    assert (by.right, by.otherwise) == (1, 1)
    [both] = found(sartor.open(folder).curate(["contradictions"], plan=True), write_key(folder, KEY))[
        "contradiction"
    ].finders
    assert (both.flagged, both.right) == (2, 2)


def test_what_no_check_looked_for_and_what_is_not_there_are_said(folder: Path) -> None:
    views = found(sartor.open(folder).curate(CHECKS, plan=True), write_key(folder, KEY))
    assert views["wrong-label"].finders == () and views["wrong-label"].recall is None
    assert (views["pii"].planted, views["pii"].absent, views["pii"].recall) == (1, 1, None)


def test_page_terminal_and_document_say_it(folder: Path, capsys) -> None:
    key = str(write_key(folder, KEY))
    named = [word for name in CHECKS for word in ("--check", name)]
    assert main(["curate", str(folder), *named, "--plan", "--key", key]) == 0
    said = capsys.readouterr().out
    assert "duplicate: 1 of 2 planted pairs found, recall .50 (.09–.91)" in said
    assert "  exact_duplicates: 1 of 2 flagged rows right, precision .50 (.09–.91)" in said
    assert "pii: 1 planted row (1 more in rows that are not there), not looked for" in said
    page = (folder / "curation.html").read_text()
    assert "Planted flaws" in page and "duplicate, not found" in page
    assert main(["curate", str(folder), *named, "--plan", "--key", key, "--json"]) == 0
    [duplicates, *_] = json.loads(capsys.readouterr().out)["planted"]
    assert duplicates["missed"] == ["9"] and duplicates["finders"][0]["precision"]["value"] == 0.5
    assert main(["curate", str(folder), *named, "--plan"]) == 0
    assert "Planted flaws" not in (folder / "curation.html").read_text()


def test_what_is_no_key_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="line 1: no defect `duplicates`; did you mean `duplicate`"):
        read_key(write_key(folder, [{"row": 1, "defect": "duplicates"}]))
    with pytest.raises(InputError, match="no column `defect`"):
        read_key(write_key(folder, [{"row": 1}]))
    made = sartor.open(folder).curate(["contradictions"], plan=True)
    with pytest.raises(InputError, match="no row of the key is in the version"):
        found(made, write_key(folder, [{"row": "m1", "defect": "pii"}]))
