"""What training will take, for any base whose config is known, on any machine."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.methods import ON_THE_PLAIN_PATH, SPECS
from tests.networks import flop_counter, plain_model
from tests.tiny import tiny_llama
from transformers import AutoModelForCausalLM, LlamaConfig

from sartor.errors import InputError
from sartor.models import attention
from sartor.models.base import read_config, resolve
from sartor.models.decoder import Decoder
from sartor.models.estimate import Machine, Sizes, Workload, estimate, named_machine, this_machine
from sartor.models.gpus import GPUS, find_gpu, watts_of
from sartor.models.methods import fresh
from sartor.task import TrainSpec
from sartor.train.batches import Encoded, collate
from sartor.train.network import FastNetwork, PlainNetwork

WORK = Workload(tokens=10_000, supervised=2_000, longest=64, batch_tokens=512, batch_supervised=64)
LLAMA_3_8B = LlamaConfig(
    vocab_size=128256,
    hidden_size=4096,
    intermediate_size=14336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
)
SMALL = LlamaConfig(
    vocab_size=1000,
    hidden_size=8,
    intermediate_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
)
FROZEN = 2 * (8 * 8 + 2 * 4 * 8 + 8 * 8 + 3 * 8 * 16 + 2 * 8) + 8  # q, k and v, o, MLP, norms; the last norm
HEAD = 8 * 1000
ATTENTION = 8 * 2 * 64  # heads · head size · layers, times the longest


@pytest.mark.parametrize("method", SPECS)
def test_the_fast_path_trains_as_many_numbers_as_are_counted(family: Path, method: str, tmp_path: Path) -> None:
    spec, config = TrainSpec(**SPECS[method]), read_config(resolve(str(family), tmp_path))
    found = estimate(config, WORK, spec, torch.float32)
    assert found.trainable == len(fresh(Decoder(plain_model(family)), spec).flat)


@pytest.mark.parametrize("method", ON_THE_PLAIN_PATH)
def test_the_plain_path_trains_as_many_numbers_as_are_counted(gpt2: Path, method: str, tmp_path: Path) -> None:
    spec, config = TrainSpec(**SPECS[method]), read_config(resolve(str(gpt2), tmp_path))
    model = plain_model(gpt2)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    found = estimate(config, WORK, spec, torch.float32)
    trained = sum(tensor.numel() for tensor in PlainNetwork(model, spec, "tiny").trainable)
    assert (found.trainable, found.parameters) == (trained, parameters)


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
        estimate(config, Workload(0, 0, 0, tokens, 0), TrainSpec(rank=1), torch.float32).memory_bytes
        for tokens in (0, 256)
    )
    assert some - none == pytest.approx(measured, rel=0.2)


# Of one token each: what `models.estimate` says a method takes, written out.
BY_HAND: dict[str, tuple[dict[str, Any], float, float]] = {
    "lora": ({"rank": 2}, 4 * FROZEN + 6 * (2 * 2 * 128) + 6 * ATTENTION, 4 * HEAD),
    "lora, top layer": ({"rank": 2, "depth": 1}, 3 * FROZEN + 6 * (2 * 128) + 4 * ATTENTION, 4 * HEAD),
    "qlora": ({"method": "qlora", "rank": 2}, 4 * FROZEN + 6 * (2 * 2 * 128) + 6 * ATTENTION, 4 * HEAD),
    "ia3": ({"method": "ia3"}, 4 * FROZEN + 6 * ATTENTION, 4 * HEAD),
    "pfeiffer": ({"method": "bottleneck", "rank": 2}, 4 * FROZEN + 6 * (2 * 2 * 2 * 8) + 6 * ATTENTION, 4 * HEAD),
    "prompt": ({"method": "prompt", "virtual_tokens": 64}, 4 * FROZEN + 12 * ATTENTION, 4 * HEAD),
    "prefix": ({"method": "prefix", "virtual_tokens": 64}, 4 * FROZEN + 12 * ATTENTION, 4 * HEAD),
    "full": ({"method": "full"}, 6 * FROZEN + 6 * ATTENTION, 6 * HEAD),
}


@pytest.mark.parametrize("method", BY_HAND)
def test_flops_follow_the_stated_formula(method: str) -> None:
    settings, a_token, a_supervised = BY_HAND[method]
    wanted = 10_000 * a_token + 2_000 * a_supervised
    assert estimate(SMALL, WORK, TrainSpec(**settings), torch.bfloat16).train_flops == wanted


@pytest.mark.parametrize("method", ["lora", "full"])
def test_flops_are_what_torch_counts(llama: Path, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the functional decoder, one long example: attention is dense, and only half of its scores are seen."""
    monkeypatch.setattr(attention, "DENSE_SCORES", 1000)
    spec, config = TrainSpec(**SPECS[method]), read_config(resolve(str(llama), tmp_path))
    decoder = Decoder(plain_model(llama))
    network = FastNetwork(decoder, fresh(decoder, spec), "tiny")
    batch = collate([Encoded("a", tuple(range(3, 163)), tuple(range(3, 99)))], 0, 2)
    with flop_counter() as counter:
        network.loss(batch).backward()
    found = Sizes.of(config, spec).train_flops(batch.tokens, len(batch.targets), longest=2 * len(batch.ids))
    assert counter.get_total_flops() == pytest.approx(found, rel=0.03)


