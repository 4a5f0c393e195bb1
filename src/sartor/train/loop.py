"""The training loop: loss on the reply only; resumes to the same bits.

Epochs of seeded batches, the longest rows first, with AdamW (Loshchilov & Hutter 2019, 1711.05101), linear warm-up and
linear decay, gradients clipped at norm 1, the loss weighted by token over accumulated passes; after each epoch the validation
loss. The epoch with the lowest one is kept, and training stops when it has not improved for `patience` epochs.
"""

import json
import math
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from sartor.errors import InputError, SystemFailure
from sartor.progress import Progress, silent
from sartor.task import PASS_TOKENS, Method
from sartor.train.batches import Batch, Row, common_prefix, epoch_batches, micro_batches
from sartor.train.network import Network

WARMUP_SHARE = 0.06
CLIP_NORM = 1.0
PATIENCE = 1
SHORTEST = 8
"""Tokens of an example below which no `train.max_length` is tried."""


class Diverged(SystemFailure):
    """Loss, gradients or weights are no longer finite numbers."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        """`seconds`: what the training took until then, where that is known."""
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the numbers of a run, beside data and base."""

    learning_rate: float
    epochs: int
    batch_size: int
    seed: int
    pad: int
    pass_tokens: int = PASS_TOKENS
    """Most tokens in one forward pass."""
    price_per_hour: float = 0.0
    budget: float | None = None
    label_smoothing: float = 0.0
    """In training only: the validation loss is the plain cross-entropy, whatever this is."""


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
    """Forward and backward, padding and virtual tokens included."""
    recomputed_tokens: int = 0
    """Of these, those whose layers were computed once more for the backward pass."""
    supervised_tokens: int = 0
    held_tokens: int = 0
    """Computed for validation losses, forward only."""
    held_supervised: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(step, mean loss per supervised token, by its weight; of preferences, per pair)."""
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


RATE_OF_METHOD: dict[Method, float] = {
    "lora": 1.0,
    "qlora": 1.0,
    "full": 0.1,
    "bottleneck": 1.0,
    "ia3": 10.0,
    "prefix": 10.0,
    "prompt": 30.0,
}
"""Learning rates of the methods as multiples of LoRA's."""


def auto_learning_rate(hidden_size: int, method: Method = "lora") -> float:
    """`learning_rate: auto`: 5e-4 · (2000 / hidden)^0.781, at most 2e-3, for α/r = 2; other methods by `RATE_OF_METHOD`.

    The dependence on the hidden size is the fit of Schulman et al., "LoRA Without Regret" (2025), for Llama-family
    bases; docs/explanation/recipe.md says how it was adapted.
    """
    return float(min(2e-3, 5e-4 * (2000 / hidden_size) ** 0.781)) * RATE_OF_METHOD[method]


def learning_rate_at(step: int, total: int, peak: float) -> float:
    """Linear warm-up over 6 % of the steps, then linear decay to zero after the last one; steps count from 0."""
    warmup = max(1, round(total * WARMUP_SHARE))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (total - step) / max(1, total - warmup)


def train(
    network: Network,
    training: Sequence[Row],
    validation: Sequence[Row],
    recipe: Recipe,
    scratch: Path,
    progress: Progress = silent,
    checkpoint_seconds: float = 20.0,
) -> History:
    """Train the network in place; the best epoch's weights are in it at the end.

    `scratch` holds the checkpoint: a run that was killed goes on from it and ends with the same adapter.
    Raises InputError when the budget would be overspent, Diverged when loss, gradients or weights are not finite,
    SystemFailure when memory does not suffice for the largest pass.
    """
    job = Job(network, training, validation, recipe, scratch, progress, checkpoint_seconds)
    # On a GPU a thread of its own for the backward pass costs more than it brings.
    with torch.autograd.set_multithreading_enabled(False):
        while not job.finished:
            with job.remedies():
                _gradients(job)
            job.step()
    return job.finish()


def _gradients(job: "Job") -> None:
    for batch in job.passes():
        loss = job.network.loss(batch, job.recipe.label_smoothing)
        (loss / job.supervised).backward()
        job.count(batch, float(loss.detach()))


