"""The verdict names the winner, and says first when that is a rival, or nobody."""

from dataclasses import replace

import pytest

from sartor.errors import SystemFailure
from sartor.evaluate.compare import compare
from sartor.evaluate.scorecard import score
from sartor.evaluate.verdict import decide
from sartor.task import KpiSpec


@pytest.fixture
def verdict(task, examples, answers):
    """The verdict on systems that have so many of 300 rows right, each from the first row on."""

    def make(kpi=None, **right):
        spec = task("classification", kpi or KpiSpec(name="accuracy"))
        rows = examples("a" * 150 + "b" * 150)
        given = {
            name.replace("_", "-"): answers([row.target if i < n else "c" for i, row in enumerate(rows)])
            for name, n in right.items()
        }
        cards = [score(name, rows, each, spec) for name, each in given.items()]
        found = [
            compare(spec.kpi_list[0].name, "specialist", name, rows, given["specialist"], each, spec)
            for name, each in given.items()
            if name != "specialist"
        ]
        return decide(spec, cards, found)

    return make


def test_the_specialist_wins_when_it_beats_every_rival(verdict):
    found = verdict(zero_shot=15, four_shot=69, specialist=273)
    assert (found.outcome, found.winner, found.rows_needed) == ("specialist wins", "specialist", None)
    assert found.headline == (
        "The specialist reaches accuracy .91 (.87\N{EN DASH}.94); the best rival, four-shot prompting, "
        ".23 (.19\N{EN DASH}.28): +68 points (62\N{EN DASH}73), n = 300."
    )
    assert set(found.p_values) == {"zero-shot", "four-shot"}


def test_a_rival_that_wins_is_named_first(verdict):
    found = verdict(zero_shot=15, linear=285, specialist=250)
    assert (found.outcome, found.winner) == ("rival wins", "linear")
    assert found.headline.startswith("A rival wins: linear reaches accuracy .95 (")
    assert "\N{MINUS SIGN}12 points" in found.headline


def test_a_tie_says_how_many_rows_would_decide_it(verdict):
    found = verdict(zero_shot=15, linear=273, specialist=276)
    assert (found.outcome, found.winner) == ("tie", None)
    assert found.headline.startswith("A rival ties: linear")
    assert found.rows_needed > 300
    assert "rows would" in found.headline


def test_a_perfect_tie_cannot_be_decided(verdict):
    found = verdict(linear=273, specialist=273)
    assert (found.outcome, found.rows_needed) == ("tie", None)
    assert "no reasonable number of rows" in found.headline


def test_many_rivals_are_allowed_for(verdict):
    """Six rows apart is p = .03 against one rival, and no win against four of them."""
    assert verdict(one=267, specialist=273).outcome == "specialist wins"
    several = verdict(one=267, two=267, three=267, four=267, specialist=273)
    assert several.outcome == "tie"
    assert several.p_values["one"] == pytest.approx(4 * 2**-6)


@pytest.mark.parametrize(
    ("right", "words"),
    [(297, "meets its hard goal .90"), (273, "the interval holds it"), (200, "misses its hard goal")],
)
def test_goals_are_told_in_sentences(verdict, right, words):
    found = verdict(KpiSpec(name="accuracy", goal=0.9, hard=True), zero_shot=10, specialist=right)
    assert len(found.goals) == 1
    assert found.goals[0].startswith("Accuracy ")
    assert words in found.goals[0]


def test_no_verdict_without_a_rival_or_a_comparison(verdict, task, examples, answers):
    with pytest.raises(SystemFailure, match="every rival"):
        verdict(specialist=200)
    spec = task("classification")
    cards = [score(name, examples("ab"), answers("ab"), spec) for name in ("specialist", "zero-shot")]
    with pytest.raises(SystemFailure, match="missing: zero-shot"):
        decide(spec, cards, [])


def test_a_tie_of_few_groups_asks_for_groups_not_for_rows(task, examples, answers):
    spec = task("classification", KpiSpec(name="accuracy"))
    rows = [replace(row, group=str(i % 3)) for i, row in enumerate(examples("a" * 150 + "b" * 150))]
    given = {"specialist": answers([row.target for row in rows]), "zero-shot": answers(["c"] * 300)}
    cards = [score(name, rows, each, spec) for name, each in given.items()]
    found = decide(spec, cards, [compare("accuracy", "specialist", "zero-shot", rows, *given.values(), spec)])
    assert (found.outcome, found.rows_needed) == ("tie", None)
    assert found.headline.endswith("test rows from more groups or subjects would.")
