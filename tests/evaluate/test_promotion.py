"""PROMOTE, REJECT or INCONCLUSIVE: hard goals, guard rails and the first KPI, each by its interval."""

import pytest

from sartor.evaluate.compare import compare
from sartor.evaluate.promotion import promotion
from sartor.evaluate.scorecard import score
from sartor.task import KpiSpec


@pytest.fixture
def judged(task, examples, answers):
    """The candidate is right on its first rows of n, the incumbent on its own; both answer a label otherwise."""

    def judge(candidate: int, incumbent: int, *kpis: KpiSpec, n: int = 400):
        spec = task("classification", *kpis)
        rows = examples([("a", "b")[i % 2] for i in range(n)])
        flip = {"a": "b", "b": "a"}
        given = [
            answers([row.target if i < right else flip[row.target] for i, row in enumerate(rows)])
            for right in (candidate, incumbent)
        ]
        found = [compare(kpi.name, "new", "old", rows, *given, spec) for kpi in spec.kpi_list]
        return promotion(spec, score("new", rows, given[0], spec), found)

    return judge


ACCURACY = KpiSpec(name="accuracy")


@pytest.mark.parametrize(
    ("candidate", "incumbent", "verdict"), [(360, 300, "PROMOTE"), (300, 360, "REJECT"), (301, 300, "INCONCLUSIVE")]
)
def test_the_first_kpi_must_be_better(judged, candidate, incumbent, verdict):
    assert judged(candidate, incumbent, ACCURACY).verdict == verdict


@pytest.mark.parametrize(
    ("right", "goal", "verdict"), [(380, 0.9, "PROMOTE"), (380, 0.95, "INCONCLUSIVE"), (380, 0.99, "REJECT")]
)
def test_a_hard_goal_is_met_by_the_whole_interval(judged, right, goal, verdict):
    found = judged(right, 200, KpiSpec(name="accuracy", goal=goal, hard=True))
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("candidate", "margin", "state"), [(298, 0.05, "passed"), (270, 0.05, "failed"), (290, 0.02, "open")]
)
def test_a_guard_rail_may_lose_its_margin_and_no_more(judged, candidate, margin, state):
    found = judged(candidate, 300, KpiSpec(name="accuracy", margin=margin))
    assert [condition.state for condition in found.conditions] == [state]
    assert found.verdict == {"passed": "PROMOTE", "failed": "REJECT", "open": "INCONCLUSIVE"}[state]


def test_an_open_question_says_how_many_rows_would_settle_it(judged):
    found = judged(304, 300, ACCURACY)
    assert found.rows_needed is not None
    assert found.rows_needed > 400
    assert str(found) == f"INCONCLUSIVE new over old (about {found.rows_needed:,} test rows would settle it)"
    assert judged(300, 300, ACCURACY).rows_needed is None  # no number of rows shows a difference of nothing


def test_one_failed_condition_rejects_whatever_else_is_won(judged):
    found = judged(380, 300, ACCURACY, KpiSpec(name="macro_f1", goal=0.99, hard=True))
    assert [condition.state for condition in found.conditions] == ["passed", "failed"]
    assert found.verdict == "REJECT"
