"""A learning curve for a terminal; it reads without colour too."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.curve import LearningCurve
from sartor.flows.curve_page import curve_data


def show(drawn: LearningCurve, console: Console) -> None:
    """Print the verdict with its reasons, what was measured, and what is forecast."""
    data = curve_data(drawn)
    console.print(Text(f"{data.task}: {data.headline}", style="bold"))
    for sentence in data.reasons:
        console.print(Text(sentence))
    for warning in data.warnings:
        console.print(Text(f"Mind: {warning}", style="yellow"))
    table = Table(
        "rows", data.title, "labels", "training", "the rule said", box=None, pad_edge=False, header_style="dim"
    )
    for p in data.points:
        table.add_row(f"{p.size:,}", data.scale.estimate(p.value, p.low, p.high), p.cost, p.took, p.verdict)
    for a in data.ahead:
        forecast = f"forecast {data.scale.estimate(a.value, a.low, a.high)}"
        table.add_row(f"{a.size:,}", forecast, f"+{a.cost}" if a.cost else "", "", a.gain)
    console.print(table)
    if data.elsewhere:
        console.print(Text("\nBetter spent elsewhere? The most gain for the money first", style="bold"))
        ways = Table("what", "how known", "gain", "cost", box=None, pad_edge=False, header_style="dim")
        for e in data.elsewhere:
            ways.add_row(Text(e.what), e.how, e.gain, e.cost)
        console.print(ways)
