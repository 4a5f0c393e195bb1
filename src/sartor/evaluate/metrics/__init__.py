"""One file a family of metrics; importing this package registers them all, the most telling of a kind first."""

from sartor.evaluate.metrics import fields, labels, text

__all__ = ["fields", "labels", "text"]
