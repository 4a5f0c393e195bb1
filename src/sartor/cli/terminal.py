"""What verbs print: documents and tables on stdout; errors, progress and logs on stderr."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sartor.errors import InputError
from sartor.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console

EVERY = 5.0
"""Seconds between lines of progress where no bar can be drawn."""

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the task, or of the project.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class RunByDefault(TyperGroup):
    """Verbs of which `run` is meant where none is named: `sartor curate DIR` is `sartor curate run DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def emit(document: dict[str, Any]) -> None:
    """The verb's one document."""
    print(_dump(document, indent=2))


def emit_line(document: dict[str, Any]) -> None:
    """One line of JSON Lines."""
    print(_dump(document, indent=None))


def error(message: str, code: int, as_json: bool, document: dict[str, Any] | None = None) -> None:
    """The one sentence on stderr and, for machines, the document on stdout, with what else is known."""
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr)
    if as_json:
        emit({"error": {"message": message, "exit_code": code}, **(document or {})})


def check_file(path: Path | None, option: str) -> None:
    """Raises InputError, before anything is computed, where a file could not be written."""
    if path and path.is_dir():
        raise InputError(f"{option} {path} is a folder; name a file in it")
    if path and not path.parent.is_dir():
        raise InputError(f"{option} {path}: the folder {path.parent} does not exist; make it, or name another")


def read_lines(path: Path, option: str) -> list[str]:
    """Raises InputError where the file cannot be read as UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{option} {path} cannot be read as text in UTF-8 ({error}): name another file") from None


def lines(prompt: str) -> Iterator[str]:
    """What is typed, or piped, line by line, to its end; the prompt is shown to people only."""
    while True:
        if sys.stdin.isatty():
            print(prompt, end="", file=sys.stderr, flush=True)
        if not (line := sys.stdin.readline()):
            return
        yield line.rstrip("\n")


def console() -> "Console":
    """Tables on stdout."""
    from rich.console import Console

    return Console(highlight=False)


@contextmanager
def progress(as_json: bool) -> Iterator[Progress]:
    """Bars on a terminal; elsewhere, and beside a document, a plain line now and then. Logs join them."""
    if sys.stderr.isatty() and not as_json:
        with _bars() as show:
            yield show
    else:
        with _logging(logging.StreamHandler(sys.stderr)):
            yield _Lines()


class _Lines:
    """Progress as lines, one every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        if time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            print(f"{what} {done:,}/{total:,}{f' · {detail}' if detail else ''}", file=sys.stderr, flush=True)


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.logging import RichHandler
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    screen = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    shown: dict[str, TaskID] = {}
    with Bars(*columns, console=screen) as bars:

        def show(what: str, done: int, total: int, detail: str = "") -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, detail=detail)
            bars.update(shown[what], completed=done, total=total, detail=detail)

        with _logging(RichHandler(console=screen, show_time=False, show_level=False, show_path=False)):
            yield show


@contextmanager
def _logging(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("sartor")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _dump(document: dict[str, Any], indent: int | None) -> str:
    encoding = (sys.stdout.encoding or "ascii").lower()
    return json.dumps(document, ensure_ascii=encoding not in ("utf-8", "utf8"), allow_nan=False, indent=indent)
