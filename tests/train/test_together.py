"""Jobs in one pass end as they would alone: their weights, losses and validation, whoever joins, leaves or fails."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.networks import examples, plain_model
from torch import Tensor

from sartor.errors import SystemFailure
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.models.methods.lora import LoraWeights
from sartor.task import TrainSpec
from sartor.train.loop import History, Job, Recipe, train
from sartor.train.network import FastNetwork
from sartor.train.together import train_together

SPECS = [
    TrainSpec(rank=4, seed=0),
    TrainSpec(rank=4, seed=1),
    TrainSpec(rank=2, alpha=3, seed=2, depth=1),
    TrainSpec(rank=6, seed=3, rslora=True, lora_plus=2.0),
]
RECIPES = [
    Recipe(5e-3, epochs=2, batch_size=4, seed=0, pad=2),
    Recipe(1e-2, epochs=3, batch_size=3, seed=1, pad=2, label_smoothing=0.2),
    Recipe(2e-3, epochs=1, batch_size=10, seed=2, pad=2, pass_tokens=120),
    Recipe(5e-3, epochs=4, batch_size=4, seed=3, pad=2),
]
DATA = [
    examples(10, prefix=5, seed=1),
    examples(7, prefix=9, seed=2),
    examples(12, prefix=1, seed=3),
    examples(9, seed=4),
]
HELD = [[], examples(10, prefix=9, seed=2)[7:], [], examples(12, seed=4)[9:]]


def network(decoder: Decoder, spec: TrainSpec) -> FastNetwork:
    return FastNetwork(decoder, fresh(decoder, spec), "tiny")


def jobs(decoder: Decoder, folder: Path) -> list[Job]:
    rows = enumerate(zip(SPECS, DATA, HELD, RECIPES, strict=True))
    return [Job(network(decoder, s), d, h, r, folder / str(at)) for at, (s, d, h, r) in rows]


def flat(job: Job) -> Tensor:
    assert isinstance(job.network, FastNetwork)
    return job.network.weights.flat


@pytest.mark.parametrize(("tokens", "at_once"), [(10_000, 16), (200, 16), (10_000, 2)])
def test_each_job_ends_as_alone(family: Path, tmp_path: Path, tokens: int, at_once: int) -> None:
    """To a thousandth of what training moves: sums are taken in another order."""
    decoder = Decoder(plain_model(family))
    together = jobs(decoder, tmp_path / "together")
    histories = train_together(together, tokens, at_once)
    for at, (spec, job, found) in enumerate(zip(SPECS, together, histories, strict=True)):
        alone = network(decoder, spec)
        start = alone.weights.flat.clone()
        wanted = train(alone, DATA[at], HELD[at], RECIPES[at], tmp_path / f"alone{at}")
        assert isinstance(found, History)
        assert [step for step, _ in found.losses] == [step for step, _ in wanted.losses]
        assert [loss for _, loss in found.losses] == pytest.approx([loss for _, loss in wanted.losses], rel=1e-4)
        assert found.best_epoch == wanted.best_epoch
        assert found.computed_tokens == wanted.computed_tokens
        moved = (alone.weights.flat - start).norm()
        assert (flat(job) - alone.weights.flat).norm() <= 1e-3 * moved


def test_one_that_fails_stops_no_other(llama: Path, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(llama))
    ill = jobs(decoder, tmp_path)
    with torch.no_grad():
        flat(ill[1])[3] = math.nan
    results = train_together(ill, 10_000)
    assert isinstance(results[1], SystemFailure)
    assert "not finite at step 1" in str(results[1])
    assert [type(result) for result in results].count(History) == 3
    assert all(flat(job).isfinite().all() for at, job in enumerate(ill) if at != 1)


def test_jobs_of_another_kind_are_refused(llama: Path, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(llama))
    made = network(decoder, TrainSpec(method="ia3"))
    job = Job(made, DATA[0], [], replace(RECIPES[0], epochs=1), tmp_path)
    assert not isinstance(made.weights, LoraWeights)
    with pytest.raises(ValueError, match="only with LoRA on one decoder"):
        train_together([job], 10_000)
