"""From a file of examples to a verdict, on a tiny base and with networking off; killed anywhere, it goes on."""

import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from peft import PeftModel
from sqlalchemy import select
from tests.networks import plain_model
from tests.processes import KILLED, NO_RIGHTS, exit_code
from tests.running import (
    MOMENTS,
    SPEC,
    Finished,
    headline,
    note_task,
    notes,
    on_a_small_machine,  # noqa: F401 (a fixture)
    run_in_a_process,
    run_on_small_disks,
    run_without_network,
    scores,
)
from tests.tasks import LABELS, intents
from torch import Tensor

from sartor.adapters.registry import ABOUT
from sartor.errors import InputError, SystemFailure
from sartor.flows import base as flows_base
from sartor.flows import run as flows_run
from sartor.flows.prepare import Task
from sartor.flows.run import run
from sartor.store import Store
from sartor.store.disk import DISK_FULL
from sartor.store.folders import hash_folder
from sartor.store.tables import adapters, books, dataset_versions, runs
from sartor.task import RivalSpec, TrainSpec
from sartor.train.batches import Batch
from sartor.train.network import FastNetwork

QUICK = {"epochs": 1, "rank": 2}
STAGES = ["data", "answer zero-shot", "answer 2-shot", "train", "answer specialist", "evaluate"]
DISKS = [60, 150, 200, 400, 20_000]
"""In kB: too small for the records, for the data, for the answers, for a checkpoint; large enough."""


def open_store(task: Task) -> Store:
    return Store.open(task.folder / ".sartor")


def records(store: Store, table: Any = runs) -> list[dict[str, Any]]:
    with store.records.read() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


