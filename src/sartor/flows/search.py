"""A task's own best recipe, searched for on validation rows: Optuna proposes, successive halving disposes.

The test set takes no part. Each training is a process of its own, and a step that is done once; proposals depend on the seed
and on what came of those before, so that a search which was broken off proposes the same again and goes on. When methods are
compared, `flows.tuning` takes its place: one setting, and as many tries for each of them.
"""

import math
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from sartor.errors import InputError
from sartor.flows.base import LoadedBase
from sartor.flows.findings import require_agreement
from sartor.flows.halving import Settings, Tuned, halve
from sartor.flows.prepare import Task, prepare
from sartor.flows.run import Stages
from sartor.flows.training import Apart
from sartor.flows.tuning import HIGHEST, Tried
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Store, disk_errors
from sartor.task import METHOD_SETTINGS, TrainSpec
from sartor.train.batches import step_rows
from sartor.train.loop import Diverged, auto_learning_rate

TRIALS = 8
MOST_TRIALS = 64
"""So that the last one trains for no more than 64 epochs."""
STARTUP = 4
"""Trials before proposals learn from earlier ones; by default Optuna takes ten."""


def search(
    task: Task, store: Store, trials: int = TRIALS, budget: float | None = None, progress: Progress = silent
) -> Tuned:
    """Search for the learning rate, epochs, batch size, label smoothing and rank with the lowest validation loss.

    The first of `trials` is the task's own recipe. `budget` is in seconds of training, as `halve` takes it; `train.budget`,
    `train.seeds` and `train.prefer` are for the training that follows. What was trained before is not trained again.
    Raises InputError for another number of trials, without Optuna, for what the base cannot be trained by, and where there
    are no validation rows; SystemFailure as `halve` does.
    """
    if not 2 <= trials <= MOST_TRIALS:
        raise InputError(f"a search tries 2 to {MOST_TRIALS} recipes, not {trials}: set `--trials` to one of these")
    if find_spec("optuna") is None:
        raise InputError("`--tune` needs Optuna: install `sartor[tune]`")
    spec = task.spec
    prepared = prepare(task)
    require_agreement(prepared)
    rows = len(prepared.splits.validation)
    if not rows:
        raise InputError(
            "a recipe is searched for on validation rows, and there are none: set `train.validation` above 0"
        )
    base = LoadedBase(task, progress)
    batch_size = step_rows(spec.train.batch_size, len(prepared.splits.train))
    proposals = Proposals(spec.train, start_rate(spec.train, spec.train, base), batch_size)
    hour, currency = spec.costs.hour, spec.costs.currency
    with disk_errors(), Steps(store, spec.task, Here(), hour, currency) as steps, Apart() as apart:
        done = 0

        def attempt(settings: Settings, epochs: int) -> Tried:
            nonlocal done
            progress("tune", done, 2 * trials - 1, f"{settings['learning_rate']:.2g}, epochs {epochs}")
            done += 1
            once = {"epochs": epochs, "seeds": 1, "prefer": None, "budget": None}
            train = spec.train.model_copy(update={**settings, **once})
            one = replace(task, spec=spec.model_copy(update={"train": train}))
            return try_out(Stages(one, prepared, base, store, steps, progress), apart)

        found = halve(trials, proposals.ask, attempt, proposals.tell, budget)
        progress("tune", done, done)
    return Tuned(spec.task, found, rows, budget, found.seconds / 3600 * hour, currency)


class Proposals:
    """What to try next: the task's own settings, a few at random, then by a tree-structured Parzen estimator (Bergstra 2011)."""

    def __init__(self, own: TrainSpec, rate: float, batch_size: int) -> None:
        """Rates lie within a factor of ten of `rate`, batches around `batch_size`, other settings around what the task says."""
        import optuna
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=own.seed, n_startup_trials=STARTUP)
        self._study = optuna.create_study(sampler=sampler)
        smoothing = own.label_smoothing
        choices: dict[str, set[float]] = {
            "batch_size": {max(1, batch_size // 2), batch_size, 2 * batch_size},
            "label_smoothing": {0.0, 0.1, smoothing},
        }
        if "rank" in METHOD_SETTINGS[own.method]:
            choices["rank"] = {max(1, own.rank // 4), own.rank, min(512, 4 * own.rank)}
        self._space: dict[str, Any] = {
            "learning_rate": FloatDistribution(rate / 10, min(HIGHEST, rate * 10), log=True),
            **{key: CategoricalDistribution(sorted(values)) for key, values in choices.items()},
        }
        first = {key: getattr(own, key) for key in choices} | {"learning_rate": rate, "batch_size": batch_size}
        self._study.enqueue_trial(first)

    def ask(self) -> Settings:
        """The rate to two digits, as a person would write it: what is tried is what is told."""
        self._asked = self._study.ask(self._space)
        rate = float(f"{self._asked.params['learning_rate']:.2g}")
        return {**self._asked.params, "learning_rate": rate}

    def tell(self, tried: Tried) -> None:
        """What came of the last proposal; what diverged is the worst there is."""
        self._study.tell(self._asked, math.inf if tried.loss is None else tried.loss)


def start_rate(train: TrainSpec, own: TrainSpec, base: LoadedBase) -> float:
    """The rate that a search starts from: the task's, where it names one for this very method, else what `auto` means.

    Raises InputError for a method that the base does not have.
    """
    base.check(train)
    if own.learning_rate != "auto" and train.method_settings == own.method_settings:
        return own.learning_rate
    return auto_learning_rate(base.opened.config.hidden_size, train.method)


def try_out(stages: Stages, apart: Apart) -> Tried:
    """What comes of a training: its lowest validation loss, and none where it diverged."""
    rate = stages.spec.train.learning_rate
    assert rate != "auto"
    try:
        history = stages.train(apart).history
    except Diverged as error:
        return Tried(rate, None, error.seconds)
    return Tried(rate, min(loss for _, loss in history.validation), history.seconds)
