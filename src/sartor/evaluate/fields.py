"""Two JSON answers side by side, field by field.

A field is a leaf: the dict keys on the way to it are its name, places in lists are not (`medications.dose`). List items
are a multiset, matched as wholes so that most leaves agree: a dose under the wrong drug is wrong, although it stands
elsewhere in the list. null, "", [] and {} state nothing and are no fields.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

MAX_DEPTH = 64
Key = Callable[[str], str]
UNREADABLE = object()
"""What `parse` gives for text that is not JSON."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What was expected and what was answered at one place; None where nothing was."""

    field: str
    expected: str | None
    answered: str | None
    equal: bool = False


def parse(text: str) -> Any:
    """The value of a JSON text, or UNREADABLE: not JSON, NaN or infinite, or nested deeper than 64 levels."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return UNREADABLE
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for node in level for item in _items(node)]
        if not level:
            return value
    return UNREADABLE


def canonical(value: Any) -> str:
    """A text that is the same for equal JSON values: key order and 5 against 5.0 do not count, list order does."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else leaf(value)


def pairs(expected: Any, answered: Any, field: str = "", key: Key = str.casefold) -> list[Pair]:
    """Every leaf of both values, matched field by field; `answered` may be UNREADABLE, which states no field.

    Leaves are equal where `key` makes one text of theirs.
    """
    if isinstance(expected, dict) and isinstance(answered, dict):
        names = [*expected, *(name for name in answered if name not in expected)]
        return [
            pair for name in names for pair in pairs(expected.get(name), answered.get(name), _join(field, name), key)
        ]
    if isinstance(expected, list) and isinstance(answered, list):
        if all(map(_is_leaf, expected)) and all(map(_is_leaf, answered)):
            return _leaf_pairs(expected, answered, field, key)
        return _list_pairs(expected, answered, field, key)
    if _is_leaf(expected) and _is_leaf(answered):
        return [_pair(field, leaf(expected), leaf(answered), key)]
    return _missing(expected, field) + _extra(answered, field)


def leaf(value: Any) -> str:
    """A leaf as text; a whole number has no decimals, so 5 and 5.0 are one."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def leaves(value: Any, field: str = "") -> list[tuple[str, str]]:
    """(field, text) of every leaf."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in leaves(item, _join(field, key))]
    if isinstance(value, list):
        return [pair for item in value for pair in leaves(item, field)]
    return [(field or "answer", leaf(value))] if _is_leaf(value) else []


def _pair(field: str, expected: str, answered: str, key: Key) -> Pair:
    return Pair(field or "answer", expected, answered, key(expected) == key(answered))


def _leaf_pairs(expected: list[Any], answered: list[Any], field: str, key: Key) -> list[Pair]:
    """As `_list_pairs`, in the time that it takes to read both lists."""
    places: dict[str, list[str]] = {}
    for text in map(leaf, answered):
        places.setdefault(key(text), []).append(text)
    met: list[Pair] = []
    missed: list[Pair] = []
    for text in map(leaf, expected):
        if same := places.get(key(text)):
            met.append(_pair(field, text, same.pop(0), key))
        else:
            missed.append(Pair(field or "answer", text, None))
    return [*met, *missed, *(Pair(field or "answer", None, text) for rest in places.values() for text in rest)]


def _list_pairs(expected: list[Any], answered: list[Any], field: str, key: Key) -> list[Pair]:
    table = [[pairs(e, a, field, key) for a in answered] for e in expected]
    alike = np.array([[sum(pair.equal for pair in cell) for cell in line] for line in table])
    chosen = zip(*linear_sum_assignment(alike, maximize=True), strict=True) if alike.size else ()
    met = [(i, j) for i, j in chosen if alike[i, j]]
    rest_expected = [item for i, item in enumerate(expected) if i not in {i for i, _ in met}]
    rest_answered = [item for j, item in enumerate(answered) if j not in {j for _, j in met}]
    return [
        *(pair for i, j in met for pair in table[i][j]),
        *_missing(rest_expected, field),
        *_extra(rest_answered, field),
    ]


def _missing(value: Any, field: str) -> list[Pair]:
    return [Pair(name, text, None) for name, text in leaves(value, field)]


def _extra(value: Any, field: str) -> list[Pair]:
    return [Pair(name, None, text) for name, text in leaves(value, field)]


def _is_leaf(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and bool(value.strip()))


def _items(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()


def _join(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key


def _refuse(constant: str) -> float:
    raise ValueError(constant)
