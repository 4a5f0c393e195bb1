"""Seeds are draws of their own: what is promised of a recipe holds on other rows and for other seeds."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import t, ttest_1samp, ttest_ind, ttest_rel
from tests.evaluate.judging import MEASURED, METRICS, ready

from sartor.evaluate.metric import Scope
from sartor.evaluate.metrics.labels import MacroF1
from sartor.evaluate.seeds import change_over_seeds, difference_over_seeds, over_seeds
from sartor.evaluate.statistics import wilson


def mean(sums):
    return sums[..., 0] / sums[..., 1]


def tables(scores):
    """The statistics of seeds × rows of scores: one table a seed."""
    return [np.column_stack([row, np.ones(len(row))]) for row in np.asarray(scores, dtype=float)]


def scores(rng, seeds, rows, accuracy=0.8, spread=0.0, both=0.3, ease=None):
    """Right or wrong, seeds × rows, of a recipe of that accuracy: an answer is right where ability exceeds difficulty.

    `spread` is how seeds differ (.1: by 2.7 points, .2: by 5), `both` how far each seed has rows of its own that it finds
    easy. `ease` of the rows is drawn with them, or given where another recipe answers them too.
    """
    ease = rng.normal(0, 1, rows) if ease is None else ease
    mid = ndtri(accuracy) * np.sqrt(1 + spread**2 + both**2)
    ability = mid + rng.normal(0, spread, (seeds, 1)) + rng.normal(0, both, (seeds, rows))
    return (ability + ease > 0).astype(float)


# --- oracles


def test_the_parts_are_those_of_the_analysis_of_variance():
    y = scores(np.random.default_rng(1), 4, 150, spread=0.3, both=0.6)
    found = over_seeds(tables(y), mean)
    by_seed, by_row, whole = y.mean(axis=1, keepdims=True), y.mean(axis=0, keepdims=True), y.mean()
    seeds = 150 * np.sum((by_seed - whole) ** 2) / 3
    rows = 4 * np.sum((by_row - whole) ** 2) / 149
    both = np.sum((y - by_seed - by_row + whole) ** 2) / (3 * 149)
    assert found.between**2 == pytest.approx((seeds - both) / 150)
    assert found.rows**2 == pytest.approx(rows / (4 * 150))
    assert found.rows**2 + found.between**2 / 4 == pytest.approx((seeds + rows - both) / (4 * 150))
    assert found.seeds_share == pytest.approx((seeds - both) / (seeds + rows - both))


def test_two_single_systems_are_students_paired_test():
    a, b = np.random.default_rng(2).normal([[0.5], [0.46]], 0.1, (2, 40))
    found = difference_over_seeds(tables([a]), tables([b]), mean)
    theirs = ttest_rel(a, b)
    low, high = theirs.confidence_interval(0.95)
    assert (found.p_value, found.low, found.high) == pytest.approx((theirs.pvalue, low, high), abs=1e-9)


def test_where_rows_say_nothing_two_recipes_are_welchs_test_of_their_seeds():
    a, b = np.array([0.71, 0.74, 0.78, 0.75]), np.array([0.70, 0.61, 0.66])
    found = difference_over_seeds(*(tables(np.tile(x[:, None], 20_000)) for x in (a, b)), mean)
    theirs = ttest_ind(a, b, equal_var=False)
    low, high = theirs.confidence_interval(0.95)
    assert (found.p_value, found.low, found.high) == pytest.approx((theirs.pvalue, low, high), rel=1e-3)


def test_where_rows_say_nothing_a_change_is_students_test_of_what_each_seed_lost():
    before, after = np.array([0.71, 0.84, 0.78]), np.array([0.60, 0.71, 0.68])
    found = change_over_seeds(*(tables(np.tile(x[:, None], 20_000)) for x in (before, after)), mean)
    theirs = ttest_1samp(before - after, 0)
    low, high = theirs.confidence_interval(0.95)
    assert (found.value, found.p_value) == pytest.approx((np.mean(before - after), theirs.pvalue), rel=1e-3)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)


# --- what seeds add


def test_rows_lessen_what_can_be_detected_down_to_the_part_of_the_seeds():
    rng = np.random.default_rng(8)
    a, b = (scores(rng, 3, 100, spread=0.3) for _ in range(2))
    few, many = (difference_over_seeds(tables(np.tile(a, n)), tables(np.tile(b, n)), mean) for n in (1, 10_000))
    assert 0 < few.mdd_seeds < few.mdd
    assert many.mdd == pytest.approx(many.mdd_seeds, rel=1e-2)
    single = difference_over_seeds(tables(a[:1]), tables(b[:1]), mean)
    assert single.mdd_seeds == 0


def test_the_same_answers_twice_are_one_system():
    y = scores(np.random.default_rng(3), 1, 200)[0]
    found, alone = over_seeds(tables([y, y]), mean), wilson(y.sum(), 200)
    assert (found.between, found.seeds_share) == (0, 0)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-3)


def test_seeds_that_differ_more_make_the_interval_wider_whatever_the_rows():
    wide, narrow = (
        over_seeds(tables(scores(np.random.default_rng(4), 3, 20_000, spread=spread)), mean) for spread in (0.3, 0.05)
    )
    assert wide.seeds_share > narrow.seeds_share > 0.9
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_seeds_that_are_always_right_may_still_err_on_rows_not_seen():
    found = over_seeds(tables(np.ones((3, 200))), mean)
    assert (found.low, found.high) == pytest.approx((wilson(200, 200).low, 1))
    apart = difference_over_seeds(tables(np.ones((3, 200))), tables(np.ones((3, 200))), mean)
    assert apart.low == -apart.high < 0
    assert apart.p_value == 1


def test_one_row_says_hardly_anything():
    found = over_seeds(tables([[1], [0]]), mean)
    assert found.low < 0.1 and found.high > 0.9
    assert difference_over_seeds(tables([[1], [1]]), tables([[0]]), mean).p_value > 0.1


def test_copies_of_rows_are_no_evidence():
    y = scores(np.random.default_rng(5), 3, 60, spread=0.1)
    found = over_seeds(tables(np.repeat(y, 10, axis=1)), mean, np.repeat(np.arange(60), 10))
    alone = over_seeds(tables(y), mean)
    assert (found.low, found.high, found.between) == pytest.approx((alone.low, alone.high, alone.between))


def test_few_groups_that_happen_to_agree_promise_no_more_than_their_rows():
    y = np.tile([0.0, 1.0] * 10, (2, 3))
    found = over_seeds(tables(y), mean, np.repeat(np.arange(3), 20))
    assert found.rows == pytest.approx(np.std(y[0], ddof=1) / 60**0.5)


def test_a_scale_that_ends_elsewhere_scales_everything():
    y = scores(np.random.default_rng(6), 3, 100, spread=0.2)
    found, hundred = over_seeds(tables(y), mean), over_seeds(tables(100 * y), mean, maximum=100)
    assert hundred.seeds_share == pytest.approx(found.seeds_share)
    for name in ("value", "low", "high", "between", "rows"):
        assert getattr(hundred, name) == pytest.approx(100 * getattr(found, name))


def test_a_scale_without_end_has_students_interval():
    y = np.random.default_rng(9).gamma(2, 1, (3, 100))
    found = over_seeds(tables(y), mean, maximum=np.inf)
    assert 0 < found.low < found.value < found.high < np.inf
    assert found.value - found.low == pytest.approx(found.high - found.value)
    apart = difference_over_seeds(tables(y), tables(2 * y), mean, maximum=np.inf)
    assert -np.inf < apart.low < apart.high < 0 < apart.mdd < np.inf
    alike = difference_over_seeds(tables(y), tables(y), mean, maximum=np.inf)
    assert alike.low <= 0 <= alike.high and np.isfinite(alike.mdd)


def test_p_is_below_5_percent_where_the_interval_leaves_out_0():
    rng = np.random.default_rng(7)
    for _ in range(300):
        ease = rng.normal(0, 1, 60)
        a, b = (tables(scores(rng, 3, 60, accuracy, 0.1, ease=ease)) for accuracy in (0.8, 0.65))
        found = difference_over_seeds(a, b, mean)
        assert (found.p_value < 0.05) == (not found.low <= 0 <= found.high)


# --- simulation


def coverage(found, truth):
    return np.mean([each.low <= truth <= each.high for each in found])


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [0.8, 0.95])
@pytest.mark.parametrize("spread", [0.0, 0.2])
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_covers_and_that_of_pooled_rows_does_not(seeds, spread, accuracy):
    rng = np.random.default_rng(8)
    drawn = [scores(rng, seeds, 200, accuracy, spread) for _ in range(1000)]
    assert coverage([over_seeds(tables(y), mean) for y in drawn], accuracy) >= 0.93
    assert coverage([wilson(y.sum(), y.size) for y in drawn], accuracy) < 0.85


@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_it_covers_where_rows_come_in_clusters(spread):
    rng, found = np.random.default_rng(9), []
    member = np.repeat(np.arange(40), 5)
    for _ in range(1000):
        ease = (rng.normal(0, 0.7, 40)[member] + rng.normal(0, 0.7, 200)) / 0.98**0.5
        found.append(over_seeds(tables(scores(rng, 3, 200, spread=spread, ease=ease)), mean, member))
    assert coverage(found, 0.8) >= 0.93


@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_it_covers_a_value_that_is_no_mean(spread):
    """Macro-F1 of four labels that are equally frequent, and mistaken for each other alike: it expects the accuracy."""
    rng, found = np.random.default_rng(10), []
    value = MacroF1(Scope("classification", tuple("abcd"))).of_sums
    for _ in range(500):
        gold = rng.integers(0, 4, 200)
        expected, statistics = np.eye(4)[gold], []
        for right in scores(rng, 3, 200, spread=spread):
            answered = np.eye(4)[np.where(right > 0, gold, (gold + rng.integers(1, 4, 200)) % 4)]
            hit = expected * answered
            statistics.append(np.hstack([hit, answered - hit, expected - hit]))
        found.append(over_seeds(statistics, value))
    assert coverage(found, 0.8) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.2])
@pytest.mark.parametrize(("seeds", "others"), [(3, 1), (3, 3), (5, 1), (5, 3), (5, 5)])
def test_recipes_that_are_alike_are_told_apart_no_more_often_than_promised(seeds, others, spread):
    """A single system is as it is: its seed is not drawn."""
    rng, p_values = np.random.default_rng(11), []
    for _ in range(2000):
        ease = rng.normal(0, 1, 200)
        a = scores(rng, seeds, 200, 0.8, spread, ease=ease)
        b = scores(rng, others, 200, 0.8, spread if others > 1 else 0.0, ease=ease)
        p_values.append(difference_over_seeds(tables(a), tables(b), mean).p_value)
    assert np.mean(np.array(p_values) < 0.05) <= 0.06


def test_one_t_for_rows_and_seeds_would_find_too_many_differences():
    """With Satterthwaite's degrees of freedom for their sum, where three seeds of a wild recipe meet a single system."""
    rng, wrong, ours = np.random.default_rng(12), 0, 0
    for _ in range(2000):
        ease = rng.normal(0, 1, 200)
        a, b = scores(rng, 3, 200, 0.8, 0.4, ease=ease), scores(rng, 1, 200, 0.8, ease=ease)
        rows = np.var(a.mean(axis=0) - b[0], ddof=1) / 200
        between = np.var(a.mean(axis=1), ddof=1) / 3
        noise = np.var(a - a.mean(axis=0), axis=1, ddof=1).sum() / (2 * 200 * 3)
        variance = rows + max(0, between - noise)
        df = variance**2 / (rows**2 / 199 + between**2 / 2 + noise**2 / (2 * 199))
        wrong += 2 * t.sf(abs(a.mean() - b.mean()) / variance**0.5, df) < 0.05
        ours += difference_over_seeds(tables(a), tables(b), mean).p_value < 0.05
    assert wrong / 2000 > 0.08
    assert ours / 2000 <= 0.065


