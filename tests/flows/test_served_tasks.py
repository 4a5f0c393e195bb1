"""Which tasks a server serves: those on one base, however they name it, and those that come later."""

import json
from pathlib import Path

import pytest

from sartor.errors import InputError
from sartor.flows.prepare import open_task
from sartor.flows.serving import ServedTasks, one_base


def write(folder: Path, base: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    data = {"train": "a.jsonl", "input": "q", "target": "a"}
    (folder / "sartor.yaml").write_text(
        json.dumps({"task": folder.name, "kind": "generation", "base": base, "data": data})
    )
    return folder


def served(root: Path, wanted: str | None = None) -> ServedTasks:
    tasks = {path.name: open_task(path) for path in sorted((root / "tasks").glob("*"))}
    return ServedTasks(root / "tasks", one_base(tasks, wanted))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    write(tmp_path / "tasks/a", "../../model")
    return tmp_path


def test_a_task_that_comes_later_is_found_where_it_is_on_the_base(root: Path) -> None:
    tasks = served(root)
    assert tasks.find("b") is None
    write(root / "tasks/b", str(root / "model"))
    write(root / "tasks/c", "smollm2-135m-q4")
    (root / "tasks/d").mkdir()
    (root / "tasks/d/sartor.yaml").write_text("task: d\nkindd: x\n")
    found = tasks.find("b")
    assert found is not None and found.spec.task == "b"
    assert [tasks.find(name) for name in ("c", "d", "e")] == [None, None, None]


def test_a_base_is_known_by_where_it_lies(root: Path) -> None:
    write(root / "tasks/b", str(root / "model"))
    tasks = served(root)
    assert tasks.base == "../../model"
    assert tasks.find("a") and tasks.find("b")
    assert tasks.base_in("new") == "../../model"
    own = ServedTasks(root / "tasks", {"own": open_task(write(root / "own", "../model"))})
    assert own.base_in("new") == str((root / "model").resolve())


def test_one_base_is_to_be_named_where_there_are_several(root: Path) -> None:
    write(root / "tasks/b", "smollm2-135m-q4")
    with pytest.raises(InputError, match="--base"):
        served(root)
    assert served(root, "smollm2-135m-q4").find("a") is None
    assert served(root, "../../model").find("b") is None
    with pytest.raises(InputError, match="no task is on the base other"):
        served(root, "other")
    with pytest.raises(InputError, match="no task to serve yet"):
        one_base({}, None)
