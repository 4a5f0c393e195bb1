"""What to label next, for a terminal; it reads without colour too."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.curve_next import NEXT, RANDOM, Next
from sartor.report.format import line, plural

SHOWN = 5
"""Classes of each choice that are named."""


def show(made: Next, console: Console) -> None:
    """Print whether choosing pays, the chosen rows beside as many at random, and what was left out."""
    for place, sentence in enumerate(made.sentences):
        console.print(Text(line(sentence), style="bold" if made.trial and not place else ""))
    heads = ("chosen by", "rows", "uncertainty", "reach", "farthest", "classes")
    table = Table(*heads, box=None, pad_edge=False, header_style="dim")
    for each in made.choices:
        unsure = "–" if each.uncertainty is None else f"{each.uncertainty:.3f}"
        classes = f"{len(each.classes):,}" if each.classes else "–"
        table.add_row(each.way, f"{each.rows:,}", unsure, f"{each.reach:.3f}", f"{each.farthest:.3f}", classes)
    console.print(table)
    told = "reach, farthest: cosine of the pool's rows to the nearest labelled or chosen one, on average and at worst"
    console.print(Text(told, style="dim"))
    for each in made.choices:
        if each.way in (NEXT, RANDOM) and each.classes:
            most = ", ".join(f"{line(label)} {count:,}" for label, count in list(each.classes.items())[:SHOWN])
            rest = len(each.classes) - SHOWN
            console.print(Text(f"expected of {each.way}: {most}" + (f", and {rest:,} more" if rest > 0 else "")))
    left_out = made.rows - made.left
    why = f"; of {plural(made.rows, 'row')} {left_out:,} were left out: {made.left_out}" if left_out else ""
    chosen = plural(len(made.chosen), "row")
    console.print(Text(f"{chosen} of {made.left:,} of {line(made.pool)} to label next{why}"))
