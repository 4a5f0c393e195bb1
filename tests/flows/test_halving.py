"""Successive halving: who goes on, what a budget lets in, and what is proposed."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from sartor.errors import SystemFailure
from sartor.flows.halving import Halving, Settings, Tuned, halve, rounds
from sartor.flows.search import Proposals
from sartor.flows.tuning import Tried
from sartor.task import TrainSpec

Attempt = Callable[[Settings, int], Tried]


def numbered(losses: dict[int, list[float | None]], seconds: float = 1.0) -> tuple[Callable[[], Settings], Attempt]:
    """Proposals whose rate is their number; their losses by round, an epoch of training taking `seconds`."""
    numbers = count(1)

    def attempt(settings: Settings, epochs: int) -> Tried:
        place = epochs.bit_length() - 1
        return Tried(settings["learning_rate"], losses[settings["learning_rate"]][place], epochs * seconds)

    return lambda: {"learning_rate": next(numbers)}, attempt


def halved(losses: dict[int, list[float | None]], budget: float | None = None, seconds: float = 1.0) -> Halving:
    return halve(len(losses), *numbered(losses, seconds), lambda _: None, budget)


def test_each_round_has_half_as_many_trials_and_twice_the_epochs() -> None:
    assert list(rounds(8)) == [(1, 8), (2, 4), (4, 2), (8, 1)]
    assert list(rounds(3)) == [(1, 3), (2, 1)]
    assert list(rounds(1)) == [(1, 1)]


def test_the_better_half_goes_on_and_the_lowest_loss_of_all_is_chosen() -> None:
    losses: dict[int, list[float | None]] = {1: [4.0], 3: [1.0, 1.5], 4: [9.0], 6: [3.6, 2.1], 7: [5.0], 8: [5.0]}
    losses |= {2: [3.0, 1.3, 1.2, 1.1], 5: [3.5, 1.4, 1.6]}
    found = halved(losses)
    assert {trial.number: list(trial.tried) for trial in found.trials} == {
        1: [1],
        2: [1, 2, 4, 8],
        3: [1, 2],
        4: [1],
        5: [1, 2, 4],
        6: [1, 2],
        7: [1],
        8: [1],
    }
    assert (found.best.number, found.best.best) == (3, (1.0, 1)), "a trial that was stopped may have been the best"
    assert found.fate(found.trials[2]) == "chosen, 1 epoch"
    assert found.fate(found.trials[1]) == "ended, 8 epochs"
    assert found.fate(found.trials[3]) == "stopped, 1 epoch"
    assert not found.stopped


def test_what_diverged_is_the_worst_goes_no_further_and_is_told() -> None:
    found = halved({1: [None], 2: [5.0, None], 3: [None], 4: [6.0, 5.5, 5.0]})
    assert [list(trial.tried) for trial in found.trials] == [[1], [1, 2], [1], [1, 2, 4]]
    assert (found.best.number, found.best.best) == (2, (5.0, 1)), "of two alike the shorter training"
    assert [found.fate(trial) for trial in found.trials][:3:2] == ["diverged, 1 epoch"] * 2
    with pytest.raises(
        SystemFailure, match=r"diverged in every trial \(learning rates 1, 2\): set `train.learning_rate`"
    ):
        halved({1: [None], 2: [None]})


@pytest.mark.parametrize(("budget", "trials"), [(0.5, 1), (4, 2), (8, 3), (9, 3), (12, 4), (32, 8), (1000, 8)])
def test_a_budget_holds_for_all_rounds_together(budget: float, trials: int) -> None:
    found = halved({number: [9.0 - number] * 4 for number in range(1, 9)}, budget)
    assert len(found.trials) == trials
    assert found.seconds <= max(1.0, budget)
    assert found.stopped == (trials < 8)
    assert max(len(trial.tried) for trial in found.trials) == len(list(rounds(trials))), "no round is left out"


def test_a_training_of_a_later_round_that_does_not_fit_is_not_begun() -> None:
    def slower(settings: Settings, epochs: int) -> Tried:
        return Tried(settings["learning_rate"], 1.0, epochs**3)

    propose, _ = numbered({})
    found = halve(4, propose, slower, lambda _: None, budget=14.0)
    assert [list(trial.tried) for trial in found.trials] == [[1, 2], [1], [1], [1]]
    assert found.stopped and found.seconds <= 14


def proposed(own: TrainSpec, loss: Callable[[Settings], float], trials: int = 16) -> Halving:
    proposals = Proposals(own, 1e-3, 4)

    def attempt(settings: Settings, epochs: int) -> Tried:
        return Tried(settings["learning_rate"], loss(settings) / epochs, 1.0)

    return halve(trials, proposals.ask, attempt, proposals.tell)


def test_a_planted_rate_is_found_from_the_tasks_own_on() -> None:
    def valley(settings: Settings) -> float:
        rate = settings["learning_rate"]
        return 1 + max(rate / 3e-4, 3e-4 / rate) + settings["label_smoothing"]

    own = TrainSpec(rank=8)
    found = proposed(own, valley)
    first, best = found.trials[0].settings, found.best.settings
    assert first == {"learning_rate": 1e-3, "batch_size": 4, "label_smoothing": 0.0, "rank": 8}
    assert 1.5e-4 < best["learning_rate"] < 6e-4
    assert best["label_smoothing"] == 0.0
    for trial in found.trials:
        assert 1e-4 <= trial.settings["learning_rate"] <= 1e-2
        assert TrainSpec(**trial.settings)
        assert float(f"{trial.settings['learning_rate']:.2g}") == trial.settings["learning_rate"]
    again = proposed(own, valley)
    assert [trial.settings for trial in again.trials] == [trial.settings for trial in found.trials]
    other = proposed(TrainSpec(rank=8, seed=1), valley)
    assert [trial.settings for trial in other.trials] != [trial.settings for trial in found.trials]


def test_a_method_is_asked_only_for_what_it_reads() -> None:
    found = proposed(TrainSpec(method="ia3"), lambda _: 1.0, trials=2)
    assert set(found.trials[0].settings) == {"learning_rate", "batch_size", "label_smoothing"}
    assert Proposals(TrainSpec(method="full"), 0.5, 16).ask()["learning_rate"] == 0.5


def test_the_block_is_what_a_task_reads() -> None:
    trial: dict[str, Any] = {"learning_rate": 5e-05, "batch_size": 8, "label_smoothing": 0.1}
    found = halve(1, lambda: trial, lambda _, epochs: Tried(5e-05, 1.0, 3600.0), lambda _: None)
    tuned = Tuned("t", found, 20, None, 2.0, "EUR")
    assert tuned.block == "train:\n  epochs: 1\n  learning_rate: 5e-05\n  batch_size: 8\n  label_smoothing: 0.1"
    assert tuned.sentences == [
        "Recipe: the lowest loss on 20 validation rows among 1 trial, in 1 h 00 min of training, €2.00; no test row was read."
    ]
