from pathlib import Path
from typing import Annotated

import typer

from sartor.cli import terminal
from sartor.task import Kind


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new task; made where it is not there.")],
    data: Annotated[Path, typer.Option(help="File of examples: CSV, TSV, JSON, JSONL, Parquet or Excel.")],
    test: Annotated[Path | None, typer.Option(help="File of held-out examples.")] = None,
    input: Annotated[str | None, typer.Option(help="Column that the model reads.")] = None,
    target: Annotated[str | None, typer.Option(help="Column that it should answer.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Kind of the task.")] = None,
    base: Annotated[str | None, typer.Option(help="Base model: built-in name, folder, hub id or file.gguf.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Write a commented sartor.yaml from a file of examples, and say what was guessed."""
    from sartor.flows import init as flow

    result = flow.init(folder, data, test, input, target, kind, base)
    if as_json:
        terminal.emit(result.to_json())
        return
    for side, format in result.files.items():
        print(f"{side}: read as {format}")
    for what, guess in result.guesses.items():
        print(f"{what}: {guess}")
    print(f"wrote {result.path}; look it over, then run `sartor check {folder}`")
