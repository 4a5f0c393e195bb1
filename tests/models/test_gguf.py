"""A GGUF file becomes a safetensors folder that computes the same."""

from pathlib import Path

import pytest
import torch
from gguf import GGUFWriter
from tests.llama_cpp import write_gguf
from tests.tiny import tiny_llama
from transformers import LlamaForCausalLM

from sartor.data.example import Message
from sartor.errors import InputError
from sartor.models.base import load, open_base, resolve

pytestmark = pytest.mark.usefixtures("cache")


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
