"""A GGUF file becomes a safetensors folder that computes the same."""

import json
from pathlib import Path

import pytest
import torch
from gguf import GGUFWriter
from tests.tiny import CHAT_TEMPLATE, tiny_llama, tiny_tokenizer
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from sartor.data.example import Message
from sartor.errors import InputError
from sartor.models.base import load, open_base, resolve

pytestmark = pytest.mark.usefixtures("cache")

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.layers": "blk",
}


def write_gguf(model: LlamaForCausalLM, path: Path, pre: str = "smollm") -> Path:
    """As llama.cpp's converter writes a Llama: float32, rotary halves of q and k interleaved."""
    config = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    tokenizer = tiny_tokenizer()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    writer.add_token_types([3] * 3 + [1] * (len(tokenizer) - 3))
    writer.add_token_merges(_merges(tokenizer.backend_tokenizer))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        for ours, theirs in _NAMES.items():
            name = name.replace(ours, theirs)
        if "attn_q" in name or "attn_k" in name:
            heads = config.num_attention_heads if "attn_q" in name else config.num_key_value_heads
            tensor = tensor.view(heads, 2, -1, config.hidden_size).transpose(1, 2).reshape(tensor.shape)
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _merges(tokenizer: Tokenizer) -> list[str]:
    return [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def test_a_gguf_file_computes_what_its_model_computed(tmp_path: Path) -> None:
    original = LlamaForCausalLM.from_pretrained(tiny_llama(tmp_path), dtype=torch.bfloat16).float().eval()
    base = open_base(resolve("tiny.gguf", write_gguf(original, tmp_path / "tiny.gguf").parent))
    ids = torch.tensor([base.renderer.prompt_ids([Message("user", "My card was charged twice: 50 mg?")])])
    converted = load(base, torch.float32, "cpu")
    torch.testing.assert_close(converted(ids).logits, original(ids).logits, rtol=0, atol=1e-4)
    assert converted.config.tie_word_embeddings
    assert base.renderer.template_hash == open_base(resolve("tiny-llama", tmp_path)).renderer.template_hash
    assert base.renderer.stop_ids == {2}


def test_it_is_converted_once_and_known_by_its_contents(tmp_path: Path) -> None:
    original = LlamaForCausalLM.from_pretrained(tiny_llama(tmp_path))
    write_gguf(original, tmp_path / "tiny.gguf")
    first = resolve("tiny.gguf", tmp_path)
    (tmp_path / "tiny.gguf").rename(tmp_path / "renamed.gguf")
    again = resolve("renamed.gguf", tmp_path, progress=lambda *_: pytest.fail("converted a second time"))
    assert again.path == first.path


def test_smollm_files_split_numbers_into_digits_as_their_model_does(tmp_path: Path) -> None:
    original = LlamaForCausalLM.from_pretrained(tiny_llama(tmp_path))
    tokenizer = open_base(resolve("t.gguf", write_gguf(original, tmp_path / "t.gguf").parent)).tokenizer
    pieces = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("a  12")
    assert [piece for piece, _ in pieces] == ["a", "ĠĠ", "1", "2"]


def test_a_file_that_is_no_gguf_is_refused_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="is not a GGUF file"):
        resolve("no.gguf", tmp_path)
    assert list((cache / "gguf").iterdir()) == []


def test_a_gguf_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "odd.gguf", "unheard-of")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(InputError, match="cannot read this GGUF"):
        resolve("odd.gguf", tmp_path)
    (tmp_path / "cut.gguf").write_bytes((tmp_path / "odd.gguf").read_bytes()[:20])
    with pytest.raises(InputError, match="cannot read this GGUF"):
        resolve("cut.gguf", tmp_path)
