"""The learning-rate rule beside other rates: validation loss of the two examples at multiples of `auto`, and more epochs.

    .venv/bin/python bench/learning_rate.py [--rows 300] [--seeds 0 1]

Every rate trains on the same rows from the same seeds; the loss is per supervised token on the rows held back for early
stopping (no test row is read), at the best epoch. The result is a table, and bench/results/learning_rate.json.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from record import record, row
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import Prepared, Task, open_task, prepare
from sartor.train.batches import step_rows
from sartor.train.encode import encode
from sartor.train.loop import Recipe, auto_learning_rate, train

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ((0.25, 3), (0.5, 3), (1, 3), (2, 3), (4, 3), (1, 6))
"""(multiple of `auto`, epochs)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    rows = []
    for name in ("billing-notes", "support-intents"):
        task = open_task(ROOT / "examples" / name)
        data = task.spec.data.model_copy(update={"rows": args.rows})
        task = Task(task.folder, task.spec.model_copy(update={"data": data}))
        prepared = prepare(task)
        for multiple, epochs in SETTINGS:
            losses = [best_loss(task, prepared, multiple, epochs, seed) for seed in args.seeds]
            metric = f"validation loss, {multiple:g} × auto, {epochs} epochs ({min(losses):.3f} to {max(losses):.3f})"
            rows.append(row(name, metric, statistics.mean(losses), "nats/token"))
    record("learning_rate", rows, {}, rows=args.rows, seeds=args.seeds)


def best_loss(task: Task, prepared: Prepared, multiple: float, epochs: int, seed: int) -> float:
    spec, base = task.spec.train, LoadedBase(task)
    training, validation = (
        encode(side, base.renderer, None, "error").rows for side in (prepared.splits.train, prepared.splits.validation)
    )
    rate = multiple * auto_learning_rate(base.opened.config.hidden_size)
    recipe = Recipe(rate, epochs, step_rows(spec.batch_size, len(training)), seed, min(base.renderer.stop_ids))
    with tempfile.TemporaryDirectory() as scratch:
        history = train(
            base.network(spec.model_copy(update={"seed": seed})),
            training,
            validation,
            recipe,
            Path(scratch),
            checkpoint_seconds=600,
        )
    return min(loss for _, loss in history.validation)


if __name__ == "__main__":
    main()
