"""A LoRA adapter as a GGUF file: what llama.cpp computes of it is what PEFT adds to the base's weights."""

import json
from pathlib import Path

import pytest
import torch
from gguf import GGUFReader
from peft import PeftModel
from tests.llama_cpp import likeliest
from tests.llama_cpp import write_gguf as write_base
from tests.methods import fresh_network
from tests.models.conftest import smollm  # noqa: F401 (a fixture)
from tests.networks import FAMILIES, gpt2, plain_model  # noqa: F401 (a fixture)
from tests.tiny import tiny_llama

from sartor.adapters.llama_cpp import write_gguf
from sartor.data.example import Message
from sartor.errors import InputError
from sartor.generate.forward import FastForward
from sartor.models.base import open_base, resolve
from sartor.models.decoder import Decoder
from sartor.models.methods import load

QUESTIONS = ("What is the capital of France?", "Take 5 mg twice a day, not 50. Which dose?", "Say hello to Ann.")
MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def adapter(base: Path, folder: Path, method: str = "lora") -> Path:
    network = fresh_network(base, method)
    with torch.no_grad():
        for tensor in network.trainable:
            tensor.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    folder.mkdir()
    network.save(folder)
    return folder


def pairs_side_by_side(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The rows as llama.cpp's own converter orders those of q and k: number i of a head's first half, then of its second."""
    width = len(weight) // heads
    rows = [
        head * width + half * (width // 2) + at for head in range(heads) for at in range(width // 2) for half in (0, 1)
    ]
    return weight[rows]


@pytest.mark.parametrize("method", ["lora", "rslora", "lora, top layer"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_says_what_peft_adds_to_the_weights(family: str, method: str, tmp_path: Path) -> None:
    base = FAMILIES[family](tmp_path)
    folder = adapter(base, tmp_path / "adapter", method)
    model = plain_model(base)
    config = model.config
    write_gguf(folder, "notes@1", config, tmp_path / "adapter.gguf")
    read = GGUFReader(tmp_path / "adapter.gguf")
    keys = {key: field.contents() for key, field in read.fields.items() if not key.startswith("GGUF.")}
    permuted = family.startswith(("llama", "mistral"))
    assert keys == {
        "general.architecture": "llama" if permuted else family,
        "general.type": "adapter",
        "general.name": "notes@1",
        "adapter.type": "lora",
        "adapter.lora.alpha": 8.0 * (2.0 if method == "rslora" else 1.0),
    }
    found = {tensor.name: torch.from_numpy(tensor.data.copy()) for tensor in read.tensors}
    layers = [2] if method == "lora, top layer" else [0, 1, 2]
    assert len(found) == len(layers) * len(MODULES) * 2
    adapted = PeftModel.from_pretrained(model, folder)
    for layer in layers:
        for module, name in MODULES.items():
            wanted = adapted.get_submodule(f"base_model.model.model.layers.{layer}.{module}").get_delta_weight(
                "default"
            )
            if permuted and name in ("attn_q", "attn_k"):
                heads = config.num_attention_heads if name == "attn_q" else config.num_key_value_heads
                wanted = pairs_side_by_side(wanted, heads)
            down, up = (found[f"blk.{layer}.{name}.weight.lora_{side}"] for side in "ab")
            torch.testing.assert_close(keys["adapter.lora.alpha"] / len(down) * up @ down, wanted)


@pytest.mark.parametrize("method", ["dora", "ia3", "pfeiffer", "prefix", "full"])
def test_what_is_no_plain_lora_is_refused(tmp_path: Path, method: str) -> None:
    base = tiny_llama(tmp_path)
    folder = adapter(base, tmp_path / "adapter", method)
    with pytest.raises(InputError, match="notes@1 is no plain LoRA"):
        write_gguf(folder, "notes@1", plain_model(base).config, tmp_path / "adapter.gguf")
    assert not (tmp_path / "adapter.gguf").exists()


def test_a_base_whose_weights_llama_cpp_may_order_otherwise_is_refused(gpt2: Path, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(InputError, match="trained on a gpt2, and only of llama, mistral, qwen2, qwen3"):
        write_gguf(folder, "notes@1", plain_model(gpt2).config, tmp_path / "adapter.gguf")


@pytest.mark.real
@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_llama_cpp_answers_as_the_engine_does(smollm: Path, tmp_path: Path, method: str) -> None:  # noqa: F811
    opened, model = open_base(resolve("smollm2-135m-q4", Path())), plain_model(smollm)
    folder = adapter(smollm, tmp_path / "adapter", method)
    base = write_base(model, tmp_path / "base.gguf", tokenizer=opened.tokenizer)
    write_gguf(folder, "notes@1", opened.config, tmp_path / "adapter.gguf")
    prompts = [opened.renderer.prompt_ids([Message("user", text)]) for text in QUESTIONS]
    decoder = Decoder(model)
    adapted = FastForward(decoder, load(folder, decoder)).read([], prompts, 0).logits.log_softmax(-1)
    bare = FastForward(decoder).read([], prompts, 0).logits.log_softmax(-1)
    for ours, scale in ((adapted, 1.0), (bare, 0.0)):
        for row, theirs in zip(ours, likeliest(base, tmp_path / "adapter.gguf", prompts, scale), strict=True):
            tokens = list(theirs)
            torch.testing.assert_close(row[tokens], torch.tensor(list(theirs.values())), rtol=0, atol=0.002)
            assert int(row.argmax()) in tokens
    assert (adapted - bare).abs().max() > 1, "a mistake would show"
