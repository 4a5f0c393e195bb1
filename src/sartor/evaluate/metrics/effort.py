"""What an answer takes: time, tokens and money. Measured, in units without an end; lower is better."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, get_args

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.evaluate.metric import Array, Mean, Scope, Unscored, register
from sartor.generate.answer import Answer
from sartor.task import Kind


class _Effort(Mean):
    """The scale ends at the most that was measured: what a row without a measurement counts as."""

    kinds = get_args(Kind)
    higher_is_better = False
    needs_target = False
    maximum = math.inf
    unknown: ClassVar[str]
    """Why there may be no measurement, and what to do."""

    @property
    def signature(self) -> str:
        return f"{self.name}|mean"

    @abstractmethod
    def of(self, answer: Answer) -> float | None:
        """What the answer took; None where it was not measured."""

    def applies(self, examples: Sequence[Example], answers: Sequence[Answer]) -> bool:
        return any(self.of(answer) is not None for answer in answers)

    def table(self, examples: Sequence[Example], answers: Sequence[Answer]) -> Array:
        known = [found for answer in answers if (found := self.of(answer)) is not None]
        if not known:
            raise InputError(f"kpis: `{self.name}` cannot be told of these answers: {self.unknown}")
        before = 0.0 if math.isinf(self.maximum) else self.maximum
        self.maximum = max(before, *known) or 1.0
        return super().table(examples, answers)

    def score(self, example: Example, answer: Answer) -> float:
        found = self.of(answer)
        if found is None:
            raise Unscored("not measured")
        return found


@register
class Seconds(_Effort):
    """Mean time of an answer: an endpoint's from request to reply, of a batch each answer's share."""

    name = "seconds"
    title = "seconds per answer"
    unit = "s"
    unknown = "they carry no `seconds`"

    def of(self, answer: Answer) -> float | None:
        return answer.seconds or None


@register
class Tokens(_Effort):
    """Mean number of tokens, those of the prompt and of the answer."""

    name = "tokens"
    title = "tokens per answer"
    unit = "tokens"
    unknown = "they carry no `prompt_tokens` and `completion_tokens`"

    def of(self, answer: Answer) -> float | None:
        return float(answer.prompt_tokens + answer.completion_tokens) or None


@register
class Cost(_Effort):
    """What 1,000 answers cost: the tokens of an endpoint at its price, else the time on this machine at `costs.hour`."""

    name = "cost"
    title = "cost of 1,000 answers"
    unknown = "set `costs.hour`, and `price_in` and `price_out` of an endpoint"

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.unit = scope.currency

    def of(self, answer: Answer) -> float | None:
        return None if answer.cost is None else 1000 * answer.cost
