"""Label choice: what is spared by not reading labels that cannot be it, and what that does to their probabilities.

    python bench/label_choice.py [--rows 500] [--asked 96] [--repeats 3]

A specialist is trained on so many rows of Banking77 (77 labels; elsewhere our own 29) for one epoch. Then it answers the same
test rows in turn with every label read to its end, and as `sartor.generate.trie` does. Seconds are medians, the ratio is the
median over pairs. Results go to bench/results/label_choice.json.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from record import record, row
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import open_task, prepare
from sartor.flows.run import Stages
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import silent
from sartor.store import Store
from train_tasks import quality_task

EVERY, SPARING = "every label read", "label choice"


@contextmanager
def every_label() -> Iterator[None]:
    with mock.patch("sartor.generate.trie.LEAST", 1e-300), mock.patch("sartor.generate.trie.WIDTH", 10**6):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--asked", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        task = open_task(quality_task(Path(temporary), args.rows, 1))
        store, prepared = Store.open(Path(temporary) / ".sartor"), prepare(task)
        with Steps(store, task.spec.task, Here()) as steps:
            stages = Stages(task, prepared, LoadedBase(task), store, steps, silent)
            system = stages.specialist(stages.train()).make()
        asked, answers = prepared.splits.test[: args.asked], {}
        seconds: dict[str, list[float]] = {EVERY: [], SPARING: []}
        for _ in range(args.repeats):
            for name, taken in seconds.items():
                start = time.perf_counter()
                if name == EVERY:
                    with every_label():
                        answers[name] = system.answer(asked)
                else:
                    answers[name] = system.answer(asked)
                taken.append(time.perf_counter() - start)
    pairs = list(zip(*(answers[name] for name in seconds), strict=True))
    same = statistics.fmean(a.text == b.text for a, b in pairs)
    apart = max(abs(p - (b.label_probs or {})[label]) for a, b in pairs for label, p in (a.label_probs or {}).items())
    found = [row(name, f"{args.asked} rows", statistics.median(taken), "s") for name, taken in seconds.items()]
    found += [row("both", "the same label", same, ""), row("both", "probabilities apart, at most", apart, "")]
    ratio = statistics.median(a / b for a, b in zip(*seconds.values(), strict=True))
    record("label_choice", found, {f"seconds, {EVERY} / {SPARING}": ratio}, labels=len(prepared.labels), rows=args.rows)


if __name__ == "__main__":
    main()
