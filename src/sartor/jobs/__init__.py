"""Where work runs, and what it used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Usage:
    seconds: float = 0.0
    """Wall-clock time."""
    cpu_seconds: float = 0.0
    """Processor time, over all threads."""
    peak_memory_bytes: int = 0
    """The most resident memory at one time."""

    def __add__(self, other: "Usage") -> "Usage":
        """The usage of two attempts, one after the other."""
        return Usage(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_memory_bytes, other.peak_memory_bytes),
        )


class Runner(Protocol):
    """A place where work runs: this process, others on this machine, a cluster."""

    def run(self, step: Callable[[], T], on_usage: Callable[[Usage], None] | None = None) -> tuple[T, Usage]:
        """Run `step` to its end and measure it; what it raises passes through.

        `on_usage` hears about once a second, and at the end in any case, what was used so far.
        """
        ...
