"""Requests of a watched task are counted and forgotten, and the counts say whether it has drifted."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from sqlalchemy import insert
from sqlalchemy.dialects import postgresql, sqlite
from tests.serve.conftest import serving
from tests.tasks import intents

import sartor
from sartor.cli.main import main
from sartor.flows.serving import Specialists
from sartor.flows.watching import adding, count, counted, load_profile, watched
from sartor.generate.profile import Profile
from sartor.generate.router import Route
from sartor.models.builtin import pulled
from sartor.serve.traffic import _Counting, _Reply
from sartor.serve.wire import Ask, Begun, ChatMessage, ChatRequest, Said, chat_asks
from sartor.serve.worker import Worker
from sartor.store import Store
from sartor.store.records import now
from sartor.store.tables import feedback


class Digits:
    """An encoder for tests: a text is how often it has each digit, and whether it has none."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        counts = np.array([[text.count(digit) for digit in "0123456789"] + [0.1] for text in texts])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture
def watching(own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SARTOR_CACHE", str(own / "cache"))
    monkeypatch.setattr("sartor.models.encoder.Encoder.load", Digits)
    assert sartor.open(own).serving.watch("intents") == "intents"
    return own


def ask(worker: Worker, model: str, texts: Sequence[str], **more: Any) -> Counter[str]:
    """How often each reply came."""
    replies = Counter[str]()
    for text in texts:
        worker.hear((text, Ask(model, (("user", text),), **more)))
        said: list[Said] = []
        while not said or not said[-1].finish:
            said += [each for _, each in worker.step() if isinstance(each, Said)]
        replies["".join(each.text for each in said)] += 1
    return replies


def counts(root: Path, task: str = "intents") -> dict[str, dict[str, int]]:
    store = Store.open(root / ".sartor")
    return counted(store, watched(store, task) or "", "")


def drift(root: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    code = main(["serve", "drift", str(root / "tasks/intents"), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_is_asked_is_counted_when_the_reply_is_made(watching: Path) -> None:
    worker = Worker(sartor.open(watching).serving.specialists())
    rows = intents(5, start=80)
    replies = ask(worker, "intents", [row["text"] for row in rows])
    ask(worker, "free", ["hello"])
    worker.hear(("gone", Ask("intents", (("user", "never mind"),))))
    worker.hear(("gone", None))
    worker.traffic.close()
    found = counts(watching)
    assert sum(found["cluster"].values()) == sum(found["unlike"].values()) == 5
    assert found["finish"] == {"stop": 5}
    assert found["answer"] == replies
    database = b"".join(file.read_bytes() for file in (watching / ".sartor").glob("records.db*"))
    assert rows[0]["text"].encode() not in database


def test_what_the_client_chose_is_not_counted_as_the_specialists(watching: Path) -> None:
    worker = Worker(sartor.open(watching).serving.specialists())
    ask(worker, "intents", ["question number 80 please"], max_tokens=1)
    ask(worker, "intents", ["question number 81 please"], form="text", max_tokens=2)
    ask(worker, "intents", ["question number 82 please"], counted=False)
    worker.traffic.close()
    found = counts(watching)
    assert sum(found["cluster"].values()) == 2
    assert "finish" not in found
    assert sum(found["answer"].values()) == 1


def test_several_labels_are_counted_once_each() -> None:
    profile = Profile(np.eye(2), np.eye(2), ("a", "b"), (1, 1), 0.0, 1, {"card": 1, "cash": 1})
    counting = _Counting(mock.Mock(), Queue())
    counting._encoder, counting._profiles = SimpleNamespace(encode=lambda _: np.eye(2)[:1]), {"hash": profile}  # type: ignore[assignment]
    reply = _Reply("hash", "", True, True, ";", ["card; ca", "rd; other"], "stop")
    found = counting._look("hash", [reply])
    assert {key: n for key, n in found.items() if key[0] == "answer"} == {("answer", "card"): 1, ("answer", ""): 1}


def test_to_watch_again_is_to_begin_anew(watching: Path) -> None:
    worker = Worker(sartor.open(watching).serving.specialists())
    ask(worker, "intents", ["question number 80 please"])
    worker.traffic.close()
    assert counts(watching)
    sartor.open(watching).serving.watch("intents")
    assert counts(watching) == {}


def test_a_profile_that_cannot_be_read_costs_no_reply(watching: Path, caplog: pytest.LogCaptureFixture) -> None:
    for folder in (watching / ".sartor").rglob("profile.npz"):
        folder.unlink()
    worker = Worker(sartor.open(watching).serving.specialists())
    assert ask(worker, "intents", ["please pay"]).total() == 1
    worker.traffic.close()
    assert "1 requests were not counted" in caplog.text


def test_few_requests_say_nothing(watching: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = drift(watching, capsys)
    assert (code, document["verdict"], document["requests"]) == (0, "INCONCLUSIVE", 0)
    assert "100 are wanted" in document["why"]


def test_what_has_moved_is_named_and_the_exit_code_says_so(watching: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(watching / ".sartor")
    hash = watched(store, "intents") or ""
    profile = load_profile(store, hash)
    like = {("cluster", str(place)): size * 20 for place, size in enumerate(profile.sizes)}
    like |= {("answer", "card"): 1000}
    n = sum(profile.sizes) * 20
    count(store, hash, like | {("unlike", "no"): n - n // 25, ("unlike", "yes"): n // 25, ("finish", "stop"): n})
    code, document = drift(watching, capsys)
    assert (code, document["verdict"], document["requests"]) == (0, "STEADY", n), document
    rare = str(profile.sizes.index(min(profile.sizes)))
    more = {("cluster", rare): n * 3, ("unlike", "yes"): n * 3, ("finish", "stop"): n * 3}
    count(store, hash, more)
    code, document = drift(watching, capsys)
    assert (code, document["verdict"]) == (1, "RETRAIN")
    moved = {measure["what"]: measure["decides"] for measure in document["measures"] if measure["moved"]}
    shown = {"labels that are answered (PSI)": False}
    assert moved == {"what is asked, by cluster (PSI)": True, "questions unlike the task's rows": True} | shown
    assert "labels" not in document["why"]
    assert document["clusters"][0]["nearest"] == profile.nearest[int(rare)]
    assert main(["serve", "drift", str(watching / "tasks/intents")]) == 1
    assert "RETRAIN: moved: what is asked" in capsys.readouterr().out


def test_what_people_say_stands_beside_it(watching: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = sorted({row["label"] for row in intents(48)})
    line = {"task": "intents", "model": "intents@1", "owner": "app", "asked": {"messages": [["user", "hello"]]}}
    line |= {"answer": labels[0], "rating": None, "correction": None, "comment": None, "created_at": now()}
    said = [{"rating": "up"}, {"rating": "down"}, {"correction": labels[1]}, {"rating": "up"}]
    with Store.open(watching / ".sartor").records.write() as connection:
        connection.execute(insert(feedback), [line | each | {"id": str(place)} for place, each in enumerate(said)])
    found = drift(watching, capsys)[1]["ratings"]
    assert (found["up"], found["down"], found["corrected"]) == (2, 1, 1)
    assert 0 < found["low"] < 0.5 < found["high"] < 1


def test_a_message_that_is_routed_is_counted_for_the_router(watching: Path) -> None:
    store = Store.open(watching / ".sartor")
    traffic = Worker(sartor.open(watching).serving.specialists()).traffic
    for task in ("intents", "intents", None):
        traffic.routed("router", task)
    traffic.close()
    assert counted(store, "router", "") == {"auto": {"intents": 2, "": 1}}


def test_of_several_choices_the_routing_of_one_is_counted(watching: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    router = SimpleNamespace(route=lambda texts: [Route("intents", 0.9, 0.9, (("intents", 0.9),)) for _ in texts])
    monkeypatch.setattr(Specialists, "router", ("router", router))
    worker = Worker(sartor.open(watching).serving.specialists())
    request = ChatRequest(model="auto", messages=[ChatMessage(role="user", content="question 3")], n=3)
    for at, each in enumerate(chat_asks(request, "", frozenset(("intents",)))):
        [(_, begun)] = worker.hear((str(at), each))
        assert isinstance(begun, Begun) and begun.model == "intents@1"
    worker.traffic.close()
    assert counted(Store.open(watching / ".sartor"), "router", "") == {"auto": {"intents": 1}}


def test_a_task_that_is_not_watched_says_how_to_begin(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "drift", str(own / "tasks/intents")]) == 2
    assert "`sartor serve watch` begins with it" in capsys.readouterr().err


@pytest.mark.real
def test_a_server_counts_what_it_was_asked_before_it_ends(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder = pulled("all-minilm-l6-v2")
    with mock.patch.dict(os.environ, SARTOR_CACHE=str(own / "cache")):
        for place in (own / "cache/models").iterdir():
            if place.name == encoder.name:
                shutil.rmtree(place)
                place.symlink_to(encoder)
        assert main(["serve", "watch", str(own / "tasks/intents")]) == 0
    assert "are counted from now on" in capsys.readouterr().out
    with serving(own) as server:
        for row in intents(3, start=80):
            messages = [{"role": "user", "content": row["text"]}]
            server.client().chat.completions.create(model="intents", messages=messages)  # type: ignore[arg-type]
        server.end()
    assert sum(counts(own)["cluster"].values()) == 3


def test_what_two_servers_count_at_once_is_added_up_by_the_database(tmp_path: Path) -> None:
    store, key = Store.open(tmp_path / ".sartor"), ("cluster", "3")
    count(store, "p", {})
    count(store, "p", {key: 2, ("answer", "yes"): 1})
    count(store, "p", {key: 5})
    assert counted(store, "p", "2000")["cluster"] == {"3": 7}
    line = {"profile": "p", "day": "2030-01-01", "kind": "cluster", "bucket": "3", "count": 1}
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        said = str(adding(dialect.name, [line]).compile(dialect=dialect))
        assert "ON CONFLICT (profile, day, kind, bucket) DO UPDATE SET count = (traffic.count + excluded.count)" in said
