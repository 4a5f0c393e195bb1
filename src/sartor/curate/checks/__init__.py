"""One file a check; importing this package registers them all, in the order in which they are made."""

# isort: off
from sartor.curate.checks import (
    exact_duplicates,
    contradictions,
    leakage,
    encoding,
    no_answer,
    unsupported_target,
)

__all__ = [
    "contradictions",
    "encoding",
    "exact_duplicates",
    "leakage",
    "no_answer",
    "unsupported_target",
]
