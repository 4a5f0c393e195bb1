"""The documents of a request, from what the engine's process tells."""

from typing import Any

import pytest

from sartor.serve.wire import Begun, Reply, Said, SpelledToken

EURO = "€".encode()


def said(text: str, *tokens: bytes, finish: Any = None) -> Said:
    return Said(text, (), 0, 0, finish, tuple(SpelledToken(each, -1.0, (SpelledToken(each, -1.0),)) for each in tokens))


PIECES = (said("It ", b"It", b" "), said("", EURO[:1]), said("€5", EURO[1:], b"5"), said("!", b"!", finish="stop"))


def told(kind: Any) -> tuple[Reply, list[Any]]:
    """The logprobs of the chunks, too."""
    reply = Reply(kind, 1)
    chunks = [chunk for each in (Begun("m", "fp", 3), *PIECES) for chunk in reply.take(0, each)]
    return reply, [logprobs for chunk in chunks if (logprobs := chunk["choices"][0]["logprobs"])]


def test_where_a_token_begins_is_counted_from_the_beginning_of_the_reply_in_every_chunk() -> None:
    reply, chunks = told("text")
    places = [0, 2, 3, 4, 4, 5]  # the rest of a character begins none
    assert reply.document()["choices"][0]["logprobs"]["text_offset"] == places
    assert [place for chunk in chunks for place in chunk["text_offset"]] == places


def test_a_token_that_is_a_part_of_a_character_has_its_own_bytes() -> None:
    reply, chunks = told("chat")
    tokens = reply.document()["choices"][0]["logprobs"]["content"]
    assert tokens == [token for chunk in chunks for token in chunk["content"]]
    assert bytes(byte for token in tokens for byte in token["bytes"]).decode() == "It €5!"
    assert tokens[2] == {
        "token": "\ufffd",
        "logprob": -1.0,
        "bytes": [0xE2],
        "top_logprobs": [{"token": "\ufffd", "logprob": -1.0, "bytes": [0xE2]}],
    }


@pytest.mark.parametrize("kind", ["chat", "text"])
def test_logprobs_that_nobody_asked_for_are_null(kind: Any) -> None:
    reply = Reply(kind, 1)
    for each in (Begun("m", "fp", 3), said("yes", finish="stop")):
        reply.take(0, each)
    assert reply.document()["choices"][0]["logprobs"] is None
