"""The report's charts as static SVG strings: no script, no reference, no fixed background.

Colours are written as the plain light ones of `PALETTE`; the page's style sheet recolours them by attribute
(`[fill="#0b5cad"]`) for a dark screen, so that an SVG also stands alone. Every chart is `WIDTH` units wide and legible
on a phone at that width.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert
from markupsafe import escape

from sartor.report.format import clean, count, marked, score
from sartor.report.view import ConfusionView, DetailRow, ReportData, TrainingView

WIDTH = 360
PALETTE = {
    "specialist": "#0b5cad",
    "rival": "#b4500b",
    "other": "#6b7079",
    "ink": "#1c1f24",
    "muted": "#5b6069",
    "line": "#d9d6ce",
}
FONT = "Open Sans"  # bundled with vl-convert, so layout is the same everywhere; the page shows the reader's own sans
MOST_DETAILS = 30
_ROW = 38
_PLOT = WIDTH - 16


def systems_chart(data: ReportData, metric: str) -> str:
    """One row a system, best on the primary KPI first: its name, its mark, a dot on its interval, the goal dashed.

    Systems that were not measured on the metric are left out.
    """
    view = data.metric(metric)
    best = data.best_rival
    rows: list[dict[str, Any]] = []
    for system in data.ranked:
        mark = system.scores.get(metric)
        if mark is None:
            continue
        role = "specialist" if system.kind == "specialist" else "rival" if system is best else "other"
        rows.append(
            {
                "row": len(rows),
                "name": clean(system.name),
                "role": role,
                "value": mark.value,
                "low": mark.low,
                "high": mark.high,
                "text": marked(mark, view.top),
            }
        )
    goal = next((kpi.goal for kpi in data.kpis if kpi.metric == metric), None)
    ticks = _ticks([row["high"] for row in rows] + [goal or 0], view.top)
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[0, ticks[-1]], nice=False),
        axis=alt.Axis(title=None, values=ticks, labelExpr=_tick_label(view.top)),
    )
    colour, shape = _roles("color"), _roles("shape")
    base = _rows_chart(rows)
    layers = [
        *_row_texts(base, colour),
        base.mark_rule(strokeWidth=5, strokeCap="round", opacity=0.38).encode(
            x=alt.X("low:Q"), x2="high:Q", color=colour
        ),
        base.mark_point(filled=True, size=85, opacity=1).encode(x=x, color=colour, shape=shape),
    ]
    if goal is not None:
        layers.insert(
            2,
            base.transform_calculate(value=str(float(goal)))
            .mark_tick(thickness=1.5, height=12, color=PALETTE["ink"])
            .encode(x=x),
        )
    said = [f"{row['name']} {row['text']}" for row in rows]
    if goal is not None:
        said.append(f"goal {score(goal, view.top)}")
    return _rows_svg(layers, len(rows), clean(view.title), "; ".join(said))


def details_charts(data: ReportData) -> list[str]:
    """F1 of each class or field as a bar, weakest first, the best rival's as a tick; two charts to stand side by side.

    Shows the `MOST_DETAILS` weakest; empty without details.
    """
    rows = weakest(data.details)
    rivals = {row.name: row for row in data.rival_details}
    half = len(rows) if len(rows) <= 8 else (len(rows) + 1) // 2
    return [_details_chart(data, part, rivals) for part in (rows[:half], rows[half:]) if part]


def weakest(rows: Sequence[DetailRow]) -> list[DetailRow]:
    """The rows that the charts show, lowest F1 first, of equals the most frequent."""
    return sorted(rows, key=lambda row: (row.f1, -row.support, row.name))[:MOST_DETAILS]


def _details_chart(data: ReportData, part: Sequence[DetailRow], rivals: dict[str, DetailRow]) -> str:
    rows: list[dict[str, Any]] = [
        {
            "row": k,
            "name": clean(row.name),
            "role": "specialist",
            "zero": 0,
            "value": row.f1,
            "rival": rivals[row.name].f1 if row.name in rivals else None,
            "text": score(row.f1),
        }
        for k, row in enumerate(part)
    ]
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(title=None, values=_ticks([1.0], 1.0), labelExpr=_tick_label(1.0)),
    )
    base = _rows_chart(rows)
    layers = [
        *_row_texts(base, _roles("color")),
        base.mark_rule(strokeWidth=5, color=PALETTE["specialist"]).encode(x=alt.X("zero:Q"), x2="value:Q"),
        base.transform_filter("isValid(datum.rival)")
        .mark_tick(thickness=3, height=13, opacity=1, color=PALETTE["rival"])
        .encode(x=alt.X("rival:Q")),
        base.mark_point(size=0, opacity=0).encode(x=x),
    ]
    said = "; ".join(f"{row['name']} {row['text']}" for row in rows)
    return _rows_svg(layers, len(rows), f"F1 by {data.part}, specialist", said)


def lengths_chart(lengths: Sequence[int], limit: int | None = None, bins: int = 24) -> str:
    """Histogram of the examples' tokens; the limit is dashed where it lies near the longest one."""
    longest = max(lengths)
    width = _round_up(longest / bins)
    counts = [0] * (longest // width + 1)
    for length in lengths:
        counts[length // width] += 1
    values = [{"from": k * width, "to": (k + 1) * width, "rows": rows} for k, rows in enumerate(counts)]
    shown = limit if limit is not None and limit <= 1.5 * longest else None
    reach = max(len(counts) * width, shown or 0)
    x = alt.X(
        "from:Q",
        bin="binned",
        scale=alt.Scale(domain=[0, reach], nice=False),
        axis=alt.Axis(title="tokens an example", tickCount=5),
    )
    layers: list[alt.Chart] = [
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(color=PALETTE["other"], binSpacing=1)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("rows:Q", axis=alt.Axis(title=None, tickCount=4, grid=True, format=",d", tickMinStep=1)),
        )
    ]
    if shown is not None:
        layers.append(
            alt.Chart(alt.InlineData(values=[{"from": shown}]))
            .mark_rule(strokeDash=[3, 3], strokeWidth=1.2, color=PALETTE["ink"])
            .encode(x=x)
        )
    middle = sorted(lengths)[len(lengths) // 2]
    return _plot_svg(
        layers,
        f"Tokens of {count(len(lengths))} training examples",
        f"median {count(middle)}, longest {count(longest)}",
    )


def loss_chart(training: TrainingView, points: int = 150) -> str:
    """Training loss (averaged to at most `points`) as a line, validation loss as a line with dots, over epochs."""
    train = [{"epoch": e, "loss": v} for e, v in thin(training.train_loss, points)]
    validation = [{"epoch": e, "loss": v} for e, v in training.validation_loss]
    values = train + validation
    x = alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[0, max(v["epoch"] for v in values)], nice=False),
        axis=alt.Axis(title="epoch", tickCount=5),
    )
    y = alt.Y(
        "loss:Q",
        scale=alt.Scale(domain=[0, max(v["loss"] for v in values)], nice=True),
        axis=alt.Axis(title=None, tickCount=4, grid=True),
    )
    layers: list[alt.Chart] = []
    if train:
        layers.append(
            alt.Chart(alt.InlineData(values=train))
            .mark_line(color=PALETTE["other"], strokeWidth=1.5, strokeJoin="round")
            .encode(x=x, y=y)
        )
    if validation:
        layers.append(
            alt.Chart(alt.InlineData(values=validation))
            .mark_line(
                color=PALETTE["specialist"],
                strokeWidth=2,
                point=alt.OverlayMarkDef(color=PALETTE["specialist"], filled=True, size=36),
            )
            .encode(x=x, y=y)
        )
    said = [f"{name} {part[0]['loss']:.2f} to {part[-1]['loss']:.2f}"
            for name, part in (("training", train), ("validation", validation)) if part]
    return _plot_svg(layers, "Loss by epoch", "; ".join(said))


