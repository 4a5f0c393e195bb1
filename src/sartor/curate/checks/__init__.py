"""One file a check; importing this package registers them all, in the order in which they are made."""

# isort: off
from sartor.curate.checks import (
    exact_duplicates,
    near_duplicates,
    contradictions,
    disagreement,
    leakage,
    label_errors,
    neighbours,
    outliers,
    encoding,
    no_answer,
    length,
    language,
    boilerplate,
    unsupported_target,
    balance,
    coverage,
)

__all__ = [
    "balance",
    "boilerplate",
    "contradictions",
    "coverage",
    "disagreement",
    "encoding",
    "exact_duplicates",
    "label_errors",
    "language",
    "leakage",
    "length",
    "near_duplicates",
    "neighbours",
    "no_answer",
    "outliers",
    "unsupported_target",
]
