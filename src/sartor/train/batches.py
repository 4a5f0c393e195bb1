"""From encoded examples to the batches of every epoch: a pure function of data, seed and sizes, so a run resumes exactly."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sartor.models.template import shared_prefix

WINDOW = 8
"""Lengths are sorted within windows of this many batches: little padding, yet batches differ from epoch to epoch."""
PASS_TOKENS = 4096
"""Most tokens in one forward pass; a batch above it is accumulated over several passes, weighted by token."""
WIDTH_STEP = 8
"""Widths are rounded up to this, so that few shapes occur: the CPU backend caches memory per shape."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as token ids; the loss sees the reply only."""

    id: str
    prompt: tuple[int, ...]
    reply: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


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

    @property
    def tokens(self) -> int:
        """Tokens that the forward pass computes, padding included."""
        return len(self.prefix) + self.ids.numel()


def common_prefix(examples: Sequence[Encoded]) -> int:
    """Length of the token prefix that all prompts share, always leaving a prompt token to each example."""
    prompts = [example.prompt for example in examples]
    return min(shared_prefix(prompts), min(map(len, prompts)) - 1)


def collate(examples: Sequence[Encoded], prefix: int, pad: int) -> Batch:
    """One rectangle of examples whose first `prefix` prompt tokens are the same."""
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
    )


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


def micro_batches(examples: Sequence[Encoded], prefix: int, pad: int, tokens: int = PASS_TOKENS) -> list[Batch]:
    """Rectangles of at most `tokens` tokens each (or of one example), shortest first."""
    groups: list[list[Encoded]] = []
    for example in sorted(examples, key=len):
        if groups and prefix + (len(groups[-1]) + 1) * (len(example) - prefix + WIDTH_STEP) <= tokens:
            groups[-1].append(example)
        else:
            groups.append([example])
    return [collate(group, prefix, pad) for group in groups]
