"""Rows of different adapters that run together, come and leave: each is what PEFT makes of it alone."""

import random
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from tests.generate.test_forward import CLOSE, draw, logits_of
from tests.networks import plain_model, widen
from tests.tiny import VOCABULARY
from torch import nn

from sartor.generate.forward import FastForward, Forward, PlainForward
from sartor.generate.running import running
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec

RECIPES = [
    TrainSpec(rank=4, seed=1),
    TrainSpec(rank=2, alpha=6, rslora=True, seed=2),
    TrainSpec(rank=6, depth=1, seed=3),
]


@pytest.fixture
def adapters(family: Path, tmp_path: Path) -> list[tuple[Forward, nn.Module]]:
    """The base, then three LoRA adapters of different rank, scale and depth, as the engine and as PEFT have them."""
    decoder = Decoder(plain_model(family))
    found: list[tuple[Forward, nn.Module]] = [(FastForward(decoder), plain_model(family))]
    for spec in RECIPES:
        weights = fresh(decoder, spec)
        widen(weights, 0.05)
        weights.save(tmp_path, "tiny")
        found.append((FastForward(decoder, weights), PeftModel.from_pretrained(plain_model(family), str(tmp_path))))
    return found


def test_each_row_is_answered_by_its_own_adapter_whoever_comes_and_leaves(adapters) -> None:
    rng, batch = random.Random(0), running(adapters[0][0])
    rows: list[tuple[int, list[int]]] = []
    for turn in range(40):
        if len(rows) < 6 and rng.random() < 0.5:
            which, [shared], new = rng.randrange(len(adapters)), draw(rng.randrange(4), seed=turn), rng.choice([1, 2])
            own = draw(*(rng.randint(1, 9) for _ in range(new)), seed=turn + 100)
            forward = adapters[which][0]
            batch.join(forward.read(shared, own, 2), forward, rng.randrange(5))
            rows += [(which, shared + row) for row in own]
        if rows:
            tokens = draw(*(rng.choice([1, 1, 3]) for _ in rows), seed=turn + 200)
            batch.extend(tokens)
            rows = [(which, row + more) for (which, row), more in zip(rows, tokens, strict=True)]
        order = rng.sample(range(len(rows)), k=rng.randint(0, len(rows))) if rng.random() < 0.4 else range(len(rows))
        batch.keep(list(order))
        rows = [rows[at] for at in order]
        wanted = [logits_of(adapters[which][1], [row])[0] for which, row in rows]
        torch.testing.assert_close(batch.logits, torch.stack(wanted) if rows else batch.logits[:0], **CLOSE)


@pytest.mark.parametrize(
    "spec", [TrainSpec(dora=True), TrainSpec(method="prefix"), TrainSpec(method="prompt"), TrainSpec(method="ia3")]
)
def test_other_methods_run_by_themselves(spec: TrainSpec, llama: Path) -> None:
    decoder = Decoder(plain_model(llama))
    weights = fresh(decoder, spec)
    forward = FastForward(decoder, weights)
    assert forward.together != FastForward(decoder).together
    first, second = draw(5, 9)
    batch = running(forward)
    batch.join(forward.read([], [first], 0), forward, 4)
    batch.extend([[5, 6]])
    batch.join(forward.read(second[:4], [second[4:]], 0), forward, 4)
    batch.extend([[7], [8]])
    alone = [forward.read([], [row], 0).logits[0] for row in ([*first, 5, 6, 7], [*second, 8])]
    torch.testing.assert_close(batch.logits, torch.stack(alone), **CLOSE)


def test_the_plain_path_runs_too(gpt2: Path) -> None:
    forward, model = PlainForward(plain_model(gpt2), VOCABULARY), plain_model(gpt2)
    first, second = draw(5, 9)
    batch = running(forward)
    batch.join(forward.read([], [first], 0), forward, 4)
    batch.extend([[5]])
    batch.join(forward.read([], [second], 0), forward, 4)
    batch.extend([[7], [8]])
    batch.keep([1])
    torch.testing.assert_close(batch.logits, logits_of(model, [[*second, 8]]), **CLOSE)


def test_what_a_row_has_read_need_not_be_read_again(adapters) -> None:
    forward, model = adapters[1]
    [row] = draw(9)
    assert isinstance(forward, FastForward)
    known = forward.read(row[:3], [row[3:]], 0).known(0)
    [rest] = draw(4, seed=5)
    again = forward.read(row[:6], [rest], 0, known[..., :6, :])
    torch.testing.assert_close(again.logits, logits_of(model, [row[:6] + rest]), **CLOSE)


def test_in_bfloat16_each_row_is_that_of_its_adapter_in_float32_but_for_rounding(llama: Path) -> None:
    exact, rounded = Decoder(plain_model(llama)), Decoder(plain_model(llama).bfloat16())
    batch, rows = running(FastForward(rounded)), [[*row, 5, 6] for row in draw(5, 9, 7)]
    wanted = []
    for spec, row in zip(RECIPES, rows, strict=True):
        weights = fresh(exact, spec)
        widen(weights, 0.3)
        forward = FastForward(rounded, weights)
        batch.join(forward.read([], [row[:-2]], 0), forward, 2)
        wanted.append(FastForward(exact, weights).read([], [row], 0).logits[0])
    for token in (5, 6):
        batch.extend([[token]] * 3)
    bare = FastForward(exact).read([], rows, 0).logits
    apart, changed = ((batch.logits - each).abs().amax(1) for each in (torch.stack(wanted), bare))
    assert (apart < 0.1 * changed).all(), (apart, changed)
