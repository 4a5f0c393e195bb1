"""A search for a recipe as a table for a terminal; it reads without colour too."""

import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.halving import Tuned
from sartor.report.format import seconds

HEADS = {"learning_rate": "rate", "batch_size": "batch", "label_smoothing": "smoothing", "rank": "rank"}


def show(tuned: Tuned, console: Console) -> None:
    """Print every trial with its fate, and the block of `sartor.yaml` that was found."""
    found = tuned.halving
    console.print(Text(f"{tuned.task}: trials, and their losses on validation rows", style="bold"))
    keys = {key: head for key, head in HEADS.items() if key in tuned.settings}
    heads = ["trial", *keys.values(), "loss", "time", "fate"]
    table = Table(*heads, box=None, pad_edge=False, header_style="dim")
    for trial in found.trials:
        loss, _ = trial.best
        shown = f"{loss:.4f}" if math.isfinite(loss) else "–"
        settings = [f"{trial.settings[key]:g}" for key in keys]
        table.add_row(str(trial.number), *settings, shown, seconds(trial.seconds), found.fate(trial))
    console.print(table)
    for sentence in tuned.sentences:
        console.print(Text(sentence))
    console.print(Text("This run trains with it; to keep it, write into sartor.yaml:\n"))
    console.print(Text(tuned.block + "\n"))
