"""Small tasks on a tiny random base."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sartor.flows.prepare import Task, open_task
from sartor.models.builtin import ENCODER
from tests.tiny import tiny_llama

MakeTask = Callable[..., Task]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of models in which only the encoder lies, as an empty folder: the preflight asks no more of it."""
    monkeypatch.setenv("SARTOR_CACHE", str(tmp_path / "cache"))
    ENCODER.path.mkdir(parents=True)
    return tmp_path / "cache"


@pytest.fixture
def make_task(tmp_path: Path, base: Path) -> MakeTask:
    """Writes a task's folder: rows of dicts as JSON Lines, and what is given of the spec over a small default."""

    def make(
        rows: Sequence[dict[str, Any]],
        test: Sequence[dict[str, Any]] | None = None,
        kind: str = "generation",
        /,
        **spec: Any,
    ) -> Task:
        folder = tmp_path / "task"
        folder.mkdir(exist_ok=True)
        data = {"train": "train.jsonl", "input": "text", "target": "label", **spec.pop("data", {})}
        for name, lines in (("train.jsonl", rows), ("test.jsonl", test)):
            if lines is not None:
                (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        if test is not None:
            data["test"] = "test.jsonl"
        whole = {"task": "small", "kind": kind, "base": str(base), "data": data, **spec}
        whole["data"] = {key: value for key, value in data.items() if value is not None}
        (folder / "sartor.yaml").write_text(json.dumps(whole))
        return open_task(folder)

    return make
