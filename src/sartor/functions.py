"""Python functions that a task names in its `sartor.yaml`: `FILE.py:FUNCTION`, relative to it."""

import hashlib
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sartor.complaints import did_you_mean
from sartor.errors import InputError


def load_function(named: str, folder: Path, key: str) -> Callable[..., Any]:
    """The function of that name; `key` of the spec names it. Raises InputError for a file or function that is not there."""
    file, _, name = named.rpartition(":")
    path = folder / file
    if not file or not path.is_file():
        raise InputError(f"{key}: `function: {named}` names no file {path}; write it as `{key}.py:FUNCTION`")
    try:
        names = runpy.run_path(str(path), run_name=path.stem)
    except Exception as error:
        raise InputError(f"{path} cannot be loaded: {type(error).__name__}: {error}; correct it") from error
    function = names.get(name)
    if not callable(function):
        known = [each for each, value in names.items() if callable(value) and not each.startswith("_")]
        raise InputError(f"{path} has no function `{name}`{did_you_mean(name, known)}")
    return function  # type: ignore[no-any-return]


def source_hash(named: str, folder: Path) -> str:
    """SHA-256 of the function's file: what it said holds while this is the same."""
    return hashlib.sha256((folder / named.rpartition(":")[0]).read_bytes()).hexdigest()
