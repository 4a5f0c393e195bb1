"""What a system gives back for an example, and what a system is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sartor.data.example import Example
from sartor.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Answer:
    id: str
    """The example's id."""
    text: str
    label_probs: dict[str, float] | None = None
    """Classification, where the system has them: a probability per label, summing to 1; where rows may have several labels,
    each label's by itself."""
    prompt_tokens: int = 0
    """Read for `text` and `others` together; `completion_tokens` likewise."""
    completion_tokens: int = 0
    finish: Literal["stop", "length", "error"] = "stop"
    """Of `text`. `length`: cut at the token limit; `error`: no answer was had, and `text` is empty."""
    others: tuple[str, ...] = ()
    """Further answers to the same question, drawn as `text` was."""
    reference_logprob: float | None = None
    """Log-likelihood of the example's target, its end of turn included, where it was asked for and the system knows it."""
    reference_tokens: int = 0
    """How many tokens that is over."""
    seconds: float = 0.0
    """What it took: of an endpoint the request's own time, retries included, else its share of the batch it was in."""
    cost: float | None = None
    """What it cost, in the task's currency; None where no price is known."""


class System(Protocol):
    """Anything that answers: a base with a prompt, an adapter, an encoder with a linear model, an endpoint."""

    name: str
    """What the report calls it: `specialist`, `zero-shot`, `4-shot`, `encoder + linear`, `endpoint MODEL`."""

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        """One answer per example, in the same order."""
        ...
