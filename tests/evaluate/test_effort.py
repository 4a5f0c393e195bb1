"""What answers take: measured, in its own unit, and never better for not having been measured."""

from dataclasses import replace

import pytest
from tests.evaluate.judging import MEASURED

from sartor.errors import InputError
from sartor.evaluate.compare import compare
from sartor.evaluate.scorecard import Scorecard, score
from sartor.task import KpiSpec


def test_effort_is_the_mean_over_rows_in_its_own_unit(examples, answers, task) -> None:
    first, second = answers("ab")
    given = [
        replace(first, **MEASURED),
        replace(second, seconds=1.5, prompt_tokens=5, completion_tokens=1, cost=0.004),
    ]
    card = score("s", examples("ab"), given, task("classification"))
    values = {name: card.scores[name].value for name in ("seconds", "tokens", "cost")}
    assert values == pytest.approx({"seconds": 1.0, "tokens": 20.0, "cost": 3.0})
    assert [card.scores[name].scale.unit for name in values] == ["s", "tokens", "USD"]
    assert Scorecard.from_json(card.to_json()) == card


def test_what_was_not_measured_is_not_shown_and_a_kpi_on_it_is_refused(examples, answers, task) -> None:
    card = score("s", examples("ab"), answers("ab"), task("classification"))
    assert not {"seconds", "tokens", "cost"} & set(card.scores)
    with pytest.raises(InputError, match=r"`cost` cannot be told of these answers: set `costs.hour`"):
        score("s", examples("ab"), answers("ab"), task("classification", KpiSpec(name="cost")))


def test_a_row_without_a_measurement_counts_as_the_most_that_was(examples, answers, task) -> None:
    first, second = answers("ab")
    card = score("s", examples("ab"), [replace(first, **MEASURED), second], task("classification"))
    assert card.scores["seconds"].value == 0.5
    assert card.scores["seconds"].unscored == {"1": "not measured"}


def test_a_difference_of_efforts_is_in_its_unit(examples, answers, task) -> None:
    slow, fast = answers("ab" * 20, seconds=2.0), answers("ab" * 20, seconds=0.5)
    found = compare("seconds", "slow", "fast", examples("ab" * 20), slow, fast, task("classification"))
    assert (found.difference, found.verdict) == (1.5, "worse")
    assert 1 < found.low <= 1.5 <= found.high
