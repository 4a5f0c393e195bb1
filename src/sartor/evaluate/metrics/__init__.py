"""One file a family of metrics; importing this package registers them all, the most telling of a kind first."""

# isort: off
from sartor.evaluate.metrics import (
    labels,
    single_label,
    confidence,
    fields,
    schema,
    spans,
    rouge,
    text,
    similarity,
    form,
)

__all__ = ["confidence", "fields", "form", "labels", "rouge", "schema", "similarity", "single_label", "spans", "text"]
