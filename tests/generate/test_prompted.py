"""A prompted system that draws several samples of a row draws each as it would alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.networks import fast_network
from tests.tiny import tiny_tokenizer

from sartor.data.example import Example, Message
from sartor.generate.answer import Answer
from sartor.generate.engine import Sampling
from sartor.generate.forward import FastForward
from sartor.generate.prompted import PromptedSystem
from sartor.models.template import Renderer

ASKED = [Example(f"row {n}", (Message("user", f"note {n * 7} and then {'x' * n}"),), "") for n in range(5)]
RENDERER = Renderer(tiny_tokenizer(), "tiny")


def test_several_samples_are_those_that_are_drawn_one_by_one(llama: Path) -> None:
    forward = FastForward(fast_network(llama).decoder)

    def drawn(*draws: Sampling) -> list[Answer]:
        return PromptedSystem("drawn", forward, RENDERER, 12, draws=draws).answer(ASKED)

    three = [Sampling(temperature=1.0, seed=seed) for seed in (5, 6, 7)]
    together, alone = drawn(*three), list(zip(*map(drawn, three), strict=True))
    for answer, singles in zip(together, alone, strict=True):
        assert answer == replace(
            singles[0],
            others=tuple(single.text for single in singles[1:]),
            prompt_tokens=sum(single.prompt_tokens for single in singles),
            completion_tokens=sum(single.completion_tokens for single in singles),
        )
    assert all(len({answer.text, *answer.others}) == 3 for answer in together)


def test_the_likelihood_of_a_reference_is_that_of_its_tokens_and_a_long_one_has_none(llama: Path) -> None:
    forward = FastForward(fast_network(llama).decoder)
    asked = [replace(example, target=f"it is {n}" * (200 if n == 4 else 1)) for n, example in enumerate(ASKED)]
    found = PromptedSystem("s", forward, RENDERER, 4, likelihood=True, context=300).answer(asked)
    for example, answer in zip(asked[:4], found, strict=False):
        prompt, reply = RENDERER.prompt_ids(example.messages), RENDERER.reply_ids(example.target)
        [alone] = forward.read([], [prompt], len(reply)).logprobs([reply])
        assert answer.reference_logprob == pytest.approx(alone, rel=1e-4)
        assert answer.reference_tokens == len(reply)
    assert (found[4].reference_logprob, found[4].finish) == (None, "length")
