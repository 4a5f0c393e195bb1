"""LoRA on a base in 4 bits: the loss is that of the numbers that the codes stand for, and gradients reach the adapter only."""

from pathlib import Path

import pytest
import torch
from tests.networks import examples, plain_model
from torch import Tensor

from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.models.quantised import Quantised, dense, quantise
from sartor.task import TrainSpec
from sartor.train.batches import collate, common_prefix
from sartor.train.loop import Recipe, train
from sartor.train.network import FastNetwork

ROWS = examples(6, prefix=9)
BATCH = collate(ROWS, common_prefix(ROWS), 2)


def rounded(decoder: Decoder) -> Decoder:
    """The numbers that the codes stand for, in float32."""
    layers = decoder.quantised().layers
    for layer in layers:
        for name in ("qkv", "out", "gate_up", "down"):
            setattr(layer, name, dense(getattr(layer, name), torch.float32))
    return decoder.with_weights(decoder.embedding, decoder.head, decoder.norm, layers)


def value_and_gradient(decoder: Decoder) -> tuple[float, Tensor]:
    network = FastNetwork(decoder, fresh(decoder, TrainSpec(method="qlora", rank=4)), "tiny")
    with torch.no_grad():
        network.weights.flat += 0.03 * torch.randn(
            len(network.weights.flat), generator=torch.Generator().manual_seed(7)
        )
    loss = network.loss(BATCH)
    loss.backward()
    (leaf,) = network.trainable
    assert leaf.grad is not None
    return float(loss.detach()), leaf.grad


def test_codes_train_as_the_numbers_that_they_stand_for(family: Path) -> None:
    decoder = Decoder(plain_model(family))
    loss, gradient = value_and_gradient(decoder.quantised())
    wanted_loss, wanted = value_and_gradient(rounded(decoder))
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert (gradient - wanted).norm() <= 1e-5 * wanted.norm()


def test_codes_made_on_another_device_train_the_same(family: Path) -> None:
    decoder = Decoder(plain_model(family))
    loss, gradient = value_and_gradient(decoder.quantised())
    moved = decoder.quantised("cpu")
    moved_loss, moved_gradient = value_and_gradient(moved)
    assert moved_loss == loss
    assert torch.equal(moved_gradient, gradient)
    tied = decoder.head.data_ptr() == decoder.embedding.data_ptr()
    assert (moved.head.data_ptr() == moved.embedding.data_ptr()) == tied


def test_four_bits_are_near_the_base_and_not_it(llama: Path) -> None:
    weight = Decoder(plain_model(llama)).layers[0].down
    assert isinstance(weight, Tensor)
    codes = quantise(weight)
    assert isinstance(codes, Quantised)
    assert codes.shape == weight.shape
    assert codes.codes.numel() * codes.codes.element_size() <= weight.numel() / 2 + 64
    error = (dense(codes, torch.float32) - weight).norm() / weight.norm()
    assert 0.01 < error < 0.15


def test_it_learns(llama: Path, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(llama)).quantised()
    network = FastNetwork(decoder, fresh(decoder, TrainSpec(method="qlora", rank=4)), "tiny")
    history = train(network, ROWS, [], Recipe(2e-2, epochs=20, batch_size=6, seed=0, pad=2), tmp_path)
    assert history.losses[-1][1] < 0.9 * history.losses[0][1]
