"""On CUDA every method has the loss and gradients of the CPU, one job or several, and jobs together end as alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.networks import examples, plain_model
from tests.tiny import tiny_llama

from sartor.generate.forward import FastForward
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec
from sartor.train.batches import collate, common_prefix
from sartor.train.loop import History, Job, Recipe, train
from sartor.train.network import FastNetwork
from sartor.train.together import train_together

pytestmark = pytest.mark.gpu
ROWS = examples(6, prefix=9)
PREFIX = common_prefix(ROWS)
SPECS: list[dict[str, Any]] = [
    {"rank": 4},
    {"rank": 4, "dora": True},
    {"rank": 4, "depth": 1},
    {"method": "ia3"},
    {"method": "bottleneck", "rank": 4, "placement": "houlsby"},
    {"method": "prompt", "virtual_tokens": 5},
    {"method": "prefix", "virtual_tokens": 5},
    {"method": "full"},
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads of 16 numbers: the least that the GPU's attention takes."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    return tiny_llama(tmp_path_factory.mktemp("tiny"))


def network(base: Path, spec: dict[str, Any], device: str) -> FastNetwork:
    decoder = Decoder(plain_model(base).to(device))
    made = FastNetwork(decoder, fresh(decoder, TrainSpec(**spec)), "tiny")
    with torch.no_grad():
        noise = torch.randn(len(made.weights.flat), generator=torch.Generator().manual_seed(7))
        made.weights.flat += 0.03 * noise.to(device)
    return made


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("prefix", [0, PREFIX])
def test_loss_and_gradients_are_those_of_the_cpu(spec: dict[str, Any], prefix: int, base: Path) -> None:
    losses, gradients = [], []
    for device in ("cpu", "cuda"):
        made = network(base, spec, device)
        loss = made.loss(collate(ROWS, prefix, 2))
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append(torch.cat([leaf.grad.flatten().cpu() for leaf in made.trainable if leaf.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert (gradients[1] - gradients[0]).norm() <= 1e-3 * gradients[0].norm()


def test_the_engine_answers_as_the_network(base: Path) -> None:
    made = network(base, {"rank": 4}, "cuda")
    reading = FastForward(made.decoder, made.weights).read(
        ROWS[0].prompt[:PREFIX], [row.prompt[PREFIX:] for row in ROWS], room=8
    )
    with torch.no_grad():
        wanted = float(made.loss(collate(ROWS, PREFIX, 2)))
    assert -sum(reading.logprobs([row.reply for row in ROWS])) == pytest.approx(wanted, rel=1e-4)


def test_jobs_together_end_as_alone(base: Path, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(base).to("cuda"))
    data = [examples(10, prefix=5, seed=1), examples(7, prefix=9, seed=2), examples(12, prefix=1, seed=3)]
    recipes = [Recipe(5e-3, epochs=2, batch_size=4, seed=seed, pad=2) for seed in range(3)]
    specs = [TrainSpec(rank=4, seed=seed) for seed in range(3)]
    together = [FastNetwork(decoder, fresh(decoder, spec), "tiny") for spec in specs]
    jobs = [
        Job(made, rows, [], recipe, tmp_path / f"together{at}")
        for at, (made, rows, recipe) in enumerate(zip(together, data, recipes, strict=True))
    ]
    results = train_together(jobs, 10_000)
    for at, (spec, made) in enumerate(zip(specs, together, strict=True)):
        alone = FastNetwork(decoder, fresh(decoder, spec), "tiny")
        start = alone.weights.flat.clone()
        wanted = train(alone, data[at], [], recipes[at], tmp_path / f"alone{at}")
        found = results[at]
        assert isinstance(found, History)
        assert [loss for _, loss in found.losses] == pytest.approx([loss for _, loss in wanted.losses], rel=1e-3)
        assert (made.weights.flat - alone.weights.flat).norm() <= 2e-2 * (alone.weights.flat - start).norm()
