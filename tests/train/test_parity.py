"""The fast path trains what Transformers and PEFT train: loss, gradients and a whole step, in float32.

Tolerance of gradients: their difference is at most 1e-5 of their norm. Float32 carries 7 digits; summing in another
order costs one or two of them.
"""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from peft import PeftModel
from tests.networks import examples, fast_network, peft_tensors, plain_model, plain_network
from torch import Tensor

from sartor.models import attention
from sartor.models.decoder import Decoder
from sartor.models.methods.lora import LoraWeights
from sartor.train import loop
from sartor.train.batches import Batch, Encoded, collate, common_prefix, micro_batches
from sartor.train.loop import Recipe, train
from sartor.train.network import FastNetwork, Network, PlainNetwork

PAD = 2
ROWS = examples(6, prefix=9)
PREFIX = common_prefix(ROWS)


def gradient(network: Network, batches: list[Batch]) -> tuple[float, Tensor]:
    """Loss per supervised token over the batches together, and its gradient as one vector."""
    for tensor in network.trainable:
        tensor.grad = None
    supervised = sum(len(batch.targets) for batch in batches)
    total = 0.0
    for batch in batches:
        loss = network.loss(batch) / supervised
        loss.backward()
        total += float(loss.detach())
    return total, torch.cat([tensor.grad.flatten().clone() for tensor in network.trainable if tensor.grad is not None])


def value(network: Network, batch: Batch) -> float:
    with torch.no_grad():
        return float(network.loss(batch))


def by_name(lora: LoraWeights, network: PlainNetwork) -> Tensor:
    """PEFT's gradients in the order of the flat vector."""
    named = peft_tensors(network)
    return torch.cat([named[name].grad.flatten() for name in lora.names])


def assert_same(found: Tensor, wanted: Tensor) -> None:
    assert wanted.norm() > 0
    assert (found - wanted).norm() <= 1e-5 * wanted.norm()


def test_the_examples_share_a_prefix() -> None:
    assert PREFIX == 9


def test_loss_and_gradients_are_those_of_peft(family: Path) -> None:
    fast = fast_network(family, wide=0.05)
    plain = plain_network(family, fast.weights)
    loss, found = gradient(fast, [collate(ROWS, PREFIX, PAD)])
    wanted_loss, _ = gradient(plain, [collate(ROWS, 0, PAD)])
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert_same(found, by_name(fast.weights, plain))


@pytest.mark.parametrize("prefix", range(PREFIX))
def test_sharing_a_prefix_of_any_length_changes_no_gradient(prefix: int, llama: Path) -> None:
    network = fast_network(llama, wide=0.05)
    loss, found = gradient(network, [collate(ROWS, PREFIX, PAD)])
    other_loss, other = gradient(network, [collate(ROWS, prefix, PAD)])
    assert loss == pytest.approx(other_loss, rel=1e-5)
    assert_same(found, other)


def test_flash_attention_has_the_gradients_of_the_dense_one(family: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = fast_network(family, wide=0.05)
    for prefix in (0, PREFIX):
        monkeypatch.setattr(attention, "DENSE_SCORES", 10_000)
        loss, dense = gradient(network, [collate(ROWS, prefix, PAD)])
        monkeypatch.setattr(attention, "DENSE_SCORES", 0)
        flash_loss, flash = gradient(network, [collate(ROWS, prefix, PAD)])
        assert loss == pytest.approx(flash_loss, rel=1e-5)
        assert_same(flash, dense)


def test_bfloat16_costs_what_the_format_costs_and_trains_float32_numbers(family: Path) -> None:
    wide = fast_network(family, wide=0.05)
    narrow = FastNetwork(Decoder(plain_model(family).bfloat16()), wide.weights, "tiny")
    loss, found = gradient(narrow, [collate(ROWS, PREFIX, PAD)])
    wanted_loss, wanted = gradient(wide, [collate(ROWS, PREFIX, PAD)])
    assert loss == pytest.approx(wanted_loss, rel=1e-2)
    assert found.dtype == torch.float32
    assert torch.cosine_similarity(found, wanted, dim=0) > 0.99


@pytest.mark.parametrize("make", [fast_network, plain_network], ids=["fast", "plain"])
def test_accumulated_passes_are_one_large_batch(make: type, llama: Path) -> None:
    network = make(llama)
    prefix = PREFIX if network.packs else 0
    few, many = (micro_batches(ROWS, prefix, PAD, tokens) for tokens in (10_000, 60))
    assert (len(few), len(many) > 2) == (1, True)
    loss, found = gradient(network, many)
    wanted_loss, wanted = gradient(network, few)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert_same(found, wanted)


def test_a_batch_is_the_sum_of_its_examples_whatever_their_company(family: Path) -> None:
    """Nothing leaks between examples: an example's loss is what it would be alone."""
    network = fast_network(family, wide=0.05)
    alone = [value(network, collate([row], 0, PAD)) for row in ROWS]
    for place in range(len(ROWS)):
        others = [*ROWS[:place], *ROWS[place + 1 :]]
        together = value(network, collate([ROWS[place], *others[:2]], PREFIX, PAD))
        assert together == pytest.approx(alone[place] + sum(alone[ROWS.index(row)] for row in others[:2]), rel=1e-5)


def test_one_examples_tokens_move_only_its_own_loss(llama: Path) -> None:
    network = fast_network(llama, wide=0.05)
    changed = [ROWS[0], Encoded("1", ROWS[1].prompt[:-1] + (50,), (60, 61, 2)), *ROWS[2:]]

    def without(rows: list[Encoded], place: int) -> float:
        batch = collate(rows, PREFIX, PAD)
        own = batch.owners == place
        kept = Batch(batch.prefix, batch.ids, batch.lengths, batch.predicts[~own], batch.targets[~own])
        return value(network, kept)

    assert without(ROWS, 1) == pytest.approx(without(changed, 1), rel=1e-6)
    assert value(network, collate(ROWS, PREFIX, PAD)) != value(network, collate(changed, PREFIX, PAD))


@pytest.mark.parametrize("pad", [0, 2, 99])
def test_what_pads_does_not_matter_nor_how_much(pad: int, llama: Path) -> None:
    network = fast_network(llama, wide=0.05)
    narrow = collate(ROWS, PREFIX, PAD)
    wide = collate([*ROWS, Encoded("long", ROWS[0].prompt + tuple(range(100, 160)), (2,))], PREFIX, pad)
    last = collate([Encoded("long", ROWS[0].prompt + tuple(range(100, 160)), (2,))], PREFIX, pad)
    assert max(wide.lengths) >= max(narrow.lengths) + 32
    total = value(network, narrow) + value(network, last)
    assert value(network, wide) == pytest.approx(total, rel=1e-5)


def numbers(network: Network) -> Tensor:
    return torch.cat([tensor.detach().flatten().clone() for tensor in network.trainable])


def three_steps(network: Network, tmp_path: Path) -> None:
    """The loop's own, all rows in every batch, which is computed in several passes."""
    recipe = Recipe(learning_rate=1e-2, epochs=3, batch_size=len(ROWS), seed=0, pad=PAD, pass_tokens=100)
    assert train(network, ROWS, [], recipe, tmp_path / "scratch").steps == 3


def three_steps_of_peft(network: PlainNetwork) -> list[float]:
    """The same by the book, each row read alone; the gradient's norm before clipping at each step."""
    optimizer = torch.optim.AdamW(network.trainable, weight_decay=0.0)
    supervised = sum(len(row.reply) for row in ROWS)
    norms = []
    for rate in (1e-2, 1e-2, 0.5e-2):  # warm-up of one step, then down to zero after the last
        for row in ROWS:
            logits = network.model(torch.tensor([row.prompt + row.reply])).logits[0, len(row.prompt) - 1 : -1]
            (F.cross_entropy(logits, torch.tensor(row.reply), reduction="sum") / supervised).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(network.trainable, 1.0)))
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
    return norms


