"""A learning rate is found by the loss on validation rows, by as many tries for every method, within a budget."""

from collections.abc import Callable

import pytest

from sartor.errors import SystemFailure
from sartor.flows.tuning import LADDER, MOST_RATES, Tried, tune


def valley(best: float, seconds: float = 1.0) -> Callable[[float], Tried]:
    """Trainings whose loss is the lower the nearer the rate is to `best`."""
    return lambda rate: Tried(rate, max(rate / best, best / rate), seconds)


@pytest.mark.parametrize(
    ("best", "tried"),
    [
        (1e-3, [1e-3, 3e-4, 3e-3]),
        (4e-4, [1e-3, 3e-4, 3e-3, 1e-4]),
        (1e-4, [1e-3, 3e-4, 3e-3, 1e-4, 3e-5]),
        (1e-2, [1e-3, 3e-4, 3e-3, 1e-2, 3e-2]),
    ],
    ids=["inside", "just beyond", "below", "above"],
)
def test_the_grid_widens_where_the_best_rate_is_on_its_edge(best: float, tried: list[float]):
    found = tune("lora", 1e-3, valley(best))
    assert [each.rate for each in found.tried] == pytest.approx(tried)
    assert found.best.rate == pytest.approx(min(tried, key=lambda rate: max(rate / best, best / rate)))
    assert not found.note and found.seconds == len(tried)


def test_no_method_tries_more_rates_than_another_and_an_edge_is_told():
    found = tune("lora", 1e-3, valley(1.0))
    assert len(found.tried) == MOST_RATES
    assert found.note == "the best rate is the highest one of 5 tried; another may be better"


def test_a_budget_lets_in_what_fits_at_the_mean_of_those_before():
    found = tune("full", 1e-3, valley(1e-3, seconds=10.0), budget=25.0)
    assert len(found.tried) == 2
    assert "as the budget was spent" in found.note
    alone = tune("full", 1e-3, valley(1e-3, seconds=10.0), budget=1.0)
    assert alone.note == "the best rate is the only one of 1 tried, as the budget was spent; another may be better"


def test_what_diverged_is_the_worst_there_is():
    def attempt(rate: float) -> Tried:
        return Tried(rate, None if rate > 5e-4 else 1 / rate, 1.0)

    found = tune("full", 1e-3, attempt)
    assert found.best.rate == pytest.approx(3e-4) and not found.note
    with pytest.raises(SystemFailure, match=r"full diverged at every learning rate that was tried \(0.001, "):
        tune("full", 1e-3, lambda rate: Tried(rate, None, 1.0))


def test_no_rate_is_tried_that_the_task_could_not_name():
    found = tune("prompt", 0.06, valley(50.0))
    assert max(each.rate for each in found.tried) == pytest.approx(0.06 * LADDER[6])
