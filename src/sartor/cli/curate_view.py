"""What curation did, as a table for a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.curate import Curated
from sartor.flows.select import Selected
from sartor.report.curation import PlantedView
from sartor.report.format import plural


def show(made: Curated, plan: bool, console: Console) -> None:
    """Print a line for each check, and where the rows stand."""
    table = Table("check", "action", "flagged", "an example", box=None, pad_edge=False, header_style="dim")
    for policy in made.policies:
        flagged = sorted(made.flagged(policy.check), key=lambda each: -each.score)
        example = f"{flagged[0].row}: {flagged[0].reason}" if flagged else ""
        table.add_row(
            policy.check, policy.action, f"{len(flagged):,}", Text(example, overflow="ellipsis", no_wrap=True)
        )
    console.print(table)
    for remark in made.remarks:
        console.print(Text(remark, style="yellow"))
    before, after = len(made.examples), len(made.left)
    if plan:
        console.print(Text(f"{plural(before, 'row')} would become {after:,}; nothing was done", style="bold"))
    elif made.after is None:
        console.print(Text(f"{plural(before, 'row')}, nothing to change", style="bold"))
    else:
        said = (
            f"{plural(before, 'row')} became {after:,}: version {made.after[:12]}; `sartor curate undo` takes it back"
        )
        console.print(Text(said, style="bold"))


def show_selected(made: Selected, console: Console) -> None:
    """Print a line for the chosen rows and for each rival, and where the rows stand."""
    heads = ("chosen by", "rows", "words", "classes", "smallest", "reach", "farthest", "probe")
    table = Table(*heads, box=None, pad_edge=False, header_style="dim")
    for each in made.choices:
        probe = f"{each.probe.accuracy:.3f} ({each.probe.low:.3f}–{each.probe.high:.3f})" if each.probe else "–"
        classes = (f"{each.classes:,}", f"{each.smallest:,}") if each.classes else ("–", "–")
        table.add_row(
            each.way, f"{each.rows:,}", f"{each.words:,}", *classes, f"{each.reach:.3f}", f"{each.farthest:.3f}", probe
        )
    console.print(table)
    console.print(
        Text("reach, farthest: cosine of all rows to the nearest chosen one, on average and at worst", style="dim")
    )
    if tried := made.choices[0].probe:
        told = f"probe: accuracy of encoder + linear on a fifth of the rows ({tried.rows:,}), chosen so from the other four"
        console.print(Text(told, style="dim"))
    left_out = plural(len(made.decisions), "row")
    if made.after is None:
        console.print(Text(f"{left_out} would be left out; nothing was done", style="bold"))
    else:
        said = f"{left_out} left out: version {made.after[:12]}; `sartor curate undo` takes it back"
        console.print(Text(said, style="bold"))


def show_planted(found: Sequence[PlantedView], console: Console) -> None:
    """Print what was found of planted flaws, and how many of the rows that each check flags are right."""
    for each in found:
        planted = plural(each.planted, "planted pair" if each.pairs else "planted row")
        planted += f" ({each.absent:,} more in rows that are not there)" if each.absent else ""
        if not each.finders:
            console.print(Text(f"{each.defect}: {planted}, not looked for"))
            continue
        console.print(Text(f"{each.defect}: {each.found:,} of {planted} found, recall {each.recall or 'of none'}"))
        for by in each.finders:
            right = f"{by.right:,} of {plural(by.flagged, 'flagged row')} right"
            console.print(Text(f"  {by.check}: {right}" + (f", precision {by.precision}" if by.precision else "")))
