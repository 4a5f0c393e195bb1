"""A report in which every text is an attack."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_MARKUP = "<script>hacked()</script>\"'><img src=x onerror='parent.hacked()'>{{ 7 * 7 }}&amp;"
ATTACK = f"{_MARKUP}\x00\u202e\ud800"
SAID = f"{_MARKUP}���"
"""What a reader sees of it."""
WORDS = {
    *("specialist", "classification", "extraction", "summarization", "specialist wins", "rival wins", "tie"),
    *("met", "missed", "unclear", "better", "worse", "measured", "configured", "modelled"),
}


def hostile(value: Any) -> Any:
    """The same value with the attack appended to every text that is neither empty nor one of the view's fixed words."""
    if isinstance(value, str):
        return value + ATTACK if value and value not in WORDS else value
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{field.name: hostile(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, Mapping):
        return {hostile(key): hostile(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(hostile(item) for item in value)
    return value
