"""Perceived against real quality: the gap, its interval, and the outputs behind it."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from sartor.evaluate.discrepancy import discrepancies, sentence, spearman
from sartor.evaluate.scorecard import score
from sartor.task import KpiSpec

DOSE = "take 5 mg of the tablets twice a day with food and water"
HARD = KpiSpec(name="exact_match", hard=True)


def card_of(task, examples, answers, texts, *kpis):
    spec = task("summarization", *(kpis or (HARD, "rouge_l")))
    rows = examples([DOSE] * len(texts))
    return spec, rows, score("s", rows, answers(texts), spec)


def test_one_wrong_digit_looks_good_and_is_not_usable(task, examples, answers):
    texts = [DOSE] * 40 + [DOSE.replace("5 mg", "50 mg")] * 50 + ["no idea"] * 10
    spec, rows, card = card_of(task, examples, answers, texts, HARD, KpiSpec(name="rouge_l", at=0.8))
    found = {gap.metric: gap for gap in discrepancies(spec, rows, card)}["rouge_l"]
    assert (found.perceived, found.usable, found.difference) == pytest.approx((0.9, 0.4, 0.5))
    assert 0.39 < found.low < 0.5 < found.high < 0.61
    assert found.threshold_from == "threshold of the task"
    assert found.quadrants == (40, 50, 0, 10)
    assert found.misleading == tuple(str(i) for i in range(40, 90))
    assert sentence(found, card) == (
        "ROUGE-L promises more than it keeps: 90 % of the outputs reach .80, and 40 % are usable "
        f"(+50 points ({100 * found.low:.0f}\N{EN DASH}{100 * found.high:.0f})); 50 of 100 look good and are not."
    )


def test_a_gap_that_may_be_chance_is_not_called_none(task, examples, answers):
    texts = [DOSE, DOSE.replace("5 mg", "50 mg")]
    spec, rows, card = card_of(task, examples, answers, texts, HARD, KpiSpec(name="rouge_l", at=0.8))
    found = {gap.metric: gap for gap in discrepancies(spec, rows, card)}["rouge_l"]
    assert (found.low, found.difference) == (0.0, 0.5)
    assert sentence(found, card).startswith(
        "ROUGE-L shows no sure gap: 100 % of the outputs reach .80, and 50 % are usable"
    )


def test_without_a_threshold_good_is_what_usable_outputs_reach(task, examples, answers):
    spec, rows, card = card_of(task, examples, answers, [DOSE] * 30 + [DOSE + " please"] * 30)
    found = discrepancies(spec, rows, card)[0]
    assert (found.threshold_from, found.difference) == ("median of the usable outputs", 0.0)
    spec, rows, card = card_of(task, examples, answers, [DOSE + " please"] * 30 + ["no"] * 31)
    found = discrepancies(spec, rows, card)[0]
    assert found.threshold_from == "median of all outputs, none of which is usable"
    assert found.correlation is None


def test_what_is_good_is_judged_over_all_systems_that_stand_side_by_side(task, examples, answers):
    spec = task("summarization", KpiSpec(name="token_f1", goal=0.5, hard=True), "rouge_l")
    rows = examples([DOSE] * 30)
    copied = score("copied", rows, answers([DOSE] * 30), spec)
    plain = score("plain", rows, answers([" ".join(reversed(DOSE.split()))] * 30), spec)
    [alone] = [gap for gap in discrepancies(spec, rows, copied) if gap.metric == "rouge_l"]
    [together] = [gap for gap in discrepancies(spec, rows, copied, [copied, plain]) if gap.metric == "rouge_l"]
    assert (alone.threshold, together.threshold < 1) == (1.0, True)


def test_the_metric_that_makes_most_outputs_look_good_comes_first(task, examples, answers):
    texts = [DOSE] * 20 + [" ".join(reversed(DOSE.split()))] * 30  # the words without their order
    kpis = (HARD, KpiSpec(name="rouge_l", at=0.9), KpiSpec(name="token_f1", at=0.9))
    spec, rows, card = card_of(task, examples, answers, texts, *kpis)
    found = discrepancies(spec, rows, card)
    assert (found[0].metric, found[0].quadrants[1]) == ("token_f1", 30)
    assert {gap.metric: gap.quadrants[1] for gap in found}["rouge_l"] == 0


def test_no_hard_kpi_no_gap(task, examples, answers):
    spec, rows, card = card_of(task, examples, answers, [DOSE] * 3, "rouge_l")
    assert card.usable is None
    assert discrepancies(spec, rows, card) == []


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 8, 200), rng.integers(0, 2, 200)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
