"""A scorecard: every metric with n, interval and signature, and everything that went wrong counted."""

import time

import numpy as np
import pytest

from sartor.errors import InputError, SystemFailure
from sartor.evaluate.scorecard import Scorecard, score
from sartor.evaluate.statistics import wilson
from sartor.task import KpiSpec


def test_kpis_come_first_then_the_other_metrics_of_the_kind(task, examples, answers):
    card = score("s", examples(["{}"]), answers(["{}"]), task("extraction", "json_valid", "exact_match"))
    assert list(card.scores)[:2] == ["json_valid", "exact_match"]
    assert set(card.scores) == {
        *("json_valid", "exact_match", "field_f1", "field_precision", "field_recall", "token_f1"),
        *("field_f1_normalised", "hallucinated_fields"),
    }
    assert card.primary.name == "json_valid"


def test_micro_f1_is_there_only_where_it_says_something_new(task, examples, answers):
    single = score("s", examples(["a", "b"]), answers(["a", "b"]), task("classification"))
    several = score("s", examples([("a", "b"), ("b",)]), answers(["a;b", "b"]), task("classification", multi=True))
    assert list(single.scores) == ["accuracy", "macro_f1", "exact_match"]
    assert list(several.scores) == ["accuracy", "macro_f1", "micro_f1", "exact_match"]
    assert several.scores["micro_f1"].value == 1.0


def test_a_proportion_has_wilsons_interval(task, examples, answers):
    card = score("s", examples("a" * 80 + "b" * 20), answers("a" * 100), task("classification"))
    found, expected = card.scores["accuracy"], wilson(80, 100)
    assert (found.value, found.n, found.method) == (0.8, 100, "Wilson")
    assert (found.low, found.high) == (expected.low, expected.high)
    assert card.scores["macro_f1"].method == "BCa bootstrap"


def test_rows_of_one_subject_are_not_independent(task, examples, answers):
    targets, texts = "a" * 80 + "b" * 20, "a" * 100
    alone = score("s", examples(targets), answers(texts), task("classification"))
    subjects = [f"patient {i // 5}" for i in range(100)]
    grouped = score("s", examples(targets, subjects), answers(texts), task("classification"))
    for name in ("accuracy", "macro_f1"):
        one, other = alone.scores[name], grouped.scores[name]
        assert other.value == one.value
        assert other.high - other.low > one.high - one.low
        assert other.method.endswith(", by group")
    assert grouped.primary.note == "interval unreliable: only 20 independent groups of rows"


@pytest.mark.parametrize(("n", "share", "resampled"), [(29, True, True), (30, False, True), (100, False, False)])
def test_few_rows_carry_a_warning(task, examples, answers, n, share, resampled):
    card = score("s", examples("a" * n), answers("a" * n), task("classification"))
    note = f"interval unreliable: only {n} rows"
    assert [card.scores[name].note for name in ("accuracy", "macro_f1")] == [note * share, note * resampled]


@pytest.mark.parametrize(("goal", "met"), [(0.6, "met"), (0.8, "unclear"), (0.95, "missed")])
def test_a_goal_is_met_by_the_whole_interval_or_not_at_all(task, examples, answers, goal, met):
    spec = task("classification", KpiSpec(name="accuracy", goal=goal, hard=True))
    found = score("s", examples("a" * 80 + "b" * 20), answers("a" * 100), spec).primary
    assert (found.goal, found.hard, found.met) == (goal, True, met)


def test_a_metric_without_a_goal_is_neither_met_nor_missed(task, examples, answers):
    assert score("s", examples("ab"), answers("ab"), task("classification")).primary.met is None


def test_what_went_wrong_is_counted_and_stays_in_the_denominator(task, examples, answers):
    card = score("s", examples("aabb"), answers(["a", None, "gibberish", "b"], finish="length"), task("classification"))
    assert card.counts == {"errors": 1, "cut at the limit": 3, "not a label": 1}
    assert (card.primary.value, card.primary.n) == (0.5, 4)
    card = score("s", examples(["{}"] * 4), answers(["{}", None, "{", "{}"]), task("extraction"))
    assert card.counts == {"errors": 1, "cut at the limit": 0, "invalid JSON": 1}
    assert card.scores["json_valid"].value == 0.5


def test_labels_may_be_known_beside_the_gold_ones(task, examples, answers):
    rows, given = examples("ab"), answers("ac")
    assert score("s", rows, given, task("classification")).counts["not a label"] == 1
    assert score("s", rows, given, task("classification"), labels=["c"]).counts["not a label"] == 0


def test_it_survives_the_way_through_json(task, examples, answers):
    spec = task("classification", KpiSpec(name="accuracy", goal=0.9))
    card = score("4-shot", examples(["a", "b", "ü 😀"]), answers(["a", "a", "ü 😀"]), spec)
    assert Scorecard.from_json(card.to_json()) == card
    assert [row.scores["accuracy"] for row in card.rows] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("kind", ["extraction", "summarization", "code"])
def test_strange_answers_are_scored(task, examples, answers, kind):
    texts = ["", "{" * 20_000, "مرحبا بالعالم", "😀" * 50, "\x00", '{"a": 1e999}', "word " * 20_000]
    card = score("s", examples(["some words"] * len(texts)), answers(texts), task(kind))
    assert all(found.n == len(texts) for found in card.scores.values())


def test_answers_must_be_those_of_the_rows(task, examples, answers):
    with pytest.raises(SystemFailure, match="2 answers do not match the 3 test rows"):
        score("s", examples("abc"), answers("ab"), task("classification"))
    with pytest.raises(SystemFailure, match="one to one"):
        score("s", examples("ab"), answers("ab")[::-1], task("classification"))
    with pytest.raises(InputError, match="test set is empty"):
        score("s", [], [], task("classification"))


def test_ten_thousand_rows_of_77_classes_take_seconds(task, examples, answers):
    rng = np.random.default_rng(0)
    labels = [f"label {i}" for i in range(77)]
    gold = rng.choice(labels, 10_000)
    said = np.where(rng.random(10_000) < 0.8, gold, rng.choice(labels, 10_000))
    start = time.perf_counter()
    card = score("s", examples(gold.tolist()), answers(said.tolist()), task("classification", "macro_f1"))
    assert time.perf_counter() - start < 20
    assert card.primary.low < card.primary.value < card.primary.high
