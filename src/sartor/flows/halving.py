"""Successive halving (Jamieson & Talwalkar 2016, 1502.07943; η = 2 in Li et al. 2018, 1603.06560), and what it comes to.

    8 trials of 1 epoch  →  the better 4, of 2 epochs  →  2 of 4  →  1 of 8

A trial that goes on is trained anew, for twice the epochs: the learning rate falls to zero at the last one, so that eight epochs
broken off after one say little about either. Hence every loss is that of a whole training, and its settings can be used as they
are. It costs less than twice what going on would.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sartor.errors import SystemFailure
from sartor.flows.tuning import Tried
from sartor.report.format import money, plural
from sartor.report.format import seconds as shown_seconds

Settings = Mapping[str, Any]
"""Keys of `train` with their values."""


@dataclass(frozen=True, slots=True)
class Trial:
    number: int
    settings: Settings
    """Without `epochs`."""
    tried: dict[int, Tried] = field(default_factory=dict)
    """What came of it, by epochs, in the order of trying."""

    @property
    def last(self) -> Tried:
        return next(reversed(self.tried.values()))

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.tried.values())

    @property
    def best(self) -> tuple[float, int]:
        """(loss, epochs) of its best training; infinite where all diverged."""
        return min((_loss(each), epochs) for epochs, each in self.tried.items())


@dataclass(frozen=True, slots=True)
class Halving:
    trials: Sequence[Trial]
    stopped: bool
    """Whether the budget kept a training from being made."""

    @property
    def best(self) -> Trial:
        """Of two alike the earlier one."""
        return min(self.trials, key=lambda trial: trial.best)

    @property
    def seconds(self) -> float:
        return sum(trial.seconds for trial in self.trials)

    def fate(self, trial: Trial) -> str:
        """`chosen, 4 epochs`, `stopped, 1 epoch`, `diverged, 2 epochs`, `ended, 8 epochs`."""
        epochs = plural(next(reversed(trial.tried)), "epoch")
        if trial is self.best:
            return f"chosen, {plural(trial.best[1], 'epoch')}"
        if trial.last.loss is None:
            return f"diverged, {epochs}"
        ended = len(trial.tried) == len(list(rounds(len(self.trials))))
        return f"ended, {epochs}" if ended else f"stopped, {epochs}"


@dataclass(frozen=True, slots=True)
class Tuned:
    """A recipe that was found for a task, and how."""

    task: str
    halving: Halving
    validation_rows: int
    budget: float | None
    """Seconds of training that the search could take."""
    money: float
    currency: str

    @property
    def settings(self) -> dict[str, Any]:
        """What was found, as keys of `train`."""
        best = self.halving.best
        return {"epochs": best.best[1], **best.settings}

    @property
    def block(self) -> str:
        """The same as it stands in a `sartor.yaml`."""
        return "\n".join(["train:", *(f"  {key}: {value!r}" for key, value in self.settings.items())])

    @property
    def sentences(self) -> list[str]:
        """How it was found, what that took, and what is to be minded."""
        found, within = self.halving, f" within {shown_seconds(self.budget)}" if self.budget is not None else ""
        paid = f", {money(self.money, self.currency)}" if self.money else ""
        rows = f"the lowest loss on {plural(self.validation_rows, 'validation row')}"
        said = [
            f"Recipe: {rows} among {plural(len(found.trials), 'trial')}{within}, in {shown_seconds(found.seconds)} of training"
            f"{paid}; no test row was read."
        ]
        if found.stopped:
            said.append(
                "The budget was spent before all trials and rounds were done; with more, another may be better."
            )
        return said

    def to_json(self) -> dict[str, Any]:
        """Settings, trials and costs, as one value of a document."""
        trials = [
            {
                "trial": trial.number,
                "settings": dict(trial.settings),
                "rounds": [
                    {"epochs": epochs, "loss": each.loss, "seconds": each.seconds}
                    for epochs, each in trial.tried.items()
                ],
                "seconds": trial.seconds,
                "fate": self.halving.fate(trial),
            }
            for trial in self.halving.trials
        ]
        return {
            "settings": self.settings,
            "trials": trials,
            "seconds": self.halving.seconds,
            "money": self.money,
            "budget_seconds": self.budget,
            "stopped": self.halving.stopped,
            "validation_rows": self.validation_rows,
            "sentences": self.sentences,
        }


def halve(
    trials: int,
    propose: Callable[[], Settings],
    attempt: Callable[[Settings, int], Tried],
    hear: Callable[[Tried], None],
    budget: float | None = None,
) -> Halving:
    """Try so many proposals for one epoch, the better half of them for two, and so on to a last one.

    `hear` is told what came of each proposal before the next one is asked for; `attempt` gets settings and epochs. With a
    `budget`, in seconds of training, a proposal is tried while all rounds with it fit in at the mean of the epochs so far, and
    a training of a later round while it does; the first always is. What diverged goes no further. Raises SystemFailure where
    all did.
    """
    found, spent, done, stopped = list[Trial](), 0.0, 0, False

    def fits(epochs: int) -> bool:
        return budget is None or not done or spent * (done + epochs) / done <= budget

    while len(found) < trials:
        if not fits(_epochs(len(found) + 1) - done):
            stopped = True
            break
        trial = Trial(len(found) + 1, propose())
        trial.tried[1] = attempt(trial.settings, 1)
        hear(trial.last)
        found.append(trial)
        spent, done = spent + trial.seconds, done + 1
    if all(trial.last.loss is None for trial in found):
        rates = ", ".join(f"{trial.last.rate:.2g}" for trial in found)
        raise SystemFailure(
            f"training diverged in every trial (learning rates {rates}): set `train.learning_rate` far lower and search again"
        )
    alive = found
    for epochs, places in list(rounds(len(found)))[1:]:
        alive = sorted((trial for trial in alive if trial.last.loss is not None), key=lambda trial: _loss(trial.last))
        alive = alive[:places]
        for trial in alive:
            if not fits(epochs):
                return Halving(found, stopped=True)
            trial.tried[epochs] = attempt(trial.settings, epochs)
            spent, done = spent + trial.last.seconds, done + epochs
    return Halving(found, stopped)


def rounds(trials: int) -> Iterator[tuple[int, int]]:
    """(epochs, trials) of every round."""
    for round in range(trials.bit_length()):
        yield 2**round, trials >> round


def _epochs(trials: int) -> int:
    """Of all rounds."""
    return sum(epochs * places for epochs, places in rounds(trials))


def _loss(tried: Tried) -> float:
    return math.inf if tried.loss is None else tried.loss
