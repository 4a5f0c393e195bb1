"""The loop learns, keeps the best epoch, goes on to the same bits after a kill, and never hands out NaN."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from tests.networks import examples, fast_network
from tests.processes import KILLED, exit_code
from tests.training import HELD, RECIPE, ROWS, STEPS, train_in_a_process, train_until

from sartor.errors import InputError, SystemFailure
from sartor.train import loop
from sartor.train.batches import Encoded, common_prefix
from sartor.train.loop import History, auto_learning_rate, learning_rate_at, train, validation_loss


class Stopped(Exception):
    pass


def stop_at(step: int):
    def stop(done: int) -> None:
        if done == step:
            raise Stopped

    return stop


def timeless(history: History) -> dict[str, object]:
    return {key: value for key, value in asdict(history).items() if key not in ("seconds", "attempts")}


def test_a_set_that_can_be_memorised_is(llama: Path, tmp_path: Path) -> None:
    rows = examples(4)
    network = fast_network(llama)
    history = train(network, rows, [], replace(RECIPE, learning_rate=2e-2, epochs=30), tmp_path)
    assert history.losses[0][1] > 6  # a guess among 400 tokens
    assert history.losses[-1][1] < 1  # about the floor that the small norm of the base's embeddings sets
    assert (history.steps, history.epochs, history.best_epoch) == (30, 30, 30)
    assert history.supervised_tokens == 30 * sum(len(row.reply) for row in rows)
    assert history.examples == 30 * len(rows)
    assert history.computed_tokens >= 30 * (5 + sum(len(row) - 5 for row in rows))


def test_the_history_counts_steps_losses_and_validation(llama: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        told.append((done, total))
        assert (what, "examples/s" in detail) == ("train", True)

    history = train(fast_network(llama), ROWS, HELD, replace(RECIPE, price_per_hour=1.0), tmp_path, progress)
    assert told == [(step, STEPS) for step in range(1, STEPS + 1)]
    assert [step for step, _ in history.losses] == list(range(1, STEPS + 1))
    assert [epoch for epoch, _ in history.validation] == list(range(1, history.epochs + 1))
    assert history.seconds > 0


def test_early_stopping_keeps_the_best_epoch(llama: Path, tmp_path: Path) -> None:
    """Replies are random: learning those of training cannot help with the held-out ones for long."""
    network = fast_network(llama)
    history = train(network, ROWS, HELD, replace(RECIPE, learning_rate=2e-2, epochs=20), tmp_path)
    losses = dict(history.validation)
    assert history.stopped_early
    assert history.epochs == history.best_epoch + loop.PATIENCE < 20
    assert losses[history.best_epoch] == min(losses.values())
    prefix = common_prefix([*ROWS, *HELD])
    assert validation_loss(network, HELD, prefix, 2) == pytest.approx(losses[history.best_epoch], rel=1e-6)


def test_validation_loss_is_the_mean_over_supervised_tokens(llama: Path) -> None:
    network = fast_network(llama)
    one_by_one = [validation_loss(network, [row], 0, 2) * len(row.reply) for row in HELD]
    whole = validation_loss(network, HELD, 5, 2)
    assert whole == pytest.approx(sum(one_by_one) / sum(len(row.reply) for row in HELD), rel=1e-5)


def test_two_runs_with_one_seed_are_the_same_to_the_bit(llama: Path, tmp_path: Path) -> None:
    (first, history), (again, history_again) = (train_until(llama, tmp_path / name) for name in ("a", "b"))
    assert torch.equal(first.weights.flat, again.weights.flat)
    assert timeless(history) == timeless(history_again)
    other = fast_network(llama)
    train(other, ROWS, HELD, replace(RECIPE, seed=1), tmp_path / "c")
    assert not torch.equal(first.weights.flat, other.weights.flat)


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 20.0], ids=["a checkpoint a step", "a checkpoint an epoch"])
def test_stopped_at_any_step_it_goes_on_to_the_same_bits(
    llama: Path, tmp_path: Path, checkpoint_seconds: float
) -> None:
    whole, history = train_until(llama, tmp_path / "whole")
    for step in (1, 3, 4, 5, 9):
        scratch = tmp_path / str(step)
        with pytest.raises(Stopped):
            train_until(llama, scratch, stop_at(step), checkpoint_seconds)
        made: list[int] = []
        network, resumed = train_until(llama, scratch, made.append, checkpoint_seconds)
        kept = step - 1 if checkpoint_seconds == 0 else (step - 1) // 3 * 3
        assert made == list(range(kept + 1, STEPS + 1))
        assert torch.equal(network.weights.flat, whole.weights.flat)
        assert timeless(resumed) == timeless(history)
        assert resumed.attempts == (2 if kept else 1)


def test_stopped_again_and_again_it_still_ends_the_same(llama: Path, tmp_path: Path) -> None:
    whole, history = train_until(llama, tmp_path / "whole")
    for step in (2, 3, 5, 9):
        with pytest.raises(Stopped):
            train_until(llama, tmp_path / "scratch", stop_at(step), 0.0)
    network, resumed = train_until(llama, tmp_path / "scratch", checkpoint_seconds=0.0)
    assert torch.equal(network.weights.flat, whole.weights.flat)
    assert timeless(resumed) == timeless(history)


def test_a_finished_training_is_not_done_again(llama: Path, tmp_path: Path) -> None:
    first, _ = train_until(llama, tmp_path)
    made: list[int] = []
    again, _ = train_until(llama, tmp_path, made.append)
    assert made == []
    assert torch.equal(first.weights.flat, again.weights.flat)


def test_killed_in_earnest_it_goes_on_to_the_same_bits(llama: Path, tmp_path: Path) -> None:
    def trained(name: str, dies_at: int) -> int | None:
        return exit_code(train_in_a_process, llama, tmp_path / name, tmp_path / f"{name}.safetensors", dies_at, 0.0)

    assert trained("whole", 0) == 0
    assert [trained("killed", step) for step in (2, 6, 7)] == [KILLED] * 3
    assert not (tmp_path / "killed.safetensors").exists()
    assert trained("killed", 0) == 0
    assert (tmp_path / "killed.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_torn_checkpoint_is_never_read(llama: Path, tmp_path: Path) -> None:
    """A kill while it is being written leaves the draft beside it."""
    whole, _ = train_until(llama, tmp_path / "whole")
    with pytest.raises(Stopped):
        train_until(llama, tmp_path / "killed", stop_at(5), 0.0)
    [checkpoint] = (tmp_path / "killed").iterdir()
    checkpoint.with_suffix(".new").write_bytes(checkpoint.read_bytes()[:1000])
    network, _ = train_until(llama, tmp_path / "killed")
    assert torch.equal(network.weights.flat, whole.weights.flat)


def test_the_budget_stops_it_before_it_is_overspent_and_a_higher_one_lets_it_go_on(llama: Path, tmp_path: Path) -> None:
    made: list[int] = []

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        made.append(done)

    poor = replace(RECIPE, price_per_hour=3600.0, budget=1e-6)
    with pytest.raises(InputError, match=r"stopped after step 1 of 9.*`train.budget`, 1e-06; raise it"):
        train(fast_network(llama), ROWS, HELD, poor, tmp_path, progress)
    assert made == []
    train(fast_network(llama), ROWS, HELD, replace(poor, budget=3600.0), tmp_path, progress)
    assert made == list(range(2, STEPS + 1))


def test_a_resumed_run_has_spent_what_it_spent_before(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train_until(llama, tmp_path, stop_at(5), 0.0)
    seconds = train_until(llama, tmp_path, checkpoint_seconds=0.0)[1].seconds
    with pytest.raises(InputError, match="train.budget"):
        train(fast_network(llama), ROWS, HELD, replace(RECIPE, epochs=4, price_per_hour=3600, budget=seconds), tmp_path)


def test_poisoned_weights_fail_in_the_first_step_with_a_remedy(llama: Path, tmp_path: Path) -> None:
    network = fast_network(llama)
    with torch.no_grad():
        network.weights.flat[7] = math.nan
    with pytest.raises(SystemFailure, match="not finite at step 1, rows .*: lower `train.learning_rate`"):
        train(network, ROWS, HELD, RECIPE, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("held", [[], HELD], ids=["without validation", "with validation"])
def test_a_rate_that_is_far_too_high_fails_and_is_never_a_result(
    held: list[Encoded], llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(SystemFailure, match="not finite.*lower `train.learning_rate`"):
        train(fast_network(llama), ROWS, held, replace(RECIPE, learning_rate=1e30), tmp_path)


def test_a_validation_loss_that_is_not_finite_fails(llama: Path, tmp_path: Path) -> None:
    """The last step of all may be the one that breaks the weights: they are finite numbers, and of no use."""
    recipe = replace(RECIPE, learning_rate=1e30, epochs=1, batch_size=len(ROWS))
    with pytest.raises(SystemFailure, match="validation loss is not finite after epoch 1"):
        train(fast_network(llama), ROWS, HELD, recipe, tmp_path)


def test_memory_runs_out_before_the_first_step_or_never(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pass of all is the largest one."""
    network = fast_network(llama)
    sizes: list[int] = []
    loss = network.loss
    monkeypatch.setattr(network, "loss", lambda batch, smoothing=0.0: (sizes.append(batch.tokens), loss(batch))[1])
    train(network, ROWS, [], RECIPE, tmp_path)
    assert sizes[0] == max(sizes)


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [learning_rate_at(step, 100, 1.0) for step in range(101)]
    assert rates[:7] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1])
    assert rates[53] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(1 / 94)
    assert rates[100] == 0
    assert all(a > b for a, b in zip(rates[6:], rates[7:], strict=False))


