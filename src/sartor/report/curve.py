"""The page of a learning curve: the verdict in words, the curve with its forecast and what labels cost, and the numbers; without
script."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
from markupsafe import Markup

from sartor.report.format import count
from sartor.report.page import environment
from sartor.report.svg import PALETTE, WIDTH, svg
from sartor.scale import Scale

_PLOT = WIDTH - 48


@dataclass(frozen=True, slots=True)
class PointRow:
    size: int
    value: float
    low: float
    high: float
    verdict: str
    """What the rule said after it."""
    cost: str
    """Of so many labels."""
    took: str
    """Of training."""


@dataclass(frozen=True, slots=True)
class AheadRow:
    size: int
    value: float
    low: float
    high: float
    """90 % band of the forecast."""
    gain: str
    cost: str
    """Of the labels from here to there."""
    worth: str


@dataclass(frozen=True, slots=True)
class ElsewhereRow:
    what: str
    how: str
    gain: str
    cost: str


@dataclass(frozen=True, slots=True)
class CurveData:
    task: str
    title: str
    scale: Scale
    headline: str
    reasons: tuple[str, ...]
    """Why, one sentence each."""
    warnings: tuple[str, ...]
    points: tuple[PointRow, ...]
    ahead: tuple[AheadRow, ...]
    band: tuple[tuple[float, float, float, float], ...]
    """(size, value, low, high) of the laws, from the first size on; empty where the curve is not extrapolated."""
    elsewhere: tuple[ElsewhereRow, ...]
    """Ways to spend the money, the most gain for it first."""
    goal: float | None
    costs: tuple[tuple[int, str], ...]
    """Ticks of the size axis, with what so many labels cost."""
    provenance: tuple[tuple[str, str], ...]


def render_curve(data: CurveData) -> str:
    """The page as HTML; every text of the data is escaped."""
    return environment().get_template("curve.html").render(data=data, chart=Markup(curve_chart(data)), palette=PALETTE)


def curve_chart(data: CurveData) -> str:
    """Points with 95 % intervals, the laws' median with its 90 % band, the goal as a dashed line; sizes on a logarithmic axis,
    with the price of the labels under each tick."""
    sizes = [point.size for point in data.points] + [size for size, *_ in data.band]
    goal = [] if data.goal is None else [data.goal]
    lows = [point.low for point in data.points] + [low for _, _, low, _ in data.band] + goal
    highs = [point.high for point in data.points] + [high for *_, high in data.band] + goal
    room = 0.04 * (max(highs) - min(lows))
    price = " : ".join(f"datum.value == {size} ? {json.dumps(cost)}" for size, cost in data.costs)
    x = alt.X(
        "size:Q",
        scale=alt.Scale(type="log", domain=[min(sizes) / 1.08, max(sizes) * 1.08], nice=False),
        axis=alt.Axis(
            title="training rows, and what their labels cost",
            values=[size for size, _ in data.costs],
            labelExpr=f"[format(datum.value, ',d'), {price} : '']",
        ),
    )
    scale = alt.Scale(
        domain=[max(0, min(lows) - room), min(data.scale.maximum, max(highs) + room)], nice=False, zero=False
    )
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=None, tickCount=5, grid=True))
    band = alt.Chart(
        alt.InlineData(values=[dict(zip(("size", "value", "low", "high"), each, strict=True)) for each in data.band])
    )
    dots = alt.Chart(
        alt.InlineData(values=[{"size": p.size, "value": p.value, "low": p.low, "high": p.high} for p in data.points])
    )
    blue = PALETTE["specialist"]
    layers = []
    if data.band:
        layers.append(band.mark_area(color=blue, opacity=0.15).encode(x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q"))
        layers.append(band.mark_line(color=blue, strokeWidth=1.4, strokeDash=[4, 3]).encode(x=x, y=y))
    if data.goal is not None:
        rule = alt.Chart(alt.InlineData(values=[{"value": data.goal}]))
        layers.append(rule.mark_rule(strokeDash=[3, 3], strokeWidth=1.2, color=PALETTE["ink"]).encode(y=y))
    layers.append(dots.mark_rule(color=blue, strokeWidth=2).encode(x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q"))
    layers.append(dots.mark_point(color=blue, filled=True, size=60, opacity=1).encode(x=x, y=y))
    return svg(layers, _PLOT, 220, left=36, bottom=52, title=f"{data.title} by training rows", said=_said(data))


def _said(data: CurveData) -> Sequence[str]:
    measured = [f"{count(p.size)} rows {data.scale.estimate(p.value, p.low, p.high)}" for p in data.points]
    ahead = [f"forecast for {count(a.size)} rows {data.scale.estimate(a.value, a.low, a.high)}" for a in data.ahead]
    return [*measured, *ahead]
