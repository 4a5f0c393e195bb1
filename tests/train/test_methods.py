"""One suite over every method: it gives what PEFT or Transformers gives, trains, is saved, read again, and resumed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from tests.networks import examples, plain_model
from torch import Tensor
from transformers import AutoModelForCausalLM

from sartor.generate.forward import FastForward
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh, load
from sartor.task import TrainSpec
from sartor.train.batches import collate, common_prefix
from sartor.train.loop import Recipe, train
from sartor.train.network import FastNetwork

ROWS = examples(6, prefix=9)
PREFIX = common_prefix(ROWS)
PAD = 2
SPECS: dict[str, dict[str, Any]] = {
    "lora": {"rank": 4},
    "lora, top layer": {"rank": 4, "depth": 1},
    "rslora": {"rank": 4, "rslora": True},
    "lora+": {"rank": 4, "lora_plus": 4.0},
    "dora": {"rank": 4, "dora": True},
    "ia3": {"method": "ia3"},
    "pfeiffer": {"method": "bottleneck", "rank": 4},
    "houlsby": {"method": "bottleneck", "rank": 4, "placement": "houlsby", "depth": 2},
    "prompt": {"method": "prompt", "virtual_tokens": 5},
    "prefix": {"method": "prefix", "virtual_tokens": 5},
    "full": {"method": "full"},
}
RATES = {"ia3": 5e-2, "prompt": 5e-2, "prefix": 5e-2, "full": 2e-3}
KNOWN_TO_PEFT = [method for method in SPECS if method not in ("pfeiffer", "houlsby")]


@pytest.fixture(params=SPECS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def network(base: Path, method: str, seed: int = 0) -> FastNetwork:
    """A fresh one, moved off its start a little so that every number of it shows."""
    decoder = Decoder(plain_model(base))
    made = FastNetwork(decoder, fresh(decoder, TrainSpec(**SPECS[method], seed=seed)), "tiny")
    with torch.no_grad():
        made.weights.flat += 0.03 * torch.randn(len(made.weights.flat), generator=torch.Generator().manual_seed(7))
    return made


def saved_logits(base: Path, folder: Path, method: str, ids: Tensor) -> Tensor:
    """By Transformers, and PEFT, from the files."""
    if method == "full":
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    else:
        model = PeftModel.from_pretrained(plain_model(base), str(folder))
    logits: Tensor = model.eval()(ids).logits[:, -ids.shape[1] :]
    return logits


@pytest.mark.parametrize("method", KNOWN_TO_PEFT)
def test_what_is_saved_gives_the_same_loss_in_peft(family: Path, method: str, tmp_path: Path) -> None:
    made = network(family, method)
    made.save(tmp_path)
    wanted = 0.0
    with torch.no_grad():
        for row in ROWS:
            logits = saved_logits(family, tmp_path, method, torch.tensor([row.prompt + row.reply]))[0]
            replied = logits[len(row.prompt) - 1 : -1].log_softmax(-1)
            wanted -= float(replied.gather(1, torch.tensor(row.reply)[:, None]).sum())
        for prefix in (0, PREFIX):
            assert float(made.loss(collate(ROWS, prefix, PAD))) == pytest.approx(wanted, rel=1e-5)


def test_read_again_it_is_the_same(family: Path, method: str, tmp_path: Path) -> None:
    made = network(family, method)
    made.save(tmp_path)
    again = load(tmp_path, Decoder(plain_model(family)))
    assert torch.equal(again.flat, made.weights.flat)


def test_the_engine_answers_as_the_trained_network(family: Path, method: str) -> None:
    made = network(family, method)
    for prefix in (0, PREFIX):
        reading = FastForward(made.decoder, made.weights).read(
            ROWS[0].prompt[:prefix], [row.prompt[prefix:] for row in ROWS], room=8
        )
        told = reading.logprobs([row.reply for row in ROWS])
        with torch.no_grad():
            assert -sum(told) == pytest.approx(float(made.loss(collate(ROWS, PREFIX, PAD))), rel=1e-5)


def test_gradients_are_those_of_small_steps(llama: Path, method: str) -> None:
    """The loss falls along the gradient by what the gradient says."""
    made = network(llama, method)
    batch = collate(ROWS, PREFIX, PAD)
    loss = made.loss(batch)
    loss.backward()
    squared = sum(float(leaf.grad.square().sum()) for leaf in made.trainable if leaf.grad is not None)
    step = 1e-3 / squared**0.5
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            for leaf in made.trainable:
                leaf += sign * step * leaf.grad
            values.append(float(made.loss(batch).double()))
            for leaf in made.trainable:
                leaf -= sign * step * leaf.grad
    if method != "dora":  # its norm is a constant to the gradient
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(squared, rel=2e-2)
    assert values[0] > values[1]


def test_it_learns(llama: Path, method: str, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(llama))
    made = FastNetwork(decoder, fresh(decoder, TrainSpec(**SPECS[method])), "tiny")
    recipe = Recipe(RATES.get(method, 2e-2), epochs=30, batch_size=6, seed=0, pad=PAD)
    history = train(made, ROWS, [], recipe, tmp_path)
    assert history.losses[-1][1] < 0.9 * history.losses[0][1]
