"""What is promised of a recipe over its training seeds, simulated: how often intervals cover, and nulls are rejected.

    .venv/bin/python bench/seeds.py [--simulations 4000] [--dry]

An answer is right where the seed's ability exceeds the row's difficulty; `spread` is how far seeds differ, and each seed finds
some rows of its own easy. 200 rows. `pooled` takes the rows of all seeds as independent ones, which they are not.
"""

import argparse

import numpy as np
from scipy.stats import norm

from record import Row, record, row
from sartor.evaluate.metric import Array
from sartor.evaluate.seeds import difference_over_seeds, over_seeds
from sartor.evaluate.statistics import wilson

ROWS, OWN = 200, 0.3
SPREADS = {"none": 0.0, "2 to 5 points": 0.2, "3 to 11 points": 0.4}
"""Standard deviation between seeds, in ability; in points it is less where nearly all rows are right."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=4000)
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    args = parser.parse_args()
    rng, rows = np.random.default_rng(0), list[Row]()
    for name, spread in SPREADS.items():
        for seeds in (2, 3, 5):
            system = f"{seeds} seeds, spread {name}"
            for accuracy in (0.8, 0.95):
                drawn = [right(rng, seeds, spread, accuracy) for _ in range(args.simulations)]
                points = 100 * np.std([right(rng, 1, spread, accuracy, many=20_000).mean() for _ in range(200)])
                rows.append(row(system, f"standard deviation of seeds at {accuracy}", float(points), "points"))
                found = [over_seeds(tables(y), mean) for y in drawn]
                rows.append(row(system, f"covers, accuracy {accuracy}", covered(found, accuracy), "share"))
                pooled = [wilson(y.sum(), y.size) for y in drawn]
                rows.append(row(system, f"pooled rows cover, accuracy {accuracy}", covered(pooled, accuracy), "share"))
            for others in (1, seeds):
                rejected = [null(rng, seeds, others, spread) < 0.05 for _ in range(args.simulations)]
                beside = "a single system" if others == 1 else "another recipe of as many seeds"
                rows.append(row(system, f"rejected nulls beside {beside}, accuracy 0.8", np.mean(rejected), "share"))
    if not args.dry:
        record("seeds", rows, {}, simulations=args.simulations)


def right(rng: np.random.Generator, seeds: int, spread: float, accuracy: float, many: int = ROWS, ease=None) -> Array:
    """Right or wrong, [seeds, rows], of a recipe of that accuracy."""
    ease = rng.normal(0, 1, many) if ease is None else ease
    mid = norm.ppf(accuracy) * np.sqrt(1 + spread**2 + OWN**2)
    ability = mid + rng.normal(0, spread, (seeds, 1)) + rng.normal(0, OWN, (seeds, many))
    return (ability + ease > 0).astype(float)


def null(rng: np.random.Generator, seeds: int, others: int, spread: float) -> float:
    """p of two recipes that are alike; a single system is as it is, and its seed is not drawn."""
    ease = rng.normal(0, 1, ROWS)
    a = right(rng, seeds, spread, 0.8, ease=ease)
    b = right(rng, others, spread if others > 1 else 0.0, 0.8, ease=ease)
    return difference_over_seeds(tables(a), tables(b), mean).p_value


def covered(found, truth: float) -> float:
    return float(np.mean([each.low <= truth <= each.high for each in found]))


def tables(scores: Array) -> list[Array]:
    return [np.column_stack([one, np.ones(len(one))]) for one in scores]


def mean(sums: Array) -> Array:
    return np.asarray(sums[..., 0] / sums[..., 1])


if __name__ == "__main__":
    main()
