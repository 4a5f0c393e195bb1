"""What is wanted of a model that serves many, and what it says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sartor.generate.constrain import ConstraintFactory
from sartor.generate.engine import GREEDY, Sampling
from sartor.generate.forward import Forward
from sartor.generate.trie import LabelTrie


@dataclass(frozen=True, slots=True)
class Request:
    id: str
    adapter: str
    """The hash of what answers, an adapter's or the base's: what one has read is never taken for another's."""
    forward: Forward | None
    """None where another program answers."""
    prompt: tuple[int, ...]
    max_tokens: int
    """Prompt and reply together must fit the base's context."""
    decode: Callable[[Sequence[int]], str]
    """The text of a reply's tokens, as `TextStream` wants it."""
    stop_ids: frozenset[int]
    tenant: str = ""
    sampling: Sampling = GREEDY
    stop: tuple[str, ...] = ()
    constrain: ConstraintFactory | None = None
    trie: LabelTrie | None = None
    """Where the reply is to be the likeliest of some labels."""
    grammar: str | None = None
    """What either holds the reply to, in llguidance's Lark, for another program."""
    begun: tuple[int, ...] = ()
    """Tokens of the reply that are there already: it is gone on with."""
    top_logprobs: int | None = None
    """So many of the likeliest tokens are told at every place; None: not even the reply's own."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """What a step adds to a reply."""

    id: str
    text: str
    """What has become sure, which may be nothing."""
    ids: tuple[int, ...]
    """New tokens, without the stop token."""
    tokens: int
    """Of the reply so far."""
    cached: int
    """Tokens of the prompt that did not have to be read."""
    finish: Literal["stop", "length"] | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    labels: tuple[tuple[str, float], ...] = ()
    """Where it is a label, and logprobs are wanted: the likeliest labels and their probabilities, the chosen one first."""
