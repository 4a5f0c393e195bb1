"""The statistics equal their oracles, cover what they promise to cover, and reject no more nulls than they may."""

import numpy as np
import pytest
from scipy.stats import binom, permutation_test, ttest_1samp
from scipy.stats import bootstrap as scipy_bootstrap
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar
from statsmodels.stats.proportion import proportion_confint

from sartor.evaluate.statistics import (
    bootstrap,
    by_few_groups,
    cluster_sums,
    clusters,
    detectable,
    detectable_pairs,
    holm,
    mcnemar,
    randomisation,
    wilson,
    wilson_clustered,
)


def mean(sums):
    return sums[..., 0] / sums[..., 1]


def rows(scores):
    scores = np.asarray(scores, dtype=float)
    return np.column_stack([scores, np.ones(len(scores))])


# --- oracles


def test_wilson_is_statsmodels():
    found = wilson(27, 30)
    assert (found.low, found.high) == pytest.approx(proportion_confint(27, 30, method="wilson"), abs=1e-12)


def test_bca_is_scipys_on_the_same_resamples():
    scores = np.random.default_rng(1).beta(5, 1, 120)
    found = bootstrap(rows(scores), mean, seed=7, resamples=1500)
    theirs = scipy_bootstrap((scores,), np.mean, n_resamples=1500, method="BCa", rng=np.random.default_rng(7))
    assert found.method == "BCa bootstrap"
    assert (found.low, found.high) == pytest.approx(theirs.confidence_interval, abs=1e-9)
    assert found.deviation == pytest.approx(theirs.standard_error, abs=1e-9)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (3, 3), (1, 8), (40, 22)])
def test_mid_p_mcnemar_is_the_exact_test_less_half_of_what_was_seen(b, c):
    exact = exact_mcnemar([[5, b], [c, 5]], exact=True).pvalue
    expected = exact - binom.pmf(b, b + c, 0.5) if b != c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, abs=1e-12)


