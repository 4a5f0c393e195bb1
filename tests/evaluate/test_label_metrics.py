"""The classification metrics beside accuracy and F1: against scikit-learn, by hand, and where there is nothing to go by."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score, matthews_corrcoef

from sartor.errors import InputError
from sartor.evaluate.metric import Scope, metric
from sartor.evaluate.scorecard import score
from sartor.generate.answer import Answer
from sartor.task import KpiSpec

LABELS = tuple("abcdefg")
SCOPE = Scope("classification", LABELS)


def value(name, scope, examples, answers):
    judge = metric(name, scope)
    return judge.aggregate(judge.table(examples, answers))


def noisy(n=400, seed=0, right=0.6):
    rng = np.random.default_rng(seed)
    gold = rng.choice(LABELS, n, p=np.arange(1, 8) / 28)
    return gold.tolist(), np.where(rng.random(n) < right, gold, rng.choice(LABELS, n)).tolist()


def sure(*given):
    """Answers from (label, its probability), the rest of the probability on z."""
    return [Answer(str(i), label, {label: share, "z": 1 - share}) for i, (label, share) in enumerate(given)]


# --- agreement


@pytest.mark.parametrize("right", [0.0, 0.1, 0.6, 1.0])
def test_weighted_f1_and_mcc_are_sklearns(examples, answers, right):
    gold, said = noisy(right=right)
    rows, given = examples(gold), answers(said)
    assert value("weighted_f1", SCOPE, rows, given) == pytest.approx(
        f1_score(gold, said, average="weighted"), abs=1e-12
    )
    assert value("mcc", SCOPE, rows, given) == pytest.approx(matthews_corrcoef(gold, said), abs=1e-12)


def test_what_is_no_label_is_one_more_label_to_mcc(examples, answers):
    gold, said = noisy()
    said[:40] = ["hm"] * 20 + ["what?"] * 20
    expected = matthews_corrcoef(gold, ["none"] * 40 + said[40:])
    assert value("mcc", SCOPE, examples(gold), answers(said)) == pytest.approx(expected, abs=1e-12)
    assert value("mcc", SCOPE, examples(gold), answers([None] * 40 + said[40:])) == pytest.approx(expected, abs=1e-12)


def test_one_label_everywhere_is_no_better_than_chance(examples, answers):
    assert value("mcc", SCOPE, examples("aab"), answers("aaa")) == matthews_corrcoef(list("aab"), list("aaa")) == 0.0


# --- probabilities


def test_calibration_error_is_the_gap_between_confidence_and_accuracy_by_bin(examples):
    # .95 and 1.0 lie in the last bin: one of two right; .6 ends the ninth bin: right
    rows, given = examples("aab"), sure(("a", 0.95), ("b", 1.0), ("b", 0.6))
    assert value("ece", SCOPE, rows, given) == pytest.approx((abs(0.05 - 1.0) + 0.4) / 3)


def test_calibrated_confidence_has_little_calibration_error_and_overconfidence_much(examples):
    rng = np.random.default_rng(1)
    share = rng.uniform(0.3, 1, 4000)
    gold = np.where(rng.random(4000) < share, "a", "b")
    assert value("ece", SCOPE, examples(gold.tolist()), sure(*(("a", p) for p in share))) < 0.03
    assert value("ece", SCOPE, examples(gold.tolist()), sure(*(("a", 1.0) for _ in share))) == pytest.approx(
        0.35, abs=0.02
    )


def test_brier_score_is_half_of_sklearns_over_all_labels(examples):
    rng = np.random.default_rng(2)
    shares, gold = rng.dirichlet(np.ones(7), 200), rng.choice(LABELS, 200).tolist()
    given = [
        Answer(str(i), LABELS[line.argmax()], dict(zip(LABELS, line.tolist(), strict=True)))
        for i, line in enumerate(shares)
    ]
    theirs = brier_score_loss(gold, shares, labels=list(LABELS), scale_by_half=True)
    assert value("brier", SCOPE, examples(gold), given) == pytest.approx(theirs, abs=1e-12)


def test_coverage_and_accuracy_where_covered(examples):
    rows, given = examples("aaab"), sure(("a", 0.99), ("b", 0.9), ("a", 0.6), ("a", 0.89))
    assert value("coverage", SCOPE, rows, given) == 0.5
    assert value("accuracy_covered", SCOPE, rows, given) == 0.5
    options = {name: KpiSpec(name=name, at=0.95) for name in ("coverage", "accuracy_covered")}
    stricter = Scope("classification", LABELS, options=options)
    assert value("coverage", stricter, rows, given) == 0.25
    assert value("accuracy_covered", stricter, rows, given) == 1.0
    nobody = Scope("classification", LABELS, options={"accuracy_covered": KpiSpec(name="accuracy_covered", at=1.0)})
    assert value("accuracy_covered", nobody, rows, given) == 1.0
    assert metric("coverage", stricter).signature == "coverage|confidence:at least 0.95"


@pytest.mark.parametrize(("name", "worst"), [("ece", 1), ("brier", 1), ("coverage", 0), ("accuracy_covered", 0)])
def test_a_row_without_probabilities_is_the_worst_there_is_and_says_why(examples, answers, name, worst):
    judge = metric(name, SCOPE)
    given = [answers([None])[0], Answer("1", "a"), Answer("2", "a", {"a": float("nan")}), Answer("3", "c", {"a": 1.0})]
    stats = judge.table(examples("aaaa"), given)
    assert judge.aggregate(stats) == worst
    assert judge.unscored == {
        "0": "no answer was had",
        "1": "the system gives no probability of its answer",
        "2": "the probability of `a` is nan",
        "3": "the system gives no probability of its answer",
    }


def test_what_is_no_number_is_no_probability(examples, answers):
    judge = metric("brier", SCOPE)
    judge.table(examples("ab"), answers("ab", label_probs={"a": "0.9", "b": None}))
    assert judge.unscored == {"0": "the probability of `a` is '0.9'", "1": "the probability of `a` is '0.9'"}


# --- probabilities of several labels a row

MULTI = Scope("classification", LABELS, multi=True)


def several(n=300, seed=3):
    """Rows with any number of labels, and probabilities of each label that know something of them: [rows, labels]."""
    rng = np.random.default_rng(seed)
    right = rng.random((n, len(LABELS))) < np.arange(1, 8) / 10
    shares = np.clip(np.where(right, 0.7, 0.2) + rng.normal(0, 0.2, right.shape), 0, 1)
    gold = [tuple(np.array(LABELS)[row]) for row in right]
    given = [Answer(str(i), "a", dict(zip(LABELS, row.tolist(), strict=True))) for i, row in enumerate(shares)]
    return right, shares, gold, given


def test_brier_score_of_several_labels_is_the_mean_of_sklearns_of_each(examples):
    right, shares, gold, given = several()
    theirs = np.mean([brier_score_loss(*columns) for columns in zip(right.T, shares.T, strict=True)])
    assert value("brier", MULTI, examples(gold), given) == pytest.approx(theirs, abs=1e-12)
    assert metric("brier", MULTI).signature == "brier|all labels|mean"


def test_calibration_error_of_several_labels_is_that_of_every_decision(examples):
    right, shares, gold, given = several()
    decisions, error = list(zip(shares.ravel(), right.ravel(), strict=True)), 0.0
    for bin in range(15):
        inside = [(share, true) for share, true in decisions if bin < share * 15 <= bin + 1 or (share == 0 == bin)]
        if inside:
            gap = np.mean([true for _, true in inside]) - np.mean([share for share, _ in inside])
            error += len(inside) / len(decisions) * abs(gap)
    assert value("ece", MULTI, examples(gold), given) == pytest.approx(error, abs=1e-12)
    assert metric("ece", MULTI).signature == "ece|bins:15, equal width|confidence:of every label"


def test_probabilities_that_come_true_as_often_as_they_say_are_calibrated(examples):
    rng = np.random.default_rng(4)
    shares = rng.random((2000, len(LABELS)))
    gold = [tuple(np.array(LABELS)[row]) for row in rng.random(shares.shape) < shares]
    for told, low, high in ((shares, 0, 0.02), (shares**3, 0.2, 0.3)):
        given = [Answer(str(i), "a", dict(zip(LABELS, row.tolist(), strict=True))) for i, row in enumerate(told)]
        assert low <= value("ece", MULTI, examples(gold), given) < high


def test_a_label_of_which_nothing_is_said_has_probability_0(examples):
    rows = examples([("a", "b"), ("c",)])
    whole = [Answer(str(i), "a", dict.fromkeys(LABELS, 0.0) | {"a": 0.5}) for i in range(2)]
    short = [Answer(str(i), "a", {"a": 0.5}) for i in range(2)]
    assert value("brier", MULTI, rows, whole) == value("brier", MULTI, rows, short) == pytest.approx(2.5 / 14)
    assert value("ece", MULTI, rows, whole) == value("ece", MULTI, rows, short) == pytest.approx((2 + 0) / 14)


def test_labels_of_a_row_and_rows_of_a_subject_are_drawn_together(examples, task):
    _, _, gold, given = several(n=60)
    rows = examples(gold, subjects=[str(i // 3) for i in range(60)])
    found = score("s", rows, given, task("classification", "ece", "brier", multi=True)).scores
    for name in ("ece", "brier"):
        assert found[name].n == 60 and found[name].method == "BCa bootstrap, by group"
        assert found[name].low < found[name].value < found[name].high


@pytest.mark.parametrize("name", ["ece", "brier"])
def test_a_row_without_probabilities_weighs_as_much_as_another_and_is_the_worst(examples, answers, name):
    rows, sure = examples([("a",), ("a",)]), dict.fromkeys(LABELS, 0.0) | {"a": 1.0}
    judge = metric(name, MULTI)
    stats = judge.table(rows, [Answer("0", "a", sure), *answers(["a", "a"])[1:]])
    assert judge.per_row(stats).tolist() == [0, 1]
    assert judge.aggregate(stats) == 0.5
    assert judge.unscored == {"1": "the system gives no probability of its answer"}


# --- costs


def costing(costs):
    return Scope("classification", LABELS, options={"error_cost": KpiSpec(name="error_cost", costs=costs)})


def test_the_cost_of_errors_is_the_tasks_own(examples, answers):
    scope = costing({"a": {"b": 20.0, "c": 0.5}})
    rows, given = examples("aaaaabb"), answers(["a", "b", "c", "d", None, "hm", "a"])
    # right 0, listed 20 and .5, unlisted 1, no answer to an a 20, no label for a b 1, unlisted 1
    assert value("error_cost", scope, rows, given) == pytest.approx((0 + 20 + 0.5 + 1 + 20 + 1 + 1) / 7)
    assert metric("error_cost", scope).maximum == 20


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        (None, "add `costs: "),
        ({"a": {"bb": 1.0}}, r"name `bb`, which is no label; did you mean `b`\?"),
        ({"else": {"b": 1.0}}, "name `else`, which is no label; write labels as the rows do"),
        ({"a": {"b": -1.0}}, "cost of `b` for `a` is below 0"),
    ],
)
def test_costs_that_cannot_be_meant_are_refused(costs, words):
    with pytest.raises(InputError, match=words):
        metric("error_cost", costing(costs))


@pytest.mark.parametrize("name", ["mcc", "coverage", "accuracy_covered", "error_cost"])
def test_metrics_of_one_label_are_refused_where_rows_have_several(name):
    with pytest.raises(InputError, match=f"`{name}` is for one label a row"):
        metric(name, Scope("classification", LABELS, multi=True))
