"""Which tasks a router is over."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert
from tests.tasks import write_task

import sartor
from sartor.flows.routing import current_card, current_hash
from sartor.store import Store
from sartor.store.records import now
from sartor.store.tables import api_jobs

TASKS = {"bills": "first", "cards": "first", "loans": "second", "rents": "second", "ft-mine": "first"}


class Letters:
    """A text is how often it has each letter."""

    name = "letters"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        counts = np.array([[text.count(chr(letter)) + 0.01 for letter in range(97, 123)] for text in texts])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sartor.flows.routing.Encoder.load", Letters)
    for task, base in TASKS.items():
        (tmp_path / base).mkdir(exist_ok=True)
        rows = [{"text": f"{task} number {n * 7919}", "label": "yes" if n % 2 else "no"} for n in range(40)]
        write_task(tmp_path / "tasks" / task, tmp_path / base, rows, task=task)
    return tmp_path


def of_base(base: str) -> list[str]:
    return [task for task, its in TASKS.items() if its == base]


def test_a_task_that_a_program_made_is_left_out_and_one_of_its_like_that_a_person_named_is_not(root: Path) -> None:
    project = sartor.open(root)
    assert set(project.serving.fit_router(goal=0, base=str(root / "first")).tasks) == {"bills", "cards", "ft-mine"}
    store = Store.open(root / ".sartor")
    job = {"id": "ftjob-1", "owner": "somebody", "task": "ft-mine", "base": "first", "request": {}, "digest": ""}
    with store.records.write() as connection:
        connection.execute(insert(api_jobs).values(job | {"status": "succeeded", "created_at": now()}))
    assert set(project.serving.fit_router(goal=0, base=str(root / "first")).tasks) == {"bills", "cards"}


def test_the_router_of_one_base_does_not_take_the_place_of_anothers(root: Path) -> None:
    project, store = sartor.open(root), Store.open(root / ".sartor")
    first, second = (project.serving.fit_router(goal=0, base=str(root / base)).hash for base in ("first", "second"))
    assert current_hash(store, lambda task: True) == second
    for base, hash in (("first", first), ("second", second)):
        found = current_card(store, lambda task, base=base: TASKS[task] == base)
        assert found is not None
        assert found[0] == hash
        assert set(found[1]["tasks"]) == set(of_base(base))
    assert current_card(store, lambda task: task == "taxes") is None
