"""One file a family of metrics; importing this package registers them all, the most telling of a kind first."""

from sartor.evaluate.metrics import facts, fields, labels, readability, text

__all__ = ["facts", "fields", "labels", "readability", "text"]
