"""The unmodified `openai` client, with strict validation of what it gets."""

import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import BadRequestError, NotFoundError
from tests.running import notes
from tests.serve.conftest import Server
from tests.tasks import LABELS, intents

FREE: dict[str, Any] = {"model": "free", "max_tokens": 8}
ASKED = [{"role": "user", "content": "question number 3 please"}]


def chat(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(**(FREE | {"messages": ASKED} | more))


def streamed(client: openai.OpenAI, **more: Any) -> list[Any]:
    return list(chat(client, stream=True, **more))


# Models


def test_models_are_the_base_the_tasks_and_their_versions(client: openai.OpenAI, project) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "tiny-llama"  # and not where it lies
    assert names[1:] == ["free@1", "free", "intents@1", "intents", "notes@1", "notes"]


@pytest.mark.parametrize("name", ["notes", "notes@1"])
def test_a_model_is_told_by_its_name(client: openai.OpenAI, name: str) -> None:
    model = client.models.retrieve(name)
    assert (model.id, model.object, model.owned_by) == (name, "model", "sartor")
    assert model.created > 1_700_000_000


def test_a_model_that_is_not_there_is_404(client: openai.OpenAI) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("nothing")
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


# Answers as the task has them


@pytest.mark.parametrize("row", notes(6), ids=str)
def test_an_extraction_answers_its_record(client: openai.OpenAI, row: dict[str, Any]) -> None:
    reply = chat(client, model="notes", messages=[{"role": "user", "content": row["text"]}], max_tokens=openai.omit)
    assert set(json.loads(reply.choices[0].message.content)) == {"drug", "given"}
    assert reply.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("row", intents(6), ids=str)
def test_a_classification_answers_one_of_its_labels(client: openai.OpenAI, row: dict[str, str]) -> None:
    reply = chat(client, model="intents", messages=[{"role": "user", "content": row["text"]}])
    assert reply.choices[0].message.content in LABELS


def test_a_label_comes_with_the_probability_of_all(client: openai.OpenAI) -> None:
    [choice] = chat(client, model="intents", logprobs=True, top_logprobs=3).choices
    [token] = choice.logprobs.content
    assert token.token == choice.message.content
    assert sorted(each.token for each in token.top_logprobs) == sorted(LABELS)
    assert sum(math.exp(each.logprob) for each in token.top_logprobs) == pytest.approx(1, abs=1e-3)
    assert token.logprob == token.top_logprobs[0].logprob


def test_the_columns_of_a_row_are_a_prompt_too(client: openai.OpenAI) -> None:
    reply = chat(client, messages=[], extra_body={"fields": {"text": "question number 3 please"}})
    assert reply.choices[0].message.content == chat(client).choices[0].message.content


def test_the_tasks_system_prompt_comes_first_where_there_is_none(client: openai.OpenAI) -> None:
    own = [{"role": "system", "content": "Say it."}, *ASKED]
    assert chat(client, messages=own).choices[0].message.content == chat(client).choices[0].message.content
    assert chat(client, messages=own).usage.prompt_tokens == chat(client).usage.prompt_tokens
    other = [{"role": "developer", "content": "Say something else."}, *ASKED]
    assert chat(client, messages=other).usage.prompt_tokens > chat(client).usage.prompt_tokens


def test_a_conversation_goes_on(client: openai.OpenAI) -> None:
    turns = [*ASKED, {"role": "assistant", "content": "refund"}, {"role": "user", "content": "and now?"}]
    assert chat(client, messages=turns).usage.prompt_tokens > chat(client).usage.prompt_tokens


def test_text_may_come_in_parts(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "question number"}, {"type": "text", "text": " 3 please"}]
    whole = chat(client, messages=[{"role": "user", "content": parts}])
    assert whole.choices[0].message.content == chat(client).choices[0].message.content


def test_the_base_answers_by_its_own_name(client: openai.OpenAI) -> None:
    base = next(iter(client.models.list())).id
    assert chat(client, model=base).model == base


# The document


def test_the_document_is_whole(client: openai.OpenAI) -> None:
    reply = chat(client)
    assert reply.id.startswith("chatcmpl-")
    assert reply.object == "chat.completion"
    assert reply.model == "free@1"
    assert reply.system_fingerprint.startswith("fp_")
    assert reply.choices[0].message.role == "assistant"
    usage = reply.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 1 <= usage.completion_tokens <= 8


def test_fingerprints_tell_adapters_apart(client: openai.OpenAI) -> None:
    assert len({chat(client, model=name).system_fingerprint for name in ("free", "notes", "free@1")}) == 2


def test_a_reply_that_is_cut_says_so(client: openai.OpenAI) -> None:
    reply = chat(client, max_tokens=1, response_format={"type": "text"})
    assert (reply.choices[0].finish_reason, reply.usage.completion_tokens) == ("length", 1)


def test_max_completion_tokens_is_the_newer_name(client: openai.OpenAI) -> None:
    assert chat(client, max_tokens=openai.omit, max_completion_tokens=2).usage.completion_tokens <= 2


