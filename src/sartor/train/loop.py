"""The training loop: frozen base, small adapter, loss on the reply only; resumes to the same bits.

What it does, in order: one pass at the largest batch (memory), then epochs of seeded batches with AdamW
(Loshchilov & Hutter 2019, 1711.05101), linear warm-up and linear decay, gradients clipped at norm 1, the loss weighted
by token over accumulated passes; after each epoch the validation loss. The epoch with the lowest one is kept, and
training stops when it has not improved for `patience` epochs.
"""

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from sartor.errors import InputError, SystemFailure
from sartor.progress import Progress, silent
from sartor.train.batches import Encoded, common_prefix, epoch_batches, micro_batches
from sartor.train.network import Network

WARMUP_SHARE = 0.06
CLIP_NORM = 1.0
PATIENCE = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the numbers of a run, beside data and base."""

    learning_rate: float
    epochs: int
    batch_size: int
    seed: int
    pad: int
    price_per_hour: float = 0.0
    budget: float | None = None


@dataclass(slots=True)
class History:
    """What the run went through; travels with the checkpoint."""

    steps: int = 0
    total_steps: int = 0
    epochs: int = 0
    seconds: float = 0.0
    """Of training itself, over all attempts; validation and checkpoints included, loading not."""
    examples: int = 0
    computed_tokens: int = 0
    supervised_tokens: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(step, mean loss per supervised token)."""
    validation: list[tuple[int, float]] = field(default_factory=list)
    """(epoch, mean loss per supervised token of the validation slice)."""
    best_epoch: int = 0
    stopped_early: bool = False
    attempts: int = 0

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "History":
        """The history that `dataclasses.asdict` gave, after a trip through JSON."""
        pairs = {name: [(at, loss) for at, loss in values[name]] for name in ("losses", "validation")}
        return cls(**(values | pairs))


def auto_learning_rate(hidden_size: int) -> float:
    """`learning_rate: auto`: 5e-4 · (2000 / hidden)^0.781, at most 2e-3, for α/r = 2.

    The dependence on the hidden size is the fit of Schulman et al., "LoRA Without Regret" (2025), for Llama-family
    bases; docs/explanation/recipe.md says how it was adapted.
    """
    return float(min(2e-3, 5e-4 * (2000 / hidden_size) ** 0.781))


def learning_rate_at(step: int, total: int, peak: float) -> float:
    """Linear warm-up over 6 % of the steps, then linear decay to zero after the last one; steps count from 0."""
    warmup = max(1, round(total * WARMUP_SHARE))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (total - step) / max(1, total - warmup)


