"""One file a family of metrics; importing this package registers them all, the most telling of a kind first."""

from sartor.evaluate.metrics import code, fields, labels, sql, text

__all__ = ["code", "fields", "labels", "sql", "text"]