def test_randomisation_is_scipys_exact_paired_test_on_few_rows():
    a, b = np.random.default_rng(2).normal(0.4, 1, (2, 10))
    theirs = permutation_test((a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples")
    assert randomisation(rows(a), rows(b), mean) == pytest.approx(theirs.pvalue, abs=1e-9)


def test_randomisation_by_sampling_is_near_the_exact_p():
    a, b = np.random.default_rng(3).normal(0.3, 1, (2, 13))
    exact = randomisation(rows(a), rows(b), mean)
    assert randomisation(rows(a), rows(b), mean, swaps=8_000) == pytest.approx(exact, abs=0.02)


def test_systems_that_answer_alike_have_p_1():
    scores = rows([0, 1, 1, 0.5])
    assert randomisation(scores, scores, mean) == 1.0
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("n", "points"), [(100, 12), (200, 8.7), (300, 7.1), (500, 5.6), (1000, 3.9)])
def test_minimal_detectable_difference_of_pairs_at_20_percent_discordance(n, points):
    assert 100 * detectable_pairs(0.2, n) == pytest.approx(points, abs=0.15)


def test_minimal_detectable_difference_is_2_8_standard_errors():
    assert detectable(1.0) == pytest.approx(2.8016, abs=1e-4)


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


# --- honest where the data show no spread


def test_rows_that_are_all_alike_still_have_an_interval():
    found = bootstrap(rows(np.zeros(300)), mean)
    assert found.low == 0
    assert found.high == pytest.approx(wilson(0, 300).high)
    assert found.method == "rows all alike"
    difference = bootstrap(np.zeros((300, 1)), lambda sums: sums[..., 0], span=(-1, 1))
    assert difference.low == -difference.high < 0


def test_one_row_has_an_interval():
    found = bootstrap(rows([0.7]), mean)
    assert 0 <= found.low < 0.7 < found.high <= 1


def test_a_seed_gives_the_same_interval_again():
    scores = rows(np.random.default_rng(0).random(80))
    assert bootstrap(scores, mean, seed=3) == bootstrap(scores, mean, seed=3)
    assert bootstrap(scores, mean, seed=3) != bootstrap(scores, mean, seed=4)


# --- clusters


def test_rows_that_share_a_group_or_a_subject_are_one_cluster():
    keys = [("g", "ann"), ("g", "bob"), (None, "bob"), (None, None), ("h", "cid"), ("bob", None)]
    assert clusters(keys).tolist() == [0, 0, 0, 1, 2, 3]
    assert clusters([("a", "x"), ("b", "y"), (None, None)]) is None


def test_sums_of_clusters():
    sums = cluster_sums(rows([1, 0, 1, 1]), np.array([0, 0, 1, 0]))
    assert sums.tolist() == [[2, 3], [1, 1]]


def test_copies_of_rows_are_no_evidence():
    hits = np.random.default_rng(5).random(60) < 0.8
    member = np.repeat(np.arange(60), 10)
    grouped = wilson_clustered(cluster_sums(rows(np.repeat(hits, 10)), member))
    alone = wilson(hits.sum(), 60)
    assert grouped.high - grouped.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_clusters_that_are_all_right_count_once_each():
    found = wilson_clustered(np.full((20, 2), 10.0))
    assert found.low == pytest.approx(wilson(20, 20).low)


def test_few_groups_of_one_size_are_students_test_of_their_means():
    scores = np.random.default_rng(6).normal(0.4, 0.1, 80) + np.repeat([0.5, -0.3, 0.0, 0.9], 20)
    sums = cluster_sums(rows(scores), np.repeat(np.arange(4), 20))
    interval, p = by_few_groups(sums, rows(scores), mean, (-5, 5))
    theirs = ttest_1samp(scores.reshape(4, 20).mean(axis=1), 0)
    low, high = theirs.confidence_interval(0.95)
    assert (p, interval.low, interval.high) == pytest.approx((theirs.pvalue, low, high), abs=1e-9)


def test_few_groups_that_happen_to_agree_promise_no_more_than_their_rows():
    scores = np.tile([0.0, 1.0] * 10, 3)
    sums = cluster_sums(rows(scores), np.repeat(np.arange(3), 20))
    interval, _ = by_few_groups(sums, rows(scores), mean, (0, 1))
    assert interval.deviation == pytest.approx(np.std(scores, ddof=1) / 60**0.5)


@pytest.mark.parametrize("groups", [1, 10])
def test_one_group_says_nothing_of_others_and_ten_can_be_resampled(groups):
    assert by_few_groups(rows(np.arange(groups)), rows(np.arange(groups)), mean, (0, 9)) is None


# --- simulation


def coverage(intervals, truth):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


@pytest.mark.parametrize(("n", "p"), [(30, 0.9), (30, 0.5), (100, 0.98), (300, 0.7)])
def test_wilson_covers(n, p):
    hits = np.arange(n + 1)
    inside = [wilson(k, n).low <= p <= wilson(k, n).high for k in hits]
    assert binom.pmf(hits, n, p)[inside].sum() >= 0.93


def test_clustered_wilson_covers():
    rng = np.random.default_rng(11)
    found = []
    for _ in range(400):
        ability = rng.beta(4, 1, 40)
        sizes = rng.integers(1, 12, 40)
        found.append(wilson_clustered(np.column_stack([rng.binomial(sizes, ability), sizes]).astype(float)))
    assert coverage(found, 0.8) >= 0.92


def test_bootstrap_of_a_ratio_of_sums_covers():
    rng = np.random.default_rng(12)
    found = []
    for _ in range(300):
        ability = rng.beta(6, 2, 100)
        sizes = rng.integers(2, 10, 100)
        found.append(
            bootstrap(np.column_stack([rng.binomial(sizes, ability), sizes]).astype(float), mean, resamples=800)
        )
    assert coverage(found, 0.75) >= 0.92


def test_paired_randomisation_rejects_no_more_nulls_than_it_may():
    rng = np.random.default_rng(13)
    p_values = []
    for i in range(400):
        shared = rng.random(80)
        a, b = (np.clip(shared + rng.normal(0, 0.2, 80), 0, 1) for _ in range(2))
        p_values.append(randomisation(rows(a), rows(b), mean, seed=i, swaps=400))
    assert 0.025 <= np.mean(np.array(p_values) < 0.05) <= 0.08


def test_mid_p_mcnemar_rejects_no_more_nulls_than_it_may():
    rng = np.random.default_rng(14)
    discordant = rng.binomial(300, 0.2, 3000)
    rejected = [mcnemar(b, n - b) < 0.05 for n, b in zip(discordant, rng.binomial(discordant, 0.5), strict=True)]
    assert 0.03 <= np.mean(rejected) <= 0.06


def test_resampling_by_cluster_holds_where_resampling_by_row_would_not():
    """Ten copies of each pair: by row nearly every null looks significant, by cluster the error stays what it was."""
    rng = np.random.default_rng(15)
    by_row, by_cluster = [], []
    for i in range(150):
        a, b = rng.random((2, 40))
        member = np.repeat(np.arange(40), 10)
        copies = [rows(np.repeat(scores, 10)) for scores in (a, b)]
        by_row.append(randomisation(*copies, mean, seed=i, swaps=300))
        by_cluster.append(randomisation(*(cluster_sums(copy, member) for copy in copies), mean, seed=i, swaps=300))
    assert np.mean(np.array(by_row) < 0.05) > 0.3
    assert np.mean(np.array(by_cluster) < 0.05) <= 0.1


@pytest.mark.parametrize("groups", [2, 3, 5, 9])
@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_few_groups_reject_no_more_nulls_than_they_may(groups, effect):
    """Groups of unequal sizes, with and without a shift of their own."""
    rng = np.random.default_rng(16)
    rejected = []
    for _ in range(2000):
        member = np.repeat(np.arange(groups), rng.integers(15, 60, groups))
        scores = rows(rng.normal(0, 0.3, len(member)) + rng.normal(0, effect, groups)[member])
        rejected.append(by_few_groups(cluster_sums(scores, member), scores, mean, (-1, 1))[1] < 0.05)
    assert np.mean(rejected) <= 0.06
