"""What a server does on a full disk, and when adapters come and go under those who ask."""

import gc
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import httpx
import openai
import pytest
from safetensors.torch import load_file, save_file
from tests.serve.conftest import Server, serving
from tests.serve.test_fine_tuning import chats, lines
from tests.serve.test_service import ASKED, engine_of, until, value

import sartor
from sartor.adapters.registry import AdapterVersion, Registry
from sartor.serve.wire import Ask, Begun, Said
from sartor.serve.worker import Worker

MOUNT = 'mount -t tmpfs -o size=16m tmpfs "$1" && cp -r "$0/." "$1" || exit 77; shift; exec "$@"'
PAGE = 4096
MODELS = ("intents", "notes", "free")
QUESTION = "question number 3 please"
SMALL, LARGE = lines(chats(8)), lines(chats(20_000))
"""The second one is too long to be received in memory."""


@dataclass(frozen=True)
class Heard:
    """A reply, of the version that it names, or why there is none."""

    model: str
    status: int
    text: str
    finish: str | None


def hear(client: openai.OpenAI, model: str, question: str, stream: bool) -> Heard:
    asked: Any = {"model": model, "messages": [{"role": "user", "content": question}], "stream": stream}
    try:
        reply = client.chat.completions.create(**asked)
    except openai.APIStatusError as error:
        return Heard(model, error.status_code, error.body["message"], None)  # type: ignore[index]
    if not stream:
        choice = reply.choices[0]
        return Heard(reply.model, 200, choice.message.content, choice.finish_reason)
    chunks = list(reply)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return Heard(chunks[-1].model, 200, text, chunks[-1].choices[0].finish_reason)


class Small:
    """A server of a project on a small disk of its own."""

    def __init__(self, server: Server, root: Path) -> None:
        self.server, self.client = server, server.client()
        # Where only the server sees it.
        self.root = Path(f"/proc/{server.process.pid}/root{root}")
        self._filler = self.root / "filler"

    def fill(self, but: int = 0) -> None:
        """The disk is full, up to so many pages."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(PAGE))
            except OSError:
                file.truncate(file.tell() - but * PAGE)

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)

    def answers(self, stream: bool = False) -> list[Heard]:
        found = [hear(self.client, model, QUESTION, stream) for model in MODELS]
        assert all(each.finish for each in found)
        return found

    def given(self) -> list[str]:
        """The ids of the feedback that there is in the records."""
        with TemporaryDirectory() as folder:
            for file in self.root.glob(".sartor/records.db*"):  # SQLite cannot open them there
                shutil.copy(file, folder)
            with closing(sqlite3.connect(Path(folder) / "records.db")) as records:
                return [id for (id,) in records.execute("SELECT id FROM feedback ORDER BY seq")]

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return httpx.post(self.server.url + path, timeout=60, **sent)

    def give_feedback(self) -> httpx.Response:
        return self.post("/feedback", json={"model": "intents", "messages": ASKED, "answer": "card", "rating": "up"})

    def upload(self, data: bytes = SMALL) -> httpx.Response:
        return self.post("/files", files={"file": ("rows.jsonl", data)}, data={"purpose": "fine-tune"})

    def train(self, file: str, **more: Any) -> httpx.Response:
        return self.post("/fine_tuning/jobs", json={"model": "free", "training_file": file, "suffix": "full"} | more)

    @property
    def files(self) -> set[str]:
        return {each.id for each in self.client.files.list()}

    @property
    def kept(self) -> set[str]:
        """The files that there are in the store."""
        return {each.parent.name for each in self.root.glob(".sartor/folders/files/*/*")}


@pytest.fixture(scope="module")
def shared(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    root = tmp_path_factory.mktemp("small")
    begin = ["unshare", "-Urm", "sh", "-c", MOUNT, str(project), str(root)]
    if not shutil.which("unshare") or subprocess.run([*begin, "true"], capture_output=True).returncode:
        pytest.skip("a tiny file system cannot be mounted here (no user namespaces)")
    with mock.patch.dict(os.environ, TMPDIR=str(root / "cache")), serving(root, by=begin) as server:
        yield Small(server, root)


@pytest.fixture
def small(shared: Small) -> Iterator[Small]:
    """There is room on its disk, and nobody's file."""
    yield shared
    shared.make_room()
    for id in shared.files:
        shared.client.files.delete(id)


def test_on_a_full_disk_models_answer_and_what_would_have_to_be_kept_is_refused_until_there_is_room(
    small: Small,
) -> None:
    restarts = value(small.server, "sartor_engine_restarts")
    first, said, wanted = small.upload().json(), [small.give_feedback()], small.answers()
    small.fill()
    while said[-1].status_code == 200:  # what the records have yet room for is kept
        said.append(small.give_feedback())
    refused = [said.pop(), small.upload(), small.upload(LARGE), small.train(first["id"])]
    for reply in refused:
        assert (reply.status_code, reply.json()["error"]["type"]) == (507, "server_error"), reply.text
        assert "disk is full" in reply.json()["error"]["message"]
    assert small.answers() == small.answers(stream=True) == wanted
    assert small.files == small.kept == {first["id"]}
    assert small.client.files.content(first["id"]).content == SMALL
    assert not list(small.client.fine_tuning.jobs.list())
    small.make_room()
    later = [small.upload(), small.upload(LARGE)]
    assert small.files == small.kept == {first["id"], *(reply.json()["id"] for reply in later)}
    said.append(small.give_feedback())
    assert small.given() == [reply.json()["id"] for reply in said]
    job = small.train(first["id"]).json()["id"]
    assert small.client.fine_tuning.jobs.cancel(job).status == "cancelled"
    assert small.answers() == wanted
    assert value(small.server, "sartor_engine_restarts") == restarts
    assert "Traceback" not in small.server.log.read_text()


