"""Methods of fine-tuning beside each other, as tables for a terminal; everything reads without colour too."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.methods import Compared
from sartor.flows.methods_table import methods_table
from sartor.report.format import plural, seconds


def show(compared: Compared, console: Console) -> None:
    """Print what each method scores and takes, the rates that were tried, and what equal quality comes to."""
    judged, view = compared.judged, methods_table(compared)
    said = f"{judged.spec.task}: methods on the same data, {plural(len(judged.examples), 'test row')}, {compared.seeds} seeds"
    console.print(Text(said, style="bold"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in view.heads:
        table.add_column(Text(head), overflow="fold")  # an interval is never cut
    for row in view.rows:
        table.add_row(*map(Text, row))
    console.print(table)
    tuning = Table("method", "rate", "validation loss", "time", box=None, pad_edge=False, header_style="dim")
    for cost in compared.costs:
        for each in sorted(cost.tuning.tried, key=lambda each: each.rate):
            chosen = ", chosen" if each.rate == cost.learning_rate else ""
            loss = "diverged" if each.loss is None else f"{each.loss:.4f}{chosen}"
            tuning.add_row(cost.method, f"{each.rate:.2g}", loss, seconds(each.seconds))
    console.print(Text("\nRates that were tried", style="bold"))
    console.print(tuning)
    console.print(Text("\nCost at equal quality", style="bold"))
    for sentence in view.sentences:
        console.print(Text(sentence))
    notes = {score.note for score in compared.kpis.values() if score.note}
    for note in sorted(notes):
        console.print(Text(note, style="yellow"))
