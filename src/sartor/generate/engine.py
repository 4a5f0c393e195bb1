"""The one inference engine: prompts in, replies or label probabilities out, in batches that share their prompt prefix.

Prompts are taken in chunks of similar length. A chunk's rows decode together; a row that stops leaves the batch, and
tokens that a constraint forces are appended without asking the model. Results do not depend on the order of the prompts'
arrival, and a chunk depends on no other, so an interrupted evaluation resumes chunk by chunk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sartor.generate.constrain import Constraint, ConstraintFactory, apply_bitmask, new_bitmask
from sartor.generate.forward import Forward
from sartor.generate.trie import LabelTrie
from sartor.models.template import shared_prefix

CHUNK_ROWS = 48
CHUNK_TOKENS = 16384
"""Most prompt tokens (beyond the shared prefix, padding included) that one chunk reads."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Generated tokens without the stop token; `length` when `max_tokens` cut it."""

    ids: list[int]
    finish: Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Greedy at temperature 0. Otherwise each prompt draws from its own generator, seeded by `seed` and its tokens."""

    temperature: float = 0.0
    seed: int = 0
    top_p: float = 1.0
    """Of the smallest set of tokens that is together so likely (Holtzman et al. 2019, 1904.09751)."""


GREEDY = Sampling()
FORCED = 32
"""Tokens that a constraint forces are read at once up to so many: the other rows of a batch are padded to them."""
COLD = 1e-3
"""Temperatures below it are as zero: numbers divided by them would not be finite."""


def chunks(lengths: Sequence[int], rows: int = CHUNK_ROWS, tokens: int = CHUNK_TOKENS) -> Iterator[list[int]]:
    """Indices of the prompts in groups of similar length: at most `rows`, and `tokens` when padded."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if group and (len(group) == rows or (len(group) + 1) * lengths[index] > tokens):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def likelihoods(forward: Forward, prompts: Sequence[Sequence[int]], replies: Sequence[Sequence[int]]) -> list[float]:
    """Sum of log p over the tokens of each reply after its prompt; one chunk."""
    prefix = min(shared_prefix(prompts), min(map(len, prompts)) - 1)
    reading = forward.read(prompts[0][:prefix], [prompt[prefix:] for prompt in prompts], max(map(len, replies)))
    return reading.logprobs(replies)


def generate(
    forward: Forward,
    prompts: Sequence[Sequence[int]],
    prefix: int,
    stop: frozenset[int],
    max_tokens: int,
    constrain: ConstraintFactory | None = None,
    sampling: Sampling = GREEDY,
    context: int | None = None,
) -> list[Reply]:
    """Replies to one chunk of prompts, whose first `prefix` tokens are the same.

    A reply ends at `max_tokens`, or where prompt and reply fill the `context`, which must leave room for a token.
    """
    reading = forward.read(prompts[0][:prefix], [p[prefix:] for p in prompts], max_tokens)
    room = [min(max_tokens, context - len(prompt)) if context else max_tokens for prompt in prompts]
    rows = [
        Row(prompt, constrain() if constrain else None, sampling, most)
        for prompt, most in zip(prompts, room, strict=True)
    ]
    places, replies = list(range(len(rows))), dict[int, Reply]()
    while True:
        if constrain:
            mask(rows, reading.logits)
        chosen = sample(rows, reading.logits)
        appended = [row.take(token, stop) for row, token in zip(rows, chosen, strict=True)]
        going = [at for at, row in enumerate(rows) if row.finish is None]
        for place, row in zip(places, rows, strict=True):
            if row.finish is not None:
                replies[place] = Reply(row.ids, row.finish)
        if not going:
            return [replies[place] for place in range(len(prompts))]
        if len(going) < len(rows):
            reading.keep(going)
            rows, places = [rows[at] for at in going], [places[at] for at in going]
        reading.extend([appended[at] for at in going])


def choose(forward: Forward, prompts: Sequence[Sequence[int]], prefix: int, trie: LabelTrie) -> NDArray[np.float64]:
    """p(label | prompt) renormalised over the labels, [prompts, labels]; an answer that is no label cannot win."""
    reading = forward.read(prompts[0][:prefix], [p[prefix:] for p in prompts], trie.n_inner)
    return trie.label_probs(reading.trie_logprobs(trie))


class Row:
    """One reply in the making."""

    def __init__(self, prompt: Sequence[int], constraint: Constraint | None, sampling: Sampling, most: int) -> None:
        self.constraint, self.most = constraint, most
        self.ids: list[int] = []
        self.finish: Literal["stop", "length"] | None = None
        self.sampling = sampling
        # Hashes of integers do not differ between processes.
        self.generator = torch.Generator().manual_seed(hash((sampling.seed, *prompt)) % 2**63)

    def go_on(self, ids: Sequence[int]) -> None:
        """Tokens of the reply that were taken before."""
        self.ids += ids
        if self.constraint:
            for token in ids:
                self.constraint.advance(token)

    def take(self, token: int, stop: frozenset[int]) -> list[int]:
        """Accept a token and what must follow it; what the model has to read next."""
        if token in stop:
            self.finish = "stop"
            return []
        new = [token]
        if self.constraint:
            self.constraint.advance(token)
            for forced in self.constraint.forced()[:FORCED]:
                if forced in stop:
                    break
                self.constraint.advance(forced)
                new.append(forced)
        self.ids += new
        if len(self.ids) <= self.most and self.constraint and self.constraint.finished:
            self.finish = "stop"
        elif len(self.ids) >= self.most:
            self.ids = self.ids[: self.most]
            self.finish = "length"
        return new


def mask(rows: Sequence[Row], logits: Tensor) -> None:
    """Nothing that a row's constraint forbids is left in its logits [rows, vocabulary]."""
    bitmask = new_bitmask(len(rows), logits.shape[1])
    for at, row in enumerate(rows):
        if row.constraint:
            row.constraint.fill(bitmask, at)
    apply_bitmask(logits, bitmask)


def sample(rows: Sequence[Row], logits: Tensor) -> list[int]:
    """The next token of every row."""
    best: list[int] = logits.argmax(-1).tolist()
    for at, row in enumerate(rows):
        if row.sampling.temperature > COLD:
            probs = (logits[at] / row.sampling.temperature).softmax(-1).cpu()
            if row.sampling.top_p < 1:
                likeliest, order = probs.sort(descending=True)
                enough = likeliest.cumsum(0) - likeliest >= row.sampling.top_p
                probs[order[1:][enough[1:]]] = 0
            best[at] = int(torch.multinomial(probs, 1, generator=row.generator))
    return best
