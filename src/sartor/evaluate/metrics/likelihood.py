"""How likely the reference is to the model itself: what its training lowered, whatever it then writes."""

import math
from typing import get_args

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.metric import Array, Metric, register
from sartor.generate.answer import Answer
from sartor.task import Kind

HIGHEST = 1e5
"""About as perplexed as a model can be that knows nothing: its vocabulary."""


@register
class Perplexity(Metric):
    """Perplexity of the reference, its end of turn included; lower is better. Endpoints and encoders do not tell it.

    exp of the mean negative log-likelihood of all reference tokens, which long references have more of. Only systems
    that share a tokenizer can be compared by it.
    """

    name = "perplexity"
    title = "perplexity of the reference"
    kinds = get_args(Kind)
    higher_is_better = False
    maximum = HIGHEST
    unit = "perplexity"
    on_request = True

    @property
    def signature(self) -> str:
        return f"perplexity|tokens of the base|end of turn:yes|at most:{HIGHEST:g}"

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        if answer.reference_logprob is None:
            self.unscored[example.id] = "the system does not tell the likelihood of a text"
            return math.log(HIGHEST), 1.0
        return -answer.reference_logprob, float(answer.reference_tokens)

    def of_sums(self, sums: Array) -> Array:
        return np.minimum(np.exp(sums[..., 0] / sums[..., 1]), HIGHEST)