def thin(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of as many neighbours."""
    step = -(-len(points) // most) if points else 1
    groups = [points[k : k + step] for k in range(0, len(points), step)]
    return [(sum(e for e, _ in g) / len(g), sum(v for _, v in g) / len(g)) for g in groups]


def top_confusions(confusions: Sequence[ConfusionView], most: int = 15) -> list[ConfusionView]:
    """The most frequent ones."""
    return sorted(confusions, key=lambda c: (-c.count, c.expected, c.answered))[:most]


def _rows_chart(rows: list[dict[str, Any]]) -> alt.Chart:
    """One row of the plot for each of `rows`, from the top: `row` is its number."""
    scale = alt.Scale(domain=[-0.75, len(rows) - 0.35], reverse=True, nice=False)
    return alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("row:Q", scale=scale, axis=None))


def _row_texts(base: alt.Chart, colour: alt.Color) -> list[alt.Chart]:
    """The track of each row, with its name on the left above and its number on the right."""
    left, right = alt.value(0), alt.value(_PLOT)
    return [
        base.mark_rule(strokeWidth=1, color=PALETTE["line"]).encode(x=left, x2=right),
        base.mark_text(align="left", dy=-15, fontSize=12, limit=_PLOT - 44, color=PALETTE["ink"]).encode(
            x=left, text="name:N"
        ),
        base.mark_text(align="right", dy=-15, fontSize=12, fontWeight=600).encode(x=right, text="text:N", color=colour),
    ]


def _roles(channel: str) -> Any:
    roles = ["specialist", "rival", "other"]
    if channel == "shape":
        scale = alt.Scale(domain=roles, range=["circle", "diamond", "circle"])
        return alt.Shape("role:N", scale=scale, legend=None)
    return alt.Color("role:N", scale=alt.Scale(domain=roles, range=[PALETTE[role] for role in roles]), legend=None)


def _ticks(values: Sequence[float], top: float) -> list[float]:
    """From 0 to the first quarter of the scale that holds all values."""
    quarters = max(1, math.ceil(round(4 * max(values) / top, 9)))
    steps = 5 if quarters < 3 else quarters
    return [top * quarters / 4 * k / steps for k in range(steps + 1)]


def _tick_label(top: float) -> str:
    if top != 1.0:
        return "format(datum.value, '~g')"
    return "datum.value == 0 ? '0' : datum.value >= 1 ? '1' : slice(format(datum.value, '.2~f'), 1)"


def _round_up(width: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= width:
                return step * scale
        scale *= 10


def _rows_svg(layers: list[alt.Chart], rows: int, title: str, said: str) -> str:
    return _svg(layers, (_PLOT, _ROW * rows), (0, 22), title, said)


def _plot_svg(layers: list[alt.Chart], title: str, said: str) -> str:
    return _svg(layers, (WIDTH - 48, 150), (36, 38), title, said)


def _svg(layers: list[alt.Chart], size: tuple[int, int], margin: tuple[int, int], title: str, said: str) -> str:
    """The layers as an `<svg>` fit to be put into a page: a title, and all that it says as text for screen readers.

    `size` is the plot's width and height, `margin` the room on its left and below it for the axes.
    """
    (width, height), (left, bottom) = size, margin
    spec = (
        alt.layer(*layers)
        .properties(width=width, height=height)
        .configure(
            font=FONT,
            aria=False,
            background="transparent",
            autosize="none",
            padding={"left": left, "right": WIDTH - left - width, "top": 6, "bottom": bottom},
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=PALETTE["muted"],
            titleColor=PALETTE["muted"],
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
            gridColor=PALETTE["line"],
            domainColor=PALETTE["line"],
            tickColor=PALETTE["line"],
            grid=False,
            ticks=False,
            labelPadding=5,
        )
        .configure_axisY(domain=False)
    )
    svg = vl_convert.vegalite_to_svg(json.dumps(spec.to_dict()))
    total = 6 + height + bottom
    root = (
        f'<svg viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}" overflow="visible" role="img" '
        f'aria-label="{escape(f"{title}: {said}")}"><title>{escape(title)}</title>'
    )
    return root + svg[svg.index(">") + 1 :]
