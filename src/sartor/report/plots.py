"""Charts of numbers over numbers: how long the examples are, and how the loss went."""

from collections.abc import Sequence

import altair as alt

from sartor.report.format import count
from sartor.report.svg import PALETTE, WIDTH, svg
from sartor.report.view import GapView, TrainingView


def lengths_chart(lengths: Sequence[int], limit: int | None = None, bins: int = 24) -> str:
    """Histogram of the examples' tokens; the limit is dashed where it lies near the longest one."""
    longest = max(lengths)
    width = _round_up(longest / bins)
    counts = [0] * (longest // width + 1)
    for length in lengths:
        counts[length // width] += 1
    values = [{"from": k * width, "to": (k + 1) * width, "rows": rows} for k, rows in enumerate(counts)]
    shown = limit if limit is not None and limit <= 1.5 * longest else None
    x = alt.X(
        "from:Q",
        bin="binned",
        scale=alt.Scale(domain=[0, max(len(counts) * width, shown or 0)], nice=False),
        axis=alt.Axis(title="tokens an example", tickCount=5),
    )
    y = alt.Y("rows:Q", axis=alt.Axis(title=None, tickCount=4, grid=True, format=",d", tickMinStep=1))
    bars = alt.Chart(alt.InlineData(values=values)).mark_bar(color=PALETTE["other"], binSpacing=1)
    layers = [bars.encode(x=x, x2="to:Q", y=y)]
    if shown is not None:
        rule = alt.Chart(alt.InlineData(values=[{"from": shown}])).mark_rule(
            strokeDash=[3, 3], strokeWidth=1.2, color=PALETTE["ink"]
        )
        layers.append(rule.encode(x=x))
    middle = sorted(lengths)[len(lengths) // 2]
    title = f"Tokens of {count(len(lengths))} training examples"
    return _plot(layers, title, [f"median {count(middle)}", f"longest {count(longest)}"])


def loss_chart(training: TrainingView, points: int = 150) -> str:
    """Training loss (averaged to at most `points`) as a line, validation loss as a line with dots, over epochs."""
    train, validation = thin(training.train_loss, points), list(training.validation_loss)
    epochs, losses = zip(*train, *validation, strict=True)
    x = alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[0, max(epochs)], nice=False),
        axis=alt.Axis(title="epoch", tickCount=5),
    )
    y = alt.Y(
        "loss:Q",
        scale=alt.Scale(domain=[0, max(losses) or 1], nice=True),
        axis=alt.Axis(title=None, tickCount=4, grid=True),
    )
    dots = alt.OverlayMarkDef(color=PALETTE["specialist"], filled=True, size=36)
    layers, said = [], []
    for name, series, role, point in (
        ("training", train, "other", None),
        ("validation", validation, "specialist", dots),
    ):
        if series:
            data = alt.InlineData(values=[{"epoch": epoch, "loss": loss} for epoch, loss in series])
            line = alt.Chart(data).mark_line(
                color=PALETTE[role], strokeWidth=1.7, strokeJoin="round", point=point or False
            )
            layers.append(line.encode(x=x, y=y))
            said.append(f"{name} {series[0][1]:.2f} to {series[-1][1]:.2f}")
    return _plot(layers, "Loss by epoch", said)


def quadrant_chart(gap: GapView) -> str:
    """Every output by the general metric and by the primary KPI; what is right of the dashed line looks good."""
    (x_title, x_top), (y_title, y_top) = gap.axes
    values = [{"x": x, "y": y, "role": "specialist" if usable else "rival"} for x, y, usable in gap.dots]
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, x_top]), axis=alt.Axis(title=x_title, tickCount=5))
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, y_top]), axis=alt.Axis(title=y_title, tickCount=5, grid=True))
    roles = ["specialist", "rival"]
    colour = alt.Color("role:N", scale=alt.Scale(domain=roles, range=[PALETTE[r] for r in roles]), legend=None)
    shape = alt.Shape("role:N", scale=alt.Scale(domain=roles, range=["circle", "diamond"]), legend=None)
    dots = alt.Chart(alt.InlineData(values=values)).mark_point(filled=True, size=26, opacity=0.45)
    rule = alt.Chart(alt.InlineData(values=[{"x": gap.threshold}])).mark_rule(
        strokeDash=[3, 3], strokeWidth=1.2, color=PALETTE["ink"]
    )
    counts = gap.rows[0].quadrants
    said = ("look good and are usable", "look good and are not", "look poor and are usable", "look poor and are not")
    layers = [dots.encode(x=x, y=y, color=colour, shape=shape), rule.encode(x=alt.X("x:Q"))]
    return _plot(layers, "Perceived against real", [f"{count(n)} {what}" for n, what in zip(counts, said, strict=True)])


def thin(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of as many neighbours."""
    step = max(1, -(-len(points) // most))
    groups = [points[k : k + step] for k in range(0, len(points), step)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _round_up(width: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= width:
                return step * scale
        scale *= 10


def _plot(layers: Sequence[alt.Chart], title: str, said: Sequence[str]) -> str:
    return svg(layers, width=WIDTH - 48, height=150, left=36, bottom=38, title=title, said=said)
