"""The page of specialists beside one adapter for all: the verdict in words, and tables; without script."""

from dataclasses import dataclass

from sartor.report.page import environment
from sartor.report.svg import PALETTE


@dataclass(frozen=True, slots=True)
class TextTable:
    """Everything as it is shown."""

    title: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """As many cells as there are heads; the first names the row."""


@dataclass(frozen=True, slots=True)
class GeneralistData:
    title: str
    about: str
    """What was compared: `3 tasks, 3 seeds`."""
    headline: str
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    tables: tuple[TextTable, ...]
    provenance: tuple[tuple[str, str], ...]


def render_generalist(data: GeneralistData) -> str:
    """The page as HTML; every text of the data is escaped."""
    return environment().get_template("generalist.html").render(data=data, palette=PALETTE)
