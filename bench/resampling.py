"""How long an interval of macro-F1 takes: 10,000 rows, 77 labels, 1,000 resamples, beside scikit-learn in a loop.

    make bench-resampling        (or: .venv/bin/python bench/resampling.py [--rows 10000] [--resamples 1000])

Ours reduces the rows to counts once and resamples counts; scikit-learn's `f1_score` reads the resampled labels again, as
`scipy.stats.bootstrap` or a loop would have it do. The loop is measured on a few resamples and extrapolated: the rows say
so. Both values are compared on the same labels first. The rows are made from a seed: 80 % right, mistakes at random.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import f1_score

from record import record, row
from sartor.data.example import Example, Message
from sartor.evaluate.metric import Scope, metric
from sartor.evaluate.statistics import bootstrap
from sartor.generate.answer import Answer

LABELS = tuple(f"intent_{i:02}" for i in range(77))
LOOPED = 20
"""Resamples of the peer that are measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    gold = rng.choice(LABELS, args.rows)
    said = np.where(rng.random(args.rows) < 0.8, gold, rng.choice(LABELS, args.rows))
    message = (Message("user", "?"),)
    examples = [Example(str(i), message, label, (label,)) for i, label in enumerate(gold.tolist())]
    answers = [Answer(str(i), label) for i, label in enumerate(said.tolist())]
    judge = metric("macro_f1", Scope("classification", LABELS))

    stats = judge.table(examples, answers)
    ours, theirs = judge.aggregate(stats), float(f1_score(gold, said, average="macro"))
    assert abs(ours - theirs) < 1e-12, (ours, theirs)

    def loop() -> None:
        for _ in range(LOOPED):
            drawn = rng.integers(0, args.rows, args.rows)
            f1_score(gold[drawn], said[drawn], average="macro")

    table = seconds(lambda: judge.table(examples, answers), args.repeats)
    resample = seconds(lambda: bootstrap(stats, judge.of_sums, resamples=args.resamples), args.repeats)
    peer = seconds(loop, args.repeats) / LOOPED * args.resamples
    about = f"{args.rows:,} rows × {len(LABELS)} labels"
    record(
        "resampling",
        [
            row("sartor", f"counts of {about}", table, "s"),
            row(
                "sartor",
                f"BCa interval, {args.resamples:,} resamples and {args.rows:,} jackknife values",
                resample,
                "s",
            ),
            row("sartor", "in all", table + resample, "s"),
            row("scikit-learn", f"f1_score, {args.resamples:,} resamples, extrapolated from {LOOPED}", peer, "s"),
        ],
        {"seconds, scikit-learn in a loop / sartor": peer / (table + resample)},
    )


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