def test_validation_goes_forward_only() -> None:
    held = Workload(0, 0, 64, 0, 0, held_tokens=1000, held_supervised=100)
    wanted = 1000 * (2 * FROZEN + 2 * ATTENTION) + 100 * 2 * HEAD
    assert estimate(SMALL, held, TrainSpec(method="full"), torch.bfloat16).train_flops == wanted


def test_an_eight_billion_base_is_estimated_from_its_config_alone() -> None:
    found = estimate(LLAMA_3_8B, WORK, TrainSpec(rank=16), torch.bfloat16)
    assert found.parameters == 8_030_261_248
    assert found.fits(named_machine("A10 24GB"))
    assert not found.fits(named_machine("T4"))


def test_in_four_bits_eight_billion_numbers_train_within_24_gb_at_four_times_the_pass() -> None:
    work = Workload(tokens=10_000, supervised=2_000, longest=1024, batch_tokens=2048, batch_supervised=256)
    wide, narrow = (
        estimate(LLAMA_3_8B, work, TrainSpec(method=method), torch.bfloat16) for method in ("lora", "qlora")
    )
    assert narrow.fits(named_machine("A10 24GB")) and not wide.fits(named_machine("A10 24GB"))
    assert narrow.trainable == wide.trainable == 41_943_040
    # Seven billion numbers of the layers at 0.516 bytes instead of two.
    small = Workload(tokens=1, supervised=1, longest=1, batch_tokens=2000, batch_supervised=1)
    saved = [estimate(LLAMA_3_8B, small, TrainSpec(method=m), torch.bfloat16).memory_bytes for m in ("lora", "qlora")]
    assert saved[0] - saved[1] == pytest.approx(6.98e9 * (2 - 0.516) - 2 * 4096 * 14336 * 2, rel=0.01)


def test_full_fine_tuning_holds_gradients_and_moments_of_all_numbers() -> None:
    """2 bytes as loaded, 2 to compute with, and 20: the numbers, gradients, two moments and the best epoch's, in float32."""
    nothing = Workload(tokens=1, supervised=1, longest=1, batch_tokens=0, batch_supervised=0)
    found = estimate(LLAMA_3_8B, nothing, TrainSpec(method="full"), torch.bfloat16)
    assert found.trainable == found.parameters
    assert found.memory_bytes == pytest.approx(24 * found.parameters, rel=0.01)


def test_fewer_layers_keep_fewer_activations() -> None:
    whole, half = (
        estimate(SMALL, Workload(0, 0, 0, 10**6, 0), TrainSpec(rank=1, depth=depth), torch.float32).memory_bytes
        for depth in (2, 1)
    )
    none = estimate(SMALL, Workload(0, 0, 0, 0, 0), TrainSpec(rank=1), torch.float32).memory_bytes
    assert half - none == pytest.approx((whole - none) / 2, rel=0.01)


def test_seconds_are_flops_over_speed_and_utilisation() -> None:
    config = LlamaConfig(vocab_size=10, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    found = estimate(config, WORK, TrainSpec(rank=1), torch.float32)
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


@pytest.mark.parametrize(
    ("device", "watts"),
    [
        ("NVIDIA H100 80GB HBM3", 700),
        ("NVIDIA A100-SXM4-80GB", 400),
        ("Tesla T4", 70),
        ("NVIDIA L4", 72),
        ("GTX 1080", 300),
    ],
)
def test_a_device_draws_what_its_data_sheet_says(device: str, watts: float) -> None:
    assert watts_of(device) == watts