def train(
    network: Network,
    training: Sequence[Encoded],
    validation: Sequence[Encoded],
    recipe: Recipe,
    scratch: Path,
    progress: Progress = silent,
    checkpoint_seconds: float = 20.0,
) -> History:
    """Train the network's adapter in place; the best epoch's weights are in it at the end.

    `scratch` holds the checkpoint: a run that was killed goes on from it and ends with the same adapter.
    Raises InputError when the budget would be overspent, SystemFailure when loss or gradients are not finite.
    """
    prefix = common_prefix([*training, *validation]) if network.shares_prefix else 0
    lengths = [len(example) for example in training]
    steps_per_epoch = -(-len(training) // recipe.batch_size)
    total = steps_per_epoch * recipe.epochs
    optimizer = torch.optim.AdamW(
        network.trainable, lr=recipe.learning_rate, weight_decay=0.0, fused=network.trainable[0].is_floating_point()
    )
    history = History(total_steps=total)
    best = [tensor.detach().clone() for tensor in network.trainable]
    checkpoint = Checkpoint(scratch / "checkpoint.safetensors", network.trainable, optimizer, best)
    if (restored := checkpoint.load()) is not None:
        history = restored
    else:
        _rehearse(network, training, recipe, prefix)
    history.attempts += 1
    started = saved = time.monotonic()
    seconds_before = history.seconds

    def pause(now: float) -> None:
        history.seconds = seconds_before + now - started
        checkpoint.save(history)

    while history.epochs < recipe.epochs and not history.stopped_early:
        batches = epoch_batches(lengths, recipe.batch_size, recipe.seed, history.epochs)
        for batch in batches[history.steps - history.epochs * steps_per_epoch :]:
            rate = learning_rate_at(history.steps, total, recipe.learning_rate)
            loss = _step(network, optimizer, [training[i] for i in batch], prefix, recipe.pad, rate, history)
            history.losses.append((history.steps, loss))
            now = time.monotonic()
            history.seconds = seconds_before + now - started
            if _overspends(history, recipe):
                pause(now)
                raise InputError(
                    f"training stopped after step {history.steps} of {total}: the next one would cost more than "
                    f"`train.budget`, {recipe.budget:g}; raise it and run again to go on from here, or lower `train.epochs`"
                )
            progress("train", history.steps, total, _detail(history, loss, recipe))
            if now - saved > checkpoint_seconds:
                pause(now)
                saved = time.monotonic()
        history.epochs += 1
        _judge_epoch(network, validation, prefix, recipe.pad, history, best)
        pause(time.monotonic())
    if validation:
        with torch.no_grad():
            for tensor, kept in zip(network.trainable, best, strict=True):
                tensor.copy_(kept)
    if not all(tensor.isfinite().all() for tensor in network.trainable):
        raise SystemFailure("the trained adapter holds numbers that are not finite: lower `train.learning_rate`")
    return history


def validation_loss(network: Network, examples: Sequence[Encoded], prefix: int, pad: int) -> float:
    """Mean cross-entropy per supervised token."""
    with torch.no_grad():
        batches = micro_batches(examples, prefix, pad)
        total = sum(float(network.loss(batch)) for batch in batches)
    return total / sum(len(batch.targets) for batch in batches)


def _step(
    network: Network,
    optimizer: torch.optim.Optimizer,
    examples: list[Encoded],
    prefix: int,
    pad: int,
    rate: float,
    history: History,
) -> float:
    supervised = sum(len(example.reply) for example in examples)
    summed = 0.0
    for batch in micro_batches(examples, prefix, pad):
        loss = network.loss(batch)
        (loss / supervised).backward()
        summed += float(loss.detach())
        history.computed_tokens += batch.tokens
    norm = torch.nn.utils.clip_grad_norm_(network.trainable, CLIP_NORM)
    if not math.isfinite(summed) or not math.isfinite(float(norm)):
        raise SystemFailure(
            f"loss or gradient is not finite at step {history.steps + 1}: lower `train.learning_rate` and run again"
        )
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()
    history.steps += 1
    history.examples += len(examples)
    history.supervised_tokens += supervised
    return summed / supervised


def _judge_epoch(
    network: Network, validation: Sequence[Encoded], prefix: int, pad: int, history: History, best: list[Tensor]
) -> None:
    if not validation:
        history.best_epoch = history.epochs
        return
    loss = validation_loss(network, validation, prefix, pad)
    if not math.isfinite(loss):
        raise SystemFailure(
            f"the validation loss is not finite after epoch {history.epochs}: lower `train.learning_rate` and run again"
        )
    if all(loss < earlier for _, earlier in history.validation):
        history.best_epoch = history.epochs
        for kept, tensor in zip(best, network.trainable, strict=True):
            kept.copy_(tensor.detach())
    history.validation.append((history.epochs, loss))
    history.stopped_early = history.epochs - history.best_epoch >= PATIENCE


def _rehearse(network: Network, training: Sequence[Encoded], recipe: Recipe, prefix: int) -> None:
    """One forward and backward pass at the largest batch, so that memory runs out at once or never."""
    longest = sorted(training, key=len)[-recipe.batch_size :]
    widest = max(micro_batches(longest, prefix, recipe.pad), key=lambda batch: batch.tokens)
    network.loss(widest).backward()
    for tensor in network.trainable:
        tensor.grad = None


def _overspends(history: History, recipe: Recipe) -> bool:
    """Whether one more step, at the mean cost of those before, would go beyond the budget."""
    if recipe.budget is None or history.steps == history.total_steps:
        return False
    seconds = history.seconds * (history.steps + 1) / history.steps
    return seconds / 3600 * recipe.price_per_hour > recipe.budget


def _detail(history: History, loss: float, recipe: Recipe) -> str:
    rate = history.examples / history.seconds if history.seconds else 0.0
    left = (history.total_steps - history.steps) * history.seconds / max(1, history.steps)
    money = f" · {left / 3600 * recipe.price_per_hour:.3f} to spend" if recipe.price_per_hour else ""
    return f"loss {loss:.3f} · {rate:.1f} examples/s · {left:.0f} s left{money}"


class Checkpoint:
    """Weights, optimiser moments, best weights and history in one file, replaced as a whole."""

    def __init__(
        self, path: Path, trainable: list[Tensor], optimizer: torch.optim.Optimizer, best: list[Tensor]
    ) -> None:
        self.path, self.trainable, self.optimizer, self.best = path, trainable, optimizer, best

    def save(self, history: History) -> None:
        tensors: dict[str, Tensor] = {}
        for index, (tensor, best) in enumerate(zip(self.trainable, self.best, strict=True)):
            moments = self.optimizer.state[tensor]
            tensors[f"weights.{index}"] = tensor.detach()
            tensors[f"best.{index}"] = best
            tensors[f"exp_avg.{index}"] = moments["exp_avg"]
            tensors[f"exp_avg_sq.{index}"] = moments["exp_avg_sq"]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        save_file(tensors, new, {"history": json.dumps(asdict(history))})
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(self.path)

    def load(self) -> History | None:
        if not self.path.exists():
            return None
        with safe_open(self.path, "pt") as file, torch.no_grad():
            history = History.from_json(json.loads(file.metadata()["history"]))
            for index, tensor in enumerate(self.trainable):
                tensor.copy_(file.get_tensor(f"weights.{index}"))
                self.best[index].copy_(file.get_tensor(f"best.{index}"))
                self.optimizer.state[tensor] = {
                    "step": torch.tensor(float(history.steps), device=tensor.device),
                    "exp_avg": file.get_tensor(f"exp_avg.{index}").to(tensor.device),
                    "exp_avg_sq": file.get_tensor(f"exp_avg_sq.{index}").to(tensor.device),
                }
        return history
