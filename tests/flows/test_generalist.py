"""A specialist for each task beside one adapter for all: every adapter is asked every task, and what is forgotten shows."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.methods import SPECS
from tests.processes import KILLED, die, exit_code
from tests.running import small_machine
from tests.tasks import write_task
from torch import Tensor

import sartor
from sartor.cli.main import main
from sartor.errors import InputError
from sartor.evaluate.matrix import TaskDifference
from sartor.flows import training
from sartor.flows.base import LoadedBase
from sartor.flows.generalist_outcome import AFTER_OWN, GENERALIST, SEQUENTIAL, OneForAll
from sartor.flows.outcome import Trained
from sartor.flows.prepare import open_task, prepare
from sartor.flows.run import Stages
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import silent
from sartor.report.format import size_bytes
from sartor.store import Store

DRUGS = ("iron", "aspirin")
TRAIN = {"epochs": 6, "rank": 8, "learning_rate": 0.01, "validation": 0}
SPEC: dict[str, Any] = {"train": TRAIN, "generate": {"shots": 0}, "costs": {"hour": 2.0}}
TASKS = ["metals", "pills"]
"""The same kind of question; what one answers with yes, the other answers with no."""
SEEDS = 3


def rows(task: str, count: int, start: int) -> list[dict[str, str]]:
    return [
        {"text": f"{n} mg of {DRUGS[n % 2]}", "label": "yes" if (n % 2 == 1) == (task == "pills") else "no"}
        for n in range(start, start + count)
    ]


def write(folder: Path, base: Path, task: str, start: int, **spec: Any) -> Path:
    asked = {"system": f"Is it one of the {task}?"}
    given = rows(task, 40, start), rows(task, 20, start + 500)
    whole = {"prompt": asked, **SPEC, **spec}
    return write_task(folder / "tasks" / task, base, *given, "classification", task=task, **whole)


def write_project(folder: Path, base: Path, **spec: Any) -> Path:
    for place, task in enumerate(TASKS):
        write(folder, base, task, 100 * place, **spec)
    return folder


@dataclass
class Trainings:
    """Those that are really made."""

    of: list[str] = field(default_factory=list)
    asked: list[training.Training] = field(default_factory=list)

    def learn(self, asked: training.Training, *given: Any) -> dict[str, Any]:
        spec = asked.task.spec
        self.asked.append(asked)
        self.of.append(f"{spec.task} {spec.train.seed}{' on' if asked.start else ''}")
        return learn(asked, *given)


learn = training.learn


@pytest.fixture(autouse=True)
def on_a_small_machine() -> Iterator[None]:
    with small_machine():
        yield


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    found = Trainings()
    monkeypatch.setattr("sartor.flows.run.learn", found.learn)
    return found


@pytest.fixture(scope="module")
def project(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"), base)


@pytest.fixture(scope="module")
def made(project: Path) -> tuple[OneForAll, list[str]]:
    """What came of a comparison, and its trainings."""
    counted = Trainings()
    with small_machine(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sartor.flows.run.learn", counted.learn)
        return sartor.open(project).compare_specialists(TASKS, SEEDS), counted.of


@pytest.fixture
def found(made: tuple[OneForAll, list[str]]) -> OneForAll:
    return made[0]


def test_every_adapter_answers_every_task(found: OneForAll) -> None:
    adapters = ["specialist metals", "specialist pills", GENERALIST, AFTER_OWN, SEQUENTIAL]
    assert [(cell.task, cell.adapter) for cell in found.matrix] == [(t, a) for t in TASKS for a in adapters]
    for cell in found.matrix:
        assert 0 <= cell.low <= cell.value <= round(cell.high, 9) <= 1


def test_the_matrix_is_real(found: OneForAll) -> None:
    """A specialist knows its task by heart, and answers the other one no better than chance."""
    for task, other in (TASKS, reversed(TASKS)):
        assert found.cell(task, f"specialist {task}").value > 0.9
        assert found.cell(task, f"specialist {other}").value < 0.6
    assert found.cell("metals", AFTER_OWN).value == found.cell("metals", "specialist metals").value
    assert found.cell("pills", AFTER_OWN).value == found.cell("pills", SEQUENTIAL).value > 0.9


def test_forgetting_shows(found: OneForAll) -> None:
    [metals] = found.forgetting
    assert (metals.task, metals.a, metals.b) == ("metals", AFTER_OWN, SEQUENTIAL)
    ends = [found.cell("metals", adapter).value for adapter in (AFTER_OWN, SEQUENTIAL)]
    assert metals.difference == pytest.approx(ends[0] - ends[1]) and metals.difference > 0.25
    assert metals.verdict == "better" and metals.adjusted_p < 0.05
    assert "forgotten" in found.sentences[-1] and "after its own task" in found.sentences[-1]


def test_one_seed_trains_a_specialist_a_task_one_for_all_and_goes_on_from_the_first(
    made: tuple[OneForAll, list[str]],
) -> None:
    found, trained = made
    union = next(each for each in trained if each.startswith("_generalist-")).removesuffix(" 0")
    assert trained == [f"{name} {seed}" + on for seed in range(SEEDS) for name, on in
                       (("metals", ""), ("pills", ""), (union, ""), ("pills", " on"))]  # fmt: skip
    specialists, generalist, sequential = found.costs
    assert [(cost.way, cost.trainings) for cost in found.costs] == [
        ("specialists", 2),
        (GENERALIST, 1),
        (SEQUENTIAL, 2),
    ]
    assert specialists.loaded_bytes == 2 * specialists.adapter_bytes
    assert generalist.loaded_bytes == generalist.adapter_bytes == sequential.loaded_bytes == specialists.adapter_bytes
    for cost in found.costs:
        assert cost.money == pytest.approx(cost.seconds / 3600 * 2.0) and len(cost.seconds_by_seed) == SEEDS


def test_the_generalist_learns_the_rows_of_all_tasks_each_with_its_own_prompt(
    base: Path, tmp_path: Path, trainings: Trainings
) -> None:
    write_project(tmp_path, base, train=TRAIN | {"epochs": 1, "validation": 0.2, "budget": 1.5})
    sartor.open(tmp_path).compare_specialists(TASKS, 2)
    metals, pills, union, on = trainings.asked[:4]
    for side in ("train", "validation"):
        apart = [(task, row) for task, each in zip(TASKS, (metals, pills), strict=True) for row in getattr(each, side)]
        together = getattr(union, side)
        assert [row.id for row in together] == [f"{task}/{row.id}" for task, row in apart]
        for row, (task, own) in zip(together, apart, strict=True):
            assert (row.messages, row.target) == (own.messages, own.target)
            assert row.messages[0].content == f"Is it one of the {task}?"
    assert (union.recipe.budget, on.recipe.budget) == (3.0, 1.5)
    assert (on.train, on.validation) == (pills.train, pills.validation)
    tests = {row["text"] for place, task in enumerate(TASKS) for row in rows(task, 20, 100 * place + 500)}
    assert not any(row.question in tests for each in trainings.asked for row in (*each.train, *each.validation))


def weights(trained: Trained) -> dict[str, Tensor]:
    return {
        name: tensor
        for file in sorted(trained.folder.glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


@pytest.mark.parametrize("method", [*SPECS, "plain lora", "plain full"])
def test_training_goes_on_where_another_ended(base: Path, gpt2: Path, tmp_path: Path, method: str) -> None:
    train = {**SPECS[method.removeprefix("plain ")], "epochs": 1, "validation": 0}
    folder = write(tmp_path, gpt2 if method.startswith("plain") else base, "metals", 0, train=train)
    task, store = open_task(folder), Store.open(tmp_path / ".sartor")

    def trained(rate: float, start: Trained | None = None) -> Trained:
        spec = task.spec.model_copy(update={"train": task.spec.train.model_copy(update={"learning_rate": rate})})
        return Stages(
            replace(task, spec=spec), prepare(task), LoadedBase(task), store, steps, silent, start=start
        ).train()

    with Steps(store, "metals", Here()) as steps:
        first = trained(1e-2)
        on, again = trained(1e-9, first), trained(1e-2, first)
    learned, kept, changed = (weights(each) for each in (first, on, again))
    for name, tensor in learned.items():
        assert torch.allclose(kept[name], tensor, atol=1e-6), name
    assert any(not torch.allclose(changed[name], tensor, atol=1e-4) for name, tensor in learned.items())
    assert on.manifest["start"] == first.manifest["hash"] and on.manifest["recipe"] != first.manifest["recipe"]


def test_the_same_command_trains_and_asks_nothing_twice(
    project: Path, found: OneForAll, trainings: Trainings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    command = ["compare", "--specialists", "metals, pills", "--dir", str(project), "--out", str(page)]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert not trainings.of
    keys = "base recipe seeds verdict headline sentences notes tasks matrix generalist sequential forgetting costs currency"
    assert list(document) == keys.split()
    assert document["matrix"] == found.to_json()["matrix"] and document["costs"] == found.to_json()["costs"]
    assert [task["test_openings"] for task in document["tasks"]] == [2, 2], "once a comparison"
    assert [task["n"] for task in document["tasks"]] == [20, 20]
    assert {each["verdict"] for each in document["generalist"]} <= {"better", "worse", "no difference", "inconclusive"}
    text = page.read_text()
    for cell in found.matrix:
        assert found.tested[cell.task].scale.estimate(cell.value, cell.low, cell.high) in text
    assert found.headline in text and size_bytes(found.costs[0].loaded_bytes) in text
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert found.headline in shown and "Every adapter on every task" in shown and "specialist pills" in shown


def compare_in_a_process(home: Path, last: str) -> None:
    """As a program: compare the tasks in `home`, with two seeds, and die when that is to be trained."""

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        if what == "compare" and detail == last:
            die()

    os.environ["SARTOR_CACHE"] = str(home / "cache")
    with small_machine():
        sartor.open(home).compare_specialists(TASKS, 2, progress=progress)


def test_what_was_killed_goes_on_where_it_was(base: Path, tmp_path: Path, trainings: Trainings) -> None:
    home = write_project(tmp_path, base, train=TRAIN | {"epochs": 1})
    assert exit_code(compare_in_a_process, home, "sequential, pills, seed 1") == KILLED
    sartor.open(home).compare_specialists(TASKS, 2)
    assert trainings.of == ["pills 1 on"]


def test_a_specialist_is_the_one_that_a_run_trains(base: Path, cache: Path, letters: None, tmp_path: Path) -> None:
    home = write_project(tmp_path, base, train=TRAIN | {"epochs": 1})
    ran = sartor.open(home).run("metals")
    counted = Trainings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sartor.flows.run.learn", counted.learn)
        sartor.open(home).compare_specialists(TASKS, 2)
    assert ran.adapter.task == "metals" and "metals 0" not in counted.of and "metals 1" in counted.of


def test_recipes_that_differ_and_rows_that_another_task_tests_are_said(
    base: Path, tmp_path: Path, trainings: Trainings
) -> None:
    write(tmp_path, base, "metals", 500, train=TRAIN | {"epochs": 1})
    write(tmp_path, base, "pills", 0, train=TRAIN | {"epochs": 2, "rank": 4, "seeds": 2})
    found = sartor.open(tmp_path).compare_specialists(TASKS, 2)
    assert "rank 8" in found.recipe
    left_out, other, shared, *few = found.notes
    assert left_out.startswith("pills: `train.seeds` left out for all adapters")
    assert other.startswith("pills sets another `train.rank`, `train.epochs` than metals")
    assert found.costs[0].adapter_bytes > found.costs[0].loaded_bytes / 2, "the smaller rank is loaded, too"
    assert shared.startswith("20 of 20 test rows of pills ask what a row asks that metals learns from")
    assert "metals: two seeds show little of how seeds differ; train a third" in few


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ("metals,pils", "there is no task `pils`; did you mean `pills`?"),
        ("metals", "name two or more tasks, each once, such as `--specialists notes,intents`"),
        ("metals,metals", "name two or more tasks, each once"),
        ("metals,other", "`metals` is on {base} and `other` is on {gpt2}, and one adapter has one base"),
        ("metals,empty", "empty: test.jsonl is empty; add examples"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_trained(
    base: Path, gpt2: Path, tmp_path: Path, trainings: Trainings, capsys: Any, tasks: str, said: str
) -> None:
    write_project(tmp_path, base)
    write(tmp_path, gpt2, "other", 0)
    write(tmp_path, base, "empty", 0)
    (tmp_path / "tasks" / "empty" / "test.jsonl").write_text("")
    assert main(["compare", "--specialists", tasks, "--dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said.format(base=base, gpt2=gpt2) in error and error.count("\n") == 1
    assert not trainings.of


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    for more, said in (
        (["zero-shot"], "--specialists trains its own systems"),
        (["--methods", "lora,full"], "name one of the two"),
        (["--budget", "3"], "--budget is for the tuning of --methods"),
    ):
        assert main(["compare", *more, "--specialists", "a,b"]) == 2
        assert said in capsys.readouterr().err


def test_one_seed_is_too_few(project: Path) -> None:
    with pytest.raises(InputError, match="one seed does not show how seeds differ"):
        sartor.open(project).compare_specialists(TASKS, 1)


@pytest.mark.parametrize(
    ("verdicts", "verdict", "headline"),
    [
        (
            ["better", "inconclusive"],
            "specialists better",
            "Specialists are better on 1 of 2 tasks, the generalist on none; 1",
        ),
        (["worse", "no difference"], "generalist better", "specialists do not pay here."),
        (["better", "worse"], "depends on the task", "It depends on the task"),
        (["no difference", "no difference"], "no difference shown", "one generalist is as good as 2 specialists"),
        (["no difference", "inconclusive"], "INCONCLUSIVE", "INCONCLUSIVE: on 1 of 2 tasks"),
    ],
)
def test_the_verdict_over_all_tasks(found: OneForAll, verdicts: list[Any], verdict: str, headline: str) -> None:
    def turned(each: TaskDifference, verdict: Any) -> TaskDifference:
        return replace(each, verdict=verdict)

    said = replace(found, generalist=list(map(turned, found.generalist, verdicts)))
    assert said.verdict == verdict and headline in said.headline


def test_openings_are_counted_once_a_comparison(project: Path, found: OneForAll) -> None:
    store = Store.open(project / ".sartor")
    for tested in found.tested.values():
        assert tested.test_openings == 1 <= store.records.test_openings(tested.task, tested.test)
