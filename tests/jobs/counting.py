"""A step that counts to twenty, with a checkpoint after each number, and dies at the moment it is told to.

Run as a program by the tests that kill it.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sartor.jobs.here import Here
from sartor.jobs.steps import StepResult, Steps
from sartor.store import Store
from sartor.store.disk import write_file


def count(root: Path, moment: str = "never", pause: float = 0.0) -> tuple[StepResult, int | None]:
    """The step's result, and the number of checkpoints that it went on from; None if it was not done again."""
    went_on_from: int | None = None

    def here(name: str) -> None:
        if name == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def work(folder: Path) -> dict[str, Any]:
        nonlocal went_on_from
        here("before the first checkpoint")
        checkpoint = folder / "checkpoint"
        numbers = json.loads(checkpoint.read_text()) if checkpoint.exists() else []
        went_on_from = len(numbers)
        print("working", flush=True)
        while len(numbers) < 20:
            numbers.append(len(numbers) ** 2)
            write_file(checkpoint, json.dumps(numbers).encode())
            time.sleep(pause)
            if len(numbers) == 10:
                here("between checkpoints")

        def build(target: Path) -> None:
            (target / "numbers").write_text(json.dumps(numbers))
            here("while publishing")
            (target / "more").write_text("done")

        store.folders.publish("numbers", "squares", build)
        here("before the record")
        return {"folders": {"numbers": "numbers/squares"}, "sum": sum(numbers)}

    store = Store.open(root)
    if moment == "after the record":
        Store.clear_scratch = lambda *_: here(moment)  # type: ignore[method-assign]
    with Steps(store, "notes", Here()) as steps:
        result = steps.run("count", {"to": 20}, work)
    store.close()
    return result, went_on_from


if __name__ == "__main__":
    count(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
