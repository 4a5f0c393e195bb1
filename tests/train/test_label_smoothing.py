"""Label smoothing: torch's own loss and gradient, on both paths; validation stays the plain cross-entropy."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tests.networks import examples, fast_network, plain_model, plain_network
from tests.train.test_loss import drawn
from tests.train.test_parity import assert_same, by_name
from tests.training import HELD, RECIPE, ROWS

from sartor.train.batches import collate, common_prefix
from sartor.train.loop import train, validation_loss
from sartor.train.loss import CHUNK, reply_loss

PAD = 2
WEIGHTED = [replace(row, weights=tuple(float(at % 3) for at in range(len(row.reply)))) for row in examples(6, prefix=9)]
PREFIX = common_prefix(WEIGHTED)


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
@pytest.mark.parametrize("positions", [1, CHUNK - 1, CHUNK, 2 * CHUNK + 3])
def test_loss_and_gradients_are_those_of_torch(positions: int, smoothing: float) -> None:
    hidden, head, targets, weights = drawn(positions)
    own = F.cross_entropy(hidden @ head.T, targets, reduction="none", label_smoothing=smoothing)
    for given in (None, weights):
        wanted = own.sum() if given is None else own @ given
        found = reply_loss(hidden, head, targets, given, smoothing)
        torch.testing.assert_close(found, wanted)
        slopes = (torch.autograd.grad(3 * of, (hidden, head), retain_graph=True) for of in (found, wanted))
        for slope, wanted_slope in zip(*slopes, strict=True):
            torch.testing.assert_close(slope, wanted_slope, rtol=1e-4, atol=1e-5)


def test_both_paths_have_the_loss_of_a_plain_model_and_one_gradient(llama: Path) -> None:
    model, wanted = plain_model(llama), 0.0
    for row in WEIGHTED:
        logits = model(torch.tensor([row.prompt + row.reply])).logits[0, len(row.prompt) - 1 : -1]
        losses = F.cross_entropy(logits, torch.tensor(row.reply), reduction="none", label_smoothing=0.2)
        wanted += float(losses @ torch.tensor(row.weights))
    untrained = fast_network(llama).loss(collate(WEIGHTED, PREFIX, PAD), 0.2)
    assert float(untrained.detach()) == pytest.approx(wanted, rel=1e-5)
    fast = fast_network(llama, wide=0.05)
    plain = plain_network(llama, fast.weights)
    loss, plain_loss = fast.loss(collate(WEIGHTED, PREFIX, PAD), 0.2), plain.loss(collate(WEIGHTED, 0, PAD), 0.2)
    assert float(loss.detach()) == pytest.approx(float(plain_loss.detach()), rel=1e-5)
    loss.backward()
    plain_loss.backward()
    found = torch.cat([tensor.grad.flatten() for tensor in fast.trainable if tensor.grad is not None])
    assert_same(found, by_name(fast.weights, plain))


def test_training_is_smoothed_and_validation_is_not(llama: Path, tmp_path: Path) -> None:
    smooth = replace(RECIPE, label_smoothing=0.3)
    network = fast_network(llama)
    before = float(network.loss(collate(ROWS, 0, PAD), 0.3).detach()) / sum(row.weight for row in ROWS)
    history = train(network, ROWS, HELD, replace(smooth, batch_size=len(ROWS)), tmp_path / "smooth")
    assert history.losses[0][1] == pytest.approx(before, rel=1e-5)
    wanted = validation_loss(network, HELD, 0, PAD)
    assert min(loss for _, loss in history.validation) == pytest.approx(wanted, rel=1e-5)
    plain = fast_network(llama)
    train(plain, ROWS, HELD, RECIPE, tmp_path / "plain")
    assert not torch.equal(plain.weights.flat, network.weights.flat)
