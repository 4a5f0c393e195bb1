"""Several trainings in one pass beside the same ones after each other, on this machine's processor.

    python bench/together.py [--rows 48] [--jobs 2 4] [--batches 4 16] [--repeats 3]

LoRA of rank 16 on the built-in base, one epoch, no validation; pairs are measured in turn, so that a machine that slows down
slows both. The result is a table, and bench/results/together.json. For a GPU: bench/gpu/speed.py --only together.
"""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

from record import record, row
from sartor.errors import SartorError
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import open_task, prepare
from sartor.task import TrainSpec
from sartor.train.encode import encode
from sartor.train.loop import Job, Recipe, auto_learning_rate, train
from sartor.train.together import train_together

ROOT = Path(__file__).resolve().parent.parent
TOKENS = 2_048
"""Of a joint pass: as many as `train.pass_tokens` is in float32 times two, since a joint pass has rows of several jobs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--jobs", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rows, ratios = [], {}
    for name in ("support-intents", "billing-notes"):
        task = open_task(ROOT / "examples" / name)
        base = LoadedBase(task)
        examples = encode(prepare(task).splits.train[: args.rows], base.renderer, None, "error").rows
        for batch in args.batches:
            recipe = Recipe(
                auto_learning_rate(base.opened.config.hidden_size), 1, batch, 0, min(base.renderer.stop_ids)
            )
            for count in args.jobs:
                pairs = [timed(base, examples, recipe, count) for _ in range(args.repeats)]
                what = f"{count} jobs, batches of {batch}"
                alone, together = (statistics.median(each) for each in zip(*pairs, strict=True))
                rows += [
                    row(name, f"{what}, one after another", alone, "s"),
                    row(name, f"{what}, in one pass", together, "s"),
                ]
                ratios[f"{name}, {what}: together / one after another"] = statistics.median(b / a for a, b in pairs)
    record("together", rows, ratios, rows=args.rows, repeats=args.repeats)


def timed(base: LoadedBase, examples: list, recipe: Recipe, count: int) -> tuple[float, float]:
    """Seconds one after another, and in one pass."""
    networks = [[base.network(TrainSpec(seed=seed)) for seed in range(count)] for _ in range(2)]
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        for seed, network in enumerate(networks[0]):
            train(network, examples, [], recipe, Path(scratch) / f"alone{seed}", checkpoint_seconds=math.inf)
        alone = time.perf_counter() - start
        folders = [Path(scratch) / str(seed) for seed in range(count)]
        jobs = [
            Job(network, examples, [], recipe, folder, checkpoint_seconds=math.inf)
            for network, folder in zip(networks[1], folders, strict=True)
        ]
        start = time.perf_counter()
        results = train_together(jobs, TOKENS)
        together = time.perf_counter() - start
    for result in results:
        if isinstance(result, SartorError):
            raise result
    return alone, together


if __name__ == "__main__":
    main()
