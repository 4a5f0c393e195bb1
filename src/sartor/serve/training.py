"""The process of one fine-tuning job: its task is written into the project and run, and the records are told how it goes."""

import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import RowMapping

import sartor
from sartor.errors import InputError, SartorError
from sartor.evaluate.verdict import SPECIALIST
from sartor.flows.prepare import open_task
from sartor.models.base import read_config, resolve
from sartor.project import STORE_NAME, TASKS_NAME
from sartor.serve.files import path_of
from sartor.serve.jobs import Jobs
from sartor.store import Store, disk_errors
from sartor.store.disk import write_file
from sartor.task import SPEC_NAME
from sartor.train.loop import auto_learning_rate

NICE = 10
"""Who asks goes before who learns."""
EVERY = 5.0
"""Seconds between two events of one stage."""


def main(root: Path, id: str) -> None:
    """The whole life of the process."""
    os.nice(NICE)
    store = Store.open(root / STORE_NAME)
    jobs, lock = Jobs(store), store.lock(id)
    while not lock.acquire():  # the process that a killed server began is about to end
        time.sleep(0.1)
    job = jobs.get(id)
    folder = root / TASKS_NAME / job["task"]
    try:
        write_task(folder, store, job)
        result = sartor.open(folder).run(progress=_Events(jobs, id))
    except SartorError as error:
        code = "invalid_input" if isinstance(error, InputError) else "system_failure"
        jobs.fail(id, code, str(error).replace(f"{folder}/", ""))  # where the project lies is nobody's business
        return
    card = next(card for card in result.scorecards if card.system == SPECIALIST)
    scores = [card.scores[kpi.name] for kpi in open_task(folder).spec.kpi_list]
    told = ", ".join(f"{each.title} {each.scale.estimate(each.value, each.low, each.high)}" for each in scores)
    data = {
        "verdict": result.verdict.outcome,
        "kpis": {each.name: {"value": each.value, "low": each.low, "high": each.high, "n": each.n} for each in scores},
    }
    model = result.adapter.name
    message = f"succeeded: {model} can be asked now. {result.verdict.headline} On its test rows: {told}"
    jobs.succeed(id, model, result.training.computed_tokens, message, data)


def write_task(folder: Path, store: Store, job: RowMapping) -> None:
    """The task that a job is, with copies of its files; once more after a kill, and the same."""
    request, wanted = job["request"], job["request"]["hyperparameters"]
    train = {"seed": request["seed"], "epochs": wanted["n_epochs"], "batch_size": wanted["batch_size"]}
    if multiplier := wanted["learning_rate_multiplier"]:
        config = read_config(resolve(job["base"], folder))
        train["learning_rate"] = multiplier * auto_learning_rate(config.hidden_size)
    data: dict[str, Any] = {}
    with disk_errors():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The vendor's validation rows train nothing and judge the result: here they are the test rows.
        for side, file in (("train", request["training_file"]), ("test", request["validation_file"])):
            if file is not None:
                data[side] = f"{side}.jsonl"
                shutil.copyfile(path_of(store, file), folder / data[side])
        spec = {
            "task": job["task"],
            "kind": "generation",
            "base": job["base"],
            "data": data,
            "prompt": {"messages": "messages"},
            "train": {name: value for name, value in train.items() if value is not None},
        }
        write_file(folder / SPEC_NAME, yaml.safe_dump(spec, sort_keys=False, allow_unicode=True).encode())


class _Events:
    """Progress as events: the first and the last of each stage, and one now and then between them."""

    def __init__(self, jobs: Jobs, id: str) -> None:
        self._jobs, self._id = jobs, id
        self._stage, self._last = "", 0.0

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        if what == self._stage and done < total and time.monotonic() - self._last < EVERY:
            return
        self._stage, self._last = what, time.monotonic()
        message = f"{what} {done:,}/{total:,}{f' · {detail}' if detail else ''}"
        self._jobs.tell(self._id, message, {"stage": what, "done": done, "total": total})


def _end_with_server() -> None:
    """The server holds the other end of the pipe for as long as it lives."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_server, daemon=True).start()
    main(Path(sys.argv[1]), sys.argv[2])
