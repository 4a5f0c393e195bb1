"""Which specialist a message is for: the router over three tasks whose domains are near, and on texts of none.

    python bench/router.py [--rows 2000]

Banking77 and nlupp both hold what customers of banks say (nlupp in several intents at once), support-intents what those of a
shop say. So many of Banking77's rows are drawn; the others have fewer. The router is fitted on training rows, calibrated on
validation rows, and judged on test rows: how many it routes, and how many of these go to their own task. Texts of none are
clauses of contracts (CUAD), talks of doctors and patients (MTS-Dialog), and orders for small programs (MBPP). Intervals are
Wilson's at 95 %. Results go to bench/results/router.json.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from record import Row, record, row
from sartor.flows.prepare import Task, open_task
from sartor.flows.routing import Share, current_hash, fit_router, load_router
from sartor.models.builtin import BASE
from sartor.models.encoder import Encoder
from sartor.store import Store
from train_tasks import DATA, ROOT

TESTED, FOREIGN = 600, 300
INTENTS = {"kind": "classification", "prompt": {"system": "Name the intent."}}
SUPPORT = ROOT / "examples" / "support-intents"
TASKS: dict[str, dict[str, Any]] = {
    "banking77": INTENTS
    | {
        "data": {
            "train": str(DATA / "banking77" / "train.csv"),
            "test": str(DATA / "banking77" / "test.csv"),
            "input": "text",
            "target": "category",
            "test_rows": TESTED,
        }
    },
    "nlupp": {
        "kind": "extraction",
        "data": {"train": str(DATA / "nlupp" / "banking.jsonl")},
        "prompt": {"user": "{text}", "target": '{"intents": {intents}}'},
    },
    "support-intents": INTENTS
    | {
        "data": {
            "train": str(SUPPORT / "messages.csv"),
            "test": str(SUPPORT / "held_out.csv"),
            "input": "message",
            "target": "intent",
        }
    },
}
OTHERS = {
    "contracts": (DATA / "cuad" / "test.jsonl", "clause"),
    "doctors": (DATA / "mts_dialog" / "train.jsonl", "dialogue"),
    "programs": (DATA / "mbpp" / "mbpp.jsonl", "text"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        store, tasks = Store.open(Path(temporary) / "store"), opened(Path(temporary), args.rows)
        start = time.perf_counter()
        card = fit_router(tasks, store, goal=0.0)  # kept, whatever it is like
        seconds, hash = time.perf_counter() - start, current_hash(store, tasks.__contains__)
        assert hash is not None
        router, found = load_router(store, hash, Encoder.load()), list[Row]()
        found.append(share("routed test rows, those that go to their own task", card.accuracy))
        found.append(share("test rows, those that are routed", card.answered))
        found += [share(f"{name}: test rows that go there", each) for name, each in card.tasks.items()]
        found.append(row("router", "calibration error", card.calibration, ""))
        found.append(row("router", "fitted, calibrated and judged", seconds, "s"))
        for name, (file, column) in OTHERS.items():
            with file.open(encoding="utf-8") as lines:
                texts = [json.loads(line)[column] for line, _ in zip(lines, range(FOREIGN), strict=False)]
            found.append(
                share(f"{name}: texts that it abstains from", Share.of([r.task is None for r in router.route(texts)]))
            )
    record("router", found, {}, rows=args.rows)


def opened(folder: Path, rows: int) -> dict[str, Task]:
    TASKS["banking77"]["data"]["rows"] = rows
    for name, spec in TASKS.items():
        (folder / name).mkdir()
        (folder / name / "sartor.yaml").write_text(
            json.dumps({"task": name, "base": BASE.name} | spec), encoding="utf-8"
        )
    return {name: open_task(folder / name) for name in TASKS}


def share(what: str, found: Share) -> Row:
    return row("router", f"{what}, of {found.n:,}", found.value, "", found.low, found.high)


if __name__ == "__main__":
    main()
