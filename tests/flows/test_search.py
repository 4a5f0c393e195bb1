"""A search for a recipe: on validation rows alone, resumed where it was, and what it found is trained with."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
import yaml
from sqlalchemy import func, select
from tests.running import notes, on_a_small_machine  # noqa: F401 (a fixture of every test here)
from tests.tasks import write_task

import sartor
from sartor.cli.main import main
from sartor.errors import InputError
from sartor.flows import run as flow
from sartor.flows.base import LoadedBase
from sartor.flows.halving import Tuned
from sartor.flows.training import Training, learn
from sartor.progress import Progress, silent
from sartor.store import Store
from sartor.store.tables import books
from sartor.task_file import load_task

SPEC: dict[str, Any] = {
    "train": {"rank": 4, "batch_size": 8, "learning_rate": 1e-4},
    "generate": {"shots": 0, "max_tokens": 24},
    "costs": {"hour": 3600.0},
}


@dataclass
class Watched:
    """The trainings of a search, in this process, without one of their own."""

    trainings: list[Training] = field(default_factory=list)
    fails_at: int | None = None
    diverges: Callable[[float], bool] = lambda _: False

    def learn(self, training: Training, folder: Path, progress: Progress = silent) -> dict[str, Any]:
        if len(self.trainings) == self.fails_at:
            raise KeyboardInterrupt
        self.trainings.append(training)
        usage = {"usage": {"seconds": 0.5, "cpu_seconds": 0.5, "peak_memory_bytes": 123}}
        if self.diverges(training.recipe.learning_rate):
            return usage | {"diverged": "the loss is not finite"}
        base = LoadedBase(training.task)
        base.number_format = (torch.float32, "float32: as the tests say")
        return learn(training, base, folder) | usage


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr("sartor.flows.search.Apart.learn", lambda _, *given: watched.learn(*given))
    return watched


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", base, notes(24), notes(6, start=500), "extraction", **SPEC)


def outcome(tuned: Tuned) -> Any:
    """What a search comes to, less times."""
    return [(trial.settings, [each.loss for each in trial.tried.values()]) for trial in tuned.halving.trials]


def test_the_best_recipe_by_validation_rows_is_found_and_no_test_row_is_read(folder: Path, watched: Watched) -> None:
    found = sartor.open(folder).tune(4)
    assert [len(trial.tried) for trial in found.halving.trials].count(1) == 2
    assert len(watched.trainings) == 4 + 2 + 1
    assert found.halving.best.settings["learning_rate"] > 1e-4, (
        "the task's own rate is far too low, and is the first tried"
    )
    assert watched.trainings[0].recipe.learning_rate == 1e-4
    assert {training.recipe.epochs for training in watched.trainings} == {1, 2, 4}
    tests = {row["text"] for row in notes(6, start=500)}
    for training in watched.trainings:
        assert training.task.rows is None and training.task.frozen_test is None
        assert not tests & {row.question for row in (*training.train, *training.validation)}
    with mock.patch("sartor.store.records.Records.open_test", side_effect=AssertionError("the test set is opened")):
        assert outcome(sartor.open(folder).tune(4)) == outcome(found)


def test_other_test_rows_find_no_other_recipe(folder: Path, watched: Watched) -> None:
    before = outcome(sartor.open(folder).tune(2))
    trained = len(watched.trainings)
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in notes(7, start=900)))
    assert outcome(sartor.open(folder).tune(2)) == before
    assert len(watched.trainings) == trained


def test_a_search_that_was_broken_off_ends_as_one_that_was_not(
    folder: Path, base: Path, tmp_path: Path, watched: Watched
) -> None:
    for broken_at in (2, 5):
        watched.fails_at = broken_at
        with pytest.raises(KeyboardInterrupt):
            sartor.open(folder).tune(4)
    watched.fails_at = None
    found = sartor.open(folder).tune(4)
    assert len(watched.trainings) == 7, "what was trained before is not trained again"
    other = write_task(tmp_path / "other", base, notes(24), notes(6, start=500), "extraction", **SPEC)
    assert outcome(sartor.open(other).tune(4)) == outcome(found)


def test_a_budget_ends_the_search_early(folder: Path, watched: Watched) -> None:
    found = sartor.open(folder).tune(8, budget=1e-9)
    assert len(watched.trainings) == 1
    assert "within 0 ms" in found.sentences[0]
    assert found.sentences[1].startswith("The budget was spent")
    assert found.settings["epochs"] == 1


def test_the_run_trains_with_what_was_found_and_so_does_the_block_in_the_task(
    folder: Path, watched: Watched, capsys: Any
) -> None:
    watched.diverges = lambda rate: rate > 1.5e-4
    assert main(["run", str(folder), "--tune", "--trials", "4", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    told = document["tuning"]
    assert [trial["fate"] for trial in told["trials"]].count("diverged, 1 epoch") >= 1
    assert sum(trial["fate"].startswith("chosen") for trial in told["trials"]) == 1
    assert told["money"] == pytest.approx(told["seconds"]), "at 3600 an hour"
    [adapter] = sartor.open(folder).adapters.list()
    assert {key: adapter.manifest[key] for key in told["settings"] if key != "label_smoothing"} == {
        key: value for key, value in told["settings"].items() if key != "label_smoothing"
    }
    page = (folder / "report.html").read_text()
    assert "Learning rate, found by a search. Recipe: the lowest loss on" in page and "search for a recipe" in page
    with Store.open(folder / ".sartor").records.read() as connection:
        lines = connection.execute(select(func.count()).where(books.c.item == "compute")).scalar_one()
    assert lines >= len(watched.trainings)

    assert main(["run", str(folder), "--tune", "--trials", "4"]) == 0
    shown = capsys.readouterr().out
    assert (
        re.search(r"^trial +rate +batch +smoothing +rank +loss +time +fate", shown, flags=re.M)
        and "diverged, 1 epoch" in shown
    )
    block = yaml.safe_load(shown[shown.index("train:\n") :].split("\n\n")[0])
    spec = json.loads((folder / "sartor.yaml").read_text())
    spec["train"] |= block["train"]
    (folder / "sartor.yaml").write_text(json.dumps(spec))
    with mock.patch.object(flow, "learn", side_effect=AssertionError("trained again")):
        result = sartor.open(folder).run()
    assert result.adapter.hash == adapter.hash


def test_seeds_preferences_and_the_budget_are_for_the_training_after(
    base: Path, tmp_path: Path, watched: Watched
) -> None:
    train = SPEC["train"] | {"seeds": 2, "prefer": {"rows": 2}, "budget": 1e6}
    folder = write_task(tmp_path / "t", base, notes(24), notes(6, 500), "extraction", **SPEC | {"train": train})
    tuned = sartor.open(folder).tune(2)
    assert all(each.task.spec.train.seeds == 1 and each.recipe.budget is None for each in watched.trainings)
    assert len(watched.trainings) == 3
    spec = load_task(folder).train.model_copy(update=tuned.settings)
    assert spec.seeds == 2 and spec.prefer


def test_what_cannot_be_searched_is_one_sentence(
    base: Path, folder: Path, tmp_path: Path, watched: Watched, capsys: Any
) -> None:
    unheld = write_task(
        tmp_path / "u", base, notes(24), notes(6, 500), "extraction", **SPEC | {"train": {"validation": 0}}
    )
    for arguments, said in (
        (["--trials", "4"], "--trials and --budget say how far to search for a recipe: add --tune"),
        (["--budget", "4"], "add --tune"),
        (["--tune", "--trials", "1"], "a search tries 2 to 64 recipes, not 1"),
        (["--tune", "--trials", "65"], "a search tries 2 to 64 recipes, not 65"),
        (["--tune", "--prove"], "write what --tune finds into it"),
    ):
        assert main(["run", str(folder), *arguments]) == 2
        assert said in capsys.readouterr().err
    assert main(["run", str(unheld), "--tune"]) == 2
    assert "there are none: set `train.validation` above 0" in capsys.readouterr().err
    with (
        mock.patch("sartor.flows.search.find_spec", return_value=None),
        pytest.raises(InputError, match=r"needs Optuna: install `sartor\[tune\]`"),
    ):
        sartor.open(folder).tune(2)
    assert not watched.trainings
