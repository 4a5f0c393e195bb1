import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sartor.cli import terminal
from sartor.errors import InputError

if TYPE_CHECKING:
    from sartor.data.table import Table


def predict(
    system: Annotated[str, typer.Argument(help="An adapter (NAME or NAME@VERSION), or a rival such as zero-shot.")],
    folder: terminal.Folder = Path(),
    data: Annotated[Path | None, typer.Option(help="File of rows; without it, JSON Lines on standard input.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Answer new rows; prints one JSON line a row, with id, answer, others and probability."""
    import sartor

    project = sartor.open(folder)
    rows = _rows(data)
    with terminal.progress(as_json) as progress:
        predictions = project.predict(system, rows, progress=progress)
    if as_json:
        terminal.emit({"system": system, "predictions": [each.to_json() for each in predictions]})
        return
    for each in predictions:
        terminal.emit_line(each.to_json())


def _rows(data: Path | None) -> "Table":
    from sartor.data.jsontext import read_jsonl
    from sartor.data.read import read_rows
    from sartor.data.table import check_cells
    from sartor.data.text import decode

    if data:
        return read_rows(data)
    if sys.stdin.isatty():
        raise InputError("no rows: name a file with --data, or pipe JSON Lines in")
    return check_cells(read_jsonl(decode(sys.stdin.buffer.read(), "standard input"), "standard input"))
