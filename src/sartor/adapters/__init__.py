"""Adapters by name and version: registry, remarks, what versions differ in, transfer between projects, and cards."""

from sartor.adapters.diff import Difference, diff
from sartor.adapters.registry import AdapterVersion, Move, Registry
from sartor.adapters.remarks import Remark
from sartor.adapters.transfer import export, take_in

__all__ = ["AdapterVersion", "Difference", "Move", "Registry", "Remark", "diff", "export", "take_in"]
