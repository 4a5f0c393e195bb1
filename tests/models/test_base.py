"""A base's name becomes a folder, a hash and frozen weights; everything else is one clear sentence."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tests.tiny import tiny_gpt2, tiny_llama, tiny_mistral, tiny_qwen2, tiny_qwen3

from sartor.errors import InputError
from sartor.models.base import BaseModel, load, open_base, resolve

pytestmark = pytest.mark.usefixtures("cache")
FAMILIES = [tiny_llama, tiny_qwen2, tiny_qwen3, tiny_mistral, tiny_gpt2]


def opened(folder: Path) -> BaseModel:
    return open_base(resolve(str(folder), Path()))


def edit(path: Path, **changes: object) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | changes))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_local_folder_loads_frozen(family: type, tmp_path: Path) -> None:
    base = opened(family(tmp_path))
    model = load(base, torch.float32, "cpu")
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.config._attn_implementation == "sdpa"
    assert model(torch.tensor([base.renderer.reply_ids("yes")])).logits.isfinite().all()


def test_the_number_format_is_the_one_asked_for(tmp_path: Path) -> None:
    assert load(opened(tiny_llama(tmp_path)), torch.bfloat16, "cpu").dtype == torch.bfloat16


def test_a_folder_is_found_relative_to_the_task(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    assert resolve(folder.name, relative_to=tmp_path).path == folder


def test_the_hash_is_of_the_contents_wherever_they_lie(tmp_path: Path) -> None:
    base = opened(tiny_llama(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(base.path, elsewhere)
    assert opened(elsewhere).hash == base.hash
    assert opened(tiny_llama(tmp_path / "other", seed=1)).hash != base.hash


@pytest.mark.parametrize("part", ["weights", "tokenizer", "template"])
def test_the_hash_changes_with_each_part(part: str, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    before = opened(folder).hash
    if part == "weights":
        tiny_llama(tmp_path, seed=1)
    elif part == "tokenizer":
        text = (folder / "tokenizer.json").read_text()
        (folder / "tokenizer.json").write_text(text.replace('"normalizer": null', '"normalizer": {"type": "NFC"}'))
    else:
        template = folder / "chat_template.jinja"
        template.write_text(template.read_text().replace("{% for", "{# edited #}{% for"))
    assert opened(folder).hash != before


def test_weights_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_llama(tmp_path)
    before = opened(folder).hash
    read = []
    monkeypatch.setattr("sartor.models.base.file_sha256", lambda path: read.append(path.name) or "0")
    opened(folder)
    assert "model.safetensors" not in read
    monkeypatch.undo()
    assert opened(folder).hash == before


def test_an_unknown_name_says_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        resolve("smollm3", tmp_path)
    assert all(word in str(error.value) for word in ("smollm2-135m-q4", str(tmp_path / "smollm3"), "ORG/NAME"))


def test_a_built_in_that_is_not_pulled_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not on this machine: run `sartor models pull smollm2-135m-q4`"):
        resolve("smollm2-135m-q4", tmp_path)


def test_an_encoder_is_no_base(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is an encoder"):
        resolve("all-minilm-l6-v2", tmp_path)


def test_a_hub_id_that_is_not_here_is_one_line_and_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        resolve("nobody/nothing", tmp_path)
    assert "`sartor models pull nobody/nothing` would fetch it" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_hub_id_in_the_local_cache_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tiny_llama(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, local_files_only: str(snapshot))
    found = resolve("some/model", tmp_path)
    assert (found.kind, found.path) == ("hub", snapshot)


def test_pickled_weights_are_refused_with_a_remedy(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"only pickled weights \(pytorch_model.bin\).*save_pretrained"):
        opened(folder)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="has no weights"):
        opened(folder)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="weights cannot be loaded"):
        load(resolve(str(folder), tmp_path), torch.float32, "cpu")


def test_a_missing_weight_is_refused_never_random(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    edit(folder / "config.json", num_hidden_layers=4)
    with pytest.raises(InputError, match=r"9 weights are missing or misshapen, the first model\.layers\.3"):
        load(resolve(str(folder), tmp_path), torch.float32, "cpu")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"architectures": ["LlamaForSequenceClassification"]}, "is a LlamaForSequenceClassification, not a causal"),
        ({"model_type": "bert", "architectures": ["BertModel"]}, "is a BertModel, not a causal"),
        ({"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}, "code of its own, which Sartor never runs"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "is quantised"),
        ({"vocab_size": 300}, "tokenizer has 400 tokens, the model embeds 300"),
    ],
)
def test_a_base_that_cannot_be_trained_is_refused(changes: dict[str, object], complaint: str, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    edit(folder / "config.json", **changes)
    with pytest.raises(InputError, match=complaint):
        opened(folder)


def test_broken_files_are_named(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="tokenizer cannot be read"):
        opened(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        opened(folder)


def test_a_folder_or_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"has no config\.json"):
        resolve(str(tmp_path), Path())
    with pytest.raises(InputError, match=r"is a file but not a \.gguf"):
        resolve("notes.txt", tmp_path)
