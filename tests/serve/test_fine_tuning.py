"""Files and fine-tuning jobs: the unmodified `openai` client uploads, trains, watches, and asks what came of it."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import openai
import psutil
import pytest
import torch
from openai.types.fine_tuning import FineTuningJob
from tests.serve.conftest import ONE_THREAD, Server, serving
from tests.tasks import LABELS, base, intents, write_task  # noqa: F401 (fixtures)

import sartor
from sartor.models.dtype import choose_dtype
from sartor.store import Store
from sartor.store.tables import audit

LEARN: dict[str, Any] = {"n_epochs": 12, "batch_size": 16, "learning_rate_multiplier": 5}
LONG: dict[str, Any] = LEARN | {"n_epochs": 100, "batch_size": 1}


def chats(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Each asks for something by a number of its own, and is answered with what it asked for."""
    turns = ((f"{n} of my {LABELS[n % 3]} please", LABELS[n % 3]) for n in range(start, start + count))
    return [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}
        for asked, answer in turns
    ]


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def upload(client: openai.OpenAI, data: bytes = lines(chats(48)), name: str = "rows.jsonl") -> str:
    return client.files.create(file=(name, data), purpose="fine-tune").id


def supervised(**hyperparameters: Any) -> Any:
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}


def ended(client: openai.OpenAI, job: FineTuningJob, seconds: float = 90) -> FineTuningJob:
    return until(lambda: client.fine_tuning.jobs.retrieve(job.id), lambda job: job.finished_at is not None, seconds)


def until(ask: Callable[[], Any], true: Callable[[Any], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not true(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def told(client: openai.OpenAI, job: FineTuningJob) -> list[str]:
    """What the events say, the first one first."""
    return [event.message for event in client.fine_tuning.jobs.list_events(job.id)][::-1]


def trainings(server: Server) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "sartor.serve.training" in " ".join(child.cmdline())]


@pytest.fixture(scope="module")
def root(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A project of one task, which nobody has run; what a machine would measure is in its cache."""
    folder = tmp_path_factory.mktemp("project")
    write_task(folder / "tasks/first", base, intents(12), task="first")
    exact = (torch.float32, "float32: as the tests say")
    with (
        mock.patch.dict(os.environ, SARTOR_CACHE=str(folder / "cache")),
        mock.patch("sartor.models.dtype._measure", return_value=exact),
        mock.patch(ONE_THREAD, return_value=1),
    ):
        choose_dtype()
    return folder


@pytest.fixture(scope="module")
def keys(root: Path) -> dict[str, str]:
    made = sartor.open(root).api_keys
    every = ("chat", "files", "fine-tune")
    models = {"one": ("*",), "two": ("first", str(sartor.open(root).offer().base)), "asks": ("*",)}
    return {
        name: made.make(name, models[name], ("chat",) if name == "asks" else every) for name in ("one", "two", "asks")
    }


@pytest.fixture(scope="module")
def server(root: Path, keys: dict[str, str]) -> Iterator[Server]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def client(server: Server, keys: dict[str, str]) -> openai.OpenAI:
    return server.client(keys["one"])


@pytest.fixture(scope="module")
def other(server: Server, keys: dict[str, str]) -> openai.OpenAI:
    """A key that names the models it is for, and so none that is yet to come."""
    return server.client(keys["two"])


@pytest.fixture(scope="module")
def model(root: Path, client: openai.OpenAI) -> str:
    return sartor.open(root).offer().base


@pytest.fixture(scope="module")
def job(other: openai.OpenAI, model: str) -> FineTuningJob:
    """One that went well."""
    held = upload(other, lines(chats(12, start=500)), "held.jsonl")
    made = other.fine_tuning.jobs.create(
        model=model,
        training_file=upload(other),
        validation_file=held,
        method=supervised(**LEARN),
        suffix="Card questions!",
        seed=3,
        metadata={"team": "support"},
    )
    assert made.status == "queued"
    return ended(other, made)


def test_a_job_ends_in_a_model_that_answers(other: openai.OpenAI, job: FineTuningJob, root: Path) -> None:
    assert (job.status, job.error, job.seed, job.metadata) == ("succeeded", None, 3, {"team": "support"})
    assert job.hyperparameters.model_dump() == LEARN
    assert job.trained_tokens and job.trained_tokens > 1_000
    assert job.fine_tuned_model and job.fine_tuned_model.startswith("ft-card-questions-")
    assert job.fine_tuned_model.endswith("@1")
    asked = chats(3)
    for row in asked:
        reply = other.chat.completions.create(model=job.fine_tuned_model, messages=row["messages"][:1])
        assert reply.choices[0].message.content == row["messages"][1]["content"]
    assert job.fine_tuned_model in [model.id for model in other.models.list()]
    folder = root / "tasks" / job.fine_tuned_model.partition("@")[0]
    assert (folder / "report.html").is_file()
    assert sartor.open(folder).adapters.show(job.fine_tuned_model)[0].scorecard


def test_events_tell_how_it_went(other: openai.OpenAI, job: FineTuningJob) -> None:
    said = told(other, job)
    print("\n".join(said))
    assert said[0].startswith("created: the task ft-card-questions-")
    assert said[1:3] == ["files validated: 48 rows in training_file, 12 rows in validation_file", "running"]
    assert any(each.startswith("train ") and "loss" in each for each in said)
    assert said[-1].startswith(f"succeeded: {job.fine_tuned_model} can be asked now.")
    assert "ROUGE" in said[-1]
