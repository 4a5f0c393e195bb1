"""Work in this process."""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from sartor.jobs import T, Usage

SAMPLE_SECONDS = 0.05
REPORT_SECONDS = 1.0


class Here:
    """Runs a step in this process, one at a time.

    Processor time counts this process and those of its children that have ended. Peak memory is this process's own:
    sampled 20 times a second and, where the step went above all before it, the exact peak that the operating system
    keeps. So only a short peak below an earlier one can be missed.
    """

    def run(self, step: Callable[[], T], on_usage: Callable[[Usage], None] | None = None) -> tuple[T, Usage]:
        meter = _Meter()
        finished = threading.Event()

        def watch() -> None:
            reported = time.monotonic()
            while not finished.wait(SAMPLE_SECONDS):
                meter.sample()
                if on_usage and time.monotonic() - reported >= REPORT_SECONDS:
                    reported = time.monotonic()
                    on_usage(meter.usage())

        watcher = threading.Thread(target=watch, name="sartor-usage", daemon=True)
        watcher.start()
        try:
            result = step()
        finally:
            finished.set()
            watcher.join()
            meter.sample()
            if on_usage:
                on_usage(meter.usage())
        return result, meter.usage()


class _Meter:
    def __init__(self) -> None:
        self._process = psutil.Process()
        self._start = time.monotonic()
        self._cpu = _cpu_seconds()
        self._highest = _highest_memory()
        self._peak = 0
        self.sample()

    def sample(self) -> None:
        self._peak = max(self._peak, self._process.memory_info().rss)

    def usage(self) -> Usage:
        highest = _highest_memory()
        return Usage(
            seconds=time.monotonic() - self._start,
            cpu_seconds=_cpu_seconds() - self._cpu,
            peak_memory_bytes=max(self._peak, highest) if highest > self._highest else self._peak,
        )


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _highest_memory() -> int:
    """The most resident memory, in bytes, that this process ever had."""
    with suppress(OSError):  # on Linux `ru_maxrss` is never below what the process had that started this one
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return value if sys.platform == "darwin" else value * 1024
