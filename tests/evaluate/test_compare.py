"""Two systems on the same rows."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from sartor.evaluate.compare import compare, exploration
from sartor.evaluate.statistics import detectable, detectable_pairs, mcnemar


def labels_right(examples, answers, n, right_a, right_b, subjects=None):
    """n rows whose gold label alternates; each system is right on the rows of its set."""
    gold = [("a", "b")[i % 2] for i in range(n)]
    flip = {"a": "b", "b": "a"}
    texts = [[label if i in right else flip[label] for i, label in enumerate(gold)] for right in (right_a, right_b)]
    return examples(gold, subjects), answers(texts[0]), answers(texts[1])


def test_a_proportion_is_compared_by_mid_p_mcnemar(task, examples, answers):
    rows, a, b = labels_right(examples, answers, 200, range(0, 180), range(30, 170))
    found = compare("accuracy", "a", "b", rows, a, b, task("classification"))
    assert (found.value_a, found.value_b, found.difference) == pytest.approx((0.9, 0.7, 0.2))
    assert found.low < 0.2 < found.high
    assert (found.p_value, found.test, found.verdict) == (mcnemar(40, 0), "mid-p McNemar", "better")
    assert found.mdd == pytest.approx(detectable_pairs(0.2, 200))
    back = compare("accuracy", "b", "a", rows, b, a, task("classification"))
    assert (back.verdict, back.difference) == ("worse", pytest.approx(-0.2))


@pytest.mark.parametrize("name", ["macro_f1", "accuracy"])
def test_a_small_difference_is_a_tie(task, examples, answers, name):
    rows, a, b = labels_right(examples, answers, 100, range(0, 80), range(3, 80))
    found = compare(name, "a", "b", rows, a, b, task("classification"))
    assert found.verdict == "tie"
    assert found.low < found.difference < found.high
    assert abs(found.difference) < found.mdd


def test_other_metrics_are_compared_by_randomisation(task, examples, answers):
    targets = ["one two three four five six"] * 60
    good = answers(["one two three four five"] * 30 + ["one two three four"] * 30)
    poor = answers(["one two"] * 60)
    for name in ("bleu", "rouge_l", "token_f1"):
        found = compare(name, "a", "b", examples(targets), good, poor, task("summarization"))
        assert found.test == "paired approximate randomisation"
        assert (found.verdict, found.n) == ("better", 60)
        assert found.p_value == pytest.approx(1 / 10_000)


def test_the_detectable_difference_of_a_mean_comes_from_the_spread_of_row_differences(task, examples, answers):
    targets = ["one two three four"] * 50
    good = answers(["one two three four"] * 25 + ["one two"] * 25)
    found = compare("token_f1", "a", "b", examples(targets), good, answers(["one two"] * 50), task("summarization"))
    spread = np.std([1 - 2 / 3] * 25 + [0.0] * 25, ddof=1)
    assert found.mdd == pytest.approx(detectable(spread / 50**0.5))


@pytest.mark.parametrize("name", ["accuracy", "macro_f1"])
def test_rows_of_one_subject_are_swapped_together(task, examples, answers, name):
    right_a = [i for i in range(120) if (i // 20) != 0]  # a is wrong for one patient, b for two
    right_b = [i for i in range(120) if (i // 20) not in (2, 3)]
    alone = compare(name, "a", "b", *labels_right(examples, answers, 120, right_a, right_b), task("classification"))
    subjects = [f"patient {i // 20}" for i in range(120)]
    rows = labels_right(examples, answers, 120, right_a, right_b, subjects)
    grouped = compare(name, "a", "b", *rows, task("classification"))
    assert alone.verdict == "better"
    assert grouped.verdict == "tie"
    assert grouped.test == "delete-one-group jackknife, t, by group"
    assert grouped.mdd > alone.mdd
    assert grouped.note == "interval unreliable: only 6 independent groups of rows"


@pytest.mark.parametrize("name", ["accuracy", "macro_f1"])
def test_a_few_groups_that_agree_are_enough_and_many_are_swapped(task, examples, answers, name):
    right_a, right_b = [i for i in range(240) if i % 7], [i for i in range(240) if i % 2]
    for groups, test in ((3, "delete-one-group jackknife, t"), (24, "randomisation")):
        subjects = [f"clinic {i * groups // 240}" for i in range(240)]
        rows = labels_right(examples, answers, 240, right_a, right_b, subjects)
        found = compare(name, "a", "b", *rows, task("classification"))
        assert found.verdict == "better" and found.test.endswith(f"{test}, by group")
        assert found.low > 0 and found.mdd < found.difference


def test_systems_that_answer_alike_tie_but_leave_room_for_a_difference(task, examples, answers):
    rows, a, _ = labels_right(examples, answers, 100, range(80), range(80))
    for name in ("accuracy", "macro_f1"):
        found = compare(name, "a", "b", rows, a, a, task("classification"))
        assert (found.verdict, found.p_value, found.difference) == ("tie", 1.0, 0.0)
        assert found.low < 0 < found.high
        assert found.mdd > 0


def test_of_many_comparisons_each_is_adjusted_for_all(examples, answers, task) -> None:
    """Twenty pairs of systems that differ by luck alone: what one test calls better, all together do not."""
    rng = np.random.default_rng(0)
    truth = "".join(rng.choice(list("ab"), 60))
    guesses = ["".join(rng.choice(list("ab"), 60)) for _ in range(8)]
    spec, rows = task("classification"), examples(truth)
    found = [
        compare("accuracy", str(i), str(j), rows, answers(a), answers(b), spec)
        for i, a in enumerate(guesses)
        for j, b in enumerate(guesses)
        if i < j
    ]
    theirs = false_discovery_control([each.p_value for each in found])
    ours = exploration(found)
    assert [each.q_value for each in ours] == pytest.approx(list(theirs))
    assert {each.verdict for each in ours} == {"tie"}
    assert exploration(found[:1]) == found[:1]
