"""Methods beside each other: tuned on validation rows, tested on the same test set, and what each takes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil
import pytest
import torch
from tests.tasks import intents, write_task

import sartor
from sartor.cli.main import main
from sartor.errors import InputError, SystemFailure
from sartor.evaluate.compare import Comparison
from sartor.flows.base import LoadedBase
from sartor.flows.methods import Compared, MethodCost, beside
from sartor.flows.prepare import Task, open_task, prepare
from sartor.flows.run import Stages
from sartor.flows.training import Apart, Training, learn
from sartor.flows.tuning import Tried, Tuning
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Store
from sartor.task import TrainSpec

SPEC: dict[str, Any] = {"train": {"epochs": 1, "rank": 4}, "generate": {"shots": 0}, "costs": {"hour": 2.0}}
METHODS = ["lora", "full"]


@dataclass
class Watched:
    """What happens in a comparison, in order; its trainings run in this process, without one of their own."""

    events: list[str] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)
    fails_at: int | None = None

    def learn(self, training: Training, folder: Path, progress: Progress = silent) -> dict[str, Any]:
        if len(self.trainings) == self.fails_at:
            raise SystemFailure("the machine is switched off")
        self.trainings.append(training)
        spec = training.task.spec.train
        self.events.append(f"{spec.method} {spec.learning_rate:.2g} {spec.seed}")
        base = LoadedBase(training.task)
        base.number_format = training.number_format
        return learn(training, base, folder) | {"usage": {"seconds": 0.5, "cpu_seconds": 0.5, "peak_memory_bytes": 123}}

    def answer(self, stages: Stages, entrant: Any) -> Any:
        self.events.append("answers")
        return answer_of_stages(stages, entrant)


answer_of_stages = Stages.answer


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr("sartor.flows.base.choose_dtype", lambda _: (torch.float32, "float32: as the tests say"))
    monkeypatch.setattr("sartor.flows.methods.Apart.learn", lambda _, *given: watched.learn(*given))
    monkeypatch.setattr("sartor.flows.run.Stages.answer", lambda stages, entrant: watched.answer(stages, entrant))
    return watched


@pytest.fixture
def folder(base: Path, cache: Path, tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", base, intents(24), intents(9, start=500), "classification", **SPEC)


def compared(folder: Path, methods: list[str] = METHODS, **how: Any) -> Compared:
    return sartor.open(folder).compare_methods(methods, 2, **how)


def test_rates_are_tuned_on_validation_rows_and_the_test_set_is_asked_last(folder: Path, watched: Watched) -> None:
    found = compared(folder)
    assert watched.events.index("answers") == len(watched.trainings), (
        "no training follows the first look at the test set"
    )
    assert watched.events.count("answers") == 2 * len(METHODS) and found.judged.test_openings == 1
    tests = {row["text"] for row in intents(9, start=500)}
    for training in watched.trainings:
        assert training.task.rows is None and training.task.frozen_test is None
        assert not tests & {row.question for row in (*training.train, *training.validation)}
    for cost in found.costs:
        losses = {each.rate: each.loss for each in cost.tuning.tried}
        assert cost.learning_rate == min(losses, key=lambda rate: losses[rate] or 0.0)
    last = watched.events[-len(METHODS) * 2 - 2 : -len(METHODS) * 2]
    assert last == [f"{cost.method} {cost.learning_rate:.2g} 1" for cost in found.costs], "seed 0 was trained in tuning"


def test_other_test_rows_choose_no_other_rates(folder: Path, watched: Watched) -> None:
    before = [cost.tuning.best.rate for cost in compared(folder).costs]
    trained = len(watched.trainings)
    rows = [row | {"label": "card"} for row in intents(9, start=700)]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [cost.tuning.best.rate for cost in compared(folder).costs] == before
    assert len(watched.trainings) == trained


def test_the_same_command_trains_nothing_twice(folder: Path, watched: Watched) -> None:
    first = compared(folder, budget=1e-6)
    trained = len(watched.trainings)
    again = compared(folder, budget=1e-6)
    assert len(watched.trainings) == trained == 4
    assert again.costs == first.costs and again.equal == first.equal


def test_a_comparison_that_was_broken_off_goes_on(folder: Path, watched: Watched) -> None:
    watched.fails_at = 3
    with pytest.raises(SystemFailure, match="switched off"):
        compared(folder, budget=1e-6)
    assert "answers" not in watched.events and len(watched.trainings) == 3
    watched.fails_at = None
    compared(folder, budget=1e-6)
    trainings = [event for event in watched.events if event != "answers"]
    assert len(trainings) == len(set(trainings)) == 4, "what was trained before is not trained again"


def test_a_budget_of_tuning_is_kept_and_told(folder: Path, watched: Watched) -> None:
    found = compared(folder, budget=1e-6)
    assert [len(cost.tuning.tried) for cost in found.costs] == [1, 1]
    assert "at most 5 rates and 0 ms of training a method; no test row was read." in found.sentences[0]
    assert "lora: the best rate is the only one of 1 tried, as the budget was spent" in found.sentences[1]


def test_the_rate_that_a_task_names_is_where_its_own_method_starts(folder: Path, watched: Watched) -> None:
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text())
    spec["train"] |= {"learning_rate": 0.005}
    path.write_text(json.dumps(spec))
    starts = [cost.tuning.tried[0].rate for cost in compared(folder, budget=1e-6).costs]
    assert starts == [0.005, pytest.approx(2e-4)]


def test_the_document_and_the_page(folder: Path, watched: Watched, tmp_path: Path, capsys) -> None:
    page = tmp_path / "page.html"
    command = ["compare", "--methods", "lora, ia3", "--seeds", "2", "--dir", str(folder), "--out", str(page)]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    lora, ia3 = document["methods"]
    assert {"methods", "equal_quality", "claimed_ratio", "tuned_by", "memory_of", "sentences"} <= set(document)
    assert {"systems", "seeds", "comparisons", "test_openings"} <= set(document), "the scorecards are there as well"
    assert set(lora) == set(ia3) == set(MethodCost.__dataclass_fields__)
    assert set(lora["tuning"]) == {"tried", "stopped", "note"}
    assert set(lora["tuning"]["tried"][0]) == {"rate", "loss", "seconds"}
    assert lora["settings"]["rank"] == 4 and ia3["settings"] == {"method": "ia3"}
    assert lora["stored_bytes"] > ia3["stored_bytes"] > 0 and lora["trainable"] > ia3["trainable"]
    assert lora["flops"] > 0 and lora["peak_memory_bytes"] == 123
    assert lora["money"] == pytest.approx(lora["seconds"] / 3600 * 2.0)
    assert document["tuned_by"] == {"validation_rows": 2, "most_rates": 5, "budget_seconds": None}
    [beside] = document["equal_quality"]
    assert (beside["method"], beside["reference"], beside["metric"]) == ("ia3", "lora", "accuracy")
    assert beside["margin"] == 0.02 and beside["claim"] is None
    assert "compare `lora` and `full` to test it" in document["sentences"][-1]
    assert "Methods at their best learning rates" in page.read_text()
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^method +accuracy +rate +time +FLOPs +memory", shown, flags=re.M)
    assert "Cost at equal quality" in shown and ", chosen" in shown


def test_what_cannot_be_compared_is_said_before_anything_is_trained(
    folder: Path, gpt2: Path, watched: Watched, tmp_path: Path, capsys
) -> None:
    other = write_task(tmp_path / "gpt2", gpt2, intents(24), intents(9, start=500), "classification", **SPEC)
    unheld = write_task(
        tmp_path / "unheld", gpt2, intents(24), intents(9, start=500), "classification", train={"validation": 0}
    )
    unbounded = write_task(
        tmp_path / "unbounded",
        gpt2,
        intents(24),
        intents(9, start=500),
        "classification",
        kpis=[{"name": "seconds"}],
    )
    for where, methods, said in (
        (folder, "lora,lorra", "no method `lorra`; did you mean `lora`?"),
        (folder, "lora,zzz", "no method `zzz`; there are lora, qlora, "),
        (folder, "lora", "name two or more methods, each once, such as `--methods lora,full`"),
        (folder, "lora,full,lora", "name two or more methods, each once"),
        (
            other,
            "lora,bottleneck",
            "`method: bottleneck` is for bases of the fast path, and gpt2 is none: choose another",
        ),
        (unheld, "lora,full", "there are none: set `train.validation` above 0"),
        (unbounded, "lora,full", "`seconds` counts without bound: say with its `margin`"),
    ):
        assert main(["compare", "--methods", methods, "--dir", str(where)]) == 2
        assert said in capsys.readouterr().err
    assert main(["compare", "zero-shot", "--methods", "lora,full", "--dir", str(folder)]) == 2
    assert "leave out systems, --data and --by" in capsys.readouterr().err
    assert not watched.trainings


def test_4_bits_need_bitsandbytes(folder: Path, watched: Watched) -> None:
    with (
        mock.patch("sartor.models.methods.find_spec", return_value=None),
        pytest.raises(InputError, match=r"needs bitsandbytes: install `sartor\[qlora\]`"),
    ):
        compared(folder, ["lora", "qlora"])
    assert not watched.trainings


def cost(method: str, seconds: list[float]) -> MethodCost:
    tuning = Tuning([Tried(1e-3, 1.0, 1.0)], stopped=False)
    return MethodCost(method, {}, 1e-3, 1, 1.0, 1.0, seconds, 1.0, 1, 1, 0.0, tuning, 0.0)


@pytest.mark.parametrize(
    ("low", "high", "seconds", "quality", "claim"),
    [
        (-0.01, 0.03, [3.0, 3.1, 2.9], "EQUAL", "REPRODUCED"),
        (-0.01, 0.03, [5.0, 5.1, 4.9], "EQUAL", "REFUTED"),
        (-0.01, 0.03, [2.0, 3.0, 9.0], "EQUAL", "INCONCLUSIVE"),
        (-0.05, 0.03, [3.0, 3.1, 2.9], "INCONCLUSIVE", "INCONCLUSIVE"),
        (-0.05, 0.03, [5.0, 5.1, 4.9], "INCONCLUSIVE", "REFUTED"),
        (-0.09, -0.03, [1.0, 1.1, 0.9], "WORSE", "REFUTED"),
    ],
)
def test_a_claim_asks_for_equal_quality_and_for_the_cost(
    low: float, high: float, seconds: list[float], quality: str, claim: str
) -> None:
    for sign, ends in ((1, (low, high)), (-1, (-high, -low))):
        middle = sum(ends) / 2
        pair = Comparison("accuracy", "lora", "full", 0.0, 0.0, middle, *ends, 0.5, "t", 0.1, 100, "tie")
        found = beside(pair, sign, 0.02, cost("lora", seconds), cost("full", [10.0, 10.1, 9.9]), claimed=True)
        assert (found.quality, found.claim) == (quality, claim)
        assert found.low == pytest.approx(low) and found.cost_low < found.cost_ratio < found.cost_high


@pytest.fixture
def apart() -> Iterator[Apart]:
    with Apart() as apart:
        yield apart


def test_a_process_of_its_own_learns_the_same_and_measures_itself_alone(
    folder: Path, watched: Watched, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, store = open_task(folder), Store.open(folder / ".sartor")
    monkeypatch.undo()
    monkeypatch.setattr("sartor.flows.base.choose_dtype", lambda _: (torch.float32, "float32: as the tests say"))
    monkeypatch.setenv("SARTOR_CACHE", str(folder.parent))
    ballast = np.ones(150_000_000)
    heard: list[str] = []
    with Steps(store, task.spec.task, Here()) as steps:
        stages = Stages(task, prepare(task), LoadedBase(task), store, steps, lambda what, *_: heard.append(what))
        there, here = stages.train(apart), stages.train()
    assert there.manifest["hash"] == here.manifest["hash"] and "train" in heard
    peak = there.meter.peak_memory_bytes
    assert 50_000_000 < peak < ballast.nbytes < psutil.Process().memory_info().rss

    def kill(what: str, *_: Any) -> None:
        if what == "train":
            for process in psutil.Process().children(recursive=True):
                if not process.children():
                    process.kill()

    training = stages._training(folder / "trunks")
    with pytest.raises(SystemFailure, match="was killed, as where memory runs out: free memory"):
        apart.learn(training, made(folder / "killed"), kill)
    short = task.spec.model_copy(update={"train": TrainSpec(max_length=8)})
    with pytest.raises(InputError, match="tokens, prompt and answer together, and the limit is 8"):
        apart.learn(replace(training, task=Task(folder, short)), made(folder / "long"))
    wild = replace(training, recipe=replace(training.recipe, learning_rate=1e30))
    assert "not finite" in apart.learn(wild, made(folder / "wild"))["diverged"]
    assert apart.learn(training, folder / "killed")["history"]["steps"] == 6, "the others are not harmed"


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
