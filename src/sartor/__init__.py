"""Fine-tuning, made to measure: from a file of examples to a small, proven specialist.

`sartor.open(DIR)` gives the verbs of the command line as typed methods.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sartor.project import Project

__all__ = ["__version__", "open"]

__version__: str


def open(folder: str | Path = ".") -> Project:
    """The project that a folder lies in, and its task where the folder is one.

    Raises InputError when neither the folder nor one above it holds a task. Nothing is read or written yet.
    """
    from sartor.project import Project

    return Project.find(Path(folder))


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import metadata

    try:
        return metadata.version("sartor")
    except metadata.PackageNotFoundError:  # the sources of a checkout that was not installed
        return "0+unknown"
