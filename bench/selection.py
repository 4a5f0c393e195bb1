"""Does choosing rows beat chance? Every way of `sartor curate select` that needs no base model, on Banking77, clean and noisy.

    .venv/bin/python bench/selection.py [--seeds 5] [--dry]

Each seed chooses from another 9,000 of the 10,003 training rows; the encoder with a linear model learns from the chosen rows
and answers all 3,080 test rows. `noisy` has 20 % confusable labels (../shared/bench/label_noise.py). Differences are to rows
at random from the same 9,000, with a t interval over the seeds.
"""

import argparse

import numpy as np
from scipy import stats

from noise import SHARED, planted, read
from record import Row, record, row
from sartor.curate.embeddings import Remembered
from sartor.curate.neighbours import nearest
from sartor.curate.select import Rows, evenly, facility_location, k_center, longest
from sartor.data.carve import sample
from sartor.data.example import Example, Message
from sartor.generate.linear import LinearSystem
from sartor.models.encoder import Encoder

POOL, SIZES = 9000, (500, 1000, 3000)
WAYS = ("random", "coverage", "diverse", "typical", "longest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    args = parser.parse_args()
    lines, tested = (read(SHARED / "data" / "banking77" / f"{name}.csv") for name in ("train", "test"))
    clean, test = examples(lines), examples(tested)
    texts = list({example.question for example in (*clean, *test)})
    encoder = Remembered(texts, Encoder.load().encode(texts))
    found: list[Row] = []
    for name, rate in (("clean", 0.0), ("noisy", 0.2)):
        accuracy: dict[tuple[str, int], list[float]] = {}
        for seed in range(1, args.seeds + 1):
            rows = examples(planted(lines, rate, "confusable", seed)) if rate else clean
            pool = [rows[at] for at in sorted(np.random.default_rng(seed).permutation(len(rows))[:POOL].tolist())]
            for way in WAYS:
                order = chosen(way, pool, encoder, seed)
                for size in SIZES:
                    taken = sample(pool, size, seed, floor=0) if order is None else [pool[at] for at in order[:size]]
                    answers = LinearSystem.fit(encoder, taken, seed=0).answer(test)
                    right = [answer.text == each.target for answer, each in zip(answers, test, strict=True)]
                    accuracy.setdefault((way, size), []).append(100 * float(np.mean(right)))
        for (way, size), values in accuracy.items():
            found.append(row(f"{name}, {size:,} rows, {way}", "accuracy", float(np.mean(values)), "%"))
            if way != "random":
                less = np.array(values) - np.array(accuracy["random", size])
                low, high = stats.t.interval(0.95, len(less) - 1, less.mean(), stats.sem(less))
                found.append(
                    row(f"{name}, {size:,} rows, {way} less random", "accuracy", less.mean(), "points", low, high)
                )
    if not args.dry:
        record("selection", found, {}, seeds=args.seeds, pool=POOL)


def chosen(way: str, pool: list[Example], encoder: Remembered, seed: int) -> Rows | None:
    """The rows in the order of choice, as many as the largest selection; None: at random."""
    vectors, most = encoder.encode([example.question for example in pool]), max(SIZES)
    match way:
        case "coverage":
            return evenly(np.unique([example.target for example in pool], return_inverse=True)[1], most, seed)
        case "diverse":
            return k_center(vectors, most, seed)
        case "typical":
            return facility_location(nearest(vectors), most)
        case "longest":
            return longest(np.array([len(example.question) for example in pool]), most)
    return None


def examples(lines: list[dict[str, str]]) -> list[Example]:
    return [
        Example(str(at), (Message("user", line["text"]),), line["category"], (line["category"],))
        for at, line in enumerate(lines)
    ]


if __name__ == "__main__":
    main()
