"""What two versions of an adapter differ in: how they were made, from which rows, what they score and cost."""

from dataclasses import dataclass
from typing import Any

from sartor.adapters.card import flat
from sartor.adapters.registry import AdapterVersion

OWN = ("hash", "meter", "seconds")
"""Of a manifest, what differs by itself."""


@dataclass(frozen=True, slots=True)
class Difference:
    what: str
    """A key of the manifest or scorecard, nested ones with dots."""
    before: Any
    """None: it is not there."""
    after: Any


def diff(before: AdapterVersion, after: AdapterVersion) -> list[Difference]:
    """Every key that differs, those of the manifest first."""
    found = list[Difference]()
    for a, b in ((_made(before), _made(after)), (_scored(before), _scored(after))):
        found += [
            Difference(key, a.get(key), b.get(key)) for key in dict.fromkeys((*a, *b)) if a.get(key) != b.get(key)
        ]
    return found


def _made(version: AdapterVersion) -> dict[str, Any]:
    manifest = {key: value for key, value in version.manifest.items() if key not in OWN}
    return dict(flat(manifest | {"stage": version.stage, "cost": version.cost}))


def _scored(version: AdapterVersion) -> dict[str, Any]:
    shown = ("value", "low", "high", "n")
    return {f"{name}.{key}": score.get(key) for name, score in version.scorecard.items() for key in shown}