@pytest.mark.parametrize("total", [1, 2, 3, 17])
def test_even_the_shortest_run_has_a_rate_at_every_step(total: int) -> None:
    rates = [learning_rate_at(step, total, 1.0) for step in range(total)]
    assert max(rates) == rates[0] == 1.0
    assert all(0 < rate <= 1 for rate in rates)


def test_the_automatic_learning_rate_falls_with_the_width_of_the_base() -> None:
    assert auto_learning_rate(2000) == pytest.approx(5e-4)
    assert auto_learning_rate(4000) == pytest.approx(5e-4 * 0.5**0.781)
    assert auto_learning_rate(576) == pytest.approx(1.32e-3, rel=0.01)
    assert auto_learning_rate(64) == 2e-3


def test_a_history_survives_json() -> None:
    history = History(steps=3, losses=[(1, 0.5), (2, 0.25)], validation=[(1, 0.75)], best_epoch=1)
    assert History.from_json(json.loads(json.dumps(asdict(history)))) == history


@pytest.mark.gpu
def test_on_a_gpu_it_learns_and_resumes(llama: Path, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    whole, _ = train_until(llama, tmp_path / "whole", device="cuda")
    with pytest.raises(Stopped):
        train_until(llama, tmp_path / "killed", stop_at(5), 0.0, device="cuda")
    network, history = train_until(llama, tmp_path / "killed", device="cuda")
    assert network.weights.flat.is_cuda
    assert history.losses[-1][1] < history.losses[0][1]
    torch.testing.assert_close(network.weights.flat, whole.weights.flat)
