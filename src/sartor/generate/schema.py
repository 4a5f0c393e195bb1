"""The JSON Schema that every training target satisfies: what an extraction system is allowed to write.

Constrained decoding writes the keys of an object in one fixed order, so the order is part of the cover:

- Where one order of keys fits all rows, that is the order: {a, c} and {a, b, c} give a, b, c. Ties go to the key that
  was seen first.
- Where rows contradict each other ({a, b} and {b, a}), the keys before the contradiction come first, in order; the
  others follow as `patternProperties`, one a key: they may come in any order, each with its own type, but may also be
  left out or written twice. So every target stays possible: a swapped pair in one row costs those keys (and the keys
  that come after them) their `required`, not the row.
"""

import heapq
import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from sartor.errors import InputError

Schema = dict[str, Any]

MAX_OPTIONAL_KEYS = 40
MIN_OBJECTS = 50
MAX_UNSEEN = 0.1


def infer_schema(targets: Iterable[str]) -> Schema:
    """The JSON Schema that covers every target, each a JSON text.

    Objects are closed (`additionalProperties: false`), a key is `required` when every row has it, and integers widen to
    numbers where both occur. An object used as a map (see `_is_map`) takes any key. Arrays that were always empty stay
    empty. A target can also be written under the constraint, token by token, when it is compact (no white space between
    tokens), names no key twice and holds no raw DEL character (U+007F), which llguidance refuses inside strings.

    Raises InputError for a target that is not JSON, and when there is none.
    """
    values = [_parse(number, text) for number, text in enumerate(targets, start=1)]
    if not values:
        raise InputError("there is no target to infer a JSON schema from: the training data has no rows")
    return _schema(values)


def _parse(number: int, text: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise InputError(
            f"training target {number} is not JSON ({error}): {text[:60]!r}; "
            "mend it, or set `generate.constrained: false`"
        ) from None


def _schema(values: list[Any]) -> Schema:
    objects = [value for value in values if isinstance(value, dict)]
    arrays = [value for value in values if isinstance(value, list)]
    scalars = list(dict.fromkeys(_scalar(value) for value in values if not isinstance(value, dict | list)))
    if "number" in scalars and "integer" in scalars:
        scalars.remove("integer")
    options: list[Schema] = []
    if scalars:
        options.append({"type": scalars[0] if len(scalars) == 1 else scalars})
    if arrays:
        items = [item for array in arrays for item in array]
        options.append({"type": "array", "items": _schema(items)} if items else {"type": "array", "maxItems": 0})
    if objects:
        options.append(_object(objects))
    return options[0] if len(options) == 1 else {"anyOf": options}


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "string"


def _object(rows: list[dict[str, Any]]) -> Schema:
    values: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            values.setdefault(key, []).append(value)
    if _is_map(len(rows), values):
        return {"type": "object", "additionalProperties": _schema([value for row in rows for value in row.values()])}
    ordered, free = _key_order(rows, list(values))
    schema: Schema = {
        "type": "object",
        "properties": {key: _schema(values[key]) for key in ordered},
        "required": [key for key in ordered if len(values[key]) == len(rows)],
        "additionalProperties": False,
    }
    if free:
        schema["patternProperties"] = {f"^{literal_pattern(key)}$": _schema(values[key]) for key in free}
    return schema


def _is_map(rows: int, values: dict[str, list[Any]]) -> bool:
    """Whether keys are data (drug → dose), not field names: too many that are optional, or new ones keep coming.

    The chance that the next key is a new one is estimated as Good and Turing do: keys seen once / all keys seen.
    """
    counts = [len(items) for items in values.values()]
    if sum(count < rows for count in counts) > MAX_OPTIONAL_KEYS:
        return True
    return rows >= MIN_OBJECTS and counts.count(1) > MAX_UNSEEN * sum(counts)


def _key_order(rows: list[dict[str, Any]], keys: list[str]) -> tuple[list[str], list[str]]:
    """(keys in an order that agrees with every row, keys for which there is none), by Kahn's topological sort.

    What the sort cannot reach lies on a cycle or behind one, so every row has its ordered keys first.
    """
    rank = {key: position for position, key in enumerate(keys)}
    after: dict[str, set[str]] = {key: set() for key in keys}
    for row in rows:
        for left, right in pairwise(row):
            after[left].add(right)
    waiting = dict.fromkeys(keys, 0)
    for followers in after.values():
        for key in followers:
            waiting[key] += 1
    ready = [rank[key] for key in keys if waiting[key] == 0]
    ordered: list[str] = []
    while ready:
        key = keys[heapq.heappop(ready)]
        ordered.append(key)
        for follower in after[key]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(ready, rank[follower])
    placed = set(ordered)
    return ordered, [key for key in keys if key not in placed]


def literal_pattern(text: str) -> str:
    """The regular expression for this text alone, in the syntax that ECMAScript, Python and Rust share."""
    return re.sub(r"[^\w]", lambda match: f"\\x{ord(match[0]):02x}" if match[0].isascii() else match[0], text)
