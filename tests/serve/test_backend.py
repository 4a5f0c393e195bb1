"""A server whose tasks name llama.cpp is asked as any other, and answers as our own engine does."""

import json
import random
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.llama_cpp import write_gguf
from tests.running import notes
from tests.serve.conftest import Server, serving
from tests.serve.test_service import ASKED, ask
from tests.tasks import intents
from transformers import LlamaForCausalLM

import sartor
from sartor.adapters.registry import Registry
from sartor.errors import InputError
from sartor.store import Store


def named(root: Path, *tasks: str, **serve: str) -> None:
    for task in tasks:
        path = root / "tasks" / task / "sartor.yaml"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"serve": serve}))


@pytest.fixture(scope="module")
def root(project: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, served by llama.cpp."""
    found = shutil.copytree(project, tmp_path_factory.mktemp("llama") / "project")
    write_gguf(LlamaForCausalLM.from_pretrained(base), found / "base.gguf")
    named(found, "notes", backend="llama.cpp", gguf="../../base.gguf")
    return found


@pytest.fixture(scope="module")
def theirs(root: Path) -> Iterator[Server]:
    with serving(root) as found:
        yield found


def questions() -> list[tuple[str, str]]:
    notes_, texts = [row["text"] for row in notes(8, start=500)], [row["text"] for row in intents(8, start=500)]
    return [
        *(("notes", text) for text in notes_),
        *(("intents", text) for text in texts),
        *(("free", text) for text in texts),
    ]


def said(server: Server, model: str, text: str, **more: Any) -> str | None:
    content: str | None = (
        ask(server, model=model, messages=[{"role": "user", "content": text}], **more).choices[0].message.content
    )
    return content


def test_each_task_answers_as_our_own_engine_does(server: Server, theirs: Server) -> None:
    asked = questions()
    ours = [said(server, *each) for each in asked]
    shuffled = random.Random(0).sample(range(len(asked)), len(asked))
    with ThreadPoolExecutor(6) as pool:  # whose adapters take turns on the same prompts
        found = dict(zip(shuffled, pool.map(lambda at: said(theirs, *asked[at]), shuffled), strict=True))
    assert [found[at] for at in range(len(asked))] == ours


def test_the_base_is_nobodys_adapter(server: Server, theirs: Server, base: Path) -> None:
    asked = [f"say {n} times {n * n}" for n in range(40)]
    ours = {text: said(server, base.name, text, max_tokens=4) or "" for text in asked}
    plain = {text: reply for text, reply in ours.items() if reply.isascii() and "<" not in reply}
    assert len(plain) > 5  # a random base says much that is no whole character
    assert {text: said(theirs, base.name, text, max_tokens=4) for text in plain} == plain


def test_a_stream_joined_is_the_reply_and_usage_comes_with_it(theirs: Server) -> None:
    more: dict[str, Any] = {"max_tokens": 20, "extra_body": {"regex": "[a-z ]{100}"}}
    whole = ask(theirs, **more)
    chunks = list(ask(theirs, **more, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert whole.usage.completion_tokens == 20
    assert whole.choices[0].finish_reason == "length"


def test_a_stop_string_is_not_told(theirs: Server) -> None:
    text: str = said(theirs, "free", "question", max_tokens=20) or ""
    stop = text[len(text) // 2 :][:2]
    assert said(theirs, "free", "question", max_tokens=20, stop=stop) == text[: text.index(stop)]


def test_a_schema_and_a_regular_expression_are_held_to(theirs: Server) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"enum": ["x/y", "z"]}, "b": {"type": "boolean"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    format = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    reply: str = said(theirs, "free", "question", max_tokens=60, response_format=format) or ""
    assert set(json.loads(reply)) == {"a", "b"}
    assert " " not in reply
    found: str = said(theirs, "free", "question", max_tokens=60, extra_body={"regex": "(ab/|c){3} end"}) or ""
    assert re.fullmatch("(ab/|c){3} end", found)


def test_logprobs_are_those_of_our_own_engine(server: Server, theirs: Server) -> None:
    more: dict[str, Any] = {"max_tokens": 5, "logprobs": True, "top_logprobs": 3, "response_format": {"type": "text"}}
    ours, found = (
        ask(each, model="notes", messages=ASKED, **more).choices[0].logprobs.content for each in (server, theirs)
    )
    assert [token.token for token in found] == [token.token for token in ours]
    for one, other in zip(found, ours, strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=0.02)  # keys and values are in 16 bits
        assert len(one.top_logprobs) == 3


def test_a_seed_repeats_itself_and_another_does_not(theirs: Server) -> None:
    drawn = [said(theirs, "free", "question", temperature=1.5, max_tokens=20, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_version_that_came_later_is_asked_too(root: Path, theirs: Server, tmp_path: Path) -> None:
    registry = Registry(Store.open(root / ".sartor"))
    first = registry.get("notes@1")
    changed = shutil.copytree(first.path, tmp_path / "changed")
    config = json.loads((changed / "adapter_config.json").read_text())
    (changed / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": config["lora_alpha"] * 1.001}))
    registry.register("notes", changed, first.manifest, {}, 0.0)
    text = notes(1, start=500)[0]["text"]
    assert said(theirs, "notes@2", text) == said(theirs, "notes@1", text)


def test_a_client_that_leaves_is_not_answered_on(theirs: Server) -> None:
    with pytest.raises(openai.APITimeoutError):
        theirs.client(timeout=0.2).chat.completions.create(
            model="free", messages=ASKED, max_tokens=450, temperature=2, n=8, extra_body={"regex": "[a-z ]{400,}"}
        )
    assert said(theirs, "free", "question", max_tokens=3)


def test_a_file_of_another_base_is_refused(own: Path, base: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(base)
    model.model.layers, model.config.num_hidden_layers = model.model.layers[:1], 1
    write_gguf(model, own / "other.gguf")
    for name, why in (("other.gguf", "another base"), ("tasks/notes/sartor.yaml", "no GGUF"), ("none.gguf", "no GGUF")):
        named(own, "notes", backend="llama.cpp", gguf=f"../../{name}")
        with pytest.raises(InputError, match=why):
            sartor.open(own).serving.specialists().find("notes")
    named(own, "intents", backend="llama.cpp", gguf="../../other.gguf")
    with pytest.raises(InputError, match="differ"):
        sartor.open(own).serving.specialists()
