"""Weights of tokens: the loss is their weighted mean, on both paths, however a batch is taken apart."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tests.networks import examples, fast_network, plain_model, plain_network
from tests.train.test_parity import assert_same, by_name

from sartor.train.batches import Encoded, collate, common_prefix, micro_batches
from sartor.train.loop import Recipe, train, validation_loss
from sartor.train.network import Network

PAD = 2
PLAIN = examples(6, prefix=9)
ROWS = [
    replace(row, weights=tuple(float((place + at) % 4) for at in range(len(row.reply)))) if place % 3 else row
    for place, row in enumerate(PLAIN)
]
"""Every third row without weights, the others with weights of 0 to 3."""
PREFIX = common_prefix(ROWS)
MAKES = pytest.mark.parametrize("make", [fast_network, plain_network], ids=["fast", "plain"])


def gradient(network: Network, rows: list[Encoded], prefix: int, tokens: int = 10_000) -> tuple[float, torch.Tensor]:
    """The weighted mean loss and its gradient, over passes of at most so many tokens."""
    for tensor in network.trainable:
        tensor.grad = None
    total = 0.0
    for batch in micro_batches(rows, prefix, PAD, tokens):
        loss = network.loss(batch) / sum(row.weight for row in rows)
        loss.backward()
        total += float(loss.detach())
    return total, torch.cat([tensor.grad.flatten() for tensor in network.trainable if tensor.grad is not None])


def test_the_loss_is_the_weighted_mean_of_a_plain_model(llama: Path) -> None:
    model, losses, weights = plain_model(llama), [], []
    for row in ROWS:
        logits = model(torch.tensor([row.prompt + row.reply])).logits[0, len(row.prompt) - 1 : -1]
        losses.append(F.cross_entropy(logits, torch.tensor(row.reply), reduction="none"))
        weights.append(torch.tensor(row.weights or [1.0] * len(row.reply)))
    wanted = float(torch.cat(losses) @ torch.cat(weights) / torch.cat(weights).sum())
    assert validation_loss(fast_network(llama), ROWS, PREFIX, PAD) == pytest.approx(wanted, rel=1e-5)
    assert validation_loss(plain_network(llama), ROWS, 0, PAD) == pytest.approx(wanted, rel=1e-5)


def test_loss_and_gradients_are_those_of_peft(llama: Path) -> None:
    fast = fast_network(llama, wide=0.05)
    plain = plain_network(llama, fast.weights)
    loss, found = gradient(fast, ROWS, PREFIX)
    wanted, _ = gradient(plain, ROWS, 0)
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert_same(found, by_name(fast.weights, plain))


@MAKES
def test_accumulated_passes_are_one_large_batch(make: type, llama: Path) -> None:
    network = make(llama)
    prefix = PREFIX if network.packs else 0
    loss, found = gradient(network, ROWS, prefix, tokens=60)
    wanted_loss, wanted = gradient(network, ROWS, prefix)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert_same(found, wanted)


@MAKES
def test_equal_weights_change_nothing(make: type, llama: Path) -> None:
    network = make(llama)
    prefix = PREFIX if network.packs else 0
    heavy = [replace(row, weights=(2.5,) * len(row.reply)) for row in PLAIN]
    loss, found = gradient(network, heavy, prefix)
    wanted_loss, wanted = gradient(network, PLAIN, prefix)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert_same(found, wanted)


def test_weights_lie_beside_their_targets() -> None:
    batch = collate(ROWS, PREFIX, PAD)
    assert batch.weights is not None
    assert batch.weights.tolist() == [w for row in ROWS for w in row.weights or (1.0,) * len(row.reply)]
    assert len(batch.weights) == len(batch.targets)
    assert collate(PLAIN, PREFIX, PAD).weights is None


def test_training_moves_towards_what_has_weight_and_its_history_counts_tokens(llama: Path, tmp_path: Path) -> None:
    """Two rows that ask the same and are answered differently: the heavier answer wins."""
    light = replace(PLAIN[0], weights=(0.05,) * len(PLAIN[0].reply))
    heavy = Encoded("heavy", PLAIN[0].prompt, (9, 8, 7, 2), (1.0,) * 4)
    network = fast_network(llama)
    history = train(network, [light, heavy], [], Recipe(1e-2, 40, 2, 0, PAD), tmp_path)
    assert validation_loss(network, [heavy], 0, PAD) < 0.5 * validation_loss(network, [light], 0, PAD)
    assert history.supervised_tokens == 40 * (len(light.reply) + 4)
    assert history.losses[-1][1] < history.losses[0][1]
