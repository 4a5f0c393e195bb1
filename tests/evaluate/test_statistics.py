"""The statistics equal their oracles, cover what they promise to cover, and reject no more nulls than they may."""

import numpy as np
import pytest
from scipy.stats import binom, permutation_test, ttest_1samp
from scipy.stats import bootstrap as scipy_bootstrap
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sartor.evaluate.metric import Scope
from sartor.evaluate.metrics.labels import MacroF1
from sartor.evaluate.statistics import (
    bootstrap,
    by_few_groups,
    cluster_sums,
    clusters,
    detectable,
    detectable_pairs,
    fdr,
    holm,
    mcnemar,
    needed,
    needed_pairs,
    over_folds,
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


def test_benjamini_and_hochberg_are_statsmodels_whatever_the_order():
    p_values = np.random.default_rng(4).beta(0.5, 2, 40).tolist()
    assert fdr(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1].tolist(), abs=1e-12)
    assert fdr([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert fdr([]) == []


def test_rows_needed_are_those_whose_detectable_difference_is_the_one_asked_for():
    assert detectable_pairs(0.2, needed_pairs(0.2, 0.05)) == pytest.approx(0.05)
    rows_needed = needed(deviation=0.02, n=200, distance=0.03)
    assert detectable(0.02 * (200 / rows_needed) ** 0.5) == pytest.approx(0.03)


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


@pytest.mark.parametrize("n", [30, 50, 100, 300])
def test_wilson_covers(n):
    """Exactly. It dips between steps of the discrete distribution, and most where less than one row in all is wrong."""
    hits = np.arange(n + 1)
    low, high = np.array([(found.low, found.high) for found in (wilson(k, n) for k in hits)]).T

    def covered(p):
        return binom.pmf(hits, n, p)[(low <= p) & (p <= high)].sum()

    assert min(covered(p) for p in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)) >= 0.9295
    assert np.mean([covered(p) for p in np.linspace(0.5, 0.999, 200)]) >= 0.945
    assert covered(1 - 0.17 / n) < 0.9


@pytest.mark.parametrize("groups", [12, 40])
def test_clustered_wilson_covers(groups):
    rng = np.random.default_rng(11)
    found = []
    for _ in range(1000):
        ability, sizes = rng.beta(4, 1, groups), rng.integers(1, 12, groups)
        found.append(wilson_clustered(np.column_stack([rng.binomial(sizes, ability), sizes]).astype(float)))
    assert coverage(found, 0.8) >= 0.93


def labelled(gold, right, rng):
    """Macro-F1's statistics of rows with these labels, 0 to 4, answered right with this probability."""
    said = np.where(rng.random(len(gold)) < right, gold, (gold + rng.integers(1, 5, len(gold))) % 5)
    expected, answered = np.eye(5)[gold], np.eye(5)[said]
    hit = expected * answered
    return np.hstack([hit, answered - hit, expected - hit])


def geometric(sums):
    """As BLEU: the geometric mean of the shares of n-grams that match, n = 1 … 4."""
    return np.exp(np.log(np.maximum(sums[..., :4], 0.5) / sums[..., 4:]).mean(axis=-1))


macro_f1 = MacroF1(Scope("classification", tuple("abcde"))).of_sums
SHARES, MATCHING = np.array([0.5, 0.25, 0.13, 0.08, 0.04]), np.array([0.6, 0.4, 0.27, 0.18])


def few_right(rng):
    return rows(rng.beta(0.3, 2, 100))


def ratio(rng):
    sizes = rng.integers(5, 40, 100)
    return np.column_stack([rng.binomial(sizes, rng.beta(6, 2, 100)), sizes]).astype(float)


def unequal_labels(rng):
    return labelled(rng.choice(5, 100, p=SHARES), 0.8, rng)


def n_grams(rng):
    words, ease = rng.integers(8, 40, 100), rng.beta(6, 4, 100) / 0.6
    totals = [words - n for n in range(4)]
    counts = [rng.binomial(total, np.minimum(ease * share, 1)) for total, share in zip(totals, MATCHING, strict=True)]
    return np.column_stack([*counts, *totals]).astype(float)


def true_macro_f1():
    joint = SHARES[:, None] * np.where(np.eye(5), 0.8, 0.05)
    return np.mean(2 * np.diag(joint) / (joint.sum(axis=0) + joint.sum(axis=1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "value", "truth"),
    [
        (few_right, mean, 0.3 / 2.3),
        (ratio, mean, 0.75),
        (unequal_labels, macro_f1, true_macro_f1()),
        (n_grams, geometric, np.exp(np.log(MATCHING).mean())),
    ],
    ids=["mean", "ratio of sums", "macro-F1", "BLEU"],
)
def test_a_resampled_interval_of_100_rows_covers(draw, value, truth):
    rng = np.random.default_rng(12)
    found = [bootstrap(draw(rng), value, seed=i, resamples=600) for i in range(1500)]
    assert coverage(found, truth) >= 0.93


def null_means(rng):
    shared = rng.random(60)
    return tuple(rows(np.clip(shared + rng.normal(0, 0.2, 60), 0, 1)) for _ in range(2))


def null_labels(rng):
    gold = rng.choice(5, 60, p=SHARES)
    return tuple(labelled(gold, 0.8, rng) for _ in range(2))


@pytest.mark.parametrize(("draw", "value"), [(null_means, mean), (null_labels, macro_f1)], ids=["mean", "macro-F1"])
def test_paired_randomisation_rejects_as_many_nulls_as_it_says(draw, value):
    rng = np.random.default_rng(13)
    p_values = [randomisation(*draw(rng), value, seed=i, swaps=199) for i in range(2000)]
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.06


@pytest.mark.parametrize("discordance", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("n", [30, 100, 200])
def test_mid_p_mcnemar_rejects_no_more_nulls_than_it_may(n, discordance):
    """Exactly; and no fewer than it should where enough rows are discordant for any test of them to say something."""
    size = sum(
        binom.pmf(met, n, discordance) * binom.pmf(b, met, 0.5)
        for met in range(int(binom.ppf(1 - 1e-6, n, discordance)) + 1)
        for b in range(met + 1)
        if mcnemar(b, met - b) < 0.05
    )
    assert size <= 0.06
    if n * discordance >= 10:
        assert size >= 0.03


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


def test_the_interval_over_folds_holds_what_it_promises() -> None:
    """Rows are drawn, and dealt into five folds twice; 95 % of the intervals hold the mean that the rows come from."""
    generator, held = np.random.default_rng(0), 0
    for _ in range(400):
        rows = generator.normal(size=100)
        rounds = [generator.permutation(rows).reshape(5, 20).mean(axis=1) for _ in range(2)]
        found = over_folds(np.array(rounds))
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 400 <= 0.98
