"""The stop rule: whether more labels are worth what they cost.

STOP needs the upper end of the band: even the largest gain that all rows still affordable could plausibly bring is worth less
than they cost, and no smaller purchase is expected to pay either. CONTINUE needs a purchase that is expected to pay, and either
pays at the lower end of its band too or belongs to a gain that the rows asked can show. What lies between is INCONCLUSIVE: a gain
that is too small to be seen is no proof that there is none.
"""

from dataclasses import dataclass
from typing import Literal

from sartor.curve.forecast import Band, Forecast
from sartor.errors import InputError

Word = Literal["STOP", "CONTINUE", "INCONCLUSIVE"]
MIN_GAIN = 0.01
"""What all rows still affordable must bring where no one says what a point is worth: of a share, a point."""
_STEPS = 24
"""Purchases between the next step and all there is, in equal ratios."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What labels cost and what a better KPI is worth, in one currency."""

    label: float
    """One row."""
    worth: float | None = None
    """A gain of 1 on the KPI's own scale; None: unknown, and `min_gain` decides."""
    min_gain: float = MIN_GAIN
    """What all rows still affordable must bring, in the KPI's own units."""

    def __post_init__(self) -> None:
        for name, value in (
            ("a label", self.label),
            ("a point", self.worth or 0.0),
            ("the minimum gain", self.min_gain),
        ):
            if value < 0:
                raise InputError(f"{name} cannot cost or be worth less than nothing: {value:g} is negative")

    def needed(self, rows: float) -> float:
        """The gain that pays for so many rows."""
        return self.min_gain if self.worth is None else rows * self.label / self.worth if self.worth else float("inf")


@dataclass(frozen=True, slots=True)
class Purchase:
    """More labels: how many, what they are forecast to bring, what they cost."""

    rows: int
    gain: Band
    cost: float
    needed: float
    """The gain that pays for them."""
    worth: Band | None
    """The gain in money."""


@dataclass(frozen=True, slots=True)
class Decision:
    word: Word
    size: int
    """Examples now."""
    all: Purchase | None
    """All rows still affordable; None where there are none."""
    best: Purchase | None
    """What is expected to pay most; None where nothing is."""
    next: Purchase | None
    """The next step."""
    detectable: float
    """The smallest gain that the rows asked and the seeds show."""
    rows_needed: float | None
    """To see the gain of `all`, where it is smaller; infinite where rows alone do not do. None where it is not, or the number of
    rows asked is not known."""

    @property
    def hidden(self) -> bool:
        """Whether the gain of `all` is too small to be seen."""
        return self.all is not None and self.all.gain.value < self.detectable


def decide(forecast: Forecast, most: int, step: int, prices: Prices) -> Decision:
    """Whether to label on from the curve's largest size, up to `most` examples in all, `step` at a time."""
    size = int(forecast.curve.sizes[-1])
    detectable = forecast.curve.detectable
    left = most - size
    if left <= 0:
        return Decision("STOP", size, None, None, None, detectable, None)

    def purchase(rows: int) -> Purchase:
        gain, cost = forecast.gain(size, size + rows), rows * prices.label
        worth = (
            Band(*(end * prices.worth for end in (gain.low, gain.value, gain.high)))
            if prices.worth is not None
            else None
        )
        return Purchase(rows, gain, cost, prices.needed(rows), worth)

    everything, step = purchase(left), min(step, left)
    choices = [everything]
    if prices.worth is not None:
        ratio = (left / step) ** (1 / _STEPS)
        choices += [purchase(rows) for rows in sorted({round(step * ratio**i) for i in range(_STEPS)} - {left})]
    paying = [each for each in choices if each.gain.value > each.needed]
    best = max(paying, key=lambda each: each.gain.value - each.needed, default=None)
    visible = everything.gain.value >= detectable
    word: Word = "INCONCLUSIVE"
    if everything.gain.high < everything.needed and best is None:
        word = "STOP"
    elif best and (visible or any(each.gain.low > each.needed for each in choices)):
        word = "CONTINUE"
    rows_needed = None if visible else forecast.curve.rows_needed(everything.gain.value)
    return Decision(word, size, everything, best, purchase(step), detectable, rows_needed)
