"""What training will take, for any base whose config is known, on any machine."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.tiny import tiny_gpt2, tiny_llama, tiny_qwen3
from transformers import AutoModelForCausalLM, LlamaConfig

from sartor.errors import InputError
from sartor.models.base import read_config, resolve
from sartor.models.estimate import Machine, Workload, estimate, named_machine, this_machine
from sartor.models.gpus import GPUS, find_gpu

WORK = Workload(tokens=10_000, supervised=2_000, longest=64, batch_tokens=512, batch_supervised=64)


@pytest.mark.parametrize("family", [tiny_llama, tiny_qwen3, tiny_gpt2])
def test_parameters_are_counted_as_peft_counts_them(family: type, tmp_path: Path) -> None:
    folder = family(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(folder)
    tuned = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear"))
    trainable, parameters = tuned.get_nb_trainable_parameters()
    found = estimate(read_config(resolve(str(folder), tmp_path)), WORK, rank=8, dtype=torch.float32)
    assert (found.trainable, found.parameters) == (trainable, parameters - trainable)


def test_activations_are_what_autograd_keeps(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    config = read_config(resolve(str(folder), tmp_path))
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), LoraConfig(r=1, target_modules="all-linear")
    )
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.base_model.model.model(torch.ones(1, 256, dtype=torch.long))
    measured = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    none, some = (
        estimate(config, Workload(0, 0, 0, tokens, 0), rank=1, dtype=torch.float32).memory_bytes for tokens in (0, 256)
    )
    assert some - none == pytest.approx(measured, rel=0.2)


def test_flops_follow_the_stated_formula() -> None:
    config = LlamaConfig(
        vocab_size=1000,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    frozen = 8 * 8 + 2 * 4 * 8 + 8 * 8 + 3 * 8 * 16 + 3 * 8  # q, k and v, o, MLP, norms
    trainable = 2 * (16 + 12 + 12 + 16 + 3 * 24)
    expected = 10_000 * (4 * frozen + 6 * trainable + 12 * 8 * 64 / 2) + 2_000 * 4 * 8 * 1000
    assert estimate(config, WORK, rank=2, dtype=torch.bfloat16).train_flops == expected


def test_an_eight_billion_base_is_estimated_from_its_config_alone() -> None:
    config = LlamaConfig(
        vocab_size=128256,
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    found = estimate(config, WORK, rank=16, dtype=torch.bfloat16)
    assert found.parameters == 8_030_261_248
    assert found.fits(named_machine("A10 24GB"))
    assert not found.fits(named_machine("T4"))


def test_seconds_are_flops_over_speed_and_utilisation() -> None:
    config = LlamaConfig(vocab_size=10, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    found = estimate(config, WORK, rank=1, dtype=torch.float32)
    assert found.seconds(Machine("m", flops=found.train_flops, memory_bytes=0, utilisation=0.5)) == pytest.approx(2.0)


def test_this_machine_is_measured() -> None:
    machine = this_machine(torch.float32)
    assert machine.flops > 1e9
    assert machine.memory_bytes > 1e8


@pytest.mark.parametrize(
    ("asked", "found"), [("A10 24GB", "A10 24GB"), ("nvidia a10", "A10 24GB"), ("h100 sxm", "H100 SXM 80GB")]
)
def test_a_gpu_is_found_by_its_words(asked: str, found: str) -> None:
    assert find_gpu(asked).name == found


def test_a_name_that_fits_several_gpus_lists_them() -> None:
    with pytest.raises(InputError, match="could be: A100 40GB, A100 80GB"):
        find_gpu("A100")


@pytest.mark.parametrize("name", ["", "Voodoo 2"])
def test_an_unknown_gpu_lists_the_known_ones(name: str) -> None:
    with pytest.raises(InputError) as error:
        find_gpu(name)
    assert all(gpu.name in str(error.value) for gpu in GPUS)