def test_a_difference_that_can_be_detected_is_found_four_times_in_five():
    rng = np.random.default_rng(13)

    def found(gap):
        ease = rng.normal(0, 1, 200)
        a, b = (tables(scores(rng, 5, 200, accuracy, 0.05, ease=ease)) for accuracy in (0.8, 0.8 - gap))
        return difference_over_seeds(a, b, mean)

    gap = np.mean([found(0.0).mdd for _ in range(300)])
    assert 0.7 <= np.mean([found(gap).p_value < 0.05 for _ in range(600)]) <= 0.95


@pytest.mark.parametrize(("kind", "name"), METRICS)
def test_every_metric_can_be_judged_over_seeds(kind, name, examples, answers):
    rows = examples(['{"a":0}', "x"] * 6)
    judge = ready(name, kind)
    drawn = [judge.table(rows, answers([text, "x"] * 6, **MEASURED)) for text in ('{"a":0}', "x", "y")]
    found = over_seeds(drawn, judge.of_sums, maximum=judge.maximum)
    assert found.low + 1e-9 >= 0 and found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9 and found.high <= judge.maximum + 1e-9
    apart = difference_over_seeds(drawn, drawn[:1], judge.of_sums, maximum=judge.maximum)
    assert 0 < apart.p_value <= 1
