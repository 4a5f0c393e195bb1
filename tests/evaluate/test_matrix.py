"""How two adapters differ on several tasks, in words that the numbers bear out."""

import numpy as np
import pytest

from sartor.evaluate.matrix import FirstKpi, over_tasks

MARGIN = 0.02


@pytest.fixture
def kpi(task, examples, answers):
    """A task whose rows are of label `a`; each adapter's seeds are right where 1."""

    def make(right, margin=MARGIN):
        rows = examples(["a"] * len(right["specialist"][0]))
        given = {
            name: [answers(["a" if hit else "b" for hit in seed]) for seed in seeds] for name, seeds in right.items()
        }
        return FirstKpi(task("classification", "accuracy"), rows, given, margin, labels=("b",))

    return make


def drawn(accuracy, rows, seeds=3, seed=0):
    return (np.random.default_rng(seed).random((seeds, rows)) < accuracy).astype(int)


def beside(kpi, specialist, other, rows=400, **how):
    right = {"specialist": drawn(specialist, rows), "other": drawn(other, rows, seed=1)}
    return over_tasks([kpi(right, **how).less("specialist", "other")])[0]


def test_cells_have_the_mean_of_the_seeds(kpi):
    right = {"specialist": drawn(0.9, 100), "other": drawn(0.5, 100, seed=1)}
    cells = kpi(right).cells()
    assert [cell.adapter for cell in cells] == ["specialist", "other"]
    for cell in cells:
        assert cell.value == pytest.approx(right[cell.adapter].mean()) and cell.low < cell.value < cell.high


def test_what_is_better_what_is_worse_and_what_these_rows_do_not_tell(kpi):
    assert beside(kpi, 0.9, 0.6).verdict == "better"
    assert beside(kpi, 0.6, 0.9).verdict == "worse"
    open_one = beside(kpi, 0.8, 0.78, rows=60)
    assert open_one.verdict == "inconclusive" and open_one.rows_needed > 60


def test_no_difference_is_an_interval_within_the_margin(kpi):
    right = drawn(0.8, 2000)
    same = kpi({"specialist": right, "other": right}).less("specialist", "other")
    assert over_tasks([same])[0].verdict == "no difference"
    narrow = kpi({"specialist": right, "other": right}, margin=1e-4).less("specialist", "other")
    assert over_tasks([narrow])[0].verdict == "inconclusive"


def test_the_rows_that_are_needed_are_enough(kpi):
    rng = np.random.default_rng(2)
    ease = rng.normal(0, 1, 50)

    def answered(ability):
        return np.tile(ability + ease + rng.normal(0, 0.4, 50) > 0, (3, 1)).astype(int)

    right = {"specialist": answered(0.8), "other": answered(0.6)}
    few = over_tasks([kpi(right).less("specialist", "other")])[0]
    assert few.verdict == "inconclusive" and few.rows_needed
    times = -(-few.rows_needed // 50)
    more = {name: np.tile(seeds, times) for name, seeds in right.items()}
    assert over_tasks([kpi(more).less("specialist", "other")])[0].verdict != "inconclusive"


def test_seeds_that_differ_more_than_the_adapters_need_no_rows(kpi):
    rows = 1000
    right = {
        name: np.array([[hit] * rows for hit in hits])
        for name, hits in (("specialist", (1, 0, 1)), ("other", (0, 1, 0)))
    }
    found = over_tasks([kpi(right).less("specialist", "other")])[0]
    assert found.verdict == "inconclusive" and found.rows_needed is None


def test_p_is_adjusted_for_the_number_of_tasks(kpi):
    pairs = [kpi({"specialist": drawn(0.82, 100, seed=n), "other": drawn(0.7, 100, seed=n + 9)}) for n in range(3)]
    found = over_tasks([each.less("specialist", "other") for each in pairs])
    smallest = min(found, key=lambda each: each.p_value)
    assert smallest.adjusted_p == pytest.approx(3 * smallest.p_value)


def test_what_a_seed_has_forgotten_is_told_by_the_seed(kpi):
    """Seeds that differ widely, and each lost the same: the change is sure, where seeds drawn apart would not be."""
    before = np.array([[1] * good + [0] * (100 - good) for good in (95, 60, 30)])
    after = np.array([[1] * (good - 20) + [0] * (120 - good) for good in (95, 60, 30)])
    pair = kpi({"specialist": before, "other": after})
    [changed], [apart] = (over_tasks([how("specialist", "other")]) for how in (pair.change, pair.less))
    assert (changed.difference, apart.difference) == pytest.approx((0.2, 0.2))
    assert changed.verdict == "better" and apart.verdict == "inconclusive"


def test_few_rows_and_two_seeds_are_said(kpi):
    notes = kpi({"specialist": drawn(0.9, 30, seeds=2), "other": drawn(0.5, 30, seeds=2)}).notes
    assert notes[0].startswith("interval unreliable") and notes[1].startswith("two seeds show little")