def test_steps_of_the_optimiser_are_those_of_peft(family: Path, tmp_path: Path) -> None:
    """Token-weighted loss over accumulated passes, clipping, AdamW, learning rate: to a thousandth of what they move."""
    fast = fast_network(family, wide=0.1)
    plain = plain_network(family, fast.weights)
    before = numbers(fast)
    three_steps(fast, tmp_path)
    assert max(three_steps_of_peft(plain)) > loop.CLIP_NORM
    wanted = torch.cat([peft_tensors(plain)[name].detach().flatten() for name in fast.weights.names])
    assert (numbers(fast) - wanted).norm() <= 1e-3 * (wanted - before).norm()


def test_a_trained_adapter_gives_the_same_logits_in_plain_peft(llama: Path, tmp_path: Path) -> None:
    network = fast_network(llama)
    three_steps(network, tmp_path)
    network.save(tmp_path)
    ids = torch.tensor([ROWS[0].prompt + ROWS[0].reply])
    logits = PeftModel.from_pretrained(plain_model(llama), str(tmp_path))(ids).logits[0]
    assert (logits - plain_model(llama)(ids).logits[0]).abs().max() > 0.05
    replied = logits[len(ROWS[0].prompt) - 1 : -1].log_softmax(-1)
    wanted = -replied.gather(1, torch.tensor(ROWS[0].reply)[:, None]).sum()
    assert value(network, collate(ROWS[:1], 4, PAD)) == pytest.approx(float(wanted), rel=1e-5)


def test_the_plain_path_trains_what_the_fast_one_does_not_cover(gpt2: Path, tmp_path: Path) -> None:
    network = plain_network(gpt2)
    recipe = Recipe(learning_rate=5e-3, epochs=12, batch_size=3, seed=0, pad=PAD)
    history = train(network, ROWS, [], recipe, tmp_path / "scratch")
    first, last = history.losses[0][1], history.losses[-1][1]
    assert last < 0.7 * first
    network.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "tiny"
    assert settings["target_modules"] == sorted(settings["target_modules"])
    again = PeftModel.from_pretrained(plain_model(gpt2), str(tmp_path))
    ids = torch.tensor([ROWS[0].prompt + ROWS[0].reply])
    torch.testing.assert_close(again(ids).logits, network.model(ids).logits)


def test_the_plain_path_starts_where_the_seed_says(gpt2: Path) -> None:
    def start(seed: int) -> Tensor:
        return torch.cat([tensor.detach().flatten() for tensor in plain_network(gpt2, seed=seed).trainable])

    assert torch.equal(start(1), start(1))
    assert not torch.equal(start(1), start(2))


def test_the_two_paths_are_networks_of_one_kind(llama: Path) -> None:
    fast, plain = fast_network(llama), plain_network(llama)
    assert (FastNetwork.packs, PlainNetwork.packs) == (True, False)
    assert sum(t.numel() for t in fast.trainable) == sum(t.numel() for t in plain.trainable)
