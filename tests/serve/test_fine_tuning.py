"""Files and fine-tuning jobs: the unmodified `openai` client uploads, trains, watches, and asks what came of it."""

import http.client
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import openai
import psutil
import pytest
import torch
from openai.types.fine_tuning import FineTuningJob
from sqlalchemy import select
from tests.serve.conftest import ONE_THREAD, Server, serving
from tests.tasks import LABELS, base, intents, write_task  # noqa: F401 (fixtures)

import sartor
from sartor.models.dtype import choose_dtype
from sartor.store import Store
from sartor.store.tables import audit, runs

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
    found = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it may just have ended
            if "sartor.serve.training" in child.cmdline():
                found.append(child)
    return found


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
    made = sartor.open(root).serving.keys
    every = ("chat", "files", "fine-tune")
    model = sartor.open(root).serving.offer().base
    return {
        "one": made.make("one", ("*",), every),
        "two": made.make("two", (model,), every),
        "asks": made.make("asks", (model,), ("chat",)),
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
def model(root: Path) -> str:
    return sartor.open(root).serving.offer().base


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
    assert said[0].startswith("created: the task ft-card-questions-")
    assert said[1:3] == ["files validated: 48 rows in training_file, 12 rows in validation_file", "running"]
    assert any(each.startswith("train ") and "loss" in each for each in said)
    assert said[-1].startswith(f"succeeded: {job.fine_tuned_model} can be asked now.")
    assert "ROUGE" in said[-1]


def test_a_model_is_for_whoever_had_it_trained_and_for_keys_that_name_it(
    client: openai.OpenAI, server: Server, keys: dict[str, str], job: FineTuningJob
) -> None:
    name = job.fine_tuned_model
    assert name in [model.id for model in client.models.list()]  # a key for every model
    asks = server.client(keys["asks"])
    assert name not in [model.id for model in asks.models.list()]
    with pytest.raises(openai.NotFoundError):
        asks.chat.completions.create(model=str(name), messages=[{"role": "user", "content": "?"}])


def test_jobs_and_files_of_others_are_not_there(client: openai.OpenAI, job: FineTuningJob) -> None:
    jobs = client.fine_tuning.jobs
    assert job.id not in [each.id for each in jobs.list()]
    for ask in (jobs.retrieve, jobs.cancel, jobs.list_events, jobs.checkpoints.list, jobs.pause):
        with pytest.raises(openai.NotFoundError):
            ask(job.id)  # type: ignore[operator]
    files = client.files
    assert job.training_file not in [each.id for each in files.list()]
    for ask in (files.retrieve, files.delete, files.content):
        with pytest.raises(openai.NotFoundError):
            ask(job.training_file)  # type: ignore[operator]
    with pytest.raises(openai.BadRequestError, match="upload it first") as caught:
        jobs.create(model=job.model, training_file=job.training_file)
    assert caught.value.param == "training_file"


def test_a_key_without_the_verb_may_not(server: Server, keys: dict[str, str], model: str) -> None:
    asks = server.client(keys["asks"])
    for ask in (asks.files.list, asks.fine_tuning.jobs.list, lambda: upload(asks)):
        with pytest.raises(openai.PermissionDeniedError):
            ask()  # type: ignore[operator]
    with pytest.raises(openai.AuthenticationError):
        upload(server.client("sk-sartor-nobody"))


def test_lists_are_read_to_their_end(other: openai.OpenAI, job: FineTuningJob) -> None:
    ids = [upload(other, name=f"{n}.jsonl") for n in range(5)]
    assert [file.id for file in other.files.list(limit=2)][:5] == ids[::-1]
    assert [file.id for file in other.files.list(limit=3, order="asc")][-5:] == ids
    assert list(other.files.list(purpose="batch")) == []
    assert len(other.files.list(limit=2).data) == 2
    events = other.fine_tuning.jobs.list_events(job.id, limit=4)
    assert events.has_more
    assert len({event.id for event in events}) == len(told(other, job)) > 8
    assert [each.id for each in other.fine_tuning.jobs.list(limit=1)][-1] == job.id
    assert list(other.fine_tuning.jobs.checkpoints.list(job.id)) == []
    with pytest.raises(openai.BadRequestError) as caught:
        other.files.list(after="file-none")
    assert caught.value.param == "after"
    with pytest.raises(openai.BadRequestError, match="not known here"):
        other.fine_tuning.jobs.list(metadata={"team": "support"})


def test_a_file_is_kept_until_it_is_deleted(client: openai.OpenAI, root: Path) -> None:
    data = lines(chats(48)) * 1000
    file = client.files.create(file=("big.jsonl", data), purpose="fine-tune")
    assert (file.bytes, file.filename, file.purpose) == (len(data), "big.jsonl", "fine-tune")
    assert len(data) > 4 << 20  # which is the most that other requests may bring
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == data
    assert client.files.delete(file.id).deleted
    assert not (root / ".sartor/folders/files" / file.id).exists()
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://").removesuffix("/v1"))
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Content-Length", str((512 << 20) + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


GOOD = json.dumps(chats(1)[0]).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (GOOD + b"\n{", "line 2 .*JSON"),
        (GOOD + b"\n\n[1]", "line 3"),
        (b"[" * 100_000, "line 1 .*JSON"),
        (b"\xff\xfe", "line 1"),
        (b'{"prompt": "a", "completion": "b"}', "line 1 .*messages"),
        (b'{"messages": []}', "line 1"),
        (b'{"messages": "[]"}', "line 1"),
        (b'{"messages": [{"role": "user", "content": "a"}]}', "line 1 .*must end in the assistant"),
        (b'{"messages": [{"role": "poet", "content": "a"}]}', "line 1 .*role"),
        (GOOD.replace(b'"card"', b'" "'), "line 1 .*empty"),
        (GOOD.replace(b'"card"', b"5"), "line 1 .*text"),
        (GOOD.replace(b'"card"', b'"card", "weight": 0'), "line 1 .*`weight` is not known"),
        (GOOD.replace(b"]}", b'], "tools": []}'), "line 1 .*`tools` is not known"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_cannot_be_trained_on_is_refused_with_its_first_bad_line(
    client: openai.OpenAI, data: bytes, said: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=said) as caught:
        upload(client, data)
    assert caught.value.param == "file"


def test_files_are_for_fine_tuning_only(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.create(file=("a.jsonl", GOOD), purpose="batch")
    assert caught.value.param == "purpose"
    with pytest.raises(openai.BadRequestError, match="expires_after"):
        client.files.create(
            file=("a.jsonl", GOOD), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
        )


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"method": {"type": "dpo", "dpo": {}}}, "method.type"),
        ({"method": {"type": "reinforcement", "reinforcement": {"grader": {}}}}, "method.type"),
        ({"method": supervised() | {"dpo": {}}}, "method.dpo"),
        ({"method": supervised(n_epochs=0)}, "method.supervised.hyperparameters.n_epochs"),
        ({"method": supervised(n_epochs="many")}, "method.supervised.hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": 1.5}}, "hyperparameters.batch_size"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
        ({"hyperparameters": {"beta": 1}}, "hyperparameters.beta"),
        ({"hyperparameters": {}, "method": supervised()}, None),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, "integrations"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"validation_file": "file-none"}, "validation_file"),
        ({"extra_body": {"rank": 8}}, "rank"),
    ],
    ids=str,
)
def test_what_is_not_done_is_refused_and_never_ignored(
    client: openai.OpenAI, model: str, more: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.jobs.create(**({"model": model, "training_file": upload(client)} | more))
    if param:
        assert caught.value.param == param
    assert not list(client.fine_tuning.jobs.list())


def test_a_model_that_is_not_served_cannot_be_trained_on(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=upload(client))
    assert caught.value.code == "model_not_found"


def test_a_request_that_comes_twice_makes_one_job(client: openai.OpenAI, job: FineTuningJob) -> None:
    jobs, asked = client.fine_tuning.jobs, {"model": str(job.fine_tuned_model), "training_file": upload(client)}
    made = jobs.create(**asked)
    assert made.model == job.model  # that of the adapter
    assert jobs.create(**asked, method=supervised(n_epochs="auto")).id == made.id
    others = [jobs.create(**asked, seed=1), jobs.create(**asked, extra_headers={"Idempotency-Key": "a"})]
    assert jobs.create(**asked, extra_headers={"Idempotency-Key": "a"}).id == others[1].id
    with pytest.raises(openai.BadRequestError, match="Idempotency-Key"):
        jobs.create(**asked, seed=1, extra_headers={"Idempotency-Key": "a"})
    assert len({made.id, *(each.id for each in others)}) == 3
    for each in (made, *others):
        assert jobs.cancel(each.id).status == "cancelled"
    assert jobs.create(**asked, extra_headers={"Idempotency-Key": "a"}).id == others[1].id
    again = jobs.create(**asked)
    assert again.id != made.id
    jobs.cancel(again.id)


def test_a_job_is_cancelled_and_the_next_one_begins(
    client: openai.OpenAI, server: Server, model: str, root: Path
) -> None:
    jobs, file = client.fine_tuning.jobs, upload(client)
    lonely = upload(client, GOOD, "lonely.jsonl")
    first = jobs.create(model=model, training_file=file, method=supervised(**LONG))
    second = jobs.create(model=model, training_file=file, seed=1)
    third = jobs.create(model=model, training_file=lonely)
    until(lambda: told(client, first), lambda said: said[-1].startswith("train "))
    [process] = trainings(server)
    assert process.nice() > psutil.Process(server.process.pid).nice()
    with pytest.raises(openai.BadRequestError, match="yet to read this file"):
        client.files.delete(lonely)
    with pytest.raises(openai.BadRequestError, match="not paused"):
        jobs.pause(first.id)
    assert jobs.cancel(second.id).status == "cancelled"
    assert jobs.cancel(first.id).status == "cancelled"
    until(process.is_running, lambda running: not running, 5)
    assert told(client, first)[-1] == "cancelled"
    with pytest.raises(openai.BadRequestError, match="ended"):
        jobs.cancel(first.id)

    failed = ended(client, third)  # which cannot go well: there is nothing to test on
    assert (failed.status, failed.fine_tuned_model) == ("failed", None)
    assert failed.error
    assert (failed.error.code, failed.error.message) == (
        "invalid_input",
        "train.jsonl cannot be split: too few rows, or too many linked by question, group or subject; "
        "name a test file under `data`",
    )
    assert told(client, third)[-1] == f"failed: {failed.error.message}"
    assert client.files.delete(lonely).deleted
    until(lambda: trainings(server), lambda running: not running)
    with Store.open(root / ".sartor").records.read() as connection:
        entries = [(row.actor, row.verb) for row in connection.execute(select(audit))]
    assert {("API key one", verb) for verb in ("upload", "fine-tune", "cancel", "delete")} <= set(entries)


@pytest.mark.slow
def test_a_job_outlives_its_server(root: Path, keys: dict[str, str], model: str, tmp_path: Path) -> None:
    own = shutil.copytree(root, tmp_path / "project")
    left = own / ".sartor/folders/files/file-of-an-upload-that-was-killed"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    with serving(own) as server:
        client = server.client(keys["one"])
        job = client.fine_tuning.jobs.create(
            model=model, training_file=upload(client), method=supervised(**LONG | {"n_epochs": 16, "batch_size": 2})
        )
        until(lambda: told(client, job), lambda said: said[-1].startswith("train "))
        [process] = trainings(server)
        server.process.kill()
        until(process.is_running, lambda running: not running, 5)
    with serving(own) as server:
        assert not left.exists()
        client = server.client(keys["one"])
        job = ended(client, job)
        assert job.status == "succeeded"
        assert any(each.startswith("running again") for each in told(client, job))
        reply = client.chat.completions.create(
            model=str(job.fine_tuned_model), messages=[{"role": "user", "content": "7 of my refund please"}]
        )
        assert reply.choices[0].message.content
    with Store.open(own / ".sartor").records.read() as connection:
        trained = select(runs.c.attempts).where(runs.c.stage == "train", runs.c.status == "done")
        assert connection.execute(trained).scalars().all()[-1] == 2
