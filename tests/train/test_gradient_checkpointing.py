"""Gradient checkpointing keeps less and computes the same: loss and gradients to the bit, by every method."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.methods import ALL, HELD, PREFIX, RECIPE, ROWS, fresh_network, numbers
from tests.networks import flop_counter, plain_model
from torch import Tensor

from sartor.models import attention
from sartor.models.base import read_config, resolve
from sartor.models.decoder import Decoder
from sartor.models.estimate import Sizes, Workload, estimate
from sartor.models.methods import fresh, refusal
from sartor.task import TrainSpec
from sartor.train.batches import Encoded, collate
from sartor.train.dpo import PreferenceNetwork
from sartor.train.loop import train
from sartor.train.network import FastNetwork, Network

LONG = [Encoded("a", tuple(range(3, 163)), tuple(range(3, 99)))]


def gradients(network: Network) -> tuple[Tensor, Tensor]:
    for tensor in network.trainable:
        tensor.grad = None
    loss = network.loss(collate(ROWS, PREFIX, 2))
    loss.backward()
    return loss.detach(), torch.cat([leaf.grad.flatten() for leaf in network.trainable if leaf.grad is not None])


@pytest.mark.parametrize("method", ALL)
def test_loss_and_gradients_are_the_same_to_the_bit(llama: Path, method: str) -> None:
    network = fresh_network(llama, method)
    with torch.no_grad():
        for tensor in network.trainable:
            tensor += 0.03 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(7))
    wanted = gradients(network)
    network.recompute = True
    for found, true in zip(gradients(network), wanted, strict=True):
        assert torch.equal(found, true)


def test_a_training_ends_the_same_and_counts_what_it_computed_again(llama: Path, tmp_path: Path) -> None:
    whole, again = fresh_network(llama, "lora"), fresh_network(llama, "lora")
    again.recompute = True
    histories = [train(made, ROWS, HELD, RECIPE, tmp_path / str(at)) for at, made in enumerate((whole, again))]
    assert torch.equal(numbers(whole), numbers(again))
    assert [history.recomputed_tokens for history in histories] == [0, histories[1].computed_tokens]


def test_preferences_turn_it_on_in_the_network_that_they_train(llama: Path) -> None:
    network = fresh_network(llama, "lora")
    PreferenceNetwork(network, 0.1).recompute = True
    assert network.recompute and PreferenceNetwork(network, 0.1).recompute


def long_pass(base: Path, recompute: bool) -> Callable[[], Tensor]:
    decoder = Decoder(plain_model(base))
    network = FastNetwork(decoder, fresh(decoder, TrainSpec(rank=4)), "tiny")
    network.recompute = recompute
    return lambda: network.loss(collate(LONG, 0, 2))


def test_of_a_layer_only_what_enters_is_kept(llama: Path) -> None:
    def kept(recompute: bool) -> int:
        found: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = long_pass(llama, recompute)()
        assert loss.requires_grad
        return sum(found.values())

    assert kept(True) < kept(False) / 3


def test_its_flops_are_what_torch_counts(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the last product of a layer, which the gradient does not ask for again."""
    monkeypatch.setattr(attention, "DENSE_SCORES", 1000)

    def counted(recompute: bool) -> int:
        with flop_counter() as counter:
            long_pass(llama, recompute)().backward()
        return counter.get_total_flops()

    config = read_config(resolve(str(llama), tmp_path))
    tokens = len(LONG[0])
    wanted = Sizes.of(config, TrainSpec(rank=4)).recomputed_flops(tokens, 2 * tokens)
    assert counted(True) - counted(False) == pytest.approx(wanted, rel=0.25)


def test_auto_is_a_matter_of_memory(llama: Path, tmp_path: Path) -> None:
    config = read_config(resolve(str(llama), tmp_path))
    work = Workload(tokens=100_000, supervised=1000, longest=4096, batch_tokens=100_000, batch_supervised=100)

    def estimated(setting: bool | str, memory: int) -> tuple[bool, int, float]:
        spec = TrainSpec.model_validate({"gradient_checkpointing": setting})
        found = estimate(config, work, spec, torch.float32, memory)
        return found.recompute, found.memory_bytes, found.train_flops

    keeps, enough, flops = estimated(False, 1)
    assert not keeps
    assert estimated("auto", enough) == (False, enough, flops)
    again, less, more = estimated("auto", enough - 1)
    assert again and less < enough and flops < more < 1.5 * flops
    assert estimated(True, enough) == (True, less, more)


def test_the_plain_path_refuses_it_and_does_without(gpt2: Path, tmp_path: Path) -> None:
    config = read_config(resolve(str(gpt2), tmp_path))
    said = refusal(config, TrainSpec(gradient_checkpointing=True))
    assert said and said.startswith("`train.gradient_checkpointing` is for bases of the fast path")
    assert refusal(config, TrainSpec()) is None
    work = Workload(tokens=1, supervised=1, longest=1, batch_tokens=10**6, batch_supervised=1)
    assert not estimate(config, work, TrainSpec(), torch.float32, memory_bytes=1).recompute
