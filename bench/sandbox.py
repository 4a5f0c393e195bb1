"""What the sandbox adds to a program's run: every tier beside a plain subprocess, in turn, in one call.

    make bench-sandbox        (or: .venv/bin/python bench/sandbox.py [--rounds 200])

The program is a small function with three assertions. Plain is `python -S -c` of program and assertions; a tier runs them
in two processes behind its walls. Medians over the rounds, and the median of what a tier adds round by round.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from record import record, row
from sartor.evaluate.sandbox import Sandbox, Tier, fault_of

PROGRAM = "import re\n\ndef words(text):\n    return sorted(set(re.findall('[a-z]+', text.lower())))\n"
TESTS = ["assert words('b A a') == ['a', 'b']", "assert words('') == []", "assert words('It is.') == ['is', 'it']"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    runs: dict[str, Callable[[], object]] = {"plain subprocess": plain}
    for tier in get_args(Tier):
        if fault := fault_of(tier):
            print(f"not measured: {tier}: {fault}", file=sys.stderr)
            continue
        runs[tier] = sandboxed(Sandbox(tier, unsafe=True))
    taken = {system: [] for system in runs}  # type: dict[str, list[float]]
    for _ in range(rounds):
        for system, run in runs.items():
            began = time.perf_counter()
            run()
            taken[system].append(1000 * (time.perf_counter() - began))
    rows, ratios = [], {}
    for system, milliseconds in taken.items():
        rows.append(row(system, f"one program (median of {rounds})", statistics.median(milliseconds), "ms"))
        if system != "plain subprocess":
            ratios[f"time, {system} / plain"] = rows[-1]["value"] / rows[0]["value"]
            added = [more - less for more, less in zip(milliseconds, taken["plain subprocess"], strict=True)]
            rows.append(row(system, "overhead per program (median)", statistics.median(added), "ms"))
    for system, run in runs.items():
        rows.append(row(system, f"programs a second on {os.cpu_count()} cores", throughput(run, rounds), "1/s"))
    record("sandbox", rows, ratios, python=platform.python_version(), kernel=platform.release())


def plain() -> None:
    program = "\n".join([PROGRAM, *TESTS])
    subprocess.run([sys.executable, "-P", "-s", "-S", "-B", "-X", "utf8", "-c", program], check=True)


def sandboxed(box: Sandbox) -> Callable[[], object]:
    def run() -> None:
        outcome = box.run(PROGRAM, TESTS)
        assert outcome.status == "passed", outcome

    return run


def throughput(run: Callable[[], object], programs: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda _: run(), range(programs)))
    return programs / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
