"""Learning curves of real tasks: where the rule stops, and what training on everything would have brought and cost.

    python bench/curve_tasks.py [--task banking77 nlupp cuad] [--points 200 1000] [--rows N] [--folder FOLDER]
        [--peer-rows 64]

Each task goes through `sartor curve` on the built-in base, at what a point of its KPI is worth, the dearest first: what was
trained for one price is not trained again for the next. Then the same recipe is trained once on all training rows, as
`sartor run` does, and both answer the test rows: the specialists of the last size less the one of all rows, with a 95 %
interval over rows and seeds. The forecast for as many rows was made before that training.

Time is that of the trainings, as the curve's page has it. With `--peer-rows` we and TRL at its defaults
(bench/peers/README.md) train in turn on so many rows, and the time of the whole grid is extrapolated from that for both.

`--rows` makes do with so many rows, drawn, where all would take too long. `FOLDER` keeps what was trained, so that the
same command goes on. Results go to bench/results/curve_TASK.json.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from record import Row, record, row
from sartor.evaluate.metric import Scope, metric
from sartor.evaluate.seeds import difference_over_seeds, over_seeds
from sartor.evaluate.statistics import clusters
from sartor.flows.base import LoadedBase
from sartor.flows.curve import LearningCurve, learning_curve
from sartor.flows.curve_grid import Grid, set_aside
from sartor.flows.prepare import Task, open_task, prepare
from sartor.flows.run import Stages
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.store import Store
from train import PEER_PYTHON, run
from train_tasks import BATCH, DATA, RANK, RATE, write_chat

SYSTEMS = ("sartor", "trl default")
PASS = 8
"""Rows in one forward pass of TRL."""
LABEL = 1.5
TESTED = 1000
JSON = '{"intents": {intents}, "slots": {slots.*.text}}'
TASKS: dict[str, dict[str, Any]] = {
    "banking77": {
        "kind": "classification",
        "data": {"train": "banking77/train.csv", "test": "banking77/test.csv", "input": "text", "target": "category"},
        "prompt": {"system": "Name the intent of the bank customer's message."},
        "kpis": [{"name": "accuracy"}],
    },
    "nlupp": {
        "kind": "extraction",
        "data": {"train": "nlupp/banking.jsonl"},
        "prompt": {"system": "Extract intents and slots from the request as JSON.", "user": "{text}", "target": JSON},
        "kpis": [{"name": "field_f1"}],
    },
    "cuad": {
        "kind": "classification",
        "data": {
            "train": "cuad/train.jsonl",
            "test": "cuad/test.jsonl",
            "input": "clause",
            "target": "category",
            "group": "contract",
        },
        "prompt": {"system": "Name the category of the contract's clause."},
        "kpis": [{"name": "accuracy"}],
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--points", nargs="+", type=float, default=[200.0, 1000.0], help="what a point is worth")
    parser.add_argument("--rows", type=int, help="so many training rows, drawn from the file")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peer-rows", type=int, default=0)
    args = parser.parse_args()
    if args.peer_rows and not PEER_PYTHON.exists():
        sys.exit("the peer is not installed: see bench/peers/README.md")
    with tempfile.TemporaryDirectory() as temporary:
        for name in args.task:
            task = written(name, (args.folder or Path(temporary)) / name, args.rows)
            measure(task, sorted(args.points, reverse=True), args.peer_rows)


def measure(task: Task, worths: list[float], peer_rows: int) -> None:
    store = Store.open(task.folder / ".sartor")
    everything = prepare(task)
    available = len(everything.splits.train) + len(everything.splits.validation)
    curves = {worth: learning_curve(priced(task, worth, available), store, progress=told) for worth in worths}
    longest, found = max(curves.values(), key=lambda each: each.points[-1].size), list[Row]()
    for point in longest.points:
        found.append(row(f"{point.size:,} rows", longest.title, point.value, "", point.low, point.high))
        found.append(row(f"{point.size:,} rows", "training, both seeds", point.seconds, "s"))
    noise = longest.forecast.curve
    found.append(row("the last two sizes", "standard error of their difference, by rows", noise.row_error, ""))
    found.append(row("the last two sizes", "standard error of their difference, by seeds", noise.seed_error, ""))
    for worth, curve in curves.items():
        found += stopped(worth, curve)
    with Steps(store, task.spec.task, Here()) as steps:
        stages = Stages(task, everything, LoadedBase(task), store, steps, told)
        trained = stages.train()
        all_answers = stages.answer(stages.specialist(trained)).answers
        prepared, asked, _ = set_aside(everything, task.spec.curve.rows)
        grid = Grid(prepared, asked, store, steps, told)
        test = everything.splits.test
        kpi = metric(task.spec.kpi_list[0].name, Scope.of(task.spec, test, everything.labels))
        member = clusters([(each.group, each.subject) for each in test])
        whole = kpi.table(test, all_answers)
        seconds = trained.history.seconds
        found.append(row(f"all {available:,} rows", f"{longest.title}, test", kpi.aggregate(whole), ""))
        found.append(row(f"all {available:,} rows", "training, one seed", seconds, "s"))
        for size in sorted({curve.points[-1].size for curve in curves.values()}):
            made = [grid.train(size, seed) for seed in range(task.spec.curve.seeds)]
            tables = [kpi.table(test, each.tested().answers) for each in made]
            each = over_seeds(tables, kpi.of_sums, member, kpi.maximum)
            less = difference_over_seeds(tables, [whole], kpi.of_sums, member, kpi.maximum)
            system = f"{size:,} rows"
            found.append(row(system, f"{longest.title}, test", each.value, "", each.low, each.high))
            found.append(row(system, "less that of all rows, test", less.value, "", less.low, less.high))
            found.append(row(system, "the other labels would cost", LABEL * (available - size), "money"))
    curve_seconds = sum(point.seconds for point in longest.points)
    ratios = {"training time, curve / one run on all rows": curve_seconds / seconds}
    if peer_rows:
        rows = sum(point.size for point in longest.points) * task.spec.curve.seeds * task.spec.train.epochs
        rates = beside(task, peer_rows)
        for system, rate in rates.items():
            found.append(row(system, f"training speed, {peer_rows} rows", rate, "examples/s"))
            found.append(row(system, "the curve's trainings, extrapolated", rows / rate, "s"))
        ratios["training speed, sartor / trl default"] = rates["sartor"] / rates["trl default"]
    name, seeds = task.spec.task.replace("-", "_"), task.spec.curve.seeds
    record(name, found, ratios, available=available, label=LABEL, seeds=seeds)


def written(name: str, folder: Path, rows: int | None) -> Task:
    """The task in the folder, of so many rows that are drawn from its file."""
    spec = TASKS[name]
    folder.mkdir(parents=True, exist_ok=True)
    files = {key: str(DATA / spec["data"][key]) for key in ("train", "test") if key in spec["data"]}
    data = spec["data"] | files | ({"rows": rows} if rows else {}) | ({"test_rows": TESTED} if "test" in files else {})
    whole = spec | {"task": f"curve-{name}", "data": data, "costs": {"label": LABEL, "hour": 2}}
    (folder / "sartor.yaml").write_text(json.dumps(whole, indent=1), encoding="utf-8")  # JSON is YAML
    return open_task(folder)


def priced(task: Task, worth: float, available: int) -> Task:
    """With what a point is worth, and no more labels to be had than there are."""
    curve = task.spec.curve.model_copy(update={"point": worth, "labels": available})
    return replace(task, spec=task.spec.model_copy(update={"curve": curve}))


def stopped(worth: float, curve: LearningCurve) -> list[Row]:
    """What the rule says at the last size, and what all rows are forecast to bring."""
    system, last = f"a point is worth {worth:,.0f}", curve.points[-1].size
    if curve.decision is None:
        return [row(f"{system}: the curve falls", "rows at the end", last, "rows")]
    ahead = curve.forecast.at(curve.most)
    return [
        row(f"{system}: {curve.decision.word}", "rows at the end", last, "rows"),
        row(system, f"{curve.title} with all rows, forecast (90 %)", ahead.value, "", ahead.low, ahead.high),
    ]


def beside(task: Task, rows: int) -> dict[str, float]:
    """Examples a second of us and of TRL at its defaults, in turn on the first of the same rows; one epoch."""
    recipe = {"validation": 0, "learning_rate": RATE, "epochs": 1, "rank": RANK, "batch_size": BATCH}
    spec, folder = json.loads((task.folder / "sartor.yaml").read_text(encoding="utf-8")), task.folder / "beside"
    folder.mkdir(exist_ok=True)
    part = spec | {"data": spec["data"] | {"rows": rows}, "train": recipe}
    (folder / "sartor.yaml").write_text(json.dumps(part, indent=1), encoding="utf-8")
    write_chat(folder)
    return {system: run(system, folder, PASS)["examples_per_second"] for system in SYSTEMS}


def told(what: str, done: int, whole: int, detail: str = "") -> None:
    if what in ("curve", "specialist"):
        print(f"{what} {done}/{whole} {detail}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
