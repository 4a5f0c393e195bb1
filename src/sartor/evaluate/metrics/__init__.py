"""One file a family of metrics; importing this package registers them all, the most telling of a kind first."""

# isort: off
from sartor.evaluate.metrics import (
    labels,
    single_label,
    confidence,
    fields,
    schema,
    spans,
    facts,
    readability,
    code,
    sql,
    rouge,
    text,
    similarity,
    form,
    likelihood,
    effort,
)

__all__ = [
    "code",
    "confidence",
    "effort",
    "facts",
    "fields",
    "form",
    "labels",
    "likelihood",
    "readability",
    "rouge",
    "schema",
    "similarity",
    "single_label",
    "spans",
    "sql",
    "text",
]
