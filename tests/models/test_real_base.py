"""The built-in base, as `sartor models pull` left it."""

import json
from pathlib import Path

import pytest
import torch

from sartor.data.example import Message
from sartor.models.base import BaseModel, load, open_base, resolve

pytestmark = pytest.mark.real


@pytest.fixture
def base(smollm: Path) -> BaseModel:
    return open_base(resolve("smollm2-135m-q4", Path()))


def test_it_speaks_and_stops(base: BaseModel) -> None:
    prompt = base.renderer.prompt_ids([Message("user", "What is the capital of France?")])
    reply = load(base, torch.float32, "cpu").generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)
    assert base.renderer.text(reply[0, len(prompt) :].tolist()) == "The capital of France is Paris."


def test_its_files_say_what_they_are(base: BaseModel) -> None:
    assert base.config.tie_word_embeddings
    assert base.tokenizer.eos_token == "<|im_end|>"
    assert base.renderer.stop_ids == {base.tokenizer.convert_tokens_to_ids("<|im_end|>")}
    assert json.loads((base.path / "config.json").read_text())["dtype"] == "bfloat16"
    pieces = base.tokenizer.tokenize("take  50 mg")
    assert pieces == ["take", "ĠĠ", "5", "0", "Ġmg"]


def test_its_templates_own_system_prompt_is_announced(base: BaseModel) -> None:
    assert any("You are a helpful AI assistant named SmolLM" in note for note in base.renderer.notes)
