"""A recipe is judged by its seeds: as many rows as there are, and as many seeds."""

import numpy as np
import pytest

from sartor.evaluate.recipes import TWO_SEEDS, judge_recipes
from sartor.evaluate.scorecard import score
from sartor.evaluate.seeds import over_seeds
from sartor.task import KpiSpec

HARD = KpiSpec(name="accuracy", hard=True)


@pytest.fixture
def judged(task, examples, answers):
    """Scores and comparisons of recipes whose seeds answer rows of label `a`, right where 1."""

    def judge(recipes, right, *kpis, subjects=None):
        spec, rows = task("classification", *kpis), examples(["a"] * len(next(iter(right.values()))), subjects)
        given = {name: answers(["a" if each else "b" for each in hits]) for name, hits in right.items()}
        cards = [score(name, rows, said, spec, labels=("b",)) for name, said in given.items()]
        return judge_recipes(recipes, cards, rows, given, spec, labels=("b",))

    return judge


def drawn(seeds, rows=40):
    return dict(enumerate((np.random.default_rng(1).random((seeds, rows)) < 0.8).astype(int).tolist()))


def test_a_recipe_scores_what_its_seeds_score_in_the_mean(judged):
    right = {f"s{n}": hits for n, hits in drawn(3).items()}
    [usable, accuracy], comparisons = judged({"r": list(right)}, right, HARD)
    expected = over_seeds(
        [np.column_stack([hits, np.ones(40)]) for hits in right.values()], lambda sums: sums[..., 0] / sums[..., 1]
    )
    assert (usable.name, accuracy.name, comparisons) == ("usable", "accuracy", [])
    assert accuracy.value == pytest.approx(np.mean(list(right.values())))
    for found in (usable, accuracy):
        assert (found.low, found.high, found.n) == (pytest.approx(expected.low), pytest.approx(expected.high), 40)


def test_every_recipe_meets_the_others_and_every_single_system(judged):
    right = {name: drawn(7)[n] for n, name in enumerate(["x1", "base", "y1", "x2", "y2", "x3", "rival"])}
    scores, comparisons = judged({"x": ["x1", "x2", "x3"], "y": ["y1", "y2"]}, right, "accuracy", "macro_f1")
    pairs = [("x", "base"), ("x", "y"), ("x", "rival"), ("base", "y"), ("y", "rival")]
    assert [(c.metric, c.a, c.b) for c in comparisons] == [
        (kpi, a, b) for kpi in ("accuracy", "macro_f1") for a, b in pairs
    ]
    first = comparisons[0]
    assert first.value_a == pytest.approx(np.mean([right[name] for name in ("x1", "x2", "x3")]))
    assert first.difference == pytest.approx(first.value_a - np.mean(right["base"]))
    assert [found.note == TWO_SEEDS for found in scores] == [False, True] * 2


def test_rows_of_one_subject_count_once(judged):
    right = {f"s{n}": hits for n, hits in drawn(3).items()}
    many = {name: np.repeat(hits, 5).tolist() for name, hits in right.items()}
    subjects = np.repeat([f"p{n}" for n in range(40)], 5).tolist()
    [few], _ = judged({"r": list(right)}, right, "accuracy")
    [same], _ = judged({"r": list(right)}, many, "accuracy", subjects=subjects)
    assert (same.low, same.high, same.between) == pytest.approx((few.low, few.high, few.between))
    assert same.note == "interval unreliable: only 40 independent groups of rows"


def test_without_recipes_there_is_nothing_to_say(judged):
    assert judged({}, {"a": [1, 0], "b": [1, 1]}, "accuracy") == ([], [])
