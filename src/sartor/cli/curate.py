from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sartor.cli import terminal
from sartor.errors import InputError
from sartor.task import Way

app = typer.Typer(cls=terminal.RunByDefault, help="Make the task's rows better, with a reason for each.")


@app.command("run")
def run(
    folder: terminal.Folder = Path(),
    check: Annotated[list[str] | None, typer.Option(help="Run this check only; may be repeated.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
    ledger: Annotated[Path | None, typer.Option(help="Write every decision here, one JSON line each.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the page here; default: curation.html beside the task.")
    ] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Then train on the raw, the curated and as many random rows: did it pay?")
    ] = False,
    seeds: Annotated[int, typer.Option(min=2, help="With --prove: trainings of each of the three.")] = 3,
    key: Annotated[
        Path | None, typer.Option(help="Flaws that are known to be in the rows: say how many of them were found.")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Look at every row with every check, apply the task's policies, and make a new version of the rows."""
    import sartor
    from sartor.cli.curate_view import show, show_planted
    from sartor.flows.curation_page import curation_page
    from sartor.flows.planted import planted, read_key
    from sartor.store.disk import write_file

    terminal.check_file(ledger, "--ledger")
    terminal.check_file(out, "--out")
    if plan and prove:
        raise InputError("--plan does nothing, and --prove needs what was done: name one of the two")
    flaws = read_key(key) if key else []
    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        made = project.curate(check or (), plan=plan, progress=progress)
    page = out or (project.here or project.root) / "curation.html"
    found = planted(flaws, made) if flaws else ()
    write_file(page, curation_page(made, plan, found).encode())
    if ledger:
        write_file(ledger, made.ledger.encode())
    if not as_json:
        show(made, plan, terminal.console())
        show_planted(found, terminal.console())
        print(f"page: {page}")
    proof = None
    if prove:
        with terminal.progress(as_json) as progress:
            proof = project.prove(seeds, progress=progress)
        write_file(page, curation_page(made, plan, found, (*proof.sentences, proof.costs)).encode())
    if as_json:
        told = {"page": str(page), "proof": proof.to_json() if proof else None}
        terminal.emit(made.to_json() | told | {"planted": [asdict(each) for each in found] if key else None})
    elif proof:
        print("\n".join([*proof.sentences, proof.costs]))


@app.command("select")
def select(
    size: Annotated[int, typer.Option(min=1, help="Rows to choose.")],
    folder: terminal.Folder = Path(),
    by: Annotated[Way, typer.Option(help="What to choose by.")] = "coverage",
    like: Annotated[
        Path | None, typer.Option(help="With --by similar: a file of rows that the chosen are to be like.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be chosen, and do nothing.")] = False,
    ledger: Annotated[Path | None, typer.Option(help="Write a JSON line for every row that is left out here.")] = None,
    prove: Annotated[
        bool,
        typer.Option(
            "--prove", help="Then train on the chosen, on as many random and on the longest rows: did it pay?"
        ),
    ] = False,
    seeds: Annotated[int, typer.Option(min=2, help="With --prove: trainings of each of the three.")] = 3,
    as_json: terminal.Json = False,
) -> None:
    """Choose rows, and show them beside as many at random and the longest; that makes a new version."""
    import sartor
    from sartor.cli.curate_view import show_selected
    from sartor.store.disk import write_file

    if plan and prove:
        raise InputError("--plan does nothing, and --prove needs what was done: name one of the two")
    terminal.check_file(ledger, "--ledger")
    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        made = project.select(size, by, like, plan, progress=progress)
    if ledger:
        write_file(ledger, made.ledger.encode())
    if not as_json:
        show_selected(made, terminal.console())
    proof = None
    if prove:
        with terminal.progress(as_json) as progress:
            proof = project.prove_selection(made, seeds, progress=progress)
    if as_json:
        terminal.emit(made.to_json() | {"proof": proof.to_json() if proof else None})
    elif proof:
        print("\n".join([*proof.sentences, proof.costs]))


@app.command("undo")
def undo(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """Go back to the version before the last change; that makes a new line of the history, and loses nothing."""
    import sartor

    entry = sartor.open(folder).undo()
    if as_json:
        terminal.emit({"version": entry.hash, "step": entry.step})
    else:
        print(f"the rows stand at version {entry.hash[:12]} again")


@app.command("ledger")
def ledger(
    folder: terminal.Folder = Path(),
    row: Annotated[str | None, typer.Option(help="Only of this row: its id, else its number from 0.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Every decision that led to the latest version, and why."""
    import sartor

    found = sartor.open(folder).ledger(row)
    if as_json:
        terminal.emit({"decisions": found})
        return
    if not found:
        print(f"no check had anything against the row {row}" if row else "no check had anything against any row")
    for each in found:
        print(f"{each['row']}: {each['action']} by {each['check']}: {each['reason']}")
