"""The first step of a task: a `sartor.yaml` written from a file of examples, with every guess said."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartor.data.guess import Guess, guess_task, write_spec
from sartor.data.read import read_rows
from sartor.errors import InputError
from sartor.models.builtin import BUILTINS
from sartor.store.disk import disk_errors, write_file
from sartor.task import SPEC_NAME, Kind

ROLES = ("messages", "input", "target", "kind", "id", "group", "subject")


@dataclass(frozen=True, slots=True)
class InitResult:
    path: Path
    """The `sartor.yaml` that was written."""
    task: str
    kind: Kind
    files: dict[str, str]
    """What `train` and `test` were read as: `CSV, comma, 3 columns`."""
    guesses: dict[str, str]
    """What was guessed, each with its reason: `input` → `` `note`: its name says so ``."""

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "task": self.task,
            "kind": self.kind,
            "files": self.files,
            "guesses": self.guesses,
        }


def init(
    folder: Path,
    data: Path,
    test: Path | None = None,
    input: str | None = None,
    target: str | None = None,
    kind: Kind | None = None,
    base: str | None = None,
) -> InitResult:
    """Write `sartor.yaml` into a folder, made where it is not there; the data stay where they are.

    Files inside the folder are named relative to it, others by their absolute paths. Raises InputError, with nothing
    written, when there is a `sartor.yaml` already, and for files and columns that cannot be used.
    """
    path = folder / SPEC_NAME
    if path.exists():
        raise InputError(f"{path} exists already: edit it, or remove it and run the same command again")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name the folder of the task")
    table = read_rows(data)
    test_table = read_rows(test) if test else None
    guess = guess_task(
        table,
        test_table,
        task=_task_name(folder),
        train=_from(folder, data),
        test=_from(folder, test) if test else None,
        input=input,
        target=target,
        kind=kind,
        base=_base(folder, base) if base else None,
    )
    text = write_spec(guess)
    with disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
    files = {"train": table.format} | ({"test": test_table.format} if test_table else {})
    return InitResult(path, guess.task, guess.kind, files, _said(guess))


def _said(guess: Guess) -> dict[str, str]:
    values = {role: getattr(guess, role) for role in ROLES}
    reasons = {role: guess.reasons.get(role, "") for role in ROLES}
    return {role: f"`{value}`: {reasons[role]}" for role, value in values.items() if value and reasons[role]}


def _task_name(folder: Path) -> str:
    """The folder's name as a task's."""
    return re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._")[:64] or "task"


def _from(folder: Path, path: Path) -> str:
    """The path as `sartor.yaml` names it: relative inside its folder, else absolute."""
    whole, root = path.resolve(), folder.resolve()
    return str(whole.relative_to(root) if whole.is_relative_to(root) else whole)


def _base(folder: Path, base: str) -> str:
    """A base that is a folder or file here, as `sartor.yaml` names it; built-in names and hub ids stay."""
    path = Path(base).expanduser()
    return _from(folder, path) if base not in BUILTINS and path.exists() else base
