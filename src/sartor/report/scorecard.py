"""The scorecard as a page: systems by metric, the gap between perceived and real quality, slices; without script."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sartor.report import plots
from sartor.report.page import environment
from sartor.report.svg import PALETTE
from sartor.report.view import DetailRow, GapView, Mark, MethodsView
from sartor.scale import Scale


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric of every system."""

    title: str
    about: str
    tag: str
    """`hard`, `lower is better`, or both."""
    scale: Scale
    signature: str
    marks: tuple[Mark | None, ...]
    """None where a system was not measured."""


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """One metric of a recipe, over its seeds."""

    recipe: str
    metric: str
    scale: Scale
    mark: Mark
    seeds: int
    spread: str
    share: str
    """Of the variance, what seeds bring."""


@dataclass(frozen=True, slots=True)
class PairLine:
    """Two systems, or recipes, compared on one KPI."""

    systems: str
    metric: str
    points: str
    p_value: float
    q_value: float
    """p adjusted for all lines."""
    verdict: str
    detectable: str
    test: str


@dataclass(frozen=True, slots=True)
class DetailsView:
    """One system's classes or fields."""

    system: str
    part: str
    """`class` or `field`."""
    rows: tuple[DetailRow, ...]
    confusions: tuple[tuple[str, str, int], ...]
    """(expected, answered, rows), most frequent first."""


@dataclass(frozen=True, slots=True)
class SlicesView:
    system: str
    column: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Mark, Scale], ...]], ...]
    """(value, (mark, its scale) of each title)."""


@dataclass(frozen=True, slots=True)
class ScorecardData:
    title: str
    kind: str
    rows: int
    headline: str
    notes: tuple[str, ...]
    systems: tuple[str, ...]
    lines: tuple[MetricLine, ...]
    recipes: tuple[RecipeLine, ...]
    comparisons: tuple[PairLine, ...]
    promotions: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """The sentence of each, and its conditions as (state, text)."""
    gaps: tuple[GapView, ...]
    details: Sequence[DetailsView]
    slices: Sequence[SlicesView]
    methods: MethodsView | None = None
    """Where it was methods that were compared."""


def render_scorecard(data: ScorecardData) -> str:
    """The page as HTML. Every text of the data is escaped, and a long one is cut with the cut said."""
    gaps = [(gap, Markup(plots.quadrant_chart(gap))) for gap in data.gaps]
    return environment().get_template("scorecard.html").render(data=data, gaps=gaps, palette=PALETTE)
