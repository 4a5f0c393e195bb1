"""One model for all? Specialists for three real tasks beside one generalist and one sequential adapter, on the built-in base.

    python bench/generalist.py [--rows 300] [--test-rows 300] [--seeds 3] [--base BASE] [--folder FOLDER] [--dry]

The tasks: intents of bank customers (Banking77), intents and slots of what they say as JSON (nlupp), and the example
support-intents, of a shop's. Each learns from at most `--rows` rows. Every adapter is asked the test rows of every task;
intervals are over rows and seeds, and p-values adjusted for three tasks. `FOLDER` keeps what was trained, so that the same
command goes on. Results go to bench/results/generalist.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import sartor
from record import Row, record, row
from sartor.flows.generalist_outcome import OneForAll
from sartor.models.builtin import BASE

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
SUPPORT = ROOT / "examples" / "support-intents"
TASKS: dict[str, dict[str, Any]] = {
    "banking77": {
        "kind": "classification",
        "data": {
            "train": str(DATA / "banking77" / "train.csv"),
            "test": str(DATA / "banking77" / "test.csv"),
            "input": "text",
            "target": "category",
        },
        "prompt": {"system": "Name the intent of the bank customer's message."},
        "kpis": [{"name": "accuracy"}],
    },
    "nlupp": {
        "kind": "extraction",
        "data": {"train": str(DATA / "nlupp" / "banking.jsonl")},
        "prompt": {
            "system": "Extract intents and slots from the request as JSON.",
            "user": "{text}",
            "target": '{"intents": {intents}, "slots": {slots.*.text}}',
        },
        "kpis": [{"name": "field_f1"}],
    },
    "support-intents": {
        "kind": "classification",
        "data": {
            "train": str(SUPPORT / "messages.csv"),
            "test": str(SUPPORT / "held_out.csv"),
            "input": "message",
            "target": "intent",
        },
        "prompt": {"system": "Name the intent of the message to a shop."},
        "kpis": [{"name": "accuracy"}],
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300, help="training rows of each task, at most")
    parser.add_argument("--test-rows", type=int, default=300, help="test rows of each task, at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--base", default=BASE.name)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        for name in TASKS:
            write_task(folder, name, args.base, args.rows, args.test_rows)
        found = sartor.open(folder).compare_specialists(list(TASKS), args.seeds, told)
    rows = measured(found)
    print("\n".join([found.headline, *found.sentences, *found.notes]))
    if not args.dry:
        specialists, generalist, sequential = (cost.seconds for cost in found.costs)
        ratios = {
            "training time, generalist / specialists": generalist / specialists,
            "training time, sequential / specialists": sequential / specialists,
        }
        how = {"base": args.base, "recipe": found.recipe, "seeds": args.seeds, "training_rows": args.rows}
        tested = {name: each.n for name, each in found.tested.items()}
        record("generalist", rows, ratios, **how, test_rows=tested, said=[found.headline, *found.sentences])


def write_task(folder: Path, name: str, base: str, rows: int, test_rows: int) -> None:
    spec = TASKS[name]
    data = spec["data"] | {"rows": rows, "test_rows": test_rows}
    path = folder / "tasks" / name / "sartor.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"task": name, **spec, "base": base, "data": data, "costs": {"hour": 2}}
    path.write_text(json.dumps(whole, indent=1), encoding="utf-8")  # JSON is YAML


def measured(found: OneForAll) -> list[Row]:
    """Every adapter on every task, the differences, and what each way takes."""
    rows = [
        row(cell.adapter, f"{cell.task}, {found.tested[cell.task].title}", cell.value, "", cell.low, cell.high)
        for cell in found.matrix
    ]
    for each in (*found.generalist, *found.sequential, *found.forgetting):
        title = f"{each.task}, {found.tested[each.task].title}"
        rows.append(row(f"{each.a} less {each.b}", title, each.difference, "", each.low, each.high))
        rows.append(row(f"{each.a} less {each.b}", f"{title}, adjusted p", each.adjusted_p, ""))
    for cost in found.costs:
        rows.append(row(cost.way, "training of one seed", cost.seconds, "s"))
        rows.append(row(cost.way, "loaded for all tasks", cost.loaded_bytes / 1e6, "MB"))
    return rows


def told(what: str, done: int, whole: int, detail: str = "") -> None:
    if what == "compare" or what.startswith("ask "):
        print(f"{what} {done}/{whole} {detail}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
