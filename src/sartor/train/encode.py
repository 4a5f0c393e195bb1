"""Examples as token ids: a prompt and a supervised reply each, and what becomes of those that are too long."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from transformers import PreTrainedConfig

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.models.base import context_length
from sartor.models.template import Renderer
from sartor.train.batches import Encoded

Overlong = Literal["error", "drop", "cut"]


@dataclass(frozen=True, slots=True)
class EncodedSet:
    rows: list[Encoded]
    """What the loss will see, in the examples' order."""
    dropped: list[str]
    """Sources of the rows that were left out as too long."""
    cut: list[str]
    """Sources of the rows whose prompt lost its beginning."""
    longest_target: int
    """Tokens of the longest reply, the end of turn included; 0 without rows."""


def token_limit(max_length: int | None, config: PreTrainedConfig) -> int | None:
    """Most tokens of an example: `train.max_length`, else what the base allows, else none.

    Raises InputError when the task asks for more than the base allows.
    """
    allowed = context_length(config)
    if max_length and allowed and max_length > allowed:
        raise InputError(f"`train.max_length` is {max_length:,}, and the base reads {allowed:,} tokens: lower it")
    return max_length or allowed


def encode(examples: Sequence[Example], renderer: Renderer, max_length: int | None, overlong: Overlong) -> EncodedSet:
    """Prompt and reply of every example, at most `max_length` tokens together; None: any length.

    Raises InputError as `fit` does, and when the chat template refuses a conversation.
    """
    return fit(examples, tokenise(examples, renderer), max_length, overlong)


def tokenise(examples: Sequence[Example], renderer: Renderer) -> list[Encoded]:
    """Prompt and reply of every example, whatever their length."""
    rows = []
    for example in examples:
        prompt, reply = renderer.prompt_ids(example.messages), renderer.reply_ids(example.target)
        assert prompt, "a prompt holds at least the user's text"
        assert reply[-1] == renderer.end_id, "the end of turn is supervised"
        rows.append(Encoded(example.id, tuple(prompt), tuple(reply)))
    return rows


def fit(examples: Sequence[Example], rows: Sequence[Encoded], max_length: int | None, overlong: Overlong) -> EncodedSet:
    """The rows (those of the examples, in order) of at most `max_length` tokens, longer ones treated as `overlong` says.

    `cut` takes tokens from the beginning of the prompt. Raises InputError, naming the first such row, for a longer row
    under `error`, and for a reply that leaves no room for a prompt unless such rows are dropped.
    """
    if max_length is None:
        return _done(list(rows), [], [])
    if overlong != "drop":
        _refuse_long_replies(examples, rows, max_length)
    long = [place for place, row in enumerate(rows) if len(row) > max_length]
    sources = [examples[place].source for place in long]
    if not long:
        return _done(list(rows), [], [])
    if overlong == "error":
        raise InputError(
            f"{sources[0]}: {len(rows[long[0]]):,} tokens, prompt and answer together, and the limit is {max_length:,}"
            f"{_more(long)}; shorten it, raise `train.max_length` where the base allows more, or set `train.overlong` to "
            "`drop` (such rows are left out) or `cut` (their prompts lose the beginning)"
        )
    if overlong == "drop":
        return _done([row for row in rows if len(row) <= max_length], sources, [])
    shorter = [replace(row, prompt=row.prompt[max(0, len(row) - max_length) :]) for row in rows]
    return _done(shorter, [], sources)


def _refuse_long_replies(examples: Sequence[Example], rows: Sequence[Encoded], max_length: int) -> None:
    long = [place for place, row in enumerate(rows) if len(row.reply) >= max_length]
    if long:
        raise InputError(
            f"{examples[long[0]].source}: the answer alone has {len(rows[long[0]].reply):,} tokens, and the limit is "
            f"{max_length:,}{_more(long)}; shorten it, remove the row, or raise `train.max_length` where the base allows more"
        )


def _more(places: Sequence[int]) -> str:
    others = len(places) - 1
    return f" (and {others:,} more row{'s' * (others > 1)})" if others else ""


def _done(rows: list[Encoded], dropped: list[str], cut: list[str]) -> EncodedSet:
    return EncodedSet(rows, dropped, cut, max((len(row.reply) for row in rows), default=0))
