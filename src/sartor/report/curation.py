"""The curation's page: the rows before and after, and what each check has against them; without script."""

from dataclasses import dataclass

import altair as alt
from markupsafe import Markup

from sartor.report.format import count
from sartor.report.page import environment
from sartor.report.svg import PALETTE, WIDTH, svg
from sartor.scale import SHARE


@dataclass(frozen=True, slots=True)
class RowView:
    id: str
    question: str
    target: tuple[tuple[str, bool], ...]
    """In pieces, and whether a piece is at fault."""


@dataclass(frozen=True, slots=True)
class OffenderView:
    """A row that a check flags, beside the row that it is like, or what it would become."""

    row: RowView
    action: str
    reason: str
    score: float
    beside: RowView | None = None
    beside_is: str = ""
    """`row 12`, or `fixed`."""


@dataclass(frozen=True, slots=True)
class CheckView:
    name: str
    title: str
    about: str
    action: str
    threshold: float
    suspected: int
    flagged: int
    curve: tuple[tuple[float, int], ...]
    """(threshold, rows that score above it), thresholds rising."""
    worst: tuple[OffenderView, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """`.91 (.88–.93)`"""
        return SHARE.estimate(self.value, self.low, self.high)


@dataclass(frozen=True, slots=True)
class FinderView:
    """What one check found of one kind of planted defect."""

    check: str
    title: str
    found: int
    flagged: int
    """All rows that it flags."""
    right: int
    """Of those, rows with a planted defect that it is to find."""
    otherwise: int
    """Of those, rows with another planted defect."""
    precision: Estimate | None
    """None where nothing is flagged."""


@dataclass(frozen=True, slots=True)
class PlantedView:
    """What curation found of one kind of planted defect."""

    defect: str
    planted: int
    absent: int
    """Planted in rows that the version does not hold, and not counted."""
    pairs: bool
    """Whether a defect is a pair of rows."""
    found: int
    """By any of the checks."""
    recall: Estimate | None
    """None where no check looked, or nothing is planted."""
    missed: tuple[str, ...]
    """Rows; of a pair, the one that repeats the other."""
    finders: tuple[FinderView, ...]
    """The checks that are to find it and were made."""


@dataclass(frozen=True, slots=True)
class CurationData:
    task: str
    kind: str
    headline: str
    profile: tuple[tuple[str, float, float], ...]
    """(what, before, after)."""
    remarks: tuple[str, ...]
    """Of the set as a whole."""
    checks: tuple[CheckView, ...]
    provenance: tuple[tuple[str, str], ...]
    proof: tuple[str, ...]
    """Whether it paid, one sentence each."""
    planted: tuple[PlantedView, ...] = ()
    """Of a key; empty without one."""


def render_curation(data: CurationData) -> str:
    """The page as HTML. Every text of the data is escaped, and a long one is cut with the cut said."""
    charts = {check.name: Markup(flagged_chart(check)) for check in data.checks if len(check.curve) > 1}
    return environment().get_template("curation.html").render(data=data, charts=charts, palette=PALETTE)


def flagged_chart(check: CheckView) -> str:
    """How many rows a check flags at each threshold; the dashed line is the one in use."""
    values = [{"threshold": threshold, "rows": rows} for threshold, rows in check.curve]
    x = alt.X("threshold:Q", axis=alt.Axis(title="threshold", tickCount=5), scale=alt.Scale(nice=False, zero=False))
    y = alt.Y("rows:Q", axis=alt.Axis(title=None, tickCount=3, grid=True, format=",d", tickMinStep=1))
    line = alt.Chart(alt.InlineData(values=values)).mark_line(
        interpolate="step-after", color=PALETTE["specialist"], strokeWidth=1.7
    )
    rule = alt.Chart(alt.InlineData(values=[{"threshold": check.threshold}])).mark_rule(
        strokeDash=[3, 3], strokeWidth=1.2, color=PALETTE["ink"]
    )
    layers = [line.encode(x=x, y=y), rule.encode(x=x)]
    said = [f"{count(check.flagged)} rows above {check.threshold:g}", f"{count(check.suspected)} suspected at all"]
    return svg(layers, WIDTH - 48, 110, left=36, bottom=38, title=f"Rows flagged by {check.title}", said=said)