@pytest.fixture
def plain_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not look at the page, which takes seconds to draw."""
    monkeypatch.setattr(flows_run, "render", headline)


# What a run comes to


def test_the_page_and_the_document_say_the_same(finished: Finished) -> None:
    result = finished.result
    page = result.report.read_text()
    assert result.report == finished.task.folder / "report.html"
    assert "<script" not in page
    assert result.verdict.headline.split(":")[0] in page
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert set(document) == {"task", "verdict", "systems", "adapter", "training", "report"}
    assert list(document["systems"]) == ["zero-shot", "2-shot", "specialist"]
    for score in document["systems"]["specialist"].values():
        assert score["n"] == 12
        assert score["low"] - 1e-9 <= score["value"] <= score["high"] + 1e-9
        assert score["signature"]
    assert document["adapter"]["name"] == "small@1"
    assert len(result.lines) == 6


def test_the_specialist_learned_what_the_base_cannot_know(finished: Finished) -> None:
    values = {card.system: card.scores["field_f1"].value for card in finished.result.scorecards}
    assert values["specialist"] > 0.6 > 0.3 > max(values["zero-shot"], values["2-shot"])


def test_the_adapter_is_registered_in_pefts_format_with_all_that_made_it(finished: Finished) -> None:
    adapter, manifest = finished.result.adapter, finished.result.adapter.manifest
    PeftModel.from_pretrained(plain_model(Path(finished.task.spec.base)), str(adapter.path))
    assert manifest["hash"] == adapter.hash
    assert set(manifest["dataset"]) == {"train", "validation", "test"}
    assert (manifest["seed"], manifest["rank"], manifest["number_format"]) == (0, 8, "float32")
    assert {"base_hash", "template_hash", "threads", "versions", "cost", "seconds", "best_epoch"} <= set(manifest)
    assert "# small" in (adapter.path / "README.md").read_text()
    assert str(finished.task.folder) not in (adapter.path / "adapter_config.json").read_text()


def test_every_stage_is_on_record_with_its_time_and_money(finished: Finished) -> None:
    made = records(finished.store)
    assert [row["stage"] for row in made] == STAGES
    assert {row["status"] for row in made} == {"done"}
    assert all(row["seconds"] > 0 for row in made)
    lines = {row["item"]: row["amount"] for row in records(finished.store, books) if row["run"] == made[0]["id"]}
    assert lines["labels"] == 48 * 0.5
    assert {row["step"] for row in records(finished.store, dataset_versions)} == {
        "split/train", "split/validation", "split/test",
    }  # fmt: skip


@pytest.mark.usefixtures("letters")
def test_where_memory_is_short_layers_are_computed_again_for_the_same_adapter(
    make_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(intents(40), intents(10, start=100), "classification", train=QUICK)
    enough = run(task, Store.open(task.folder / "enough")).adapter
    monkeypatch.setattr("sartor.flows.training.memory_here", lambda device: 1_000_000)
    short = run(task, Store.open(task.folder / "short")).adapter
    assert short.hash == enough.hash
    assert 1.2 < short.manifest["meter"]["flops"] / enough.manifest["meter"]["flops"] < 1.5


def test_what_training_took_is_in_the_document_the_manifest_and_the_books(finished: Finished) -> None:
    read = finished.result.to_json()["training"]
    assert finished.result.adapter.manifest["meter"] == read
    [row] = [row for row in records(finished.store) if row["stage"] == "train"]
    assert (read["seconds"], read["cpu_seconds"]) == (row["seconds"], row["cpu_seconds"])
    assert (read["peak_memory_bytes"], read["gpu_seconds"]) == (row["peak_memory_bytes"], 0)
    assert read["computed_tokens"] > read["supervised_tokens"] > 0 < read["held_tokens"]
    assert read["energy_kwh"] == pytest.approx(row["cpu_seconds"] * 10 / 3.6e6)
    assert read["energy_from"].startswith("10 W a busy core, over ")
    lines = {line["item"]: line for line in records(finished.store, books) if line["run"] == row["id"]}
    assert lines["compute"]["amount"] == pytest.approx(row["seconds"] / 3600 * 2.0)
    told = {item: (line["quantity"], line["unit"], line["source"]) for item, line in lines.items() if item != "compute"}
    assert told == {
        "processor time": (read["cpu_seconds"] / 3600, "hour", "measured"),
        "GPU time": (0, "hour", "measured"),
        "tokens computed": (read["computed_tokens"], "token", "measured"),
        "tokens supervised": (read["supervised_tokens"], "token", "measured"),
        "tokens of validation": (read["held_tokens"], "token", "measured"),
        "floating-point operations": (read["flops"], "FLOP", "modelled"),
        "peak memory": (read["peak_memory_bytes"], "byte", "measured"),
        "energy": (read["energy_kwh"], "kWh", "modelled"),
    }
    page = finished.result.report.read_text()
    assert "Energy, modelled" in page and read["energy_from"] in page


def test_nothing_unfinished_is_left(finished: Finished) -> None:
    assert list((finished.store.root / "scratch").iterdir()) == []
    assert list(finished.store.root.glob("**/.partial/*")) == []
    visible = {path.name for path in finished.task.folder.iterdir()}
    assert visible == {"sartor.yaml", "train.jsonl", "test.jsonl", "report.html", ".sartor"}


# Other kinds of tasks


def answers(store: Store, stage: str) -> list[dict[str, Any]]:
    [row] = [row for row in records(store) if row["stage"] == f"answer {stage}"]
    return [json.loads(line) for line in store.objects.get(row["outputs"]["objects"]["answers"]).splitlines()]


@pytest.mark.usefixtures("plain_page", "letters")
def test_a_classification_chooses_among_its_labels(make_task) -> None:
    task = make_task(intents(40), intents(10, start=100), "classification", train=QUICK)
    store = open_store(task)
    result = run(task, store)
    assert [card.system for card in result.scorecards] == ["zero-shot", "3-shot", "encoder + linear", "specialist"]
    for system in ("zero-shot", "3-shot", "encoder + linear", "specialist"):
        for answer in answers(store, system):
            assert answer["text"] in LABELS
            assert set(answer["label_probs"]) == set(LABELS)
            assert sum(answer["label_probs"].values()) == pytest.approx(1)
            assert answer["label_probs"][answer["text"]] == max(answer["label_probs"].values())
    assert {"accuracy", "macro_f1"} <= set(result.scorecards[-1].scores)


@pytest.mark.usefixtures("letters")
def test_several_labels_a_row_and_a_whole_page(make_task) -> None:
    names = ("late fee", "card", "loan")

    def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
        numbers = range(start, start + count)
        return [{"text": f"case {n}", "label": [name for k, name in enumerate(names) if (n + k) % 3]} for n in numbers]

    kpis = [{"name": "micro_f1"}, {"name": "ece"}, {"name": "brier", "goal": 0.3}]
    task = make_task(rows(40), rows(10, start=100), "classification", train=QUICK, kpis=kpis)
    store = open_store(task)
    result = run(task, store)
    cards = {card.system: card.scores for card in result.scorecards}
    assert 0 < cards["encoder + linear"]["brier"].value < 1 and not cards["encoder + linear"]["ece"].unscored
    assert len(cards["specialist"]["brier"].unscored) == 10  # it writes its labels, and has no probability of each
    for system in ("zero-shot", "encoder + linear", "specialist"):
        for answer in answers(store, system):
            # A prompted answer may be cut at the limit, in the middle of a label.
            if answer["finish"] == "stop":
                assert set(answer["text"].split("; ")) <= set(names)
    assert "late fee" in result.report.read_text()


def test_a_summarisation_writes_freely(make_task) -> None:
    def rows(count: int, start: int = 0) -> list[dict[str, str]]:
        return [
            {"text": f"note {n} " + "word " * (n % 5), "label": f"sum {n % 4}"} for n in range(start, start + count)
        ]

    task = make_task(rows(40), rows(10, start=100), "summarization", train=QUICK)
    result = run(task, open_store(task))
    assert set(result.to_json()["systems"]["specialist"]) >= {"rouge_l", "token_f1", "bleu"}
    assert result.report.read_text().startswith("<!doctype html>")


@pytest.mark.usefixtures("plain_page")
def test_a_base_outside_the_fast_path_goes_the_plain_way(make_task, gpt2: Path) -> None:
    short = {"shots": 0, "max_tokens": 8}
    task = make_task(notes(20), notes(4, start=500), "extraction", base=str(gpt2), train=QUICK, generate=short)
    store = open_store(task)
    result = run(task, store)
    assert "not gpt2" in result.adapter.manifest["plain_path"]
    shutil.rmtree(store.root)
    assert run(task, open_store(task)).adapter.hash == result.adapter.hash


@pytest.mark.usefixtures("plain_page")
@pytest.mark.parametrize("kind", ["generation", "classification"])
def test_a_test_row_beyond_what_the_base_reads_is_a_counted_error(make_task, letters, gpt2: Path, kind: str) -> None:
    test = [{"text": "long " * 600, "label": "card"}, *intents(4, start=100)]
    spec = {"train": {**QUICK, "overlong": "drop"}, "generate": {"shots": 0, "max_tokens": 4}, "base": str(gpt2)}
    result = run(task := make_task(intents(40), test, kind, **spec), open_store(task))
    assert [card.counts["errors"] for card in result.scorecards if "encoder" not in card.system] == [1, 1]
    assert result.scorecards[-1].n == 5


REFUSED_AFTER: dict[str, int] = {}


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An OpenAI-compatible server that always answers with the same record; a question of `REFUSED_AFTER` so often only."""
    answered = Counter[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            question = body["messages"][-1]["content"]
            assert question.endswith(("iron", "aspirin"))
            if answered[question] == REFUSED_AFTER.get(question):
                self.send_error(400)
                return
            answered[question] += 1
            text = '{"drug":"iron","given":true}'
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1000, "completion_tokens": 500}
            payload = json.dumps({"choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("plain_page")
def test_an_endpoint_is_one_more_rival_and_its_price_is_in_the_books(make_task, endpoint: str) -> None:
    rival = {"endpoint": endpoint, "model": "large", "price_in": 2.0, "price_out": 8.0}
    task = make_task(notes(30), notes(6, start=500), "extraction", rivals=[rival], train=QUICK, generate={"shots": 0})
    store = open_store(task)
    result = run(task, store)
    assert [card.system for card in result.scorecards] == ["zero-shot", "endpoint large", "specialist"]
    assert result.scorecards[1].scores["field_f1"].value > 0
    amounts = {row["item"]: row["amount"] for row in records(store, books)}
    assert amounts["prompt tokens"] == pytest.approx(6 * 1000 * 2.0 / 1e6)
    assert amounts["answer tokens"] == pytest.approx(6 * 500 * 8.0 / 1e6)
    stages = len(records(store))  # another price is judged anew, and asks nothing again
    dearer = task.spec.model_copy(update={"rivals": (RivalSpec(**rival | {"price_in": 4.0}),)})
    run(Task(task.folder, dearer), store)
    assert [row["stage"] for row in records(store)[stages:]] == ["evaluate"]
    amounts = {row["item"]: row["amount"] for row in records(store, books)}
    assert amounts["prompt tokens"] == pytest.approx(6 * 1000 * 4.0 / 1e6)


@pytest.mark.usefixtures("plain_page")
@pytest.mark.parametrize(("samples", "had"), [(1, 0), (3, 0), (3, 2)])
def test_a_row_that_an_endpoint_failed_is_asked_again_and_the_others_are_not_paid_twice(
    make_task, endpoint: str, samples: int, had: int
) -> None:
    rival, test = {"endpoint": endpoint, "model": "large", "price_in": 2.0}, notes(6, start=500)
    drawing = {
        "shots": 0,
        "samples": samples,
        "temperature": float(samples > 1),
        "max_tokens": 20,
        "constrained": False,
    }
    task = make_task(notes(30), test, "extraction", rivals=[rival], train=QUICK, generate=drawing)
    store = open_store(task)
    failed = f"with fewer than {samples} outputs" if had else "errors"
    REFUSED_AFTER[test[2]["text"]] = had
    try:
        assert run(task, store).scorecards[1].counts[failed] == 1
    finally:
        REFUSED_AFTER.clear()
    assert run(task, store).scorecards[1].counts[failed] == 0
    paid = [row["quantity"] for row in records(store, books) if row["item"] == "prompt tokens"]
    assert paid == [(5 * samples + had) * 1000, samples * 1000]


@pytest.mark.usefixtures("plain_page")
def test_every_system_draws_as_many_samples_as_the_task_asks_for(make_task, endpoint: str) -> None:
    rival = {"endpoint": endpoint, "model": "large"}
    drawing = {"shots": 0, "samples": 3, "temperature": 1.0, "max_tokens": 20, "constrained": False}
    spec = {"rivals": [rival], "train": QUICK, "generate": drawing}
    task = make_task(notes(30), notes(4, start=500), "extraction", **spec)
    store = open_store(task)
    run(task, store)
    for system in ("zero-shot", "endpoint large", "specialist"):
        assert all(len(answer["others"]) == 2 for answer in answers(store, system))
    for answer in answers(store, "zero-shot"):
        assert len({answer["text"], *answer["others"]}) == 3
    warmer = task.spec.generate.model_copy(update={"temperature": 1.5})
    before = len(records(store))
    run(Task(task.folder, task.spec.model_copy(update={"generate": warmer})), store)
    asked = [row["stage"] for row in records(store)[before:]]
    assert asked == ["answer zero-shot", "answer endpoint large", "answer specialist", "evaluate"]


@pytest.mark.usefixtures("plain_page")
def test_one_answer_of_an_endpoint_is_asked_for_at_temperature_0_whatever_the_tasks_is(
    make_task, endpoint: str
) -> None:
    rival = {"endpoint": endpoint, "model": "large"}
    task = make_task(notes(30), notes(4, start=500), "extraction", rivals=[rival], train=QUICK, generate={"shots": 0})
    store = open_store(task)
    run(task, store)
    warm, before = task.spec.generate.model_copy(update={"temperature": 1.0}), len(records(store))
    run(Task(task.folder, task.spec.model_copy(update={"generate": warm})), store)
    asked = [row["stage"] for row in records(store)[before:]]
    assert asked == ["answer zero-shot", "answer specialist", "evaluate"]


# Nothing is done twice, unless what it depends on has changed


@pytest.fixture
def again(finished: Finished, tmp_path: Path, cache: Path) -> Task:
    """A copy of the finished project, which may be written to."""
    shutil.copytree(finished.task.folder, tmp_path / "task")
    return Task(tmp_path / "task", finished.task.spec)


def with_epochs(task: Task, epochs: int) -> Task:
    return Task(
        task.folder, task.spec.model_copy(update={"train": task.spec.train.model_copy(update={"epochs": epochs})})
    )


@pytest.mark.usefixtures("plain_page")
def test_the_same_call_again_repeats_nothing(finished: Finished, again: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("the base is loaded again")

    monkeypatch.setattr(flows_base, "load", load)
    store = open_store(again)
    result = run(again, store)
    assert records(store) == records(finished.store)
    assert scores(result) == scores(finished.result)
    assert (result.adapter.name, result.lines[:3]) == (finished.result.adapter.name, finished.result.lines[:3])


@pytest.mark.usefixtures("plain_page")
def test_other_epochs_repeat_the_training_and_not_the_rivals(finished: Finished, again: Task) -> None:
    store = open_store(again)
    result = run(with_epochs(again, 1), store)
    fresh = records(store)[len(STAGES) :]
    assert [row["stage"] for row in fresh] == ["train", "answer specialist", "evaluate"]
    assert result.adapter.name == "small@2"
    assert result.adapter.hash != finished.result.adapter.hash


@pytest.mark.usefixtures("plain_page")
def test_another_row_repeats_what_learns_from_it(finished: Finished, again: Task) -> None:
    with (again.folder / "train.jsonl").open("a") as file:
        file.write(json.dumps(notes(1, start=900)[0]) + "\n")
    store = open_store(again)
    run(with_epochs(again, 1), store)
    fresh = [row["stage"] for row in records(store)[len(STAGES) :]]
    assert fresh == ["data", "train", "answer specialist", "evaluate"]


@pytest.mark.usefixtures("plain_page")
def test_a_goal_changes_the_verdict_alone(finished: Finished, again: Task) -> None:
    changed = again.spec.model_validate(
        again.spec.model_dump(mode="json") | {"kpis": [{"name": "field_f1", "goal": 0.001, "hard": True}]}
    )
    store = open_store(again)
    result = run(Task(again.folder, changed), store)
    assert [row["stage"] for row in records(store)[len(STAGES) :]] == ["evaluate"]
    assert result.verdict.goals


@pytest.mark.usefixtures("plain_page")
def test_another_column_of_the_test_file_is_judged_anew_and_asks_nothing(finished: Finished, again: Task) -> None:
    path = again.folder / "test.jsonl"
    rows = [json.loads(row) | {"ward": "A"} for row in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = open_store(again)
    run(again, store)
    assert {row["stage"] for row in records(store)[len(STAGES) :]} == {"data", "evaluate"}


@pytest.mark.usefixtures("plain_page")
def test_another_seed_is_another_adapter(finished: Finished, tmp_path: Path, base: Path, cache: Path) -> None:
    task = note_task(tmp_path / "task", base, train={**SPEC["train"], "seed": 1}, generate={"shots": 0})
    assert run(task, open_store(task)).adapter.hash != finished.result.adapter.hash


# What goes wrong


def test_a_task_that_cannot_run_leaves_nothing_behind(make_task) -> None:
    task = make_task(intents(30), list(reversed(intents(30))))
    store = open_store(task)
    with pytest.raises(InputError, match=r"every test row of test\.jsonl is also in train\.jsonl"):
        run(task, store)
    assert records(store) == []
    assert not (task.folder / "report.html").exists()


def test_an_adapter_of_nan_is_never_published(make_task) -> None:
    task = make_task(notes(30), notes(6, start=500), train={"learning_rate": 1.0, "rank": 512, "alpha": 1e30})
    store = open_store(task)
    with pytest.raises(SystemFailure, match=r"not finite.*lower `train\.learning_rate`"):
        run(task, store)
    assert not (store.root / "folders" / "trained").exists()
    assert not (store.root / "folders" / "adapters").exists()
    assert [row["status"] for row in records(store) if row["stage"] == "train"] == ["failed"]


@pytest.mark.usefixtures("plain_page")
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_training_that_breaks_half_way_registers_nothing(
    make_task, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    task = make_task(
        notes(30), notes(6, start=500), "extraction", train={"rank": 2}, generate={"shots": 0, "max_tokens": 4}
    )
    store, loss, passes = open_store(task), FastNetwork.loss, 0

    def spoilt(network: FastNetwork, batch: Batch, smoothing: float = 0.0) -> Tensor:
        nonlocal passes
        passes += 1
        value = loss(network, batch, smoothing)
        if passes > 1 and where == "loss":
            return value * float("nan")
        if passes > 1:
            value.register_hook(lambda grad: grad * float("nan"))
        return value

    monkeypatch.setattr(FastNetwork, "loss", spoilt)
    with pytest.raises(SystemFailure, match=r"loss or gradient is not finite at step 2, rows \d+, "):
        run(task, store)
    assert not (store.root / "folders" / "trained").exists()
    assert records(store, adapters) == []
    assert [row["status"] for row in records(store) if row["stage"] == "train"] == ["failed"]
    assert not (task.folder / "report.html").exists()


@pytest.mark.usefixtures("plain_page")
@pytest.mark.parametrize(
    "train", [{"method": "full"}, {"method": "prompt", "virtual_tokens": 4}, {"method": "qlora", "rank": 2}], ids=str
)
def test_every_kind_of_weights_goes_through_a_whole_run(make_task, train: dict[str, Any]) -> None:
    short = {"shots": 0, "max_tokens": 8}
    task = make_task(notes(20), notes(4, start=500), "extraction", train={"epochs": 1, **train}, generate=short)
    result = run(task, open_store(task))
    assert result.adapter.manifest["method"] == train["method"]
    assert result.adapter.hash == hash_folder(result.adapter.path, ignore=ABOUT)
    assert (result.adapter.path / "model.safetensors").exists() == (train["method"] == "full")


@pytest.mark.parametrize(
    ("path", "train", "said"),
    [
        ("fast", {"depth": 4}, "`train.depth` is 4, and the base has 3 layers"),
        ("plain", {"method": "bottleneck"}, "`method: bottleneck` is for bases of the fast path"),
    ],
)
def test_what_the_method_cannot_do_is_said_before_anything_is_asked(
    make_task, base: Path, gpt2: Path, path: str, train: dict[str, Any], said: str
) -> None:
    folder = base if path == "fast" else gpt2
    task = make_task(notes(20), notes(4, start=500), "extraction", base=str(folder), train=train)
    with pytest.raises(InputError, match=said):
        run(task, store := open_store(task))
    assert records(store) == []


@pytest.mark.usefixtures("plain_page")
def test_a_base_in_four_bits_answers_anew(finished: Finished, again: Task) -> None:
    train = TrainSpec(method="qlora", rank=2, epochs=1)
    store = open_store(again)
    run(Task(again.folder, again.spec.model_copy(update={"train": train})), store)
    fresh = [row["stage"] for row in records(store)[len(STAGES) :]]
    assert fresh == [stage for stage in STAGES if stage != "data"]


def test_two_runs_of_one_task_at_once_are_kept_apart(finished: Finished, again: Task) -> None:
    store = open_store(again)
    lock = store.lock("small")
    assert lock.acquire()
    with pytest.raises(SystemFailure, match="task small is in use by process"):
        run(again, open_store(again))
    lock.release()


# Kill it anywhere


def came_to(home: Path) -> dict[str, Any]:
    """What a run in a process of its own came to."""
    return json.loads((home / "scores.json").read_text())


@pytest.fixture
def undisturbed(finished: Finished) -> dict[str, Any]:
    return json.loads(json.dumps(scores(finished.result)))


def test_killed_in_each_stage_it_goes_on_and_ends_the_same(
    undisturbed: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    task = note_task(tmp_path / "task", base)
    for moment in MOMENTS:
        assert exit_code(run_in_a_process, tmp_path, moment) == KILLED, moment
        assert not (task.folder / "report.html").exists()
        for made in (task.folder / ".sartor" / "folders").glob("[!.]*/*"):
            PeftModel.from_pretrained(plain_model(base), str(made))  # whatever is visible is whole
    assert exit_code(run_in_a_process, tmp_path) == 0
    assert came_to(tmp_path) == undisturbed
    store = open_store(task)
    assert [(row["stage"], row["status"]) for row in records(store)] == [(stage, "done") for stage in STAGES]
    # Each went on where it was; what was finished before a kill was not begun again.
    assert [row["attempts"] for row in records(store)] == [2, 2, 2, 4, 2, 2]
    assert (task.folder / "report.html").exists()
    assert list((store.root / "scratch").iterdir()) == []
    assert list(store.root.glob("**/.partial/*")) == []


def test_a_disk_that_fills_up_is_one_sentence_and_with_more_room_the_run_goes_on(
    undisturbed: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    code = exit_code(run_on_small_disks, tmp_path, base, DISKS)
    if code == NO_RIGHTS:
        pytest.skip("a tiny file system cannot be mounted here (no user namespaces)")
    assert code == 0
    failures = json.loads((tmp_path / "failures.json").read_text())
    assert failures == [[SystemFailure.exit_code, DISK_FULL]] * (len(DISKS) - 1)
    assert came_to(tmp_path) == undisturbed


def test_it_runs_where_there_is_no_network(undisturbed: dict[str, Any], base: Path, tmp_path: Path) -> None:
    note_task(tmp_path / "task", base)
    code = exit_code(run_without_network, tmp_path)
    if code == NO_RIGHTS:
        pytest.skip("the network cannot be taken away here (no user namespaces)")
    assert code == 0
    assert came_to(tmp_path) == undisturbed
