"""Charts of one row each: the systems' scores with their intervals, and the F1 of every class or field."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from sartor.report.format import capital, clean
from sartor.report.svg import PALETTE, WIDTH, svg
from sartor.report.view import DetailRow, ReportData
from sartor.scale import SHARE

MOST_DETAILS = 30
_PLOT = WIDTH - 6
_ROW = 38
_AXIS_GAP = 0.35  # of a row, between the last one and the axis
_ROLES = ["specialist", "rival", "other"]


def systems_chart(data: ReportData, metric: str) -> str:
    """One row a system, best on the primary KPI first: its name, its mark, a dot on its interval, a stroke at the goal.

    Systems that were not measured on the metric are left out.
    """
    view = data.metric(metric)
    goal = next((kpi.goal for kpi in data.kpis if kpi.metric == metric), None)
    measured = [(system, system.scores[metric]) for system in data.ranked if metric in system.scores]
    rows: list[dict[str, Any]] = [
        {
            "row": k,
            "name": clean(system.name),
            "role": "specialist" if system is data.specialist else "rival" if system is data.best_rival else "other",
            "value": mark.value,
            "low": mark.low,
            "high": mark.high,
            "goal": goal,
            "text": view.scale.estimate(mark.value, mark.low, mark.high),
        }
        for k, (system, mark) in enumerate(measured)
    ]
    base, colour = _rows(rows), _colour()
    axis = _axis([goal or 0, *(row["high"] for row in rows)], view.scale.maximum)
    shape = alt.Shape("role:N", scale=alt.Scale(domain=_ROLES, range=["circle", "diamond", "circle"]), legend=None)
    layers = [
        *_texts(base, name_width=_PLOT - 110),
        base.transform_filter("isValid(datum.goal)")
        .mark_tick(thickness=1.5, height=11, opacity=1, color=PALETTE["ink"])
        .encode(x=alt.X("goal:Q")),
        base.mark_rule(strokeWidth=5, strokeCap="round", opacity=0.38).encode(
            x=alt.X("low:Q"), x2="high:Q", color=colour
        ),
        base.mark_point(filled=True, size=85, opacity=1).encode(x=alt.X("value:Q", **axis), color=colour, shape=shape),
    ]
    said = [f"{row['name']} {row['text']}" for row in rows]
    if goal is not None:
        said.append(f"goal {view.scale.number(goal)}")
    return _svg(layers, len(rows), clean(capital(view.title)), said)


def details_charts(data: ReportData) -> list[str]:
    """F1 of each class or field as a bar, weakest first, the best rival's as a stroke; two charts, side by side.

    Shows the `MOST_DETAILS` weakest; empty without details.
    """
    rows = weakest(data.details)
    rivals = {row.name: row.f1 for row in data.rival_details}
    half = len(rows) if len(rows) <= 8 else (len(rows) + 1) // 2
    title = f"F1 by {data.part}, specialist"
    return [_details_chart(part, rivals, title) for part in (rows[:half], rows[half:]) if part]


def weakest(rows: Sequence[DetailRow]) -> list[DetailRow]:
    """The rows that the charts show, lowest F1 first, of equals the most frequent."""
    return sorted(rows, key=lambda row: (row.f1, -row.support, row.name))[:MOST_DETAILS]


def _details_chart(part: Sequence[DetailRow], rivals: dict[str, float], title: str) -> str:
    rows: list[dict[str, Any]] = [
        {
            "row": k,
            "name": clean(row.name),
            "role": "specialist",
            "value": row.f1,
            "rival": rivals.get(row.name),
            "text": SHARE.number(row.f1),
        }
        for k, row in enumerate(part)
    ]
    base = _rows(rows)
    layers = [
        *_texts(base, name_width=_PLOT - 44),
        base.mark_rule(strokeWidth=5, color=PALETTE["specialist"]).encode(
            x=alt.X("value:Q", **_axis([1.0], 1.0)), x2=alt.X2Datum(0)
        ),
        base.transform_filter("isValid(datum.rival)")
        .mark_tick(thickness=3, height=13, opacity=1, color=PALETTE["rival"])
        .encode(x=alt.X("rival:Q")),
    ]
    return _svg(layers, len(rows), title, [f"{row['name']} {row['text']}" for row in rows])


def _rows(rows: list[dict[str, Any]]) -> alt.Chart:
    """One row of the plot for each of `rows`, from the top: `row` is its number."""
    scale = alt.Scale(domain=[-0.75, len(rows) - 0.75 + _AXIS_GAP], reverse=True, nice=False)
    return alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("row:Q", scale=scale, axis=None))


def _texts(base: alt.Chart, name_width: int) -> list[alt.Chart]:
    """The track of each row, with its name on the left above and its number on the right."""
    left, right = alt.value(0), alt.value(_PLOT)
    name = base.mark_text(align="left", dy=-16, fontSize=12, limit=name_width, color=PALETTE["ink"])
    number = base.mark_text(align="right", dy=-16, fontSize=12, fontWeight=600)
    return [
        base.mark_rule(strokeWidth=1, color=PALETTE["line"]).encode(x=left, x2=right),
        name.encode(x=left, text="name:N"),
        number.encode(x=right, text="text:N", color=_colour()),
    ]


def _colour() -> alt.Color:
    return alt.Color("role:N", scale=alt.Scale(domain=_ROLES, range=[PALETTE[role] for role in _ROLES]), legend=None)


def _axis(values: Sequence[float], maximum: float) -> dict[str, Any]:
    """A scale from 0 to the first quarter of the metric's range that holds all values."""
    quarters = max(1, math.ceil(round(4 * max(values) / maximum, 9)))
    steps = 5 if quarters < 3 else quarters
    ticks = [maximum * quarters / 4 * k / steps for k in range(steps + 1)]
    label = "datum.value == 0 ? '0' : datum.value >= 1 ? '1' : slice(format(datum.value, '.2~f'), 1)"
    if maximum > 1:
        label = "format(datum.value, '~g')"
    return {
        "scale": alt.Scale(domain=[0, ticks[-1]], nice=False),
        "axis": alt.Axis(title=None, values=ticks, labelExpr=label),
    }


def _svg(layers: Sequence[alt.Chart], rows: int, title: str, said: Sequence[str]) -> str:
    height = round(_ROW * (rows + _AXIS_GAP))
    return svg(layers, width=_PLOT, height=height, left=0, bottom=22, title=title, said=said)
