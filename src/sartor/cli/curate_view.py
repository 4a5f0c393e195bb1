"""What curation did, as a table for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.curate import Curated
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
