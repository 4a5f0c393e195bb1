"""What crosses between judge and worker: lines of JSON that hold plain values, and never code.

A value of a built-in type arrives as that very type, whatever subclass it was: no `__eq__` of the program's travels with
it. Anything else stays where it is, and a number stands for it.
"""

import json
import os
from collections import deque
from collections.abc import Callable
from importlib import import_module
from typing import Any

LONGEST = 16 << 20
"""Bytes of a message."""

_SCALARS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),
)
_SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
}
_RECORDS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "builtins.complex": lambda value: (value.real, value.imag),
    "builtins.range": lambda value: (value.start, value.stop, value.step),
    "decimal.Decimal": lambda value: (str(value),),
    "fractions.Fraction": lambda value: (value.numerator, value.denominator),
    "datetime.date": lambda value: (value.year, value.month, value.day),
    "datetime.timedelta": lambda value: (value.days, value.seconds, value.microseconds),
}
Other = Callable[[Any], Any]


class Garbled(Exception):
    """A message that the other side's honest code would not send."""


def encode(value: Any, other: Other) -> Any:
    """As JSON; `other` says what stands for a value that is not plain."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return encode(value.item(), other)
    for plain, bare in _SCALARS:
        if isinstance(value, plain):
            return bare(value)
    if isinstance(value, bytes | bytearray):
        return {"bytearray" if isinstance(value, bytearray) else "bytes": bytes(value).decode("latin-1")}
    for name, kind in _SEQUENCES.items():
        if isinstance(value, kind):  # type: ignore[arg-type]
            return {name: [encode(item, other) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, other), encode(item, other)] for key, item in dict.items(value)]}
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name in _RECORDS:
        return {name: [encode(part, other) for part in _RECORDS[name](value)]}
    return other(value)


def decode(message: Any, other: Callable[[str, Any], Any]) -> Any:
    """From JSON; `other` is asked for what stands for a value that is not plain. Raises Garbled."""
    if not isinstance(message, dict):
        if isinstance(message, list):
            raise Garbled("a bare list")
        return message
    if len(message) != 1:
        raise Garbled("not one kind")
    [(name, content)] = message.items()
    if name in ("bytes", "bytearray"):
        raw = content.encode("latin-1")
        return raw if name == "bytes" else bytearray(raw)
    if name in _SEQUENCES:
        return _SEQUENCES[name]([decode(item, other) for item in content])
    if name == "dict":
        return {decode(key, other): decode(item, other) for key, item in content}
    if name in _RECORDS:
        module, kind = name.split(".")
        return getattr(import_module(module), kind)(*(decode(part, other) for part in content))
    return other(name, content)


class Channel:
    """One end of a two-way pipe.

    Raises EOFError when the other side is gone, Garbled for what is no message, OverflowError for one that is too long.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = os.fdopen(reader, "rb")
        self._writer = writer

    def send(self, message: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(message).encode() + b"\n")
        while rest:
            try:
                rest = rest[os.write(self._writer, rest) :]
            except BrokenPipeError:
                raise EOFError from None

    def receive(self) -> dict[str, Any]:
        line = self._reader.readline(LONGEST)
        if not line.endswith(b"\n"):
            if len(line) == LONGEST:
                raise OverflowError(f"a value of more than {LONGEST >> 20} MB")
            raise EOFError
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise Garbled("a line that is not JSON") from None
        if not isinstance(message, dict):
            raise Garbled("a line that is no message")
        return message
