"""What has moved, for a terminal; it reads without colour too."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.drift import Drift
from sartor.report.format import line, plural

SHOWN = 5
"""Clusters."""
STATES = {True: "moved", False: "steady", None: "open"}


def show(found: Drift, console: Console) -> None:
    """Print the verdict, what it rests on, what is asked more than it was, and what people thought of the replies."""
    console.print(Text(f"{found.verdict}: {line(found.why)}", style="bold"))
    if found.measures:
        table = Table("", "95 %", "limit", "requests", "", box=None, pad_edge=False, header_style="dim")
        for each in found.measures:
            value = f"{each.value:.3f} ({each.low:.3f}–{each.high:.3f})"
            table.add_row(
                each.what, value, f"{each.limit:.2f}", f"{each.n:,}", STATES[each.moved] if each.decides else "shown"
            )
        console.print(table)
        table = Table(
            "asked like the row", "of the task's rows", "of requests", box=None, pad_edge=False, header_style="dim"
        )
        for cluster in found.clusters[:SHOWN]:
            table.add_row(line(cluster.nearest), f"{cluster.then:.3f}", f"{cluster.now:.3f}")
        console.print(table)
    said, days = found.ratings, plural(found.days, "day")
    rated = f"{said.up:,} liked, {said.down:,} disliked, {said.corrected:,} corrected"
    if said.up + said.down + said.corrected:
        rated += f"; {said.low:.0%} to {said.high:.0%} of them liked, of whoever says something"
    console.print(Text(f"in {days}: {plural(found.requests, 'request')} counted; replies {rated}"))
    if found.verdict == "RETRAIN":
        ways = "`sartor serve feedback --out FILE` has what was corrected; label more of what is new, and `sartor run`"
        console.print(Text(f"to train anew: {ways}"))
