"""Adapters by name and version: registry, what versions differ in, and cards."""

from sartor.adapters.diff import Difference, diff
from sartor.adapters.registry import AdapterVersion, Move, Registry

__all__ = ["AdapterVersion", "Difference", "Move", "Registry", "diff"]
