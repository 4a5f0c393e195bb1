"""Training from remembered hidden states is training: same loss, gradients and weights; nothing is computed twice."""

from pathlib import Path

import pytest
import torch
from tests.networks import examples, plain_model

from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec
from sartor.train.batches import collate, common_prefix
from sartor.train.loop import Job, Recipe, train
from sartor.train.network import FastNetwork
from sartor.train.together import train_together
from sartor.train.trunk import RECORD, Trunk

ROWS = examples(10, prefix=9)
PREFIX = common_prefix(ROWS)
SPEC = TrainSpec(rank=4, depth=1)
RECIPE = Recipe(1e-2, epochs=3, batch_size=4, seed=0, pad=2)


def network(decoder: Decoder, folder: Path | None, seed: int = 0) -> FastNetwork:
    spec = SPEC.model_copy(update={"seed": seed})
    weights = fresh(decoder, spec)
    return FastNetwork(decoder, weights, "tiny", Trunk(decoder, weights.first_layer, folder) if folder else None)


@pytest.mark.parametrize("prefix", [0, PREFIX])
def test_loss_and_gradients_are_those_of_the_whole_pass(family: Path, prefix: int, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(family))
    found, wanted = network(decoder, tmp_path / "trunk"), network(decoder, None)
    for rows in (ROWS[:4], ROWS[2:], ROWS[:4]):  # computed, computed in part, remembered
        losses = []
        for each in (found, wanted):
            loss = each.loss(collate(rows, prefix, 2))
            (loss / len(rows)).backward()
            losses.append(float(loss.detach()))
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    (mine,), (theirs,) = found.trainable, wanted.trainable
    assert mine.grad is not None
    assert theirs.grad is not None
    assert (mine.grad - theirs.grad).norm() <= 1e-5 * theirs.grad.norm()


def test_epochs_seeds_and_jobs_share_what_was_computed(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = Decoder(plain_model(llama))
    folder = tmp_path / "trunk"
    first = network(decoder, folder)
    train(first, ROWS, [], RECIPE, tmp_path / "first")
    assert first.trunk is not None
    assert len(list(RECORD.iter_unpack((folder / "index.bin").read_bytes()))) == len(ROWS) + 1  # and the prefix

    def nothing(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(Trunk, "_compute", nothing)
    again, other = network(decoder, folder), network(decoder, folder, seed=1)
    train(again, ROWS, [], RECIPE, tmp_path / "again")
    assert torch.equal(again.weights.flat, first.weights.flat)
    shared = network(decoder, folder)
    other.trunk = shared.trunk
    jobs = [Job(each, ROWS, [], RECIPE, tmp_path / str(at)) for at, each in enumerate((shared, other))]
    train_together(jobs, 10_000)
    assert (shared.weights.flat - first.weights.flat).norm() <= 1e-3 * first.weights.flat.norm()


@pytest.mark.parametrize("torn", ["states", "index", "states gone"])
def test_after_a_kill_what_is_whole_is_used(llama: Path, tmp_path: Path, torn: str) -> None:
    decoder = Decoder(plain_model(llama))
    batch = collate(ROWS, PREFIX, 2)
    wanted = Trunk(decoder, 1, tmp_path)(batch)
    file = tmp_path / ("index.bin" if torn == "index" else "states.bin")
    file.write_bytes(b"" if torn == "states gone" else file.read_bytes()[:-7])
    for _ in range(2):
        torch.testing.assert_close(Trunk(decoder, 1, tmp_path)(batch), wanted)
