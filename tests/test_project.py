"""`sartor.open` finds the project and the task that are meant, and every verb leaves its trail."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.tasks import intents, write_task
from tests.tiny import tiny_llama

import sartor
from sartor.errors import InputError
from sartor.store import Store
from sartor.store.tables import audit

ROOT = Path(__file__).parent.parent


def task(folder: Path, name: str) -> Path:
    """A task whose base is not there: enough for whatever does not open it."""
    return write_task(folder, Path("nowhere"), intents(12), task=name)


def test_importing_it_is_light():
    heavy = "torch transformers polars sklearn scipy altair sqlalchemy pydantic rich"
    code = f"import sys, sartor; print([name for name in {heavy.split()!r} if name in sys.modules], sartor.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] ")


def test_a_lone_task_is_a_project(tmp_path: Path):
    task(tmp_path / "billing", "billing-notes")
    project = sartor.open(tmp_path / "billing")
    assert project.root == tmp_path / "billing"
    assert list(project.tasks()) == ["billing-notes"]
    assert sartor.open(str(tmp_path / "billing" / "sartor.yaml")).root == tmp_path / "billing"


def test_a_folder_below_belongs_to_the_project(tmp_path: Path):
    (task(tmp_path, "one") / "data" / "raw").mkdir(parents=True)
    assert sartor.open(tmp_path / "data" / "raw").root == tmp_path


def test_tasks_lie_in_tasks(tmp_path: Path):
    task(tmp_path / "tasks" / "a", "notes")
    task(tmp_path / "tasks" / "b", "intents")
    project = sartor.open(tmp_path)
    assert {name: found.folder.name for name, found in project.tasks().items()} == {"notes": "a", "intents": "b"}
    inside = sartor.open(tmp_path / "tasks" / "b")
    assert (inside.root, inside.here) == (tmp_path, tmp_path / "tasks" / "b")


def test_a_task_beside_an_unrelated_folder_of_tasks_is_its_own_project(tmp_path: Path):
    (tmp_path / "tasks").mkdir()
    task(tmp_path / "billing", "billing-notes")
    assert sartor.open(tmp_path / "billing").root == tmp_path / "billing"


def test_which_task_is_meant(tmp_path: Path):
    task(tmp_path / "tasks" / "a", "notes")
    task(tmp_path / "tasks" / "b", "intents")
    project = sartor.open(tmp_path)
    with pytest.raises(InputError, match=r"several tasks \(notes, intents\)"):
        project.check()
    with pytest.raises(InputError, match="no task `intens`; did you mean `intents`"):
        project.check("intens")
    with pytest.raises(InputError, match="unknown base"):
        project.check("intents")


def test_two_tasks_of_one_name_are_refused(tmp_path: Path):
    task(tmp_path / "tasks" / "a", "notes")
    task(tmp_path / "tasks" / "b", "notes")
    with pytest.raises(InputError, match="rename one"):
        sartor.open(tmp_path).tasks()


@pytest.mark.parametrize("name", ["", "missing"])
def test_no_task_at_all_names_the_command(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="sartor init"):
        sartor.open(tmp_path / name)


def test_a_broken_neighbour_does_not_stop_a_task(tmp_path: Path):
    folder = task(tmp_path / "tasks" / "a", "notes")
    task(tmp_path / "tasks" / "b", "intents").joinpath("sartor.yaml").write_text("task: [")
    with pytest.raises(InputError, match="unknown base"):
        sartor.open(folder).check()


def test_check_and_listing_leave_no_store(tmp_path: Path):
    folder = write_task(tmp_path / "task", tiny_llama(tmp_path), intents(12))
    project = sartor.open(folder)
    assert project.check().rows["train"] > 0
    assert project.adapters.list() == ()
    assert sorted(path.name for path in folder.iterdir()) == ["sartor.yaml", "train.jsonl"]


def test_a_run_that_the_check_refuses_leaves_nothing(tmp_path: Path):
    folder = write_task(tmp_path / "task", tiny_llama(tmp_path), intents(12), intents(12))
    with pytest.raises(InputError, match="every test row"):
        sartor.open(folder).run()
    assert sorted(path.name for path in folder.iterdir()) == ["sartor.yaml", "test.jsonl", "train.jsonl"]


def test_predictions_and_listings_are_on_the_trail(tmp_path: Path):
    folder = write_task(tmp_path / "task", tiny_llama(tmp_path), intents(12), generate={"max_tokens": 2})
    project = sartor.open(folder)
    answers = project.predict("zero-shot", [{"text": "where is my card"}, {"text": "refund"}])
    assert len(answers) == 2
    json.dumps([answer.to_json() for answer in answers])
    assert project.adapters.list() == ()
    store = Store.open(folder / ".sartor")
    with store.records.read() as connection:
        trail = [(row.verb, row.resource, row.detail) for row in connection.execute(select(audit))]
    store.close()
    assert trail == [
        ("predict", "task small", {"system": "zero-shot", "rows": 2}),
        ("list", "adapters", {}),
    ]
