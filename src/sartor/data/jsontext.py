"""JSON, read strictly and written compactly: no NaN, no key twice, no value lost."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from sartor.data.quarantine import Quarantine, set_aside
from sartor.data.table import Table, make_table
from sartor.errors import InputError


class NotJsonError(ValueError):
    """The message is the reason, without a place; `line`, from 1, is where the parser stopped, if it knows."""

    line: int | None = None


def parse_json(text: str, lenient: bool = False) -> Any:
    """The value of a JSON text. Raises NotJsonError for what is not JSON, or would lose something when read.

    `lenient`: NaN and Infinity, which Python writes where there is no number, are null.
    """
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_null if lenient else _refuse)
    except json.JSONDecodeError as error:
        reason = NotJsonError(f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.colno}")
        reason.line = error.lineno
        raise reason from None
    except RecursionError:
        raise NotJsonError("nested too deep") from None
    except ValueError as error:
        raise NotJsonError(str(error)) from None


def compact(value: Any) -> str:
    """The value as JSON without spaces, keys in their order. Raises ValueError for what JSON cannot hold."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except TypeError:
        raise ValueError(f"a value of type {type(value).__name__}, which is neither text nor JSON") from None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    """Every text, number and truth value in a JSON value, in order, with the keys on the way to it: `meds.drug`; the place in a
    list is no part of the way."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    elif value is not None:
        yield path, value


def read_jsonl(text: str, name: str, lenient: bool = False, quarantine: Quarantine | None = None) -> Table:
    """One object a line; blank lines are skipped, a line that is no JSON object is set aside; `lenient` as for `parse_json`."""
    rows, places = list[dict[str, Any] | None](), list[int]()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        rows.append(None)
        places.append(number)
        place = f"{name}, line {number}"
        try:
            row = parse_json(line, lenient)
        except NotJsonError as error:
            set_aside(quarantine, place, f"not JSON: {error}; JSONL has one object on each line", line)
            continue
        if not isinstance(row, dict):
            set_aside(quarantine, place, 'not an object; each line must read {"column": value, …}', line)
            continue
        rows[-1] = row
    return make_table(name, "JSONL", rows, places, "line", quarantine=quarantine)


def read_json(text: str, name: str, lenient: bool = False, quarantine: Quarantine | None = None) -> Table:
    """An array of objects, or an object that holds one array of objects; `lenient` as for `parse_json`.

    Raises InputError for anything else; an item of the array that is no object is set aside.
    """
    try:
        value = parse_json(text, lenient)
    except NotJsonError as error:
        place = f"{name}, line {error.line}" if error.line else name
        raise InputError(f"{place}: not JSON: {error}; correct it, or write the file again") from None
    within = ""
    if isinstance(value, dict):
        arrays = [key for key, item in value.items() if isinstance(item, list)]
        if len(arrays) != 1:
            found = f"{len(arrays)} arrays" if arrays else "no array"
            raise InputError(f"{name} is one object with {found} in it; the rows must be one array of objects")
        within, value = f" under `{arrays[0]}`", value[arrays[0]]
    if not isinstance(value, list):
        raise InputError(f"{name} is a single value; the rows must be one array of objects")
    rows = [row if isinstance(row, dict) else None for row in value]
    for number, row in enumerate(value, start=1):
        if not isinstance(row, dict):
            problem = "not an object; the rows must be objects with the columns as keys"
            set_aside(quarantine, f"{name}, row {number}", problem, row)
    return make_table(name, f"JSON array{within}", rows, range(1, len(rows) + 1), "row", quarantine=quarantine)


def is_jsonl(text: str, suffix: str) -> bool:
    """Whether a text that begins with `{` or `[` has one JSON value a line, rather than being one JSON value."""
    first, _, rest = text.strip().partition("\n")
    try:
        value = parse_json(first)
    except NotJsonError:
        return suffix in (".jsonl", ".ndjson") and not text.lstrip().startswith("[")
    if rest.strip():
        return True
    return isinstance(value, dict) and suffix != ".json"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key `{twice}` is there twice in one object")
    return found


def _null(constant: str) -> None:
    return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value (write null)")
