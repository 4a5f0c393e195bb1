"""Perplexity: exp of the mean over tokens, and the worst there is where a system does not tell it."""

import math
from dataclasses import replace

import pytest

from sartor.evaluate.metric import Scope, metric


def test_perplexity_is_over_tokens_and_not_over_rows(examples, answers) -> None:
    judge = metric("perplexity", Scope("summarization"))
    first, second = answers(["a", "b"])
    given = [
        replace(first, reference_logprob=-10.0, reference_tokens=10),
        replace(second, reference_logprob=-2.0, reference_tokens=1),
    ]
    assert judge.aggregate(judge.table(examples(["a", "b"]), given)) == pytest.approx(math.exp(12 / 11))


def test_a_system_that_does_not_tell_it_knows_nothing(examples, answers) -> None:
    judge = metric("perplexity", Scope("summarization"))
    assert judge.aggregate(judge.table(examples(["a"]), answers(["a"]))) == pytest.approx(judge.maximum)
    assert judge.unscored == {"0": "the system does not tell the likelihood of a text"}
