"""A learning rate, found on validation rows: a small grid around where a method starts, wider where the best lies on its edge."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sartor.errors import SystemFailure

LADDER = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Learning rates as multiples of the one that a method starts from."""
FIRST = (4, 3, 5)
"""Places on the ladder that are tried in any case: 1, 0.3, 3."""
MOST_RATES = 5
"""The same for every method: who tries more finds better."""
HIGHEST = 1.0
"""What `train.learning_rate` may be at most."""


@dataclass(frozen=True, slots=True)
class Tried:
    rate: float
    loss: float | None
    """Lowest mean cross-entropy per supervised token on the validation rows after any epoch; None where training diverged."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    tried: Sequence[Tried]
    """In the order of trying."""
    stopped: bool
    """Whether the budget kept another rate from being tried."""

    @property
    def best(self) -> Tried:
        return min(self.tried, key=_rank)

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.tried)

    @property
    def note(self) -> str:
        """What is to be minded where the best rate lies on the edge of those that were tried; else empty."""
        rates = sorted(each.rate for each in self.tried)
        if self.best.rate not in (rates[0], rates[-1]):
            return ""
        end = "only" if len(rates) == 1 else "lowest" if self.best.rate == rates[0] else "highest"
        why = ", as the budget was spent" if self.stopped else ""
        return f"the best rate is the {end} one of {len(rates)} tried{why}; another may be better"


def tune(what: str, start: float, attempt: Callable[[float], Tried], budget: float | None = None) -> Tuning:
    """Try 1, 0.3 and 3 times `start`, then on beyond the best one while it is on an edge: at most `MOST_RATES` rates.

    `what` is the method's name, for the error. With a `budget`, in seconds of training, a rate is tried while one more of the
    mean of those before fits in; the first always is. Raises SystemFailure where training diverges at every rate.
    """
    tried = dict[int, Tried]()
    stopped = False
    while (place := _next(tried, start)) is not None:
        spent = sum(each.seconds for each in tried.values())
        if budget is not None and tried and spent * (len(tried) + 1) / len(tried) > budget:
            stopped = True
            break
        tried[place] = attempt(start * LADDER[place])
    found = Tuning(list(tried.values()), stopped)
    if found.best.loss is None:
        rates = ", ".join(f"{each.rate:.2g}" for each in found.tried)
        raise SystemFailure(f"{what} diverged at every learning rate that was tried ({rates}): leave it out")
    return found


def _next(tried: Mapping[int, Tried], start: float) -> int | None:
    """The place on the ladder to try next."""
    wanted = list(FIRST)
    if FIRST[0] in tried and len(tried) < MOST_RATES:
        best = min(tried, key=lambda place: _rank(tried[place]))
        wanted += [best - 1] * (best == min(tried)) + [best + 1] * (best == max(tried))
    possible = (place for place in wanted if place not in tried and 0 <= place < len(LADDER))
    return next((place for place in possible if start * LADDER[place] <= HIGHEST), None)


def _rank(tried: Tried) -> tuple[float, float]:
    """The lowest loss first; of two alike, and of all that have diverged, the lowest rate."""
    return (math.inf if tried.loss is None else tried.loss, tried.rate)
