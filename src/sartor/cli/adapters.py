from pathlib import Path

import typer

from sartor.cli import terminal

app = typer.Typer(help="The adapters of a project.")


@app.callback()
def adapters() -> None:
    """The adapters of a project."""


@app.command("list")
def list_adapters(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """Every adapter, with its stage, scores and cost."""
    import sartor

    project = sartor.open(folder)
    found = project.adapters()
    if as_json:
        keys = ("name", "task", "version", "stage", "hash", "created_at", "cost", "scorecard", "manifest")
        documents = [{key: getattr(each, key) for key in keys} | {"path": str(each.path)} for each in found]
        terminal.emit({"project": str(project.root), "adapters": documents})
        return
    if not found:
        print(f"no adapter in {project.root} yet; `sartor run` trains and registers one")
        return
    from rich.table import Table

    table = Table("adapter", "stage", "score", "cost", "made (UTC)", "hash", box=None, pad_edge=False)
    for each in found:
        primary = next(iter(each.scorecard.items()), None)
        scores = f"{primary[0]} {primary[1]['value']:.3f}" if primary else ""
        table.add_row(each.name, each.stage, scores, f"{each.cost:,.2f}", each.created_at[:16], each.hash[:12])
    terminal.console().print(table)
