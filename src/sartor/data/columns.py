"""Templates: `{column}`, `{column.key}` and `{column.*.key}`, filled from a row.

`*` maps over an object's values, its keys kept, or over a list's items. Braces that hold anything else are text, so
that `{"intents": {intents}, "slots": {slots.*.text}}` is a template of JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sartor.complaints import did_you_mean
from sartor.data.jsontext import compact
from sartor.data.table import Table
from sartor.errors import InputError

_BRACES = re.compile(r"\{([^{}\n]+)\}")
_PATH = re.compile(r"[^\W\d][\w-]*(\.(\*|[\w-]+))*")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a value lies in a row: a column, then keys, `*` for every one."""

    column: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.column, *self.keys))

    def value(self, row: Mapping[str, Any]) -> Any:
        """The value; None where a key or its parent is not there. Raises ValueError where a parent is not an object."""
        return _walk(row[self.column], self.keys, str(self))


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[str | Placeholder, ...]
    """Text, and what is filled in between, in order."""

    @property
    def paths(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    @property
    def bare(self) -> bool:
        """Whether it is a single placeholder, so that the row's value can be taken as it is."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Placeholder)

    def text(self, row: Mapping[str, Any]) -> str:
        """The template filled: strings raw, None as nothing, other values as compact JSON."""
        return "".join(part if isinstance(part, str) else as_text(part.value(row)) for part in self.parts)

    def json(self, row: Mapping[str, Any]) -> str:
        """The template of JSON filled: values inside its quotes are escaped; outside, None is null, text is raw."""
        filled, quoted = [], False
        for part in self.parts:
            if isinstance(part, str):
                filled.append(part)
                quoted ^= len(re.findall(r'(?<!\\)(?:\\\\)*"', part)) % 2 == 1
            elif quoted:
                filled.append(compact(as_text(part.value(row)))[1:-1])
            else:
                value = part.value(row)
                filled.append("null" if value is None else as_text(value))
        return "".join(filled)


def parse_template(text: str, table: Table, role: str) -> Template:
    """The template for this table; `role` says which one it is, for messages.

    Raises InputError, naming the nearest, for a column that the table lacks or a key that no row has, and when the
    template has no placeholder at all.
    """
    parts: list[str | Placeholder] = []
    end = 0
    for match in _BRACES.finditer(text):
        inner = match[1]
        if inner in table.columns:
            path = Placeholder(inner)
        elif _PATH.fullmatch(inner):
            column, *keys = inner.split(".")
            path = Placeholder(column, tuple(keys))
            table.require(column, f"placeholder `{{{inner}}}` in {role}")
            _require_keys(path, table, role)
        else:
            continue
        parts += [text[end : match.start()], path]
        end = match.end()
    parts.append(text[end:])
    template = Template(tuple(part for part in parts if part != ""))
    if not template.paths:
        columns = ", ".join(f"`{{{column}}}`" for column in table.columns)
        raise InputError(f"{role} has no placeholder, so that every row would read the same; put in one of {columns}")
    return template


def as_text(value: Any) -> str:
    """A string as it is, None as nothing, the rest as compact JSON. Raises ValueError for what JSON cannot hold."""
    return value if isinstance(value, str) else "" if value is None else compact(value)


def _walk(value: Any, keys: tuple[str, ...], path: str) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if key == "*":
        if value is None:
            return {}
        if isinstance(value, dict):
            return {name: _walk(item, rest, path) for name, item in value.items()}
        if isinstance(value, list):
            return [_walk(item, rest, path) for item in value]
        raise ValueError(f"`{{{path}}}` needs an object or a list, not {_kind(value)}")
    if value is None:
        return None
    if isinstance(value, dict):
        return _walk(value.get(key), rest, path)
    raise ValueError(f"`{{{path}}}` needs an object with the key `{key}`, not {_kind(value)}")


def _require_keys(path: Placeholder, table: Table, role: str) -> None:
    """A misspelt key would read as null in every row: refuse a key that no row has."""
    level = [row[path.column] for row in table.rows]
    for key in path.keys:
        parents = [value for value in level if isinstance(value, dict)]
        if key == "*":
            items = [value for value in level if isinstance(value, list)]
            level = [item for parent in parents for item in parent.values()] + [
                item for list_ in items for item in list_
            ]
            continue
        known = {name for parent in parents for name in parent}
        if parents and key not in known:
            hint = did_you_mean(key, sorted(known))
            raise InputError(f"{table.name}: no row has the key `{key}` of `{{{path}}}` in {role}{hint}")
        level = [parent[key] for parent in parents if key in parent]


def _kind(value: Any) -> str:
    return {str: "text", bool: "true or false", list: "a list"}.get(type(value), "a number")