def test_an_upload_that_is_refused_takes_no_room_however_far_it_came(small: Small) -> None:
    data, found = lines(chats(700)), Counter[int]()
    small.fill()
    for _ in range(len(data) // PAGE + 30):
        reply = small.upload(data)
        found[reply.status_code] += 1
        assert small.files == small.kept
        if reply.status_code == 200:
            break
        small.fill(but=sum(found.values()))
    assert found.keys() == {507, 200}


def test_an_engine_that_dies_on_a_full_disk_begins_anew(small: Small) -> None:
    wanted, restarts = small.answers(), value(small.server, "sartor_engine_restarts")
    small.fill()
    assert small.upload().status_code == 507
    engine_of(small.server).kill()
    assert small.answers() == wanted
    assert value(small.server, "sartor_engine_restarts") == restarts + 1


def test_an_adapter_that_was_dropped_stays_for_its_replies_and_is_freed_when_they_end(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(project / "cache"))
    worker = Worker(sartor.open(project).serving.specialists(most_bytes=1))
    turns = (("user", QUESTION),)
    [(_, begun)] = worker.hear(("first", Ask("notes", turns)))
    assert isinstance(begun, Begun)
    first = weakref.ref(worker.specialists.find("notes").forward)
    worker.step()
    worker.hear(("second", Ask("intents", turns)))
    said = {}
    while not worker.scheduler.idle:
        assert first()
        said |= {id: each.finish for id, each in worker.step() if isinstance(each, Said)}
    assert said.keys() == {"first", "second"}
    assert all(said.values())
    gc.collect()
    assert first() is None
    assert worker.hear(("again", Ask("notes", turns)))[0][1] == begun


def variant(registry: Registry, name: str, scale: float, folder: Path) -> AdapterVersion:
    """One more version of a task, which says other things."""
    first = registry.find(name)
    shutil.copytree(first.path, folder)
    [file] = folder.glob("*.safetensors")
    file.chmod(0o644)
    save_file({key: tensor * scale for key, tensor in load_file(file).items()}, file)
    return registry.register(first.task, folder, first.manifest, first.scorecard, 0.0)


def test_whoever_asks_while_adapters_come_go_and_are_damaged_gets_the_reply_that_one_alone_gets(
    own: Path, tmp_path: Path
) -> None:
    registry, heard = Registry(sartor.open(own)._store), list[tuple[str, Heard]]()
    models = ("notes", "notes@1", "notes@2", "notes@3", "intents", "free")
    with serving(own, "--memory", "0") as server, ThreadPoolExecutor(4) as pool:
        client, over = server.client(), threading.Event()

        def keep_asking(seed: int) -> None:
            draw = random.Random(seed)
            while not over.is_set():
                question = f"question number {draw.randrange(5)} please"
                heard.append((question, hear(client, draw.choice(models), question, draw.random() < 0.5)))

        def until_somebody_hears(name: str, status: int) -> None:
            before = len(heard)
            until(lambda: any((each.model, each.status) == (name, status) for _, each in heard[before:]))

        asking = [pool.submit(keep_asking, seed) for seed in range(4)]
        try:
            registry.promote(registry.find("notes@1"), "test", "the first one")
            for number, scale in enumerate((-1.0, 0.5)):
                made = variant(registry, "notes@1", scale, tmp_path / f"notes-{number}")
                until_somebody_hears(made.name, 200)
                registry.promote(made, "test", "the next one")
                [weights] = made.path.glob("*.safetensors")
                sound = weights.read_bytes()
                weights.write_bytes(sound[:-100])
                until_somebody_hears("notes", 503)
                weights.write_bytes(sound)
                until_somebody_hears(made.name, 200)
                registry.withdraw(made, "quarantined", "test", "names in its answers")
                until_somebody_hears(made.name, 404)
                registry.roll_back("notes", "test", "the last one was better")
                until_somebody_hears("notes@1", 200)
                registry.withdraw(made, "retired", "test", "there were none")
        finally:
            over.set()
        for each in asking:
            each.result(60)
        alone = {
            key: hear(client, *key, stream=False)
            for key in {(each.model, asked) for asked, each in heard if each.status == 200}
        }
        assert {model for model, _ in alone} == {"free@1", "intents@1", "notes@1", "notes@2", "notes@3"}
        assert len({each.text for (model, _), each in alone.items() if "notes" in model}) > 1
        for asked, each in heard:
            if each.status == 200:
                assert each.finish
                assert each == alone[each.model, asked]
            else:
                assert each.status in (404, 503)
                assert ("there is no model" if each.status == 404 else "ask the operator") in each.text
        assert value(server, "sartor_engine_restarts") == 0
