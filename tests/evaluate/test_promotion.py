"""PROMOTE, REJECT or INCONCLUSIVE: hard goals, guard rails and the first KPI, each by its interval."""

import pytest

from sartor.evaluate.compare import compare
from sartor.evaluate.promotion import promotion, promotions
from sartor.evaluate.scorecard import score
from sartor.evaluate.statistics import holm
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
    assert [condition.state for condition in found.conditions] == ["failed", "passed"]
    assert found.verdict == "REJECT"


def test_of_two_systems_the_better_one_is_asked_about_and_many_questions_are_adjusted(examples, answers, task) -> None:
    spec, rows = task("classification", KpiSpec(name="accuracy")), examples("ab" * 50)
    right = {"worse": 70, "better": 82, "same": 70}
    given = {name: answers("ab" * (n // 2) + "ba" * (50 - n // 2)) for name, n in right.items()}
    cards = {name: score(name, rows, each, spec) for name, each in given.items()}
    pairs = [("worse", "better"), ("worse", "same"), ("same", "better")]
    found = [compare("accuracy", a, b, rows, given[a], given[b], spec) for a, b in pairs]
    alone = promotions(spec, cards, found[:1])
    assert [str(each) for each in alone] == ["PROMOTE better over worse"]
    together = promotions(spec, cards, found)
    assert [(each.candidate, each.incumbent) for each in together] == [
        ("better", "worse"),
        ("worse", "same"),
        ("better", "same"),
    ]
    adjusted = holm([each.p_value for each in found])
    for each, p_value in zip(together, adjusted, strict=True):
        assert (f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001") in each.conditions[0].text


def test_a_comparison_turned_round_is_the_other_ones(examples, answers, task) -> None:
    spec, rows, a, b = task("classification"), examples("ab" * 20), answers("ab" * 20), answers("aa" * 20)
    one, other = compare("accuracy", "a", "b", rows, a, b, spec), compare("accuracy", "b", "a", rows, b, a, spec)
    assert one.turned.turned == one
    assert (one.turned.difference, one.turned.verdict, one.turned.p_value) == (
        other.difference,
        other.verdict,
        other.p_value,
    )
