"""From encoded examples to the batches of every epoch: a pure function of data, seed and sizes, so a run resumes exactly."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sartor.models.template import shared_prefix
from sartor.task import PASS_TOKENS

WINDOW = 8
"""Lengths are sorted within windows of this many batches: little padding, yet batches differ from epoch to epoch."""
START_COST = {"cpu": 128, "cuda": 8192}
"""What another pass costs beside its tokens, in tokens: reading the weights on a CPU, starting the kernels on a GPU."""
WIDTH_STEP = 8
"""Widths are rounded up to this, so that few shapes occur: the CPU backend caches memory per shape."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as token ids; the loss sees the reply only."""

    id: str
    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    weights: tuple[float, ...] | None = None
    """By how much each token of the reply counts in the loss; None: 1 each."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)

    @property
    def replies(self) -> "tuple[Encoded, ...]":
        """The sequences of a row: this one."""
        return (self,)

    @property
    def weight(self) -> float:
        """What it adds to the denominator of a mean loss: the sum of its tokens' weights."""
        return len(self.reply) if self.weights is None else sum(self.weights)

    def shortened(self, length: int) -> "Encoded":
        """As many of its tokens, at least one of them of its prompt."""
        prompt = self.prompt[: max(1, length - len(self.reply))]
        return Encoded(self.id, prompt, self.reply[: length - len(prompt)])


@dataclass(frozen=True, slots=True)
class Pair:
    """Two replies to one prompt, of which the first is to be preferred."""

    chosen: Encoded
    rejected: Encoded
    margin: float
    """log p(chosen) − log p(rejected) under the reference."""

    def __len__(self) -> int:
        return max(len(self.chosen), len(self.rejected))

    @property
    def id(self) -> str:
        return self.chosen.id

    @property
    def prompt(self) -> tuple[int, ...]:
        return self.chosen.prompt

    @property
    def replies(self) -> tuple[Encoded, ...]:
        return self.chosen, self.rejected

    @property
    def weight(self) -> float:
        """The mean loss of preferences is one over pairs."""
        return 1.0

    def shortened(self, length: int) -> "Pair":
        return Pair(self.chosen.shortened(length), self.rejected.shortened(length), self.margin)


Row = Encoded | Pair


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples padded on the right into a rectangle, after `prefix` tokens that all of them share.

    `ids` [B, L] without the prefix; `predicts` [N] are positions in the flat [B·L] whose next token is supervised,
    `targets` [N] those tokens. `lengths` [B] counts the real tokens of each row.
    """

    prefix: Tensor
    ids: Tensor
    lengths: Tensor
    predicts: Tensor
    targets: Tensor
    weights: Tensor | None = None
    """[N], float32, by how much each target counts in the loss; None: 1 each."""
    margins: Tensor | None = None
    """[B / 2], float32: the reference's margins where rows 2i and 2i + 1 are the replies of pair i."""

    @property
    def tokens(self) -> int:
        """Tokens that the forward pass computes, padding included."""
        return len(self.prefix) + self.ids.numel()


def common_prefix(examples: Sequence[Row]) -> int:
    """Length of the token prefix that all prompts share, always leaving a prompt token to each example."""
    prompts = [example.prompt for example in examples]
    return min(shared_prefix(prompts), min(map(len, prompts)) - 1)


def collate(rows: Sequence[Row], prefix: int, pad: int) -> Batch:
    """One rectangle of rows whose first `prefix` prompt tokens are the same; all are examples, or all are pairs."""
    examples = [reply for row in rows for reply in row.replies]
    margins = [row.margin for row in rows if isinstance(row, Pair)]
    longest = max(len(e) for e in examples) - prefix
    width = -(-longest // WIDTH_STEP) * WIDTH_STEP
    ids = torch.full((len(examples), width), pad)
    predicts: list[int] = []
    targets: list[int] = []
    for row, example in enumerate(examples):
        tokens = (*example.prompt, *example.reply)[prefix:]
        ids[row, : len(tokens)] = torch.tensor(tokens)
        start = row * width + len(example.prompt) - prefix - 1
        predicts.extend(range(start, start + len(example.reply)))
        targets.extend(example.reply)
    return Batch(
        prefix=torch.tensor(examples[0].prompt[:prefix], dtype=torch.long),
        ids=ids,
        lengths=torch.tensor([len(e) - prefix for e in examples]),
        predicts=torch.tensor(predicts),
        targets=torch.tensor(targets),
        weights=_weights(examples),
        margins=torch.tensor(margins) if margins else None,
    )


def _weights(examples: Sequence[Encoded]) -> Tensor | None:
    if all(example.weights is None for example in examples):
        return None
    return torch.tensor([w for example in examples for w in example.weights or [1.0] * len(example.reply)])


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """The optimiser batches of one epoch as indices: shuffled, sorted by length within windows, shuffled again."""
    rng = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * WINDOW):
        window = sorted(order[start : start + batch_size * WINDOW], key=lambda index: (lengths[index], index))
        batches += [window[at : at + batch_size] for at in range(0, len(window), batch_size)]
    rng.shuffle(batches)
    return batches


def micro_batches(
    rows: Sequence[Row], prefix: int, pad: int, tokens: int = PASS_TOKENS, device: str = "cpu"
) -> list[Batch]:
    """Rectangles of at most `tokens` tokens each (or of one example or pair), shortest first."""
    return [collate(group, prefix, pad) for group in passes(rows, prefix, tokens, device)]


def passes(rows: Sequence[Row], prefix: int, tokens: int = PASS_TOKENS, device: str = "cpu") -> list[list[Row]]:
    """The rows of each rectangle. A longer row begins another where that costs less than padding the shorter ones would."""
    groups: list[list[Row]] = []
    for row in sorted(rows, key=len):
        if groups:
            held = sum(len(each.replies) for each in groups[-1])
            width, wider = _width(groups[-1][-1], prefix), _width(row, prefix)
            fits = prefix + (held + len(row.replies)) * wider <= tokens
            if fits and held * (wider - width) <= prefix + START_COST[device]:
                groups[-1].append(row)
                continue
        groups.append([row])
    return groups


def padded(group: Sequence[Row], prefix: int) -> int:
    """Tokens that a pass over these rows, sorted by length, computes."""
    return prefix + sum(len(row.replies) for row in group) * _width(group[-1], prefix)


def _width(row: Row, prefix: int) -> int:
    return -(-(len(row) - prefix) // WIDTH_STEP) * WIDTH_STEP
