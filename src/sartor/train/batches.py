"""From encoded examples to the batches of every epoch: a pure function of data, seed and sizes, so a run resumes exactly."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sartor.models.template import shared_prefix
from sartor.task import PASS_TOKENS, TrainSpec

WINDOW = 8
"""Lengths are sorted within windows of this many batches: alike within a batch, yet batches differ from epoch to epoch."""
STEPS = 50
"""Of an epoch, at least: 16 taught far less than 62 (docs/benchmarks.md); where between them the bound lies was not measured."""
TOKENS_STEP = 16
"""The tokens of a pass are rounded up to this, so that few shapes occur: the CPU backend caches memory per shape."""


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
    """Examples one behind the other, after `prefix` tokens that all of them share.

    `ids` [T] without the prefix, padded behind the last example; `lengths` [B] counts the real tokens of each. `predicts` [N]
    are positions in `ids` whose next token is supervised, `targets` [N] those tokens.
    """

    prefix: Tensor
    ids: Tensor
    lengths: Tensor
    predicts: Tensor
    targets: Tensor
    weights: Tensor | None = None
    """[N], float32, by how much each target counts in the loss; None: 1 each."""
    margins: Tensor | None = None
    """[B / 2], float32: the reference's margins where examples 2i and 2i + 1 are the replies of pair i."""

    @property
    def tokens(self) -> int:
        """Tokens that the fast path computes, padding included."""
        return len(self.prefix) + len(self.ids)

    @property
    def extents(self) -> list[int]:
        """The lengths; to the last example belongs what is padded behind it."""
        *others, last = self.lengths.tolist()
        return [*others, last + len(self.ids) - int(self.lengths.sum())]

    @property
    def owners(self) -> Tensor:
        """The example in which each supervised position lies, [N]."""
        return torch.bucketize(self.predicts, self.lengths.cumsum(0), right=True)


def positions(prefix: int, lengths: Sequence[int]) -> Tensor:
    """Each token's place in its own sequence, [P + T]."""
    return torch.cat([torch.arange(prefix), *(torch.arange(prefix, prefix + length) for length in lengths)])


def common_prefix(examples: Sequence[Row]) -> int:
    """Length of the token prefix that all prompts share, always leaving a prompt token to each example."""
    prompts = [example.prompt for example in examples]
    return min(shared_prefix(prompts), min(map(len, prompts)) - 1)


def collate(rows: Sequence[Row], prefix: int, pad: int) -> Batch:
    """Rows whose first `prefix` prompt tokens are the same; all are examples, or all are pairs."""
    examples = [reply for row in rows for reply in row.replies]
    margins = [row.margin for row in rows if isinstance(row, Pair)]
    ids: list[int] = []
    predicts: list[int] = []
    for example in examples:
        start = len(ids) + len(example.prompt) - prefix - 1
        predicts.extend(range(start, start + len(example.reply)))
        ids.extend((*example.prompt, *example.reply)[prefix:])
    ids += [pad] * (_rounded(prefix + len(ids)) - prefix - len(ids))
    return Batch(
        prefix=torch.tensor(examples[0].prompt[:prefix], dtype=torch.long),
        ids=torch.tensor(ids),
        lengths=torch.tensor([len(e) - prefix for e in examples]),
        predicts=torch.tensor(predicts),
        targets=torch.tensor([token for example in examples for token in example.reply]),
        weights=_weights(examples),
        margins=torch.tensor(margins) if margins else None,
    )


def _weights(examples: Sequence[Encoded]) -> Tensor | None:
    if all(example.weights is None for example in examples):
        return None
    return torch.tensor([w for example in examples for w in example.weights or [1.0] * len(example.reply)])


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """The optimiser batches of one epoch as indices: shuffled, sorted by length within windows, shuffled again.

    The first epoch begins with the longest rows, so that memory that does not suffice runs out at once.
    """
    rng = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    rng.shuffle(order)
    begins: list[list[int]] = []
    if epoch == 0:
        order.sort(key=lambda index: (lengths[index], index))
        begins, order = [order[-batch_size:]], order[:-batch_size]
        rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * WINDOW):
        window = sorted(order[start : start + batch_size * WINDOW], key=lambda index: (lengths[index], index))
        batches += [window[at : at + batch_size] for at in range(0, len(window), batch_size)]
    rng.shuffle(batches)
    return [*begins, *batches]


def step_rows(batch_size: Literal["auto"] | int, rows: int) -> int:
    """`train.batch_size` as a number: `auto` is the largest of 16, 8 and 4 that makes 50 steps of an epoch, or else 4."""
    if batch_size != "auto":
        return batch_size
    return next((size for size in (16, 8) if rows >= STEPS * size), 4)


def most_tokens(spec: TrainSpec, dtype: torch.dtype) -> int:
    """`train.pass_tokens` as a number: `auto` is enough to fill a CPU, half as many where numbers take four bytes."""
    if spec.pass_tokens != "auto":
        return spec.pass_tokens
    return PASS_TOKENS // 2 if dtype.itemsize == 4 else PASS_TOKENS


def micro_batches(
    rows: Sequence[Row], prefix: int, pad: int, tokens: int = PASS_TOKENS, packed: bool = True
) -> list[Batch]:
    """Passes of at most `tokens` tokens each (or of one example or pair), shortest rows first."""
    return [collate(group, prefix, pad) for group in passes(rows, prefix, tokens, packed)]


def passes(rows: Sequence[Row], prefix: int, tokens: int = PASS_TOKENS, packed: bool = True) -> list[list[Row]]:
    """The rows of each pass; those that are not `packed` are counted as long as the longest."""
    groups: list[list[Row]] = []
    held: list[int] = []
    for row in sorted(rows, key=len):
        own = _lengths(row, prefix)
        if groups and _tokens(sum(held) + sum(own), len(held) + len(own), max(own), prefix, packed) <= tokens:
            groups[-1].append(row)
            held += own
        else:
            groups.append([row])
            held = own
    return groups


def pass_tokens(group: Sequence[Row], prefix: int, packed: bool = True) -> int:
    """Tokens that a pass over these rows computes."""
    lengths = [length for row in group for length in _lengths(row, prefix)]
    return _tokens(sum(lengths), len(lengths), max(lengths), prefix, packed)


def _lengths(row: Row, prefix: int) -> list[int]:
    return [len(reply) - prefix for reply in row.replies]


def _tokens(total: int, sequences: int, longest: int, prefix: int, packed: bool) -> int:
    return _rounded(prefix + total) if packed else sequences * longest


def _rounded(tokens: int) -> int:
    return -(-tokens // TOKENS_STEP) * TOKENS_STEP
