from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sartor.cli import terminal

if TYPE_CHECKING:
    from sartor.adapters import AdapterVersion

app = typer.Typer(help="The adapters of a project.")
Name = Annotated[str, typer.Argument(help="NAME@VERSION, or NAME: what is in production, else the latest candidate.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


@app.callback()
def adapters() -> None:
    """The adapters of a project."""


@app.command("list")
def list_adapters(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """Every adapter, with its stage, scores and cost."""
    import sartor

    project = sartor.open(folder)
    found = project.adapters.list()
    if as_json:
        terminal.emit({"project": str(project.root), "adapters": [_document(each) for each in found]})
        return
    if not found:
        print(f"no adapter in {project.root} yet; `sartor run` trains and registers one")
        return
    from rich.table import Table

    table = Table("adapter", "stage", "tags", "score", "cost", "made (UTC)", "hash", box=None, pad_edge=False)
    for each in found:
        first = next((f"{metric} {score['value']:.3f}" for metric, score in each.scores), "")
        shown = (first, f"{each.cost:,.2f}", each.created_at[:16], each.hash[:12])
        table.add_row(each.name, each.stage, " ".join(each.tags), *shown)
    terminal.console().print(table)


@app.command()
def show(name: Name, folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """All that is known of an adapter: how it was made, from which rows, what it scores, where it stood."""
    import sartor

    found, moves = sartor.open(folder).adapters.show(name)
    if as_json:
        terminal.emit(_document(found) | {"moves": [asdict(move) for move in moves]})
        return
    from rich.table import Table
    from rich.text import Text

    from sartor.adapters.card import flat

    lines = [("made (UTC)", found.created_at[:16]), ("hash", found.hash), ("folder", str(found.path))]
    lines += [("tags", " ".join(found.tags))] if found.tags else []
    for metric, score in found.scores:
        lines += [(metric, f"{score['value']:.3f} ({score['low']:.3f}–{score['high']:.3f}), n = {score['n']:,}")]
    lines += [(key, str(value)) for key, value in flat(found.manifest)]
    lines += [(f"{move.at[:16]} {move.stage}", f"{move.actor}: {move.reason}") for move in moves]
    lines += [(f"{note.at[:16]} note", f"{note.actor}: {note.text}") for note in found.notes]
    table = Table(found.name, found.stage, box=None, pad_edge=False, header_style="bold")
    for line in lines:
        table.add_row(*map(Text, line))
    terminal.console().print(table)


@app.command("diff")
def diff_adapters(before: Name, after: Name, folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """What two adapters differ in."""
    import sartor
    from sartor.adapters import diff

    adapters = sartor.open(folder).adapters
    (a, _), (b, _) = adapters.show(before), adapters.show(after)
    found = diff(a, b)
    if as_json:
        terminal.emit({"before": a.name, "after": b.name, "differences": [asdict(each) for each in found]})
        return
    if not found:
        print(f"{a.name} and {b.name} differ in nothing that is known of them")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("what", a.name, b.name, box=None, pad_edge=False)
    for each in found:
        values = ("" if value is None else str(value) for value in (each.before, each.after))
        table.add_row(*map(Text, (each.what, *values)))
    terminal.console().print(table)


@app.command()
def promote(
    name: Name,
    folder: terminal.Folder = Path(),
    override: Annotated[bool, typer.Option("--override", help="In spite of the gates; wants a --reason.")] = False,
    reason: Reason = "",
    as_json: terminal.Json = False,
) -> None:
    """Into production, if every gate of the task says so; what was there is retired."""
    import sartor

    with terminal.progress(as_json) as progress:
        found, version = sartor.open(folder).adapters.promote(name, reason, override, progress=progress)
    promoted = version.stage == "production"
    if as_json:
        terminal.emit(found.to_json() | {"promoted": promoted, "stage": version.stage})
    else:
        from rich.text import Text

        console = terminal.console()
        for gate in found.gates:
            console.print(Text(f"{gate.name}: {gate.verdict}", style="bold"))
            for condition in gate.conditions:
                rows = f" (about {condition.rows_needed:,} test rows would settle it)" if condition.rows_needed else ""
                console.print(Text(f"  {condition.state}: {condition.text}{rows}"))
        beside = found.incumbent or "nothing in production yet"
        told = f"{found.candidate} is {'' if promoted else 'not '}promoted"
        because = (
            f"in spite of {', '.join(found.closed)}: {reason}" if promoted and found.closed else f"beside {beside}"
        )
        print(f"{found.verdict}: {told}, {because}; n = {found.n:,}, test set opened {found.test_openings:,} times")
    if not promoted:
        raise typer.Exit(1)


@app.command()
def rollback(folder: terminal.Folder = Path(), reason: Reason = "", as_json: terminal.Json = False) -> None:
    """What was in production before the last promotion, into production again."""
    import sartor

    _told(sartor.open(folder).adapters.roll_back(reason=reason), as_json)


@app.command()
def retire(name: Name, folder: terminal.Folder = Path(), reason: Reason = "", as_json: terminal.Json = False) -> None:
    """Out of use; it is kept."""
    import sartor

    _told(sartor.open(folder).adapters.withdraw(name, "retired", reason), as_json)


@app.command()
def quarantine(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why nobody is to use it.")],
    folder: terminal.Folder = Path(),
    as_json: terminal.Json = False,
) -> None:
    """Not to be used by anybody."""
    import sartor

    _told(sartor.open(folder).adapters.withdraw(name, "quarantined", reason), as_json)


@app.command()
def tag(
    name: Name,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Lower-case letters, digits, `.`, `-`, `_`.")],
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the task, or of the project.")] = Path(),
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags off.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Put tags on an adapter, or take them off."""
    import sartor

    found = sartor.open(folder).adapters.tag(name, *tags, remove=remove)
    if as_json:
        terminal.emit(_document(found))
    else:
        print(f"{found.name}: {' '.join(found.tags) or 'no tags'}")


@app.command()
def note(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be known of it.")],
    folder: terminal.Folder = Path(),
    as_json: terminal.Json = False,
) -> None:
    """Write a note on an adapter; it stays."""
    import sartor

    found = sartor.open(folder).adapters.note(name, text)
    if as_json:
        terminal.emit(_document(found))
    else:
        print(f"{found.name}: noted")


@app.command()
def verify(
    folder: terminal.Folder = Path(),
    name: Annotated[str | None, typer.Option(help="NAME or NAME@VERSION; default: all.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Whether the files of the adapters are those that were registered."""
    import sartor

    found = sartor.open(folder).adapters.verify(name)
    if as_json:
        terminal.emit({"adapters": [{"name": version.name, "wrong": wrong} for version, wrong in found]})
    else:
        for version, wrong in found:
            print(wrong or f"{version.name} is whole")
    if any(wrong for _, wrong in found):
        raise typer.Exit(1)


@app.command()
def export(
    name: Name,
    to: Annotated[Path, typer.Argument(metavar="TO", help="A new folder.")],
    folder: terminal.Folder = Path(),
    format: Annotated[
        Literal["peft", "merged", "gguf"],
        typer.Option(help="peft; merged into its base, for Transformers; or gguf, for llama.cpp."),
    ] = "peft",
    as_json: terminal.Json = False,
) -> None:
    """As a folder for other programs, with a signed statement of what it is."""
    import sartor

    with terminal.progress(as_json) as progress:
        statement = sartor.open(folder).adapters.export(name, to, format, progress)
    parity = statement.get("parity")
    if as_json:
        terminal.emit({"folder": str(to), "format": format, "signer": statement["signer"], "parity": parity})
        return
    if parity:
        print(
            f"as the adapter: {parity['nats']:.1g} nats apart, {parity['kpi']} {parity['merged']:.3g} beside "
            f"{parity['adapter']:.3g}, n = {parity['rows']:,}"
        )
    print(f"{to}, signed by {statement['signer']}")


@app.command("import")
def import_adapter(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="A folder that `export` made.")],
    folder: terminal.Folder = Path(),
    signer: Annotated[list[str] | None, typer.Option(help="A public key that is trusted; repeatable.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """An exported adapter as a candidate, if it is just what a trusted key has signed."""
    import sartor

    _told(sartor.open(folder).adapters.import_folder(source, signer or []), as_json)


def _told(version: "AdapterVersion", as_json: bool) -> None:
    if as_json:
        terminal.emit(_document(version))
    else:
        stands = "in production" if version.stage == "production" else version.stage
        print(f"{version.name} is {stands}")


def _document(version: "AdapterVersion") -> dict[str, Any]:
    keys = ("name", "task", "version", "stage", "tags", "hash", "created_at", "cost", "scorecard", "manifest")
    notes = [{"text": note.text, "actor": note.actor, "at": note.at} for note in version.notes]
    return {key: getattr(version, key) for key in keys} | {"notes": notes, "path": str(version.path)}
