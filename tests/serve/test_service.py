"""What operators rely on: keys, limits, health, and that nothing accepted is lost when the engine dies."""

import json
import os
import resource
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
from tests.running import notes
from tests.serve.conftest import Server, serving

import sartor
from sartor.cli.main import main
from sartor.serve.connections import PATIENCE

ASKED = [{"role": "user", "content": "question number 3 please"}]
HELD: dict[str, Any] = {"extra_body": {"regex": "[a-z ]{250,260}"}, "max_tokens": 300}
LONG: dict[str, Any] = {"response_format": {"type": "text"}, "temperature": 2, "seed": 1, "max_tokens": 300}


@pytest.fixture(scope="module")
def shared(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose engine may be killed."""
    with serving(shutil.copytree(project, tmp_path_factory.mktemp("shared") / "project")) as found:
        yield found


def ask(server: Server, key: str = "none", /, **more: Any) -> Any:
    return server.client(key).chat.completions.create(**({"model": "free", "messages": ASKED} | more))


def engine_of(server: Server) -> psutil.Process:
    [engine] = [
        child for child in psutil.Process(server.process.pid).children() if "spawn_main" in " ".join(child.cmdline())
    ]
    return engine


def value(server: Server, name: str) -> float:
    text = httpx.get(server.url.removesuffix("/v1") + "/metrics").text
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] == name
    )


def until(true: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_health_is_told_without_a_key(shared: Server) -> None:
    root = shared.url.removesuffix("/v1")
    assert httpx.get(f"{root}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{root}/readyz").status_code == 200
    assert "/v1/chat/completions" in httpx.get(f"{root}/openapi.json").json()["paths"]


def test_requests_are_counted_and_logged_without_a_word_of_what_was_said(shared: Server) -> None:
    before = value(shared, "sartor_requests_total")
    usage = ask(shared, messages=[{"role": "user", "content": "a very secret question"}]).usage
    assert value(shared, "sartor_requests_total") == before + 1
    log = shared.log.read_text()
    assert "secret" not in log
    line = json.loads(log.splitlines()[-1])
    assert (line["model"], line["status"], line["usage"]["total_tokens"]) == ("free", 200, usage.total_tokens)


def test_when_the_engine_is_killed_every_reply_still_comes_as_it_would_have(shared: Server) -> None:
    asked = [HELD | {"messages": [{"role": "user", "content": f"question {n}"}]} for n in range(4)]
    wanted = [ask(shared, **each).choices[0].message.content for each in asked]
    before = value(shared, "sartor_engine_restarts")

    def stream(each: dict[str, Any]) -> str:
        chunks = ask(shared, **each, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    with ThreadPoolExecutor(8) as pool:
        streams = [pool.submit(stream, each) for each in asked]
        whole = [pool.submit(ask, shared, **each) for each in asked]
        until(lambda: value(shared, "sartor_engine_running") >= 2)
        engine_of(shared).kill()
        assert [each.result(60) for each in streams] == wanted
        assert [each.result(60).choices[0].message.content for each in whole] == wanted
    assert value(shared, "sartor_engine_restarts") == before + 1


def test_a_client_that_goes_away_is_not_waited_for(shared: Server) -> None:
    until(lambda: value(shared, "sartor_engine_running") == 0)
    stream = ask(shared, **LONG | {"max_tokens": 460}, stream=True)
    next(iter(stream))
    stream.close()
    with pytest.raises(openai.APITimeoutError):
        shared.client(timeout=0.3).chat.completions.create(
            model="free", messages=ASKED, **LONG | {"max_tokens": 460, "n": 8}
        )  # type: ignore[call-overload]
    until(lambda: value(shared, "sartor_engine_running") + value(shared, "sartor_engine_waiting") == 0, 5)


def test_connections_that_never_finish_asking_stop_nobody_and_are_hung_up_on(shared: Server) -> None:
    host, port = shared.url.removeprefix("http://").removesuffix("/v1").split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = min(10_000, hard - 200)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
    silent = [socket.create_connection((host, int(port))) for _ in range(wanted)]
    for number, each in enumerate(silent):
        each.send(head[: number % len(head) + 1])
    assert ask(shared).choices
    process = psutil.Process(shared.process.pid)
    assert len(process.net_connections()) >= wanted
    until(lambda: len(process.net_connections()) < 20, 2 * PATIENCE)
    assert ask(shared).choices
    for each in silent:
        each.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_too_long_is_refused_whatever_it_says_of_itself(shared: Server) -> None:
    url = f"{shared.url}/chat/completions"
    for size in [5, 100] * 5:
        told = httpx.post(url, content=b"x" * (size << 20))
        assert (told.status_code, told.json()["error"]["code"]) == (413, "request_too_large")

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * (1 << 20)

    assert httpx.post(url, content=pieces()).status_code == 413
    assert ask(shared).choices


def test_a_reply_that_takes_too_long_is_broken_off(own: Path) -> None:
    with serving(own, "--seconds", "1") as server:
        with pytest.raises(openai.APIStatusError) as caught:
            ask(server, **LONG | {"n": 8, "max_tokens": 460})
        assert caught.value.status_code == 408
        until(lambda: value(server, "sartor_engine_running") == 0, 5)


def test_keys_open_what_they_are_for(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["all"], ["notes", "--model", "notes"], ["none", "--verb", "files"], ["slow", "--per-minute", "2"]):
        assert main(["serve", "keys", "add", options[0], str(own), *options[1:], "--json"]) == 0
    keys = {made["name"]: made["key"] for made in _documents(capsys.readouterr().out)}
    assert main(["serve", "keys", "add", "all", str(own)]) == 2
    assert "already" in capsys.readouterr().err
    with serving(own) as server:
        for wrong in ("nobody", "sk-sartor-" + "x" * 43):
            with pytest.raises(openai.AuthenticationError):
                ask(server, wrong)
        assert httpx.get(f"{server.url}/models").status_code == 401
        assert ask(server, keys["all"]).choices
        assert [model.id for model in server.client(keys["notes"]).models.list()] == ["notes@1", "notes"]
        assert ask(server, keys["notes"], model="notes@1").choices
        with pytest.raises(openai.NotFoundError):
            ask(server, keys["notes"])
        with pytest.raises(openai.NotFoundError):
            ask(server, keys["none"])
        assert ask(server, keys["slow"]).choices
        assert ask(server, keys["slow"]).choices
        with pytest.raises(openai.RateLimitError) as caught:
            ask(server, keys["slow"])
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 31
        assert main(["serve", "keys", "revoke", "all", str(own)]) == 0
        with pytest.raises(openai.AuthenticationError):
            ask(server, keys["all"])
    assert keys["all"] not in (own / ".sartor/records.db").read_bytes().decode("latin-1")
    capsys.readouterr()
    assert main(["serve", "keys", "list", str(own), "--json"]) == 0
    [told] = _documents(capsys.readouterr().out)
    assert [(key["name"], key["revoked_at"] is None) for key in told["keys"]] == [
        ("all", False),
        ("none", True),
        ("notes", True),
        ("slow", True),
    ]


def _documents(text: str) -> list[dict[str, Any]]:
    decoder, found, at = json.JSONDecoder(), [], 0
    while (rest := text[at:].lstrip()) and rest.startswith("{"):
        document, used = decoder.raw_decode(rest)
        found.append(document)
        at = len(text) - len(rest) + used
    return found


def test_what_others_can_reach_wants_a_key(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(own), "--host", "0.0.0.0"]) == 2
    assert "sartor serve keys add" in capsys.readouterr().err


def test_what_is_promoted_quarantined_or_damaged_is_so_at_once(own: Path) -> None:
    project = sartor.open(own)
    with serving(own) as server:
        assert ask(server, model="notes").choices
        project.adapters.withdraw("notes@1", "quarantined", "names in its answers")
        with pytest.raises(openai.NotFoundError, match="no model"):
            ask(server, model="notes@1")
        assert "notes" not in [model.id for model in server.client().models.list()]
        project.adapters.withdraw("notes@1", "retired")
        assert ask(server, model="notes@1").choices
        [weights] = project.adapters.show("intents")[0].path.glob("*.safetensors")
        weights.chmod(0o644)
        weights.write_bytes(weights.read_bytes()[:-100] + bytes(100))
        with pytest.raises(openai.InternalServerError, match="ask the operator"):
            ask(server, model="intents")
        assert ask(server).choices


def test_what_is_being_said_is_said_to_its_end_when_the_server_is_ended(own: Path) -> None:
    with serving(own) as server:
        wanted = ask(server, **LONG).choices[0].message.content
        chunks = ask(server, **LONG, stream=True)
        told = [next(iter(chunks))]
        ending = threading.Thread(target=server.end)
        ending.start()
        told += list(chunks)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in told) == wanted
        ending.join(40)
        assert server.process.poll() in (0, -signal.SIGTERM)
        with pytest.raises(openai.APIConnectionError):
            ask(server)


def test_an_engine_that_cannot_begin_is_told_in_a_sentence(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(own / "cache"))
    for file in own.glob("tasks/*/sartor.yaml"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"base": "/nowhere/at-all"}))
    assert main(["serve", str(own), "--port", "0"]) in (2, 3)
    assert "/nowhere/at-all" in capsys.readouterr().err


def test_many_at_once_are_all_answered_with_their_own(shared: Server) -> None:
    rows = notes(24)

    def answer(row: dict[str, Any]) -> str:
        return str(
            ask(shared, model="notes", messages=[{"role": "user", "content": row["text"]}]).choices[0].message.content
        )

    alone = [answer(row) for row in rows]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(answer, rows * 2)) == alone * 2


def test_an_engine_that_dies_again_and_again_gives_a_request_up(own: Path) -> None:
    with serving(own) as server, ThreadPoolExecutor(1) as pool:
        assert ask(server).choices
        reply = pool.submit(ask, server, **LONG | {"max_tokens": 460, "n": 8})
        for death in range(1, 4):
            until(lambda: value(server, "sartor_engine_running") >= 1)
            os.kill(engine_of(server).pid, signal.SIGKILL)
            until(lambda death=death: value(server, "sartor_engine_restarts") >= death)
        with pytest.raises(openai.InternalServerError, match="died 3 times"):
            reply.result(60)
        assert ask(server).choices