class Job:
    """One training: its rows, optimiser, schedule, validation and checkpoint. Who drives it computes losses and gradients.

    In turn: `passes` gives the batches of the next step, `count` hears of each, `step` moves the weights.
    """

    def __init__(
        self,
        network: Network,
        training: Sequence[Row],
        validation: Sequence[Row],
        recipe: Recipe,
        scratch: Path,
        progress: Progress = silent,
        checkpoint_seconds: float = 20.0,
    ) -> None:
        """Goes on from the checkpoint where there is one."""
        self.network, self.recipe = network, recipe
        self._training, self._validation, self._progress = training, validation, progress
        self._checkpoint_seconds = checkpoint_seconds
        self._prefix = common_prefix([*training, *validation]) if network.packs else 0
        self._lengths = [len(example) for example in training]
        self._steps_per_epoch = -(-len(training) // recipe.batch_size)
        self.history = History(total_steps=self._steps_per_epoch * recipe.epochs)
        groups = [
            {"params": [tensor], "ratio": ratio}
            for tensor, ratio in zip(network.trainable, network.rate_ratios, strict=True)
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=0.0, fused=True)
        self._best = [tensor.detach().clone() for tensor in network.trainable]
        self._checkpoint = Checkpoint(
            scratch / "checkpoint.safetensors", network.trainable, self._optimizer, self._best
        )
        if (restored := self._checkpoint.load()) is not None:
            self.history = restored
        else:
            self._begin_moments()
        self.history.attempts += 1
        self._started = self._saved = time.monotonic()
        self._seconds_before = self.history.seconds
        self._batches: list[list[int]] = []
        self._batch: list[Row] = []
        self._summed = 0.0

    @property
    def finished(self) -> bool:
        return self.history.epochs == self.recipe.epochs or self.history.stopped_early

    @property
    def supervised(self) -> float:
        """What the loss of the step that `passes` began is divided by: its supervised tokens, each by its weight; pairs."""
        return sum(row.weight for row in self._batch)

    def passes(self) -> list[Batch]:
        """What the next step computes, at most `recipe.pass_tokens` tokens at a time."""
        history, recipe = self.history, self.recipe
        if not self._batches:
            batches = epoch_batches(self._lengths, recipe.batch_size, recipe.seed, history.epochs)
            self._batches = batches[history.steps - history.epochs * self._steps_per_epoch :]
        self._batch, self._summed = [self._training[place] for place in self._batches[0]], 0.0
        return micro_batches(self._batch, self._prefix, recipe.pad, recipe.pass_tokens, self.network.packs)

    def count(self, batch: Batch, loss: float) -> None:
        """Gradients of `loss`, summed over the batch's supervised tokens, have been added."""
        tokens = self.network.tokens(batch)
        self._summed += loss
        self.history.computed_tokens += tokens
        self.history.recomputed_tokens += tokens * self.network.recompute

    def step(self) -> None:
        """Clip, move the weights, and whatever is due: validation, a checkpoint. Raises as `train` does."""
        history, recipe, trainable = self.history, self.recipe, self.network.trainable
        norm = float(torch.nn.utils.clip_grad_norm_(trainable, CLIP_NORM))
        if not math.isfinite(self._summed) or not math.isfinite(norm):
            raise self._not_finite("loss or gradient")
        rate = learning_rate_at(history.steps, history.total_steps, recipe.learning_rate)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["ratio"]
        self._optimizer.step()
        self._optimizer.zero_grad()
        if not all(tensor.isfinite().all() for tensor in trainable):
            raise self._not_finite("a weight")
        self._batches.pop(0)
        history.steps += 1
        history.examples += len(self._batch)
        history.supervised_tokens += sum(len(reply.reply) for row in self._batch for reply in row.replies)
        loss = self._summed / self.supervised
        history.losses.append((history.steps, loss))
        now = time.monotonic()
        history.seconds = self._seconds_before + now - self._started
        if _overspends(history, recipe):
            self._pause()
            raise InputError(
                f"training stopped after step {history.steps} of {history.total_steps}: the next one would cost more than "
                f"`train.budget`, {recipe.budget:g}; raise it and run again to go on from here, or lower `train.epochs`"
            )
        self._progress("train", history.steps, history.total_steps, _detail(history, loss, recipe))
        if not self._batches:
            history.epochs += 1
            self._judge_epoch()
            self._pause()
        elif now - self._saved > self._checkpoint_seconds:
            self._pause()

    def finish(self) -> History:
        """Put the best epoch's weights in place."""
        trainable = self.network.trainable
        if self._validation:
            with torch.no_grad():
                for tensor, kept in zip(trainable, self._best, strict=True):
                    tensor.copy_(kept)
        return self.history

    def _not_finite(self, what: str) -> Diverged:
        rows = ", ".join(example.id for example in self._batch)
        return Diverged(
            f"{what} is not finite at step {self.history.steps + 1}, rows {rows}: "
            "lower `train.learning_rate` and run again"
        )

    def _pause(self) -> None:
        self._saved = time.monotonic()
        self.history.seconds = self._seconds_before + self._saved - self._started
        self._checkpoint.save(self.history)

    def _judge_epoch(self) -> None:
        history = self.history
        if not self._validation:
            history.best_epoch = history.epochs
            return
        passes = micro_batches(
            self._validation, self._prefix, self.recipe.pad, self.recipe.pass_tokens, self.network.packs
        )
        loss = summed_loss(self.network, passes) / sum(example.weight for example in self._validation)
        history.held_tokens += sum(self.network.tokens(batch) for batch in passes)
        history.held_supervised += sum(len(batch.targets) for batch in passes)
        if not math.isfinite(loss):
            raise Diverged(
                f"the validation loss is not finite after epoch {history.epochs}: lower `train.learning_rate` and run again"
            )
        if all(loss < earlier for _, earlier in history.validation):
            history.best_epoch = history.epochs
            for kept, tensor in zip(self._best, self.network.trainable, strict=True):
                kept.copy_(tensor.detach())
        history.validation.append((history.epochs, loss))
        history.stopped_early = history.epochs - history.best_epoch >= PATIENCE

    def _begin_moments(self) -> None:
        """What AdamW would make at its first step, so that the first pass has it beside itself."""
        for tensor in self.network.trainable:
            self._optimizer.state[tensor] = {
                "step": torch.tensor(0.0, device=tensor.device),
                "exp_avg": torch.zeros_like(tensor),
                "exp_avg_sq": torch.zeros_like(tensor),
            }

    @contextmanager
    def remedies(self) -> Iterator[None]:
        """Where memory runs out inside, smaller passes are tried, and a SystemFailure names what fits."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold what the pass had computed
            self._drop_gradients()
            raise self._remedy() from None

    def _remedy(self) -> SystemFailure:
        rows, tokens = sorted(self._batch, key=len), self.recipe.pass_tokens
        widest = self._widest(rows, tokens)
        said = f"memory ran out at the largest pass, {widest.tokens:,} tokens"
        while len(widest.lengths) > len(rows[-1].replies):
            tokens = max(SHORTEST, widest.tokens // 2)
            widest = self._widest(rows, tokens)
            if self._fits(widest):
                return SystemFailure(f"{said}: set `train.pass_tokens: {tokens}`, which fits and changes no result")
        longest = rows[-1]
        length = len(longest)
        alone = f"{said}, and at the one row {longest.id} of {length:,}: set "
        if self.network.packs and not self.network.recompute:
            self.network.recompute = True
            alone += "`train.gradient_checkpointing: true`, "
            if self._fits(self._widest([longest], length)):
                return SystemFailure(f"{alone}`train.pass_tokens: {length}`, which fit and change no result")
        while length > SHORTEST:
            length = max(SHORTEST, length // 2)
            if self._fits(self._widest([longest.shortened(length)], length)):
                return SystemFailure(
                    f"{alone}`train.max_length: {length}` and `train.pass_tokens: {length}`, which fit, with "
                    "`train.overlong: drop`; or take a smaller base"
                )
        return SystemFailure(f"{said}, and at a row of {length}: take a smaller base, or lower `train.depth`")

    def _widest(self, rows: Sequence[Row], tokens: int) -> Batch:
        prefix = min(self._prefix, *(len(row.prompt) - 1 for row in rows))
        passes = micro_batches(rows, prefix, self.recipe.pad, tokens, self.network.packs)
        return max(passes, key=self.network.tokens)

    def _fits(self, batch: Batch) -> bool:
        try:
            self.network.loss(batch, self.recipe.label_smoothing).backward()
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            return False
        finally:
            self._drop_gradients()
        return True

    def _drop_gradients(self) -> None:
        for tensor in self.network.trainable:
            tensor.grad = None


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "bad_alloc")
    )


def validation_loss(network: Network, examples: Sequence[Row], prefix: int, pad: int) -> float:
    """Mean loss per supervised token, by its weight; of preferences, per pair."""
    return summed_loss(network, micro_batches(examples, prefix, pad, packed=network.packs)) / sum(
        example.weight for example in examples
    )


def summed_loss(network: Network, passes: Sequence[Batch]) -> float:
    """Of all passes, without gradients."""
    with torch.no_grad():
        return sum(float(network.loss(batch)) for batch in passes)


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
