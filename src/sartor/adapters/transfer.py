"""Adapters out of a project and into another: files with a signed statement of what they are and where they come from.

    adapter_config.json, adapter_model.safetensors, README.md, …    as PEFT and the hub know them; or those of another format
    statement.json          format, name, manifest, scorecard, cost, moves, who signed it, and the sha256 of every other file
    statement.sig           its Ed25519 signature, in hex

A folder whose files, statement or signer are not the ones that were signed is not taken in, nor a format other than PEFT's.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from sartor.access.keys import SigningKey, signed_by
from sartor.adapters.registry import ABOUT, AdapterVersion, Move, Registry
from sartor.errors import InputError
from sartor.models.cache import file_sha256
from sartor.store.canonical import canonical
from sartor.store.disk import disk_errors, move_into_place

STATEMENT, SIGNATURE = "statement.json", "statement.sig"
_TOLD = ("name", "task", "hash", "manifest", "scorecard", "cost", "created_at")


Format = Literal["peft", "merged", "gguf"]
Fill = Callable[[Path], dict[str, Any]]
"""Writes an adapter's files into an empty folder; gives what the statement is to say of them, their `format` at least."""


def export(version: AdapterVersion, moves: Sequence[Move], to: Path, key: SigningKey, fill: Fill) -> dict[str, Any]:
    """Writes the folder `to`, whole or not at all; gives the statement. Raises InputError where it cannot be."""
    if to.exists():
        raise InputError(f"{to} is there already: name a new folder")
    if not to.resolve().parent.is_dir():
        raise InputError(f"{to} cannot be made: there is no folder {to.resolve().parent}")
    told = {name: getattr(version, name) for name in _TOLD}
    with disk_errors(), TemporaryDirectory(dir=to.resolve().parent, prefix=".export-") as nursery:
        folder = Path(nursery) / to.name
        folder.mkdir()
        told |= fill(folder)
        told |= {"moves": [asdict(move) for move in moves], "signer": key.public, "files": _files(folder)}
        statement = canonical(told)
        (folder / STATEMENT).write_text(statement)
        (folder / SIGNATURE).write_text(key.sign(statement.encode()) + "\n")
        move_into_place(folder, to.resolve())
    return told


def as_peft_has_it(version: AdapterVersion) -> Fill:
    """The adapter's own files."""

    def fill(folder: Path) -> dict[str, Any]:
        shutil.copytree(version.path, folder, dirs_exist_ok=True)
        return {"format": "peft"}

    return fill


def take_in(folder: Path, registry: Registry, signers: Sequence[str]) -> AdapterVersion:
    """The adapter as the next version of its task, a candidate, its manifest with where it comes from.

    `signers`: public keys that are trusted. Raises InputError, and takes nothing in, where one of them did not sign just this.
    """
    statement = _statement(folder, signers)
    if statement["format"] != "peft":
        raise InputError(
            f"{folder} holds {statement['name']} in the format {statement['format']}, which cannot be taken in: ask for it "
            "in the format peft"
        )
    manifest = statement["manifest"] | {"imported": {"name": statement["name"], "signer": statement["signer"]}}
    signed, found = statement["files"], _files(folder)
    for name in sorted({*signed, *found}):
        if signed.get(name) != found.get(name):
            what = "added" if name not in signed else "taken away" if name not in found else "changed"
            raise InputError(f"{folder / name} was {what} since it was signed: ask for the folder once more")
    with disk_errors(), TemporaryDirectory() as nursery:
        files = Path(nursery) / "files"
        shutil.copytree(folder, files, ignore=shutil.ignore_patterns(STATEMENT, SIGNATURE, *ABOUT))
        return registry.register(statement["task"], files, manifest, statement["scorecard"], statement["cost"])


def _statement(folder: Path, signers: Sequence[str]) -> dict[str, Any]:
    try:
        text, signature = ((folder / name).read_text() for name in (STATEMENT, SIGNATURE))
        statement: dict[str, Any] = json.loads(text)
        signer = str(statement["signer"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{folder} holds no adapter that `sartor adapters export` made: {STATEMENT} and {SIGNATURE} are to be read there"
        ) from None
    if not signed_by(signer, signature.strip(), text.encode()):
        raise InputError(f"{folder / STATEMENT} was changed since it was signed: ask for the folder once more")
    if signer not in signers:
        raise InputError(
            f"{folder} was signed by {signer}, which this project does not know: if that is the key of who you have it from, "
            f"say so with --signer {signer}"
        )
    if missing := [key for key in (*_TOLD, "format", "files") if key not in statement]:
        raise InputError(f"{folder / STATEMENT} does not say `{missing[0]}`: it was made by another version of Sartor")
    return statement


def _files(folder: Path) -> dict[str, str]:
    """sha256 of every file but the statement's own, by its path in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (STATEMENT, SIGNATURE))
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}
