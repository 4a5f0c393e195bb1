"""What a report promises about itself."""

import math
from dataclasses import replace

import pytest
from tests.report.samples import SAMPLES, billing_notes, support_intents, visit_summaries

from sartor.report.view import CostRow, CostView, Mark


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_mark_is_finite(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Mark(number, 0.1, 0.2, 10)
    with pytest.raises(ValueError, match="finite"):
        Mark(0.1, 0.1, number, 10)


def test_systems_are_ranked_by_the_primary_kpi() -> None:
    assert [s.name for s in support_intents().ranked] == ["encoder + linear", "specialist", "4-shot", "zero-shot"]
    assert billing_notes().ranked[0].name == "specialist"


def test_a_metric_where_less_is_better_turns_the_ranking_round() -> None:
    data = support_intents()
    metrics = {name: replace(metric, higher_is_better=False) for name, metric in data.metrics.items()}
    assert replace(data, metrics=metrics).ranked[0].name == "zero-shot"


def test_of_equal_systems_the_rival_comes_first() -> None:
    data = visit_summaries()
    specialist, rival = data.systems
    level = replace(data, systems=(specialist, replace(rival, scores=specialist.scores)))
    assert [s.name for s in level.ranked] == ["8-shot", "specialist"]


def test_the_decisive_comparison_is_with_the_best_rival() -> None:
    decisive = billing_notes().decisive
    assert decisive is not None
    assert decisive.rival == "endpoint small-instruct"


def test_a_report_has_exactly_one_specialist_and_everybody_has_the_primary_kpi() -> None:
    data = billing_notes()
    with pytest.raises(ValueError, match="one specialist"):
        replace(data, systems=data.systems[1:])
    with pytest.raises(ValueError, match="has no field_f1"):
        replace(data, systems=(data.systems[0], replace(data.systems[1], scores={})))
    with pytest.raises(ValueError, match="KPI"):
        replace(data, kpis=())


def test_the_total_is_the_sum_of_the_rows() -> None:
    rows = tuple(CostRow("x", 1, "h", 0.1, "measured", 0.1) for _ in range(10))
    assert CostView("USD", rows).total == 1.0


def test_the_samples_are_one_of_each_outcome() -> None:
    assert [build().outcome for build in SAMPLES.values()] == ["specialist wins", "rival wins", "tie"]
