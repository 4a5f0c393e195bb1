"""What changed between two versions, row by row."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sartor.data.example import Example

PARTS = ("messages", "target", "labels", "group", "subject", "annotations", "columns")


@dataclass(frozen=True, slots=True)
class Change:
    row: str
    """The row's id."""
    change: Literal["added", "removed", "changed"]
    parts: dict[str, tuple[Any, Any]]
    """Of a changed row: what differs, before and after, as JSON values."""


def diff(before: Sequence[Example], after: Sequence[Example]) -> list[Change]:
    """The rows that are in one version only, or differ in it: first those of `before` in its order, then the added ones."""
    old, new = ({example.id: example for example in rows} for rows in (before, after))
    changes = list[Change]()
    for id, example in old.items():
        if id not in new:
            changes.append(Change(id, "removed", {}))
        elif parts := _differing(example, new[id]):
            changes.append(Change(id, "changed", parts))
    return changes + [Change(id, "added", {}) for id in new if id not in old]


def _differing(before: Example, after: Example) -> dict[str, tuple[Any, Any]]:
    a, b = asdict(before), asdict(after)
    return {part: (a[part], b[part]) for part in PARTS if a[part] != b[part]}
