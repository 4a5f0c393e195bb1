"""Adapters by name and version: registry, remarks, what versions differ in, transfer between projects, and cards."""

from sartor.adapters.diff import Difference, diff
from sartor.adapters.registry import AdapterVersion, Move, Registry
from sartor.adapters.remarks import Remark
from sartor.adapters.transfer import Format, as_peft_has_it, export, take_in

__all__ = [
    "AdapterVersion",
    "Difference",
    "Format",
    "Move",
    "Registry",
    "Remark",
    "as_peft_has_it",
    "diff",
    "export",
    "take_in",
]
