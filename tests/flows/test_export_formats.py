"""Adapters for other programs: a merged model is what the adapter was on its base, or it is not there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.methods import ALL
from tests.models.conftest import smollm  # noqa: F401 (a fixture)
from tests.running import (
    Finished,
    notes,
    on_a_small_machine,  # noqa: F401 (a fixture)
)
from tests.tasks import write_task
from tests.tiny import CHAT_TEMPLATE, tiny_gpt2, tiny_llama, tiny_qwen2
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

import sartor
from sartor.access.keys import signed_by
from sartor.adapters import AdapterVersion, Registry
from sartor.cli.main import main
from sartor.errors import GateError, InputError
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import Task, open_task
from sartor.store import Store
from sartor.task import TrainSpec

IDS = torch.tensor([[1, 40, 50, 60, 70, 80, 90, 100]])


def small_task(folder: Path, base: Path, **spec: Any) -> Task:
    rows = notes(24), notes(8, start=500)
    return open_task(write_task(folder, base, *rows, "extraction", generate={"max_tokens": 12}, **spec))


@pytest.fixture
def task(tmp_path: Path, base: Path, cache: Path) -> Task:
    return small_task(tmp_path / "task", base)


def register(task: Task, method: str = "lora", width: float = 0.05) -> AdapterVersion:
    """An adapter of random numbers, as if it had been trained."""
    spec = TrainSpec(**ALL[method])
    base, folder = LoadedBase(task), task.folder / "trained"
    network = base.network(spec)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in network.trainable:
            tensor.add_(torch.empty_like(tensor).normal_(0, width, generator=generator))
    folder.mkdir(exist_ok=True)
    network.save(folder)
    manifest = spec.method_settings | {
        "base_model": task.spec.base,
        "base_hash": base.opened.hash,
        "template_hash": base.opened.template_hash,
        "prompt": {},
        "answering": {"max_tokens": 12, "labels": []},
    }
    return Registry(Store.open(task.folder / ".sartor")).register("small", folder, manifest, {}, 0.0)


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(IDS).logits


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name == "out" or path.name.startswith(".export-")]


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "lora, top layer", "ia3", "full"])
def test_a_merged_model_computes_what_peft_makes_of_the_adapter(task: Task, tmp_path: Path, method: str) -> None:
    adapter = register(task, method)
    statement = sartor.open(task.folder).adapters.export("small", tmp_path / "out", "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    wanted = logits(LoadedBase(task).plain_forward(adapter.path).model)
    torch.testing.assert_close(logits(merged), wanted, rtol=0, atol=1e-4)
    assert (wanted - logits(LoadedBase(task).model())).abs().max() > 0.1
    parity = statement["parity"]
    assert (parity["kpi"], parity["merged"], parity["rows"]) == ("field_f1", parity["adapter"], 24)
    assert parity["nats"] < 1e-9


@pytest.mark.parametrize("make", [tiny_qwen2, tiny_gpt2], ids=["biases", "the plain path"])
def test_bases_of_other_kinds(make: Callable[[Path], Path], cache: Path, tmp_path: Path) -> None:
    task = small_task(tmp_path / "task", make(tmp_path))
    for method in ("lora", "ia3"):
        adapter = register(task, method)
        sartor.open(task.folder).adapters.export(adapter.name, tmp_path / method, "merged")
        wanted = logits(LoadedBase(task).plain_forward(adapter.path).model)
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / method)
        torch.testing.assert_close(logits(merged), wanted, rtol=0, atol=1e-4)


def test_it_holds_all_that_a_program_needs_in_the_number_format_of_the_base(cache: Path, tmp_path: Path) -> None:
    base = tiny_llama(tmp_path)
    LlamaForCausalLM.from_pretrained(base).to(torch.bfloat16).save_pretrained(base)
    task = small_task(tmp_path / "task", base)
    register(task)
    out = tmp_path / "out"
    parity = sartor.open(task.folder).adapters.export("small", out, "merged")["parity"]
    assert 1e-9 < parity["nats"] < parity["nats_allowed"] <= 1e-3
    model = AutoModelForCausalLM.from_pretrained(out)
    assert model.dtype == torch.bfloat16
    assert (model.generation_config.eos_token_id, model.generation_config.do_sample) == ([2], False)
    assert AutoTokenizer.from_pretrained(out).chat_template == AutoTokenizer.from_pretrained(base).chat_template
    assert "merged into" in (out / "README.md").read_text()
    assert str(tmp_path) not in (out / "config.json").read_text()


def test_a_base_in_4_bits_is_merged_as_what_its_codes_stand_for(task: Task, tmp_path: Path) -> None:
    adapter = register(task, "qlora")
    project = sartor.open(task.folder)
    parity = project.adapters.export("small", tmp_path / "out", "merged")["parity"]
    assert parity["nats"] < 1e-9
    merged = LoadedBase(small_task(tmp_path / "merged", tmp_path / "out"))
    in_4_bits = LoadedBase(small_task(tmp_path / "codes", Path(task.spec.base), train={"method": "qlora"}))
    ours, theirs = (
        forward.read([], [IDS[0].tolist()], 0).logits for forward in (merged.forward(), in_4_bits.forward(adapter.path))
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.real
def test_rounding_to_bfloat16_is_far_below_what_is_allowed(smollm: Path, tmp_path: Path) -> None:  # noqa: F811
    rows = notes(6), notes(2, start=500)
    folder = write_task(tmp_path / "task", smollm, *rows, "extraction", generate={"max_tokens": 4})
    register(open_task(folder), width=0.02)
    parity = sartor.open(folder).adapters.export("small", tmp_path / "out", "merged")["parity"]
    assert parity["dtype"] == "bfloat16"
    assert 1e-6 < parity["nats"] < parity["nats_allowed"] / 4


@pytest.mark.parametrize("method", ["prompt", "prefix", "pfeiffer"])
def test_what_no_weights_can_hold_is_refused(
    task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    register(task, method)
    for format, said in (("merged", "the weights of its base cannot hold"), ("gguf", "is no plain LoRA")):
        assert main(["adapters", "export", "small", str(tmp_path / "out"), str(task.folder), "--format", format]) == 2
        assert said in capsys.readouterr().err
        assert left_behind(tmp_path) == []


def test_an_adapter_on_another_base_is_refused(task: Task, tmp_path: Path) -> None:
    register(task)
    other = tiny_llama(tmp_path, seed=1)
    project = sartor.open(small_task(task.folder, other).folder)
    for format in ("merged", "gguf"):
        with pytest.raises(InputError, match="was trained on another base"):
            project.adapters.export("small", tmp_path / "out", format)
    assert left_behind(tmp_path) == []


def overflowing(task: Task) -> None:
    """Numbers that float32 holds and float16 does not."""
    base = Path(task.spec.base)
    LlamaForCausalLM.from_pretrained(base).to(torch.float16).save_pretrained(base)
    register(task, width=1e3)


def drowned(task: Task) -> None:
    """An adapter that changes less than rounding does."""
    base = Path(task.spec.base)
    LlamaForCausalLM.from_pretrained(base).to(torch.bfloat16).save_pretrained(base)
    register(task, width=1e-3)


def with_nan(task: Task) -> None:
    register(task)
    weights = task.folder / "trained" / "adapter_model.safetensors"
    tensors = load_file(weights)
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, weights)
    manifest = Registry(Store.open(task.folder / ".sartor")).get("small").manifest
    Registry(Store.open(task.folder / ".sartor")).register("small", task.folder / "trained", manifest, {}, 0.0)


@pytest.mark.parametrize("broken", [overflowing, drowned, with_nan])
def test_numbers_that_do_not_survive_are_refused(
    cache: Path, tmp_path: Path, broken: Callable[[Task], None], capsys: pytest.CaptureFixture[str]
) -> None:
    task = small_task(tmp_path / "task", tiny_llama(tmp_path))
    broken(task)
    assert main(["adapters", "export", "small", str(tmp_path / "out"), str(task.folder), "--format", "merged"]) == 1
    assert "nats from the adapter" in capsys.readouterr().err
    assert left_behind(tmp_path) == []


def test_a_tensor_that_the_disk_changes_is_found(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(task)
    save = PreTrainedModel.save_pretrained

    def save_badly(self: PreTrainedModel, folder: Path) -> None:
        save(self, folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["model.layers.1.mlp.up_proj.weight"][:8] = 0
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", save_badly)
    with pytest.raises(GateError, match="nats from the adapter"):
        sartor.open(task.folder).adapters.export("small", tmp_path / "out", "merged")
    assert left_behind(tmp_path) == []


def test_answers_that_are_worse_are_found(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    project = sartor.open(shutil.copytree(finished.task.folder, tmp_path / "task"))
    save = PreTrainedTokenizerFast.save_pretrained

    def save_badly(self: PreTrainedTokenizerFast, folder: Path) -> None:
        save(self, folder)
        (folder / "chat_template.jinja").write_text(
            CHAT_TEMPLATE.replace("{{ message.content", "{{ 'no 7 mg ' * 9 + message.content")
        )

    parity = project.adapters.export("small", tmp_path / "good", "merged")["parity"]
    assert parity["adapter"] == parity["merged"] > 0.5
    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", save_badly)
    with pytest.raises(GateError, match="answers worse than the adapter: field_f1 .* on 32 rows, p = "):
        project.adapters.export("small", tmp_path / "out", "merged")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("format", ["merged", "gguf"])
def test_every_format_is_signed_and_only_that_of_peft_is_taken_in(
    task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    register(task)
    out, folder = str(tmp_path / "out"), str(task.folder)
    assert main(["adapters", "export", "small", out, folder, "--format", format, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    statement = (tmp_path / "out" / "statement.json").read_text()
    assert (told["format"], json.loads(statement)["format"]) == (format, format)
    assert signed_by(told["signer"], (tmp_path / "out" / "statement.sig").read_text().strip(), statement.encode())
    assert main(["adapters", "import", out, folder]) == 2
    assert f"in the format {format}, which cannot be taken in" in capsys.readouterr().err
