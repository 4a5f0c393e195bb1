"""The report page: one HTML file that needs nothing else, with no script and no reference to anywhere."""

from dataclasses import dataclass
from functools import cache, partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sartor.report import charts, format, plots
from sartor.report.svg import PALETTE
from sartor.report.view import ReportData, SystemView
from sartor.scale import SHARE

MOST_CONFUSIONS = 15
_FILTERS = (*("capital", "compact", "count", "cut", "p_value", "plural", "seconds", "size_bytes"),)


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the big numbers under the headline."""

    label: str
    value: str
    unit: str
    note: str
    role: str
    """`specialist`, `rival` or `plain`: its colour."""


def render(data: ReportData) -> str:
    """The whole page as HTML; what the data does not have, the page does not show.

    Every text of the data is escaped, control characters are replaced, and a long text is cut with the cut said.
    """
    shown = environment().get_template("page.html")
    return shown.render(
        data=data,
        tiles=tiles(data),
        palette=PALETTE,
        money=partial(format.money, currency=data.cost.currency),
        marked=lambda system, metric: _marked(data, system, metric),
        measured=lambda metric: measured(data, metric),
        systems_chart=lambda metric: Markup(charts.systems_chart(data, metric)),
        details_charts=[Markup(chart) for chart in charts.details_charts(data)],
        lengths_chart=_lengths_chart(data),
        loss_chart=_loss_chart(data),
        gap=data.gap,
        gap_chart=Markup(plots.quadrant_chart(data.gap)) if data.gap else Markup(),
        rivals={row.name: row for row in data.rival_details},
        supports={row.name: row.support for row in data.details},
        confusions=sorted(data.confusions, key=lambda c: -c.rows)[:MOST_CONFUSIONS],
        most_details=charts.MOST_DETAILS,
    )


def tiles(data: ReportData) -> list[Tile]:
    """The primary KPI of specialist and best rival, their difference, and the cost.

    The specialist comes first only where it wins.
    """
    title, scale = data.metric(data.primary).title, data.metric(data.primary).scale

    def system_tile(system: SystemView, role: str) -> Tile:
        mark = system.scores[data.primary]
        note = f"{format.capital(title)}, 95 % interval {scale.interval(mark.low, mark.high)}"
        return Tile(system.name, scale.number(mark.value), "", note, role)

    shown = [system_tile(data.specialist, "specialist")]
    if data.best_rival:
        best = system_tile(data.best_rival, "rival")
        shown = [*shown, best] if data.outcome == "specialist wins" else [best, *shown]
    if data.decisive:
        c = data.decisive
        value, unit = scale.points(c.difference).split(maxsplit=1)
        p = format.p_value(c.p_value).replace(" ", "\N{NO-BREAK SPACE}")
        note = f"{scale.points_interval(c.difference, c.low, c.high)}, {p}"
        shown.append(Tile("specialist minus rival", value, unit, note, "plain"))
    if data.cost.rows:
        most = max(data.cost.rows, key=lambda row: row.amount)
        note = f"most of it {most.item}, {format.money(most.amount, data.cost.currency)}"
        if not data.cost.total:
            note = "no rates are set: what was used stands below"
        shown.append(Tile("cost of this result", format.money(data.cost.total, data.cost.currency), "", note, "plain"))
    return shown


def measured(data: ReportData, metric: str) -> str:
    """How a metric was measured, over all systems: `n = 300, Wilson`, and what is to be minded."""
    marks = [system.scores[metric] for system in data.systems if metric in system.scores]
    low, high = min(mark.n for mark in marks), max(mark.n for mark in marks)
    rows = f"n = {low:,}" if low == high else f"n = {low:,} to {high:,}"
    said = [{mark.method for mark in marks}, {mark.note for mark in marks}]
    return ", ".join([rows, *(text for texts in said for text in sorted(texts) if text)])


def _marked(data: ReportData, system: SystemView, metric: str) -> tuple[str, str] | None:
    mark, scale = system.scores.get(metric), data.metric(metric).scale
    return (scale.number(mark.value), f"({scale.interval(mark.low, mark.high)})") if mark else None


def _lengths_chart(data: ReportData) -> Markup:
    lengths = data.data.lengths
    return Markup(plots.lengths_chart(lengths, data.data.max_length)) if lengths else Markup()


def _loss_chart(data: ReportData) -> Markup:
    training = data.training
    if training is None or len(training.train_loss) + len(training.validation_loss) < 2:
        return Markup()
    return Markup(plots.loss_chart(training))


@cache
def environment() -> Environment:
    """Where the pages' templates lie, with the filters that they use; every text is escaped and cleaned."""
    environment = Environment(
        loader=PackageLoader("sartor.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update((name, getattr(format, name)) for name in _FILTERS)
    environment.filters["share"] = SHARE.number
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(name: str) -> Markup:
    """A name in which a line may break after `_` and `.`"""
    return escape(format.clean(name)).replace("_", Markup("_<wbr>")).replace(".", Markup(".<wbr>"))


def _finalize(value: object) -> object:
    return format.clean(value) if type(value) is str else value
