"""What vLLM 0.32.0 said, word for word, is understood: tests/generate/vllm_0.32.json was recorded from it with the built-in base.

bench/serve_vllm.py asks a vLLM that runs.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sartor.errors import InputError, SystemFailure
from sartor.generate.relay import Relay
from sartor.generate.request import Request
from sartor.generate.vllm import Vllm

SAID: dict[str, Any] = json.loads((Path(__file__).parent / "vllm_0.32.json").read_text(encoding="utf-8"))


class Recorded(ThreadingHTTPServer):
    """Answers as vLLM did; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, Any]] = []
        self.loaded = set[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, body: Any) -> tuple[int, str]:
        self.asked.append((path, body))
        match path:
            case "/v1/models":
                return 200, SAID["models"]
            case "/tokenize":
                return 200, SAID["tokenize"]
            case "/v1/load_lora_adapter" if body["lora_name"] in self.loaded:
                return tuple(SAID["loaded already"])
            case "/v1/load_lora_adapter":
                self.loaded.add(body["lora_name"])
                return 200, SAID["load"]
            case "/v1/completions" if body["model"] not in ("base", *self.loaded):
                return tuple(SAID["unknown"])
            case "/v1/completions":
                grammar = body.get("structured_outputs")
                return 200, SAID["reply" if not grammar else "half" if "ok" in grammar["grammar"] else "held"]
        raise AssertionError(path)


class _Handler(BaseHTTPRequestHandler):
    server: Recorded

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def _answer(self, body: Any) -> None:
        status, text = self.server.answer(self.path, body)
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if text.startswith("data:") else "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    server = Recorded()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def request(adapter: str = "abc", **more: Any) -> Request:
    defaults: dict[str, Any] = {"max_tokens": 20, "decode": lambda ids: "", "stop_ids": frozenset(SAID["stop_ids"])}
    return Request("x", adapter, None, tuple(SAID["prompt"]), **(defaults | more))


def heard(vllm: Vllm, asked: Request) -> Any:
    relay = Relay(vllm, 2)
    relay.add(asked)
    found = []
    while not relay.idle:
        found += relay.step()
    return found


def test_a_reply_comes_with_its_tokens_and_their_logprobs(recorded: Recorded, tmp_path: Path) -> None:
    vllm = Vllm(recorded.url)
    vllm.load("abc", tmp_path)
    pieces = heard(vllm, request(top_logprobs=2))
    assert "".join(piece.text for piece in pieces) == "I am number 001, and at your service."
    assert [piece.tokens for piece in pieces[:3]] == [1, 2, 3]
    assert pieces[-1].finish == "stop"
    assert pieces[-1].tokens == sum(len(piece.ids) for piece in pieces) == 13
    logprobs = [token for piece in pieces for token in piece.logprobs]
    assert [token.token for token in logprobs] == [id for piece in pieces for id in piece.ids]
    assert all(token.top[0] == (token.token, token.logprob) and len(token.top) == 2 for token in logprobs)
    path, body = recorded.asked[-1]
    assert (path, body["model"], body["prompt"], body["temperature"]) == ("/v1/completions", "abc", SAID["prompt"], 0)


def test_the_base_is_asked_by_its_own_name(recorded: Recorded) -> None:
    vllm = Vllm(recorded.url)
    assert vllm.tokens("hello world") == [28120, 905]
    heard(vllm, request("the base's hash"))
    assert recorded.asked[-1][1]["model"] == "base"


def test_a_held_reply_is_cut_where_it_is_to_be(recorded: Recorded) -> None:
    pieces = heard(Vllm(recorded.url), request("base", grammar="start: /(ab\\/|c){3} end/", max_tokens=6))
    assert "".join(piece.text for piece in pieces) == "ab/cab/"
    assert (pieces[-1].finish, pieces[-1].tokens) == ("length", 6)


def test_a_character_of_several_tokens_comes_whole(recorded: Recorded) -> None:
    pieces = heard(Vllm(recorded.url), request("base", grammar="start: /é🙂ok/"))
    assert "".join(piece.text for piece in pieces) == "é🙂ok"
    assert "\ufffd" not in "".join(piece.text for piece in pieces)


def test_an_adapter_that_it_has_already_is_fine_and_one_that_it_forgot_is_loaded_again(
    recorded: Recorded, tmp_path: Path
) -> None:
    vllm = Vllm(recorded.url)
    vllm.load("abc", tmp_path)
    vllm.load("abc", tmp_path)
    recorded.loaded.clear()  # as after a new start
    assert heard(vllm, request())[-1].finish == "stop"
    assert [path for path, _ in recorded.asked].count("/v1/load_lora_adapter") == 3


def test_what_it_refuses_and_where_it_is_not_is_told(recorded: Recorded) -> None:
    vllm = Vllm(recorded.url)
    vllm._base = "another"
    with pytest.raises(InputError, match="does not exist"):
        heard(vllm, request("base"))
    with pytest.raises(SystemFailure, match="cannot be reached"):
        Vllm("http://127.0.0.1:9")
