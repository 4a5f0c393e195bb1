"""Does choosing what to label next beat chance? The rule of `sartor curve next` and its parts, on Banking77.

    .venv/bin/python bench/curve_next.py [--draws 5] [--dry]

Each draw begins with other labelled rows, 500 of all classes or 300 that lack 25 of the 77 classes, and chooses as many again
from the rest of the 10,003; the encoder with a linear model learns from both and answers all 3,080 test rows. Differences are to
rows at random, with a t interval over the draws. `trial` is what the verb itself says of the same 500 labelled rows beforehand.
"""

import argparse

import numpy as np
from scipy import stats

from noise import SHARED, read
from record import Row, record, row
from sartor.curate.active import next_rows, uncertainty
from sartor.curate.pool import Pool
from sartor.curate.select import Rows
from sartor.data.example import Example
from sartor.flows.next_trial import Trial, attempt, fit_probe
from sartor.models.encoder import Encoder
from sartor.task import DataSpec, TaskSpec
from selection import examples

WAYS = ("random", "uncertainty alone", "gaps × diversity", "uncertainty × gaps × diversity")
MISSING = 25
SPEC = TaskSpec(task="banking77", kind="classification", data=DataSpec(train="-", input="text", target="category"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    args = parser.parse_args()
    rows, test = (examples(read(SHARED / "data" / "banking77" / f"{name}.csv")) for name in ("train", "test"))
    encoder = Encoder.load()
    vectors, asked = (encoder.encode([each.question for each in side]) for side in (rows, test))

    def accuracy(places: Rows) -> float:
        probe = fit_probe([rows[at] for at in places.tolist()], vectors[places])
        told = [probe.chosen(probs)[0] for probs in probe.probabilities(asked)]
        return 100 * float(np.mean([label == each.target for label, each in zip(told, test, strict=True)]))

    found: list[Row] = []
    for name, size in (("500 of all classes", 500), (f"300 without {MISSING} classes", 300)):
        reached: dict[str, list[float]] = {}
        trials: list[Trial] = []
        for draw in range(args.draws):
            labelled = begun(rows, size, draw, missing=MISSING if "without" in name else 0)
            pool = np.setdiff1d(np.arange(len(rows)), labelled)
            reached.setdefault("labelled alone", []).append(accuracy(labelled))
            for way in WAYS:
                added = pool[chosen(way, rows, vectors, labelled, pool, size, draw)]
                reached.setdefault(way, []).append(accuracy(np.concatenate([labelled, added])))
            tried = attempt(Pool([rows[at] for at in labelled.tolist()], SPEC), vectors[labelled], size)
            trials += [tried] if tried else []
        for way, values in reached.items():
            found.append(row(f"{name}, {way}", "accuracy", float(np.mean(values)), "%"))
        for way in WAYS[1:]:
            less = np.array(reached[way]) - np.array(reached["random"])
            low, high = stats.t.interval(0.95, len(less) - 1, less.mean(), stats.sem(less))
            found.append(row(f"{name}, {way} less random", "accuracy", less.mean(), "points", low, high))
        for draw, tried in enumerate(trials):
            ends = (100 * end for end in (tried.difference, tried.low, tried.high))
            found.append(row(f"{name}, trial of draw {draw}: {tried.verdict}", "accuracy", next(ends), "points", *ends))
    if not args.dry:
        record("curve_next", found, {}, draws=args.draws)


def begun(rows: list[Example], size: int, seed: int, missing: int) -> Rows:
    """The places of the rows that are labelled at first, in order."""
    generator = np.random.default_rng(seed)
    absent = set(generator.choice(sorted({each.target for each in rows}), missing, replace=False).tolist())
    order = [at for at in generator.permutation(len(rows)).tolist() if rows[at].target not in absent]
    return np.array(sorted(order[:size]), dtype=np.int64)


def chosen(
    way: str, rows: list[Example], vectors: np.ndarray, labelled: Rows, pool: Rows, size: int, seed: int
) -> Rows:
    """Places in the pool."""
    if way == "random":
        return np.random.default_rng(seed).permutation(len(pool))[:size]
    if way == "gaps × diversity":
        return next_rows(vectors[pool], vectors[labelled], size)
    probe = fit_probe([rows[at] for at in labelled.tolist()], vectors[labelled])
    unsure = uncertainty(probe.probabilities(vectors[pool]))
    if way == "uncertainty alone":
        return np.argsort(-unsure, kind="stable")[:size]
    return next_rows(vectors[pool], vectors[labelled], size, unsure)


if __name__ == "__main__":
    main()
