"""The example of the gap: one system copies and errs in a digit, the other is right in other words."""

import runpy
from pathlib import Path

import pytest

from sartor.data.read import read_rows
from sartor.flows.evaluate import judge_predictions, predictions_spec

FOLDER = Path(__file__).parents[2] / "examples" / "discharge-advice"


def test_the_file_is_what_its_generator_writes():
    before = (FOLDER / "outputs.jsonl").read_bytes()
    runpy.run_path(str(FOLDER / "make.py"), run_name="__main__")
    assert (FOLDER / "outputs.jsonl").read_bytes() == before


def test_general_metrics_praise_the_one_and_the_other_is_usable():
    table = read_rows(FOLDER / "outputs.jsonl")
    found = judge_predictions(table, predictions_spec(table, "summarization", ["letter"], "target"), FOLDER)
    fluent, plain = found.cards
    assert (fluent.system, fluent.usable.value, plain.usable.value) == ("fluent", 0.5, 1.0)
    assert fluent.scores["bleu"].value == pytest.approx(96, abs=1)
    assert plain.scores["bleu"].value == pytest.approx(3, abs=1)
    for gap in found.gaps["fluent"]:
        assert (gap.difference, gap.quadrants[1], gap.low > 0.3) == (0.5, 30, True)
    assert found.gaps["plain"][0].quadrants[1] == 0
    assert str(found.promotions[0]) == "PROMOTE plain over fluent"
