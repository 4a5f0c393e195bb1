from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sartor.cli import terminal

app = typer.Typer(help="The versions of a task's rows.")
SHOWN = 5
"""Rows of a version, and changes between two, that a terminal is shown."""

Version = Annotated[str, typer.Argument(help="The beginning of a version's hash, or `latest`.")]
Dir = Annotated[Path, typer.Option("--dir", help="Folder of the task, or of the project.")]


@app.callback()
def data() -> None:
    """The versions of a task's rows."""


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="File of rows with the task's columns.")],
    folder: Dir = Path(),
    as_json: terminal.Json = False,
) -> None:
    """Make the rows of a file the latest version."""
    import sartor

    project = sartor.open(folder)
    entry, aside = project.add_rows(file)
    _, _, examples = project.version(entry.hash)
    if as_json:
        terminal.emit({"version": entry.hash, "step": entry.step, "rows": len(examples), "set_aside": aside})
        return
    from sartor.report.format import plural

    print(f"version {entry.hash[:12]} holds {plural(len(examples), 'row')} of {file.name}")
    if aside:
        print(f"{plural(len(aside), 'row')} could not be read, such as {aside[0]['place']}: {aside[0]['reason']}")


@app.command("split")
def split(
    folder: terminal.Folder = Path(),
    share: Annotated[float | None, typer.Option(help="Of the rows; default: `data.test_share`.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Split off a test set that nothing changes any more, and leave the rest as the latest version."""
    import sartor

    made = sartor.open(folder).split(share)
    if as_json:
        terminal.emit({key: getattr(made, key) for key in ("version", "test_version", "rows", "notes")})
        return
    print("\n".join(made.notes))
    print(f"write under `data` in sartor.yaml:\n  version: latest\n  test_version: {made.test_version[:12]}")


@app.command("list")
def list_versions(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """Every step that the rows went through, the latest last."""
    import sartor

    steps = sartor.open(folder).versions()
    if as_json:
        keys = ("seq", "hash", "step", "created_at")
        terminal.emit({"versions": [{key: getattr(e, key) for key in keys} | {"rows": rows} for e, rows in steps]})
        return
    if not steps:
        print("no version yet; `sartor curate` or `sartor data add FILE` makes one")
        return
    from rich.table import Table

    table = Table("step", "version", "rows", "made (UTC)", box=None, pad_edge=False)
    for entry, rows in steps:
        table.add_row(entry.step, entry.hash[:12], f"{rows:,}", entry.created_at[:16])
    terminal.console().print(table)


@app.command("show")
def show(version: Version = "latest", folder: Dir = Path(), as_json: terminal.Json = False) -> None:
    """What is known of a version, how far its annotators agree, and its first rows."""
    import sartor
    from sartor.data.agreement import agreement

    hash, manifest, examples = sartor.open(folder).version(version)
    agreed = agreement(examples)
    if as_json:
        rows = [{"id": e.id, "question": e.question, "target": e.target} for e in examples]
        terminal.emit(
            {"version": hash, "manifest": manifest, "rows": rows, "agreement": asdict(agreed) if agreed else None}
        )
        return
    from sartor.report.format import cut, line, plural

    print(f"version {hash[:12]}: {plural(len(examples), 'row')}")
    if agreed:
        print(f"annotators: {agreed}")
    for example in examples[:SHOWN]:
        print(f"{example.id}: {cut(line(example.question), 80)[0]} → {cut(line(example.target), 40)[0]}")


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="A version.")],
    after: Annotated[str, typer.Argument(help="Another one.")] = "latest",
    folder: Dir = Path(),
    as_json: terminal.Json = False,
) -> None:
    """What changed between two versions, row by row."""
    import sartor

    changes = sartor.open(folder).diff(before, after)
    if as_json:
        terminal.emit({"changes": [{"row": c.row, "change": c.change, "parts": c.parts} for c in changes]})
        return
    for change in changes:
        print(f"{change.row}: {change.change} {', '.join(change.parts)}".rstrip())
    if not changes:
        print("no row differs")


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; its ending names the format where --format does not.")],
    version: Annotated[str, typer.Option(help="A version.")] = "latest",
    format: Annotated[
        str | None, typer.Option(help="csv, jsonl, parquet, messages, alpaca, argilla, label-studio.")
    ] = None,
    folder: Dir = Path(),
    as_json: terminal.Json = False,
) -> None:
    """Write the rows of a version for another tool."""
    import sartor
    from sartor.data.export import export
    from sartor.store.disk import write_file

    terminal.check_file(file, "FILE")
    hash, _, examples = sartor.open(folder).version(version)
    write_file(file, export(examples, format or file.suffix.removeprefix(".")))
    if as_json:
        terminal.emit({"version": hash, "file": str(file), "rows": len(examples)})
    else:
        print(f"{file} holds the {len(examples):,} rows of version {hash[:12]}")


@app.command("pull")
def pull(
    name: Annotated[str, typer.Argument(help="banking77, cuad, mts_dialog, mbpp or nlupp.")],
    to: Annotated[Path | None, typer.Argument(help="Folder to write it to; default: one of its name.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Fetch a public set from its home. Only this fetches data, and only what it is asked for."""
    from sartor.data.public import SETS, pull

    with terminal.progress(as_json) as progress:
        files = pull(name, to or Path(name), progress)
    if as_json:
        terminal.emit({"set": name, "licence": SETS[name].licence, "files": [str(each) for each in files]})
        return
    for each in files:
        print(each)
    print(f"licence: {SETS[name].licence}")
