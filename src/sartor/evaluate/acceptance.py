"""Acceptance: an output is usable when every hard KPI of the task holds for it, judged alone."""

from collections.abc import Mapping
from typing import Protocol

from sartor.scale import Scale
from sartor.task import KpiSpec, TaskSpec


class Scaled(Protocol):
    """What acceptance asks of a metric or its score."""

    @property
    def scale(self) -> Scale: ...
    @property
    def higher_is_better(self) -> bool: ...


def acceptance(spec: TaskSpec) -> tuple[KpiSpec, ...]:
    """The KPIs that an output must meet to be usable."""
    return tuple(kpi for kpi in spec.kpi_list if kpi.hard)


def failed_kpis(spec: TaskSpec, metrics: Mapping[str, Scaled], row: Mapping[str, float]) -> list[str]:
    """The hard KPIs that do not hold for a row of scores; those that were not measured are left out.

    A KPI holds for a row whose own value reaches the goal, or is perfect where there is none. A share of rows (valid
    JSON) is 0 or 1 on a row, so a goal of 0.99 asks for 1.
    """
    return [
        kpi.name for kpi in acceptance(spec) if kpi.name in row and not _holds(kpi, metrics[kpi.name], row[kpi.name])
    ]


def _holds(kpi: KpiSpec, metric: Scaled, value: float) -> bool:
    top = metric.scale.maximum
    slack = 1e-9 * top
    if metric.higher_is_better:
        return value >= (top if kpi.goal is None else kpi.goal) - slack
    return value <= (0.0 if kpi.goal is None else kpi.goal) + slack
