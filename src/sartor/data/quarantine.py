"""Rows that cannot be used, set aside with place and reason: they do not stop the others, and they do not vanish."""

import json
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any

from sartor.errors import InputError


@dataclass(frozen=True, slots=True)
class SetAside:
    place: str
    """`notes.jsonl, line 12`, or the name of a document."""
    reason: str
    """What is wrong and what to do, one sentence."""
    content: str
    """The row as the file has it, or as JSON once it was read; a byte that is no text is written `\\udce9`."""


Quarantine = list[SetAside]


def set_aside(quarantine: Quarantine | None, place: str, reason: str, content: Any = "") -> None:
    """Put a row into quarantine. Raises InputError where there is none: then a file is read whole or refused."""
    if quarantine is None:
        raise InputError(f"{place}: {reason}")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    quarantine.append(SetAside(place, reason, text.encode("utf-8", "backslashreplace").decode()))


def require_rows(name: str, rows: Sized, quarantine: Quarantine | None) -> None:
    """Raises InputError when no row of this file is left, with the first of those set aside."""
    if len(rows):
        return
    refused = [each for each in quarantine or () if each.place.startswith(name)]
    if refused:
        raise InputError(f"{name} holds no rows that can be used; the first: {refused[0].place}: {refused[0].reason}")
    raise InputError(f"{name} holds no rows; add examples, or name another file")
