"""A program in place of our engine is tried with every adapter that it loads."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from sartor.errors import SystemFailure
from sartor.flows.backend import Backend
from sartor.generate.relay import Heard
from sartor.generate.request import Request, TokenLogprob


class Program:
    """Says a token of the adapter's own; `confused` as vLLM's build for CPUs: what runs beside an adapter is answered by it."""

    def __init__(self, confused: bool = False, deaf: bool = False, logprob: float = -0.1) -> None:
        self.confused, self.deaf, self.logprob, self.running = confused, deaf, logprob, list[str]()

    @contextmanager
    def ask(self, request: Request) -> Iterator[Iterator[Heard]]:
        who = self.running[0] if self.confused and self.running else request.adapter
        token = 1 if self.deaf or who == "base" else 2
        logprob = -0.1 if who == "base" else self.logprob
        self.running.append(request.adapter)
        try:
            said = TokenLogprob(token, logprob, ((token, logprob),))
            yield iter([Heard("x", (token,), 1, (said,)), Heard("", (), 1, (), "length")])
        finally:
            self.running.pop()


class Tried(Backend):
    def _load(self, version: Any) -> int:
        return 7


BASE: Any = SimpleNamespace(
    opened=SimpleNamespace(hash="base", tokenizer=lambda text, add_special_tokens: {"input_ids": [1, 2, 3]})
)
VERSION: Any = SimpleNamespace(name="notes@1", hash="notes")


@pytest.mark.parametrize("confused", [False, True])
def test_a_base_that_an_adapter_answers_for_is_noticed(confused: bool) -> None:
    backend = Tried(Program(confused), 2, BASE)
    assert backend.load(VERSION) == 7
    assert backend.mixed == confused


@pytest.mark.parametrize(("program", "why"), [({"deaf": True}, "changes nothing"), ({"logprob": math.nan}, "finite")])
def test_an_adapter_that_is_not_applied_or_not_finite_is_refused(program: dict[str, Any], why: str) -> None:
    with pytest.raises(SystemFailure, match=why):
        Tried(Program(**program), 2, BASE).load(VERSION)
