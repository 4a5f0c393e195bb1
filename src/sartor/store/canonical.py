"""One JSON text per value, so that equal values have equal hashes."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """Compact JSON with sorted keys, in ASCII.

    Raises ValueError for NaN and infinities, TypeError for what JSON does not know.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """The sha256, in hex, of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
