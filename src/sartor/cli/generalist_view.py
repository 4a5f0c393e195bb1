"""Specialists beside one adapter for all, for a terminal; everything reads without colour too."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.report.generalist import GeneralistData


def show(data: GeneralistData, console: Console) -> None:
    """Print the verdict, why, what is to be minded, and the tables."""
    console.print(Text(data.headline, style="bold"))
    for sentence in data.sentences:
        console.print(Text(sentence))
    for warning in data.warnings:
        console.print(Text(warning, style="yellow"))
    for each in data.tables:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for head in each.heads:
            table.add_column(Text(head), overflow="fold")  # an interval is never cut
        for row in each.rows:
            table.add_row(*map(Text, row))
        console.print(Text(f"\n{each.title}", style="bold"))
        console.print(table)
