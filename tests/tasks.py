"""Small tasks on a tiny random base; a folder's conftest imports the fixtures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import tiny_llama

from sartor.flows.prepare import Task, open_task
from sartor.models.builtin import ENCODER

MakeTask = Callable[..., Task]
LABELS = ("card", "refund", "balance")


def intents(count: int, start: int = 0) -> list[dict[str, str]]:
    """Rows of three labels, all questions different."""
    return [{"text": f"question number {n} please", "label": LABELS[n % 3]} for n in range(start, start + count)]


def write_task(
    folder: Path,
    base: Path,
    rows: Sequence[dict[str, Any]],
    test: Sequence[dict[str, Any]] | None = None,
    kind: str = "generation",
    /,
    **spec: Any,
) -> Path:
    """A task's folder: rows as JSON Lines, and what is given of the spec over a small default."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"train": "train.jsonl", "input": "text", "target": "label", **spec.pop("data", {})}
    for name, lines in (("train.jsonl", rows), ("test.jsonl", test)):
        if lines is not None:
            (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    if test is not None:
        data["test"] = "test.jsonl"
    known = {key: value for key, value in data.items() if value is not None}
    whole = {"task": "small", "kind": kind, "base": str(base), "data": known, **spec}
    (folder / "sartor.yaml").write_text(json.dumps(whole))
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("base"))


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of models in which only the encoder lies, as an empty folder: the preflight asks no more of it."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SARTOR_CACHE", str(folder))
    ENCODER.path.mkdir(parents=True)
    return folder


@pytest.fixture
def make_task(tmp_path: Path, base: Path, cache: Path) -> MakeTask:
    """`write_task` into a folder of the test's own, opened."""

    def make(*rows: Any, **spec: Any) -> Task:
        return open_task(write_task(tmp_path / "task", base, *rows, **spec))

    return make
