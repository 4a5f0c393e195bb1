"""The terminal ends with the page's verdict in six lines."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.report.hostile import hostile
from tests.report.samples import SAMPLES, billing_notes, support_intents

from sartor.report.page import render
from sartor.report.terminal import verdict_lines
from sartor.report.view import CostView, ReportData


@pytest.mark.parametrize("build", SAMPLES.values(), ids=SAMPLES)
def test_six_lines_that_begin_with_the_pages_headline(build: Callable[[], ReportData]) -> None:
    lines = verdict_lines(build())
    assert len(lines) == 6
    assert lines[0] == f"Verdict: {build().headline}"
    assert [line.split(":")[0] for line in lines[2:]] == ["Test", "Goals", "Cost", "Report"]


def test_what_they_say() -> None:
    assert verdict_lines(billing_notes())[1:] == [
        "Field F1: specialist .91 (.88–.94) · endpoint small-instruct .70 (.65–.75) · 4-shot .33 (.28–.38) · "
        "zero-shot .04 (.02–.07)",
        "Test: specialist minus endpoint small-instruct +21 points (17–25), p < .001, detectable 5.5 points; "
        "300 test rows, opened 2 times",
        "Goals: field F1 .91, goal .90: unclear · valid JSON .997, hard goal .99: unclear · "
        "exact match .61, goal .70: missed",
        "Cost: $900.40 (labels $900.00, training $0.14, rivals and evaluation $0.23, endpoint small-instruct $0.03)",
        "Report: tasks/billing-notes/report.html with 1 warning · adapter: billing-notes@1",
    ]


def test_the_winner_is_named_first_among_the_systems() -> None:
    assert verdict_lines(support_intents())[1].startswith("Accuracy: encoder + linear .84")


def test_what_is_missing_is_said() -> None:
    data = billing_notes()
    bare = replace(
        data, systems=data.systems[:1], comparisons=(), kpis=tuple(replace(k, goal=None) for k in data.kpis),
        cost=CostView("USD", ()), adapter="", path="", warnings=(), test_openings=1,
    )  # fmt: skip
    assert verdict_lines(bare)[2:] == [
        "Test: 300 test rows, opened 1 time",
        "Goals: none set",
        "Cost: not counted",
        "Report: not written · adapter: none",
    ]


def test_without_rates_the_cost_is_not_said_to_be_nothing() -> None:
    data = billing_notes()
    free = replace(data, cost=CostView("USD", tuple(replace(row, rate=0.0, amount=0.0) for row in data.cost.rows)))
    assert verdict_lines(free)[4] == "Cost: no rates are set"
    assert "no rates are set" in render(free)


def test_hostile_texts_stay_on_their_line_and_cannot_steer_the_terminal() -> None:
    data = replace(billing_notes(), headline="one\ntwo\x1b[31m\r\x9b0m")
    lines = verdict_lines(hostile(data))
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)
    "\n".join(lines).encode("utf-8")
