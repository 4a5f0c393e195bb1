"""A learning curve that was measured elsewhere: a file of sizes, values and intervals, and the same rule as for our own."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from sartor.curve.forecast import TRIED, Forecast
from sartor.curve.ladder import check_sizes
from sartor.curve.points import DRAWS, Curve, Goodness
from sartor.curve.stop import decide
from sartor.data.read import read_rows
from sartor.data.table import Table
from sartor.errors import InputError
from sartor.evaluate.statistics import Z
from sartor.flows.curve import LearningCurve, Point, prices_of
from sartor.scale import SHARE
from sartor.task import CostSpec, CurveSpec

SIZE, VALUE, LOW, HIGH = "size", "value", "low", "high"


def curve_of_file(path: Path, curve: CurveSpec, costs: CostSpec, goal: float | None) -> LearningCurve:
    """The curve in a file with the columns `size`, `value`, `low` and `high`: of each training size a share, such as an accuracy,
    and its 95 % interval. The intervals count as drawn apart, which makes the forecast wider where they were not.

    Without `curve.labels` the rule weighs four times the largest size. Raises InputError naming file, row and column, and as
    `check_sizes` does.
    """
    table = read_rows(path)
    points = sorted((_point(table, row) for row in range(len(table.rows))), key=lambda point: point.size)
    sizes = check_sizes([point.size for point in points], points[-1].size)
    goodness = Goodness()
    errors = np.array([(point.high - point.low) / (2 * Z) for point in points])
    lacks = goodness.lack(np.array([point.value for point in points]))
    drawn = lacks + errors * np.random.default_rng(0).standard_normal((DRAWS, len(points)))
    apart = float(np.hypot(errors[-1], errors[-2]))
    forecast = Forecast(Curve(np.array(sizes, float), lacks, np.clip(drawn, 0, 1), goodness, row_error=apart))
    prices = prices_of(curve, costs.label, SHARE)
    last, most = sizes[-1], curve.labels or round(TRIED * sizes[-1])
    decided = {last: decide(forecast, most, last - sizes[-2], prices)} if forecast.curve.fall is None else {}
    return LearningCurve(path.stem, VALUE, SHARE, points, forecast, prices, costs.currency, most, decided, goal)


def _point(table: Table, row: int) -> Point:
    for column, role in ((SIZE, "training rows"), (VALUE, "the KPI"), (LOW, "its interval"), (HIGH, "its interval")):
        table.require(column, role)
    size, value, low, high = (_number(table, row, column) for column in (SIZE, VALUE, LOW, HIGH))
    if size < 1 or size != round(size):
        table.refuse([(row, f"`{SIZE}` is {size:g}: write a whole number of training rows, 1 or more")])
    if not 0 <= low <= value <= high <= 1:
        table.refuse(
            [(row, f"{low:g} ≤ {value:g} ≤ {high:g} does not hold between 0 and 1: write shares, such as .88")]
        )
    if low == high:
        table.refuse(
            [(row, f"the KPI has no interval, `{LOW}` and `{HIGH}` are both {low:g}: write its 95 % interval")]
        )
    return Point(int(size), value, low, high)


def _number(table: Table, row: int, column: str) -> float:
    value: Any = table.rows[row][column]
    if value is None or value == "":
        lacks = "the KPI has no interval" if column in (LOW, HIGH) else "there is no number"
        raise InputError(f"{table.place(row)}: {lacks}, `{column}` is empty: fill it in")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{table.place(row)}: `{column}` is {str(value)[:40]!r}: write a number")
    return number
