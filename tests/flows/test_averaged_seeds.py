"""Several seeds in one adapter: their average, or the best of them where it is better; what all of them took."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.running import note_task, on_a_small_machine  # noqa: F401 (a fixture of every test here)

import sartor
from sartor.errors import InputError
from sartor.flows import run as flow
from sartor.flows.base import LoadedBase
from sartor.flows.check import check
from sartor.flows.methods import with_method
from sartor.flows.prepare import Task, prepare
from sartor.flows.run import Stages
from sartor.flows.training import Training
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.store import Store
from sartor.task import TrainSpec
from sartor.task_file import load_task

TRAIN = {"epochs": 2, "rank": 4, "learning_rate": 0.01}
QUICK = {"generate": {"shots": 0, "max_tokens": 24}}


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the trainings that were begun, in order."""
    begun, learn = list[int](), flow.learn

    def learning(training: Training, *given: Any) -> dict[str, Any]:
        begun.append(training.recipe.seed)
        return learn(training, *given)

    monkeypatch.setattr("sartor.flows.run.learn", learning)
    return begun


def trained(task: Task, store: Store) -> flow.Trained:
    with Steps(store, task.spec.task, Here(), 2.0) as steps:
        return Stages(task, prepare(task), LoadedBase(task), store, steps, lambda *_: None).train()


def test_the_average_stands_beside_its_seeds_and_costs_what_all_took(
    base: Path, tmp_path: Path, trainings: list[int]
) -> None:
    store = Store.open(tmp_path / "store")
    found = trained(note_task(tmp_path / "task", base, train=TRAIN | {"seeds": 2, "seed": 3}), store)
    assert trainings == [6, 7], "those of `seed: 2` and `seed: 4` are others"
    told, config = found.manifest["average"], json.loads((found.folder / "adapter_config.json").read_text())
    assert told["seeds"] == [6, 7] and len(told["losses"]) == 2
    assert (told["kept"] == "average") == (told["loss"] <= min(told["losses"]))
    assert config["r"] == found.manifest["rank"] == (8 if told["kept"] == "average" else 4)
    assert (found.manifest["seed"], found.manifest["seeds"]) == (3, 2)
    for seed in (6, 7):
        alone = trained(note_task(tmp_path / str(seed), base, train=TRAIN | {"seed": seed}), store)
        assert alone.manifest["recipe"] != found.manifest["recipe"]
        assert 2 * alone.history.examples == found.history.examples
    assert trained(note_task(tmp_path / "again", base, train=TRAIN | {"seeds": 2, "seed": 3}), store).step.reused


@pytest.mark.parametrize(("loss", "kept", "rank"), [(0.0, "average", 8), (9.0, None, 4), (None, "average", 8)])
def test_what_has_the_lowest_validation_loss_is_kept(
    loss: float | None, kept: str | None, rank: int, base: Path, tmp_path: Path
) -> None:
    validation = {} if loss is not None else {"validation": 0}
    task = note_task(tmp_path / "task", base, train=TRAIN | {"seeds": 2, "epochs": 1} | validation)
    with mock.patch("sartor.flows.run.held_out_loss", return_value=loss):
        found = trained(task, Store.open(tmp_path / "store"))
    told = found.manifest["average"]
    best = told["seeds"][told["losses"].index(min(told["losses"]))] if told["losses"] else None
    assert told["kept"] == (kept or best)
    assert json.loads((found.folder / "adapter_config.json").read_text())["r"] == rank


def test_what_was_broken_off_goes_on(base: Path, tmp_path: Path, trainings: list[int]) -> None:
    task, store = note_task(tmp_path / "task", base, train=TRAIN | {"seeds": 2}), Store.open(tmp_path / "store")
    with mock.patch("sartor.flows.run.average", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        trained(task, store)
    assert trainings == [0, 1]
    found = trained(task, store)
    assert trainings == [0, 1], "no seed is trained again"
    fresh = trained(task, Store.open(tmp_path / "other"))
    assert found.manifest["hash"] == fresh.manifest["hash"]


def test_preferences_go_on_from_the_average(base: Path, tmp_path: Path) -> None:
    prefer = {"rows": 12, "samples": 4, "beta": 0.2}
    train = TRAIN | {"seeds": 2, "epochs": 6, "validation": 0, "prefer": prefer}
    found = trained(note_task(tmp_path / "task", base, train=train, **QUICK), Store.open(tmp_path / "store"))
    assert found.manifest["prefer"]["pairs"] > 0
    assert json.loads((found.folder / "adapter_config.json").read_text())["r"] == 8
    assert found.manifest["average"]["kept"] == "average"


def test_a_budget_is_for_all_seeds_together(base: Path, tmp_path: Path) -> None:
    task = note_task(tmp_path / "task", base, train=TRAIN | {"seeds": 2, "budget": 1e-9})
    with pytest.raises(InputError, match=r"more than `train\.budget`"):
        trained(task, Store.open(tmp_path / "store"))
    costs = [check(note_task(tmp_path / str(n), base, train=TRAIN | {"seeds": n})).cost for n in (1, 3)]
    assert costs[0] and costs[1]
    assert costs[1].seconds == pytest.approx(3 * costs[0].seconds) and costs[1].tokens == 3 * costs[0].tokens


def test_the_page_tells_both(base: Path, tmp_path: Path) -> None:
    task = note_task(tmp_path / "task", base, train=TRAIN | {"seeds": 2}, **QUICK)
    result = sartor.open(task.folder).run()
    page, told = result.report.read_text(), result.adapter.manifest["average"]
    said = "the average of 2 seeds, as one adapter of rank 8" if told["kept"] == "average" else "the best of 2 seeds"
    assert said in page


@pytest.mark.parametrize("train", [{"method": "ia3"}, {"method": "prefix"}, {"dora": True}], ids=str)
def test_what_has_no_mean_is_refused(train: dict[str, Any], tmp_path: Path) -> None:
    task = {"task": "t", "kind": "generation", "data": {"train": "x", "input": "a", "target": "b"}}
    (tmp_path / "sartor.yaml").write_text(json.dumps(task | {"train": train | {"seeds": 2}}))
    with pytest.raises(InputError, match="`seeds` averages weights, which is for `method: lora` or"):
        load_task(tmp_path)


def test_methods_are_compared_by_single_trainings() -> None:
    assert with_method(TrainSpec(seeds=3), "ia3").seeds == 1
