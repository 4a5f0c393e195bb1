"""What a server does on a full disk."""

import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import httpx
import openai
import pytest
from tests.serve.conftest import Server, serving
from tests.serve.test_fine_tuning import chats, lines
from tests.serve.test_service import ASKED, engine_of, value

MOUNT = 'mount -t tmpfs -o size=16m tmpfs "$1" && cp -r "$0/." "$1" || exit 77; shift; exec "$@"'
PAGE = 4096
MODELS = ("intents", "notes", "free")
SMALL, LARGE = lines(chats(8)), lines(chats(20_000))
"""The second one is too long to be received in memory."""


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

    def answers(self, stream: bool = False) -> list[str]:
        return [text_of(self.client, model, stream) for model in MODELS]

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


def text_of(client: openai.OpenAI, model: str, stream: bool) -> str:
    """What the model says, to its end."""
    said: Any = client.chat.completions.create(model=model, messages=ASKED, stream=stream)  # type: ignore[call-overload]
    if not stream:
        assert said.choices[0].finish_reason
        return str(said.choices[0].message.content)
    chunks = [chunk.choices[0] for chunk in said]
    assert chunks[-1].finish_reason
    return "".join(chunk.delta.content or "" for chunk in chunks)


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
