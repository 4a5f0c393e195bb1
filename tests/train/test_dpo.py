"""Direct preference optimisation: loss and gradients are those of the formula in Transformers, PEFT and plain autograd.

`bench/peers/dpo.py` holds the same numbers against TRL.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.networks import examples, fast_network, plain_model, plain_network
from tests.train.test_parity import assert_same, by_name
from torch import Tensor

from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec
from sartor.train.batches import Encoded, Pair, common_prefix, micro_batches
from sartor.train.dpo import PreferenceNetwork, dpo_loss, with_reference
from sartor.train.loop import Recipe, train
from sartor.train.network import FastNetwork, Network

PAD, BETA = 2, 0.3
_CHOSEN, _OTHERS = examples(6, prefix=9), examples(6, prefix=9, seed=5)
PAIRS = [
    Pair(one, replace(one, reply=other.reply), margin=0.4 * place - 1)
    for place, (one, other) in enumerate(zip(_CHOSEN, _OTHERS, strict=True))
]
PREFIX = common_prefix(PAIRS)
RECIPE = Recipe(learning_rate=2e-3, epochs=6, batch_size=3, seed=0, pad=PAD)


def plain_log_likelihood(model: Callable[[Tensor], object], one: Encoded) -> Tensor:
    """log p(reply), one sequence by itself."""
    logits = model(torch.tensor([one.prompt + one.reply])).logits  # type: ignore[attr-defined]
    return logits[0, len(one.prompt) - 1 : -1].log_softmax(-1).gather(1, torch.tensor(one.reply)[:, None]).sum()


def plain_margin(model: Callable[[Tensor], object], pair: Pair) -> Tensor:
    """log p(chosen) − log p(rejected)."""
    return plain_log_likelihood(model, pair.chosen) - plain_log_likelihood(model, pair.rejected)


def gradient(network: Network, prefix: int, tokens: int = 10_000) -> tuple[float, Tensor]:
    """Mean loss over the pairs and its gradient."""
    for tensor in network.trainable:
        tensor.grad = None
    total = 0.0
    for batch in micro_batches(PAIRS, prefix, PAD, tokens):
        loss = network.loss(batch) / len(PAIRS)
        loss.backward()
        total += float(loss.detach())
    return total, torch.cat([tensor.grad.flatten() for tensor in network.trainable if tensor.grad is not None])


def test_the_loss_is_the_papers() -> None:
    found = dpo_loss(torch.tensor([2.0, -3.0]), torch.tensor([0.5, 1.0]), beta=0.1)
    wanted = [-math.log(1 / (1 + math.exp(-0.15))), -math.log(1 / (1 + math.exp(0.4)))]
    assert found.tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_loss_and_gradients_on_both_paths_are_those_of_the_formula(alpha: float, llama: Path) -> None:
    fast = fast_network(llama, wide=0.05)
    plain, reference = plain_network(llama, fast.weights), plain_network(llama, fast.weights)
    margins = torch.stack([plain_margin(reference.model, pair) for pair in PAIRS])
    wanted = -torch.log(1 / (1 + torch.exp(-BETA * (margins - torch.tensor([pair.margin for pair in PAIRS]))))).mean()
    chosen = [plain_log_likelihood(reference.model, pair.chosen) / len(pair.chosen.reply) for pair in PAIRS]
    wanted = wanted - alpha * torch.stack(chosen).mean()
    wanted.backward()
    slopes = by_name(fast.weights, reference)
    for network, prefix in ((fast, PREFIX), (plain, 0)):
        loss, found = gradient(PreferenceNetwork(network, BETA, alpha), prefix)
        assert loss == pytest.approx(float(wanted.detach()), rel=1e-5)
        assert_same(found if network is fast else by_name(fast.weights, plain), slopes)


def test_a_whole_model_is_trained_with_its_head(llama: Path) -> None:
    """Of tied weights, too: the embedding's gradient is that of autograd."""
    decoder = Decoder(plain_model(llama))
    full = FastNetwork(decoder, fresh(decoder, TrainSpec(method="full")), "tiny")
    _, found = gradient(PreferenceNetwork(full, BETA), PREFIX)
    model = plain_model(llama).requires_grad_()
    margins = torch.stack([plain_margin(model, pair) for pair in PAIRS])
    dpo_loss(margins, torch.tensor([pair.margin for pair in PAIRS]), BETA).mean().backward()
    embedding = model.get_input_embeddings().weight.grad.flatten()
    assert_same(found[: len(embedding)], embedding)


