"""The endpoint system, against a real HTTP server on this machine that behaves well and badly."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sartor.data.example import Example, Message
from sartor.errors import InputError, SystemFailure
from sartor.generate.answer import Answer
from sartor.generate.endpoint import Endpoint
from sartor.task import RivalSpec

Reply = tuple[int, dict[str, str], bytes]


class Server:
    """Answers each request by `behave(body, times this question was asked before)`, and keeps what it was sent."""

    def __init__(self) -> None:
        self.behave: Callable[[dict[str, Any], int], Reply] = lambda body, before: completion("ok")
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.times: list[float] = []
        outer, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    before = sum(other["messages"] == body["messages"] for other in outer.bodies)
                    outer.bodies.append(body)
                    outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                    outer.paths.append(self.path)
                    outer.times.append(time.monotonic())
                status, headers, payload = outer.behave(body, before)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(payload)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda request, address: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


def completion(text: str | None, finish: str = "stop") -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
    return 200, {}, json.dumps({"choices": [choice], "usage": usage}).encode()


def refusal(status: int, message: str, **headers: str) -> Reply:
    error = {"message": message, "type": "x", "param": None, "code": None}
    return status, headers, json.dumps({"error": error}).encode()


def question(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def examples(count: int) -> list[Example]:
    system = Message("system", "Answer with one label.")
    return [Example(str(n), (system, Message("user", f"question {n}")), "target") for n in range(count)]


def ask(
    url: str, count: int = 1, timeout: float = 5.0, temperature: float = 0, samples: int = 1, **spec: Any
) -> tuple[Endpoint, list[Answer]]:
    rival = RivalSpec(endpoint=url, model="big", **spec)
    endpoint = Endpoint(rival, 32, temperature, samples, timeout=timeout, backoff=0.01)
    return endpoint, endpoint.answer(examples(count))


def test_it_sends_the_prompt_and_nothing_beside(server: Server) -> None:
    endpoint, [answer] = ask(server.url)
    assert server.paths == ["/v1/chat/completions"]
    assert server.bodies == [
        {
            "model": "big",
            "messages": [
                {"role": "system", "content": "Answer with one label."},
                {"role": "user", "content": "question 0"},
            ],
            "temperature": 0,
            "max_tokens": 32,
        }
    ]
    assert "authorization" not in server.headers[0]
    assert endpoint.name == "endpoint big"
    assert replace(answer, seconds=0) == Answer("0", "ok", prompt_tokens=11, completion_tokens=3)


def test_several_samples_are_asked_for_one_by_one_at_the_temperature_given(server: Server) -> None:
    server.behave = lambda body, before: completion(f"{question(body)}, draw {before}", "length" if before else "stop")
    endpoint, answers = ask(server.url, count=2, temperature=0.7, samples=3)
    assert [body["temperature"] for body in server.bodies] == [0.7] * 6
    assert [replace(answer, seconds=0) for answer in answers] == [
        Answer(
            str(n),
            f"question {n}, draw 0",
            others=(f"question {n}, draw 1", f"question {n}, draw 2"),
            prompt_tokens=33,
            completion_tokens=9,
        )
        for n in range(2)
    ]
    assert not endpoint.errors


@pytest.mark.parametrize("had", [0, 1, 2])
def test_samples_that_were_had_are_kept_when_the_next_fails(server: Server, had: int) -> None:
    def behave(body: dict[str, Any], before: int) -> Reply:
        return refusal(400, "enough") if question(body) == "question 1" and before == had else completion("ok")

    server.behave = behave
    endpoint, answers = ask(server.url, count=2, temperature=0.7, samples=3)
    assert answers[0].others == ("ok", "ok")
    assert (answers[1].finish, answers[1].others) == ("stop" if had else "error", ("ok",) * (had - 1))
    assert answers[1].prompt_tokens == 11 * had
    assert endpoint.errors.keys() == {"1"}
    assert len(server.bodies) == 3 + had + 1  # nothing is asked after a refusal


def test_the_full_address_may_be_named_as_well(server: Server) -> None:
    ask(server.url + "/chat/completions")
    assert server.paths == ["/v1/chat/completions"]


def test_the_key_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIVAL_KEY", "s3cret")
    ask(server.url, key_env="RIVAL_KEY")
    assert server.headers[0]["authorization"] == "Bearer s3cret"


def test_a_key_that_is_not_set_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIVAL_KEY", raising=False)
    with pytest.raises(InputError, match=r"RIVAL_KEY, .* is not set: export it"):
        ask("http://127.0.0.1:9", key_env="RIVAL_KEY")


@pytest.mark.parametrize("url", ["host", "localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1"])
def test_what_is_no_http_address_is_an_input_error(url: str) -> None:
    with pytest.raises(InputError, match="is no HTTP address: write it like"):
        ask(url)


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask(server.url)[1][0].text == "ok"


def test_answers_keep_the_order_of_the_examples_and_progress_counts_them(server: Server) -> None:
    def behave(body: dict[str, Any], before: int) -> Reply:
        time.sleep(0.02 if question(body).endswith(("0", "4")) else 0)
        return completion(f" {question(body)}\n")

    server.behave = behave
    seen: list[tuple[int, int]] = []
    endpoint = Endpoint(RivalSpec(endpoint=server.url, model="big"), max_tokens=32)
    answers = endpoint.answer(examples(20), lambda what, done, total, detail="": seen.append((done, total)))
    assert [answer.text for answer in answers] == [f"question {n}" for n in range(20)]
    assert seen == [(n, 20) for n in range(1, 21)]


def test_nothing_to_ask() -> None:
    assert ask("http://127.0.0.1:9", count=0)[1] == []


def test_an_answer_cut_at_the_limit_says_so(server: Server) -> None:
    server.behave = lambda body, before: completion("half an ans", "length")
    assert ask(server.url)[1][0].finish == "length"


def test_a_missing_usage_counts_no_tokens(server: Server) -> None:
    reply = json.dumps({"choices": [{"message": {"content": "ok"}}]}).encode()
    server.behave = lambda body, before: (200, {}, reply)
    [answer] = ask(server.url)[1]
    assert replace(answer, seconds=0) == Answer("0", "ok")


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_what_may_pass_is_tried_again(server: Server, status: int) -> None:
    server.behave = lambda body, before: refusal(status, "busy") if before < 2 else completion("ok")
    endpoint, answers = ask(server.url, count=3)
    assert [answer.text for answer in answers] == ["ok"] * 3
    assert len(server.bodies) == 9
    assert not endpoint.errors


def test_it_waits_as_long_as_retry_after_says(server: Server) -> None:
    headers = {"Retry-After": "0.3"}
    server.behave = lambda body, before: completion("ok") if before else refusal(429, "slow down", **headers)
    ask(server.url)
    assert server.times[1] - server.times[0] >= 0.3


def test_retry_after_may_be_a_date(server: Server) -> None:
    headers = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    server.behave = lambda body, before: completion("ok") if before else refusal(503, "back soon", **headers)
    assert ask(server.url)[1][0].text == "ok"


def test_a_wrong_model_is_not_tried_again_and_the_sentence_names_it(server: Server) -> None:
    server.behave = lambda body, before: refusal(404, "The model `big` does not exist")
    with pytest.raises(SystemFailure, match=r"answered 404 for the model 'big': The model `big` does not exist$"):
        ask(server.url)
    assert len(server.bodies) == 1


def test_a_wrong_key_is_never_printed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIVAL_KEY", "s3cret")
    server.behave = lambda body, before: refusal(401, "Incorrect API key provided: s3cret")
    with pytest.raises(SystemFailure, match=r"answered 401 .*provided: \*\*\*$"):
        ask(server.url, key_env="RIVAL_KEY")


def test_one_row_that_fails_is_an_error_of_that_row(server: Server) -> None:
    server.behave = lambda body, before: (
        refusal(400, "content refused") if question(body) == "question 1" else completion("ok")
    )
    endpoint, answers = ask(server.url, count=3)
    assert [answer.finish for answer in answers] == ["stop", "error", "stop"]
    assert answers[1].text == ""
    assert endpoint.errors.keys() == {"1"}
    assert endpoint.errors["1"].endswith("answered 400 for the model 'big': content refused")


def test_a_dead_endpoint_is_given_up_after_the_first_rows(server: Server) -> None:
    server.behave = lambda body, before: refusal(403, "no")
    with pytest.raises(SystemFailure, match="endpoint big answered none of the first 8 rows"):
        ask(server.url, count=100)
    assert len(server.bodies) == 8


@pytest.mark.parametrize(
    "payload",
    [b"", b"<html>Hi</html>", b"[]", b"null", b'{"choices":[]}', b'{"choices":[{"message":{"content":null}}]}'],
)
def test_a_reply_that_is_no_completion_is_an_error_of_that_row(server: Server, payload: bytes) -> None:
    server.behave = lambda body, before: (200, {}, payload) if question(body) == "question 0" else completion("ok")
    endpoint, answers = ask(server.url, count=2)
    assert [answer.finish for answer in answers] == ["error", "stop"]
    assert "sent no chat completion with a text" in endpoint.errors["0"]


def test_a_slow_reply_times_out_and_is_tried_again(server: Server) -> None:
    def behave(body: dict[str, Any], before: int) -> Reply:
        time.sleep(0 if before else 0.5)
        return completion("ok")

    server.behave = behave
    assert ask(server.url, timeout=0.2)[1][0].text == "ok"
    assert len(server.bodies) == 2


def test_nobody_there() -> None:
    with pytest.raises(SystemFailure, match=r"cannot be reached \(.+\): check the rival's `endpoint`"):
        ask("http://127.0.0.1:9/v1")


def test_redirects_are_not_followed(server: Server) -> None:
    server.behave = lambda body, before: (307, {"Location": "http://127.0.0.1:9/elsewhere"}, b"")
    with pytest.raises(SystemFailure, match=r"redirects are not followed: name http://[^ ]*/elsewhere itself"):
        ask(server.url)


def test_an_answer_took_the_time_of_its_own_request_and_not_that_of_others(server: Server) -> None:
    def behave(body: dict[str, Any], before: int) -> Reply:
        time.sleep(0.4 if question(body) == "question 2" else 0)
        return completion("ok")

    server.behave = behave
    _, answers = ask(server.url, count=4)
    assert answers[2].seconds >= 0.4
    assert all(0 < answers[at].seconds < answers[2].seconds for at in (0, 1, 3))
