"""Small whole runs: of an extraction that a tiny base can learn by heart, and the same in processes that are killed."""

import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.processes import die, small_disk, without_network
from tests.tasks import write_task

from sartor.errors import SartorError
from sartor.flows.prepare import Task, open_task
from sartor.flows.run import RunResult, run
from sartor.progress import Progress, silent
from sartor.report.view import ReportData
from sartor.store import Folders, Records, Store

DRUGS = ("iron", "aspirin")
SPEC: dict[str, Any] = {
    "train": {"epochs": 8, "rank": 8, "learning_rate": 0.01},
    "generate": {"shots": 2},
    "costs": {"label": 0.5, "hour": 2.0},
}
ROWS, STEPS_AN_EPOCH = 48, 3


def notes(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows of text → record, all texts different."""
    return [
        {"text": f"{n} mg of {DRUGS[n % 2]}", "label": {"drug": DRUGS[n % 2], "given": n % 3 == 0}}
        for n in range(start, start + count)
    ]


def note_task(folder: Path, base: Path, **spec: Any) -> Task:
    return open_task(write_task(folder, base, notes(ROWS), notes(12, start=500), "extraction", **SPEC | spec))


@contextmanager
def small_machine() -> Iterator[None]:
    """Nothing is measured, slices are small, and whoever asks for another machine is an error."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"a run connects to {address}"
        connect(self, address)

    def look_up_here(host: Any, *more: Any, **named: Any) -> Any:
        assert host == "127.0.0.1", f"a run looks {host} up"
        return look_up(host, *more, **named)

    with (
        mock.patch("sartor.flows.base.choose_dtype", return_value=(torch.float32, "float32: as the tests say")),
        mock.patch("sartor.models.estimate.measure_flops", return_value=1e11),
        mock.patch("sartor.flows.ask.SLICE", 5),
        mock.patch("socket.socket.connect", connect_here),
        mock.patch("socket.getaddrinfo", look_up_here),
    ):
        yield


@pytest.fixture(autouse=True)
def on_a_small_machine() -> Iterator[None]:
    with small_machine():
        yield


@dataclass(frozen=True)
class Finished:
    """A run that went through undisturbed. Look, but do not write."""

    task: Task
    store: Store
    result: RunResult


@pytest.fixture(scope="session")
def finished(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    with small_machine(), mock.patch.dict(os.environ, SARTOR_CACHE=str(folder / "cache")):
        task = note_task(folder / "task", base)
        store = Store.open(task.folder / ".sartor")
        return Finished(task, store, run(task, store))


class Letters:
    """An encoder for tests: a text is the numbers of its letters."""

    def encode(self, texts: list[str], *_: object) -> NDArray[np.floating]:
        counts = np.array([[text.count(chr(97 + n)) for n in range(26)] for text in texts], dtype=float)
        return counts / np.maximum(1, np.linalg.norm(counts, axis=1, keepdims=True))


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sartor.flows.systems._encoder", Letters)


def scores(result: RunResult) -> dict[str, Any]:
    """What a run comes to, less times and places."""
    return {
        "adapter": result.adapter.hash,
        "systems": {
            card.system: {name: asdict(s) for name, s in card.scores.items() if name not in ("seconds", "cost")}
            for card in result.scorecards
        },
        "verdict": asdict(result.verdict),
    }


# What a process can die at: (what the progress says, after so much of it), or a function that is cut off.

AT_PROGRESS = {
    "zero-shot": ("zero-shot", 6),
    "2-shot": ("2-shot", 6),
    "training, first epoch": ("train", 2),
    "training, second epoch": ("train", STEPS_AN_EPOCH + 2),
    "specialist": ("specialist", 6),
    "evaluate": ("evaluate", 1),
}
MOMENTS = ["data", "zero-shot", "2-shot", "training, first epoch", "training, second epoch", "trained", "specialist",
           "evaluate", "register", "report"]  # fmt: skip


def run_in_a_process(home: Path, moment: str = "") -> None:
    """As a program: run the task in `home/task`, and put what it comes to into `home/scores.json`. Dies at `moment`."""
    os.environ["SARTOR_CACHE"] = str(home / "cache")
    task = open_task(home / "task")
    with small_machine(), dying(moment) as progress, mock.patch("sartor.flows.run.render", headline):
        result = run(task, Store.open(task.folder / ".sartor"), progress)
    (home / "scores.json").write_text(json.dumps(scores(result)))


def headline(data: ReportData) -> str:
    """A page in no time, for runs whose page nobody looks at."""
    return data.headline


def run_without_network(home: Path) -> None:
    without_network()
    run_in_a_process(home)


def run_on_small_disks(home: Path, base: Path, sizes: Sequence[int]) -> None:
    """Run on a disk of each size (in kB) in turn, what was kept of it before on it; the last one is large enough.

    The exit codes and sentences of the others are put into `home/failures.json`.
    """
    failures = []
    (home / "task").mkdir()
    for kilobytes in sizes:
        small_disk(home / "task", kilobytes)
        if not (home / "task" / "sartor.yaml").exists():
            note_task(home / "task", base)
        try:
            run_in_a_process(home)
        except SartorError as error:
            failures.append((error.exit_code, str(error)))
    (home / "failures.json").write_text(json.dumps(failures))


@contextmanager
def dying(moment: str) -> Iterator[Progress]:
    if moment in AT_PROGRESS:
        stage, after = AT_PROGRESS[moment]

        def progress(what: str, done: int, total: int, detail: str = "") -> None:
            if what == stage and done >= after:
                die()

        yield progress
        return
    with {
        "": nullcontext,
        "data": lambda: _cut(Records, "add_dataset_version", lambda *args: args[4] == "split/validation"),
        "trained": lambda: _cut(Folders, "publish", lambda *args: args[1] == "trained"),
        "register": lambda: _cut(Folders, "publish", lambda *args: args[1] == "adapters"),
        "report": lambda: mock.patch("sartor.flows.run.write_file", side_effect=lambda *_: die()),
    }[moment]():
        yield silent


def _cut(owner: type, name: str, when: Callable[..., bool]) -> Any:
    """The method does its work, and then the process dies."""
    real = getattr(owner, name)

    def method(*args: Any) -> Any:
        result = real(*args)
        if when(*args):
            die()
        return result

    return mock.patch.object(owner, name, method)