def test_what_was_read_before_is_counted(client: openai.OpenAI) -> None:
    asked = [{"role": "user", "content": "something that nobody asked before, twice"}]
    first, second = (chat(client, messages=asked).usage for _ in range(2))
    assert second.prompt_tokens_details.cached_tokens == second.prompt_tokens - 1
    assert first.prompt_tokens_details.cached_tokens < second.prompt_tokens_details.cached_tokens


# Streams


def test_a_stream_opens_with_the_role_and_ends_with_a_reason(client: openai.OpenAI) -> None:
    chunks = streamed(client)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")
    assert all(chunk.choices[0].delta.role is None for chunk in chunks[1:])
    assert not chunks[-1].choices[0].delta.content


def test_a_stream_has_one_id_one_time_and_one_model(client: openai.OpenAI) -> None:
    chunks = streamed(client)
    assert (
        len({(chunk.id, chunk.created, chunk.model, chunk.object, chunk.system_fingerprint) for chunk in chunks}) == 1
    )
    assert chunks[0].object == "chat.completion.chunk"


@pytest.mark.parametrize("model", ["free", "intents", "notes"])
def test_a_stream_joined_is_the_reply(client: openai.OpenAI, model: str) -> None:
    pieces = [chunk.choices[0].delta.content or "" for chunk in streamed(client, model=model, max_tokens=64)]
    assert "".join(pieces) == chat(client, model=model, max_tokens=64).choices[0].message.content


def test_usage_comes_only_when_asked_for_and_without_a_choice(client: openai.OpenAI) -> None:
    assert all(chunk.usage is None and chunk.choices for chunk in streamed(client))
    *_, last = streamed(client, stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage.total_tokens == chat(client).usage.total_tokens


def test_a_stream_ends_with_done(server: Server) -> None:
    body = FREE | {"messages": ASKED, "stream": True}
    reply = httpx.post(f"{server.url}/chat/completions", json=body, timeout=60)
    events = [event for event in reply.text.split("\n\n") if event]
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: ")) for event in events[:-1])


def test_the_clients_own_helper_reads_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**FREE, messages=ASKED) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == chat(client).choices[0].message.content


# Sampling


def test_the_default_is_what_the_task_was_scored_with(client: openai.OpenAI) -> None:
    assert len({chat(client, max_tokens=20).choices[0].message.content for _ in range(3)}) == 1


def test_a_seed_repeats_itself_and_another_does_not(client: openai.OpenAI) -> None:
    drawn: Callable[[int], str] = lambda seed: (  # noqa: E731
        chat(client, temperature=2, seed=seed, max_tokens=20, response_format={"type": "text"})
        .choices[0]
        .message.content
    )
    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(4)}) > 1


def test_n_gives_so_many_choices_and_reads_the_prompt_once(client: openai.OpenAI) -> None:
    reply = chat(client, n=3, temperature=2, max_tokens=20, response_format={"type": "text"})
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in reply.choices}) > 1
    assert reply.usage.prompt_tokens == chat(client).usage.prompt_tokens


def test_n_streams_too(client: openai.OpenAI) -> None:
    chunks = streamed(client, n=2, stream_options={"include_usage": True})
    ends = [chunk.choices[0].index for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert sorted(ends) == [0, 1]


def test_of_almost_nothing_only_the_likeliest_is_left(client: openai.OpenAI) -> None:
    text = {"type": "text"}
    narrow = chat(client, temperature=2, top_p=0.0, seed=5, response_format=text).choices[0].message.content
    assert narrow == chat(client, response_format=text).choices[0].message.content


def test_a_stop_string_is_not_told(client: openai.OpenAI) -> None:
    text = {"type": "text"}
    whole = chat(client, max_tokens=30, response_format=text).choices[0].message.content
    stop = whole[2:4]
    for stops in (stop, ["never comes", stop]):
        reply = chat(client, max_tokens=30, stop=stops, response_format=text)
        assert reply.choices[0].message.content == whole[: whole.index(stop)]
        assert reply.choices[0].finish_reason == "stop"
        pieces = streamed(client, max_tokens=30, stop=stops, response_format=text)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in pieces) == whole[: whole.index(stop)]


