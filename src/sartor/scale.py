"""What a metric's numbers are measured on, and how they read: `.91 (.88–.93)`, `+7.1 points`, `−0.12 s`."""

import math
from dataclasses import dataclass
from statistics import NormalDist

Z_POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
"""Standard errors that a difference must be to be found four times in five, at 5 % on two sides."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From 0 to `maximum`; differences are told in the metric's `unit`, where it has one, else in hundredths of the range."""

    maximum: float = 1.0
    unit: str = ""

    @property
    def point(self) -> float:
        """What differences are told in, in the metric's own terms."""
        return 1.0 if self.unit else self.maximum / 100

    def number(self, value: float) -> str:
        """`.91`; `27.3` for a metric that counts to 100; `0.231` in a unit; more decimals rather than all or nothing."""
        if self.unit:
            return _minus(f"{value:,.{_decimals(value)}f}")
        if self.maximum > 1:
            return _minus(f"{value:.1f}")
        for places in (2, 3, 4):
            text = f"{value:.{places}f}"
            if round(value, 9) in (0, 1) or 0 < float(text) < 1:
                break
        return text.removeprefix("0")

    def interval(self, low: float, high: float) -> str:
        """`.88–.93`"""
        return f"{self.number(low)}–{self.number(high)}"

    def estimate(self, value: float, low: float, high: float) -> str:
        """`.91 (.88–.93)`"""
        return f"{self.number(value)} ({self.interval(low, high)})"

    def points(self, difference: float) -> str:
        """`+7.1 points`, `−15 points`, percentage points where the metric is a share; `−0.12 s` in a unit."""
        text = self._points(difference, difference)
        plus = "+" if difference > 0 and any(digit in text for digit in "123456789") else ""
        return f"{plus}{text} {self.unit or 'points'}"

    def points_interval(self, difference: float, low: float, high: float) -> str:
        """The interval of a difference, with as many decimals as the difference has: `4.0–10.2`, `−19 to −11`."""
        joint = "–" if min(low, high) >= 0 else " to "
        return joint.join(self._points(end, difference) for end in (low, high))

    def difference(self, value: float, low: float, high: float) -> str:
        """`+68 points (64–72)`"""
        return f"{self.points(value)} ({self.points_interval(value, low, high)})"

    def _points(self, value: float, leading: float) -> str:
        if self.unit:
            places = _decimals(leading)
        else:
            value, leading = 100 / self.maximum * value, 100 / self.maximum * leading
            places = 1 if abs(leading) < 10 else 0
        return _minus(f"{round(value, places) + 0.0:,.{places}f}")


SHARE = Scale()


def _decimals(value: float) -> int:
    """As many as show three significant digits."""
    return max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0


def _minus(text: str) -> str:
    return text.replace("-", "−")
