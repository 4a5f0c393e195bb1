from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sartor.cli import terminal
from sartor.errors import InputError

if TYPE_CHECKING:
    from sartor.flows.check import CheckReport


def check(
    folder: terminal.Folder = Path(),
    gpu: Annotated[str | None, typer.Option(help='Estimate for a GPU, such as "A10 24GB".')] = None,
    price: Annotated[float | None, typer.Option(min=0, help="What an hour of the machine costs.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Show what training would see and cost, and whatever is wrong, before anything is spent."""
    import sartor

    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        report = project.check(gpu=gpu, price=price, progress=progress)
    if not as_json:
        from sartor.cli.check_view import show

        show(report, terminal.console())
    _finish(report, as_json)


def _finish(report: "CheckReport", as_json: bool) -> None:
    """The document, with the error where there is one."""
    try:
        report.raise_for_errors()
    except InputError as error:
        terminal.error(str(error), error.exit_code, as_json, report.to_json())
        raise typer.Exit(error.exit_code) from None
    if as_json:
        terminal.emit(report.to_json())