def test_logprobs_are_there_for_every_token(client: openai.OpenAI) -> None:
    reply = chat(client, logprobs=True, top_logprobs=4, response_format={"type": "text"})
    content = reply.choices[0].logprobs.content
    assert len(content) == reply.usage.completion_tokens
    for token in content:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 4
        assert token.top_logprobs[0].logprob == pytest.approx(token.logprob)
    told = [
        token
        for chunk in streamed(client, logprobs=True, response_format={"type": "text"})
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert [token.token for token in told] == [token.token for token in content]
    assert not told[0].top_logprobs
    assert chat(client).choices[0].logprobs is None


# Forms


def test_a_schema_is_held_to(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    for model in ("free", "intents"):
        assert json.loads(chat(client, model=model, response_format=form, max_tokens=40).choices[0].message.content)[
            "answer"
        ] in ("yes", "no")


def test_any_json_object_may_be_wanted(client: openai.OpenAI) -> None:
    reply = chat(client, response_format={"type": "json_object"}, max_tokens=200)
    if reply.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(reply.choices[0].message.content), dict)
    assert reply.choices[0].message.content.startswith("{")


def test_a_regular_expression_is_held_to(client: openai.OpenAI) -> None:
    reply = chat(client, extra_body={"regex": "[0-9]{3}-(yes|no)"}, max_tokens=20)
    assert reply.choices[0].message.content[3:] in ("-yes", "-no")


def test_a_task_is_held_to_nothing_where_text_is_asked_for(client: openai.OpenAI) -> None:
    reply = chat(client, model="notes", response_format={"type": "text"}, temperature=2, seed=3, max_tokens=20)
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.choices[0].message.content)


# Completions


def test_a_text_is_gone_on_with(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="free", prompt="question number", max_tokens=5, logprobs=2)
    assert reply.object == "text_completion"
    assert reply.id.startswith("cmpl-")
    [choice] = reply.choices
    assert "".join(choice.logprobs.tokens) == choice.text
    assert len(choice.logprobs.top_logprobs[0]) <= 2


def test_several_texts_are_gone_on_with_at_once(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="free", prompt=["question", "number"], max_tokens=5)
    alone = [
        client.completions.create(model="free", prompt=each, max_tokens=5).choices[0].text
        for each in ("question", "number")
    ]
    assert [choice.text for choice in reply.choices] == alone


def test_a_text_is_streamed(client: openai.OpenAI, server: Server) -> None:
    # Strictly, a chunk of text would have an end; neither OpenAI's have one nor ours.
    client = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)
    chunks = list(client.completions.create(model="free", prompt="question number", max_tokens=5, stream=True))
    whole = client.completions.create(model="free", prompt="question number", max_tokens=5)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason


# What is refused

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"tools": [TOOL]}, "tools", "unsupported_parameter"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tools", "unsupported_parameter"),
        ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_parameter"),
        ({"presence_penalty": -1}, "presence_penalty", "unsupported_parameter"),
        ({"logit_bias": {"5": 10}}, "logit_bias", "unsupported_parameter"),
        ({"store": True}, "store", "unsupported_parameter"),
        ({"reasoning_effort": "high"}, "reasoning_effort", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"extra_body": {"nonsense": 1}}, "nonsense", "unknown_parameter"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
        ({"top_p": 1.5}, "top_p", "invalid_value"),
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 99}, "n", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 50}, "top_logprobs", "invalid_value"),
        ({"top_logprobs": 3}, None, "invalid_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, None, "invalid_value"),
        ({"stop": ""}, None, "invalid_value"),
        ({"messages": []}, None, "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, None, None),
        ({"messages": IMAGE}, None, None),
        ({"messages": ASKED, "extra_body": {"fields": {"text": "x"}}}, None, "invalid_value"),
        ({"messages": [], "extra_body": {"fields": {"txet": "x"}}}, "fields", None),
        ({"max_tokens": 1_000_000}, "messages", "context_length_exceeded"),
        ({"extra_body": {"regex": "("}}, "regex", None),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}},
            "response_format",
            None,
        ),
        ({"response_format": {"type": "grammar"}}, None, None),
    ],
    ids=str,
)
def test_what_is_not_done_is_refused_and_never_ignored(
    client: openai.OpenAI, more: dict[str, Any], param: str | None, code: str | None
) -> None:
    for stream in (False, True):
        with pytest.raises(BadRequestError) as caught:
            chat(client, **more, stream=stream)
        error = caught.value
        assert error.type == "invalid_request_error"
        assert error.body["message"]
        if param:
            assert error.param == param
        if code:
            assert error.code == code


def test_what_asks_for_nothing_is_fine(client: openai.OpenAI) -> None:
    reply = chat(
        client,
        frequency_penalty=0,
        presence_penalty=0,
        logit_bias={},
        store=False,
        user="somebody",
        metadata={"a": "b"},
        tools=[],
        service_tier="auto",
    )
    assert reply.choices[0].message.content == chat(client).choices[0].message.content


def test_a_model_that_is_unknown_is_404_and_says_what_there_is(client: openai.OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(NotFoundError) as caught:
            chat(client, model="ntoes", stream=stream)
        assert caught.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        chat(client, model="notes@9")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"model": "free"}', b"\xff\xfe", b'{"model": 5, "messages": []}']
)
def test_a_body_that_is_no_request_is_400(server: Server, body: bytes) -> None:
    reply = httpx.post(f"{server.url}/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def test_an_address_or_method_that_is_not_there_is_told_in_the_same_form(server: Server) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("GET", "/chat/completions", 405)):
        reply = httpx.request(method, server.url + path)
        assert (reply.status_code, reply.json()["error"]["type"]) == (
            status,
            {404: "not_found_error", 405: "invalid_request_error"}[status],
        )