@pytest.mark.parametrize("make", [fast_network, plain_network], ids=["fast", "plain"])
def test_accumulated_passes_are_one_large_batch_and_no_pair_is_torn(make: type, llama: Path) -> None:
    network = PreferenceNetwork(make(llama), BETA)
    prefix = PREFIX if network.packs else 0
    batches = micro_batches(PAIRS, prefix, PAD, 60)
    assert len(batches) > 2
    assert all(batch.margins is not None and 2 * len(batch.margins) == len(batch.lengths) for batch in batches)
    loss, found = gradient(network, prefix, tokens=60)
    wanted_loss, wanted = gradient(network, prefix)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert_same(found, wanted)


@pytest.mark.parametrize("frozen", [True, False], ids=["base", "start"])
@pytest.mark.parametrize("make", [fast_network, plain_network], ids=["fast", "plain"])
def test_the_reference_is_the_base_or_the_start_by_one_pass_of_the_same_weights(
    make: type,
    frozen: bool,
    llama: Path,
) -> None:
    wide = fast_network(llama, wide=0.05)
    network = wide if make is fast_network else plain_network(llama, wide.weights)
    reference = plain_model(llama) if frozen else plain_network(llama, wide.weights).model
    found = with_reference(network, PAIRS, PAD, frozen, tokens=60)
    assert [(pair.chosen, pair.rejected) for pair in found] == [(pair.chosen, pair.rejected) for pair in PAIRS]
    with torch.no_grad():
        wanted = [float(plain_margin(reference, pair)) for pair in PAIRS]
    assert [pair.margin for pair in found] == pytest.approx(wanted, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("make", [fast_network, plain_network], ids=["fast", "plain"])
def test_training_prefers_what_was_chosen(make: type, llama: Path, tmp_path: Path) -> None:
    network = make(llama)
    pairs = with_reference(network, PAIRS, PAD, frozen=True)
    history = train(PreferenceNetwork(network, BETA), pairs, [], RECIPE, tmp_path)
    assert history.losses[0][1] == pytest.approx(math.log(2), rel=1e-4)  # policy and reference start as one
    assert history.losses[-1][1] < 0.2
    after = with_reference(network, pairs, PAD, frozen=False)
    assert all(now.margin > before.margin for now, before in zip(after, pairs, strict=True))
    assert history.supervised_tokens == 6 * sum(len(one.reply) for pair in PAIRS for one in pair.replies)


def test_stopped_and_resumed_it_ends_with_the_same_bits(llama: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(what: str, done: int, total: int, detail: str = "") -> None:
        if done == 5:
            raise Stop

    whole, halves = fast_network(llama), fast_network(llama)
    train(PreferenceNetwork(whole, BETA), PAIRS, [], RECIPE, tmp_path / "whole")
    with pytest.raises(Stop):
        train(PreferenceNetwork(halves, BETA), PAIRS, [], RECIPE, tmp_path / "halves", stop, checkpoint_seconds=0)
    again = fast_network(llama)
    history = train(PreferenceNetwork(again, BETA), PAIRS, [], RECIPE, tmp_path / "halves")
    assert history.attempts == 2
    assert torch.equal(again.weights.flat, whole.weights.flat)


def test_a_pair_is_as_long_as_its_longer_reply() -> None:
    short, long = Encoded("1", (5, 6), (7, 2)), Encoded("1", (5, 6), (7, 8, 9, 2))
    assert len(Pair(short, long, 0.0)) == len(Pair(long, short, 0.0)) == 6
