"""The verdict as the terminal ends with it: six lines that say what the page says."""

from sartor.report import format
from sartor.report.view import Mark, ReportData
from sartor.scale import Scale


def verdict_lines(data: ReportData) -> list[str]:
    """Exactly six plain lines: verdict, systems, comparison, goals, cost, and where adapter and page are.

    They carry no markup and no control characters, whatever the data holds.
    """
    lines = (_verdict(data), _systems(data), _comparison(data), _goals(data), _cost(data), _places(data))
    return [format.line(text) for text in lines]


def _verdict(data: ReportData) -> str:
    return f"Verdict: {data.headline}"


def _systems(data: ReportData) -> str:
    view = data.metric(data.primary)
    marks = (f"{system.name} {_estimate(system.scores[data.primary], view.scale)}" for system in data.ranked)
    return f"{format.capital(view.title)}: {' · '.join(marks)}"


def _comparison(data: ReportData) -> str:
    rows = f"{format.plural(data.data.test, 'test row')}, opened {format.plural(data.test_openings, 'time')}"
    c = data.decisive
    if c is None:
        return f"Test: {rows}"
    scale = data.metric(c.metric).scale
    said = f"specialist minus {c.rival} {scale.difference(c.difference, c.low, c.high)}, {format.p_value(c.p_value)}"
    return f"Test: {said}, detectable {scale.points(c.mdd).lstrip('+')}; {rows}"


def _goals(data: ReportData) -> str:
    goals = []
    for kpi in data.kpis:
        if kpi.goal is not None:
            view = data.metric(kpi.metric)
            reached, goal = view.scale.number(kpi.mark.value), view.scale.number(kpi.goal)
            goals.append(f"{view.title} {reached}, {'hard ' if kpi.hard else ''}goal {goal}: {kpi.met}")
    return f"Goals: {' · '.join(goals)}" if goals else "Goals: none set"


def _cost(data: ReportData) -> str:
    if not data.cost.total:
        return f"Cost: {'no rates are set' if data.cost.rows else 'not counted'}"
    parts = [f"{row.item} {format.money(row.amount, data.cost.currency)}" for row in data.cost.rows if row.amount]
    return f"Cost: {format.money(data.cost.total, data.cost.currency)} ({', '.join(parts)})"


def _places(data: ReportData) -> str:
    said = [f"Report: {data.path or 'not written'}"]
    if data.warnings:
        said.append(f"with {format.plural(len(data.warnings), 'warning')}")
    return f"{' '.join(said)} · adapter: {data.adapter or 'none'}"


def _estimate(mark: Mark, scale: Scale) -> str:
    return scale.estimate(mark.value, mark.low, mark.high)
