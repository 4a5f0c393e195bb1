"""What one client sends, by mistake or to do harm, is refused to it alone; the others do not notice."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests.serve.conftest import Server, serving
from tests.serve.test_service import ASKED, LONG, value

ROW = {"model": "free", "max_tokens": 5}


def post(
    server: Server, body: bytes | dict[str, Any], path: str = "/chat/completions", **headers: str
) -> httpx.Response:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    return httpx.post(server.url + path, headers={"content-type": "application/json"} | headers, timeout=120, **sent)  # type: ignore[arg-type]


HALF = rb'"\ud83d"'
DEEP = b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "free", "messages": [{"role": "user", "content": %s}]}' % HALF,
        b'{"model": "free", "fields": {"text": %s}}' % HALF,
        b'{"model": "free", "messages": [{"role": "user", "content": "x"}], "regex": %s}' % HALF,
        b'{"model": "free", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema", '
        b'"json_schema": {"name": "x", "schema": {"type": %s}}}}' % HALF,
        b'{"model": "free", "fields": %s}' % DEEP,
        b'{"model": "free", "messages": [{"role": "user", "content": "%s"}]}' % (b"word " * 100_000),
        b'{"model": "%s", "messages": [{"role": "user", "content": "x"}]}' % (b"x" * 10_000),
    ],
    ids=["half a character", "in a field", "in a regex", "in a schema", "nested", "long", "a long name"],
)
def test_what_cannot_be_read_is_refused_and_the_engine_lives(server: Server, body: bytes) -> None:
    before = value(server, "sartor_engine_restarts")
    reply = post(server, body)
    assert reply.status_code == 400, reply.text
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert server.client().chat.completions.create(**ROW, messages=ASKED).choices
    assert value(server, "sartor_engine_restarts") == before


@pytest.mark.parametrize("prompt", [[], ["a"] * 17])
def test_texts_are_one_to_sixteen(server: Server, prompt: list[str]) -> None:
    assert post(server, {"model": "free", "prompt": prompt}, "/completions").status_code == 400


def test_the_smallest_temperature_is_none(server: Server) -> None:
    cold, none = (
        server.client().chat.completions.create(**ROW, messages=ASKED, temperature=t).choices[0].message.content
        for t in (1e-40, 0)
    )
    assert cold == none


def test_logprobs_under_a_schema_are_numbers(server: Server) -> None:
    reply = server.client().chat.completions.create(
        **ROW | {"max_tokens": 40},
        messages=ASKED,
        logprobs=True,
        top_logprobs=20,
        response_format={"type": "json_object"},
    )
    tokens = reply.choices[0].logprobs.content  # type: ignore[union-attr]
    assert len(tokens) == reply.usage.completion_tokens  # type: ignore[arg-type, union-attr]
    assert all(top.logprob > float("-inf") for token in tokens for top in token.top_logprobs)  # type: ignore[union-attr]


def test_without_a_seed_each_request_draws_anew(server: Server) -> None:
    client = server.client()
    more: dict[str, Any] = {"max_tokens": 20, "temperature": 2, "response_format": {"type": "text"}}
    drawn = {client.chat.completions.create(**ROW | more, messages=ASKED).choices[0].message.content for _ in range(4)}
    assert len(drawn) > 1


def test_a_reply_can_be_handed_back_as_it_came(server: Server) -> None:
    client = server.client()
    message = client.chat.completions.create(**ROW, messages=ASKED).choices[0].message
    again = [*ASKED, message.model_dump(), *ASKED]
    assert client.chat.completions.create(**ROW, messages=again).choices


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}])
def test_a_page_from_elsewhere_is_not_answered_where_no_key_is_wanted(server: Server, headers: dict[str, str]) -> None:
    assert httpx.get(f"{server.url}/models", headers=headers).status_code == 403
    assert httpx.get(f"{server.url}/models", headers={"origin": "http://localhost:3000"}).status_code == 200


def test_a_stream_that_takes_too_long_says_so(own: Path) -> None:

    with serving(own, "--seconds", "1") as server, pytest.raises(openai.APIError, match="longer than 1 s"):
        list(
            server.client().chat.completions.create(
                model="free", messages=ASKED, stream=True, **LONG | {"n": 8, "max_tokens": 460}
            )
        )
