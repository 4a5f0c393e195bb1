"""Programs: do they pass their unit tests, does one of several, and do they compile at all?

A program in a Markdown code fence is read without it: the first fenced block, or the whole answer where there is none.
"""

import math
import os
import re
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, lru_cache
from platform import python_version

import numpy as np

from sartor.data.example import Example
from sartor.errors import InputError, SystemFailure
from sartor.evaluate.metric import Array, Mean, Proportion, Scope, Unscored, register, text_of
from sartor.evaluate.sandbox import Limits, Outcome, Sandbox, Tier
from sartor.generate.answer import Answer

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
_REFERENCE = Limits(seconds=40, cpu_seconds=20)


def without_fence(text: str) -> str:
    """The first fenced block, up to the end where it is not closed; the whole text where there is no fence."""
    block = _FENCE.search(text)
    return block[1] if block else text


class _RunsTests(Mean):
    """A function of which programs of a row pass its unit tests."""

    kinds = ("code",)

    def applies(self, examples: Sequence[Example], answers: Sequence[Answer]) -> bool:
        return super().applies(examples, answers) and self._column is not None

    @property
    def conditions(self) -> str:
        """How programs are run, for signatures."""
        limits = Limits()
        return (
            f"python {python_version()}|fence:stripped|{self._where()}|cpu:{limits.cpu_seconds} s or 4 × the reference"
            f"|memory:{limits.memory_mb} MB"
        )

    def _where(self) -> str:
        if not self._column:
            return "no tests"
        try:
            return f"sandbox:{self.sandbox.tier}"
        except SystemFailure:
            return "no sandbox"  # every row is then unscored, or the run has stopped

    @cached_property
    def sandbox(self) -> Sandbox:
        return Sandbox()

    @property
    def _column(self) -> str | None:
        return self.scope.data.tests if self.scope.data else None

    def table(self, examples: Sequence[Example], answers: Sequence[Answer]) -> Array:
        """As every metric's, with as many rows at once as there are cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rows = list(pool.map(self.row, examples, answers))
        self.unscored = {row.id: self.unscored[row.id] for row in examples if row.id in self.unscored}
        return np.array(rows, dtype=np.float64)

    def tests(self, example: Example) -> list[str]:
        """The row's unit tests. Raises Unscored where it has none that can be run."""
        if not self._column:
            raise Unscored("the task names no column of unit tests as `data.tests`")
        found = example.columns.get(self._column)
        tests = [found] if isinstance(found, str) else found or []
        if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
            raise Unscored(f"its `{self._column}` is neither text nor a list of texts")
        if not any(test.strip() for test in tests):
            raise Unscored("the row has no unit tests")
        return tests

    def outcome(self, example: Example, text: str) -> Outcome:
        """Of the program in a text; one that is too slow gets four times what the reference takes, if that is more.

        Raises Unscored where it cannot be said whether it passes.
        """
        tests, program = tuple(self.tests(example)), without_fence(text.strip())
        if not program:
            return Outcome("failed", "no program")
        try:
            outcome = outcome_of(self.sandbox.tier, self.sandbox.limits, program, tests, example.target)
        except SystemFailure as fault:
            if self.name in self.scope.options:
                raise
            raise Unscored(str(fault)) from None
        if outcome.status == "broken tests":
            raise Unscored(f"its unit tests do not compile: {outcome.reason}")
        return outcome


@register
class TestsPass(_RunsTests, Proportion):
    """Share of programs that pass all unit tests of their row, run in a sandbox."""

    __test__ = False  # to pytest, which would collect it by its name
    name = "tests_pass"
    title = "unit tests passed"

    @property
    def signature(self) -> str:
        return f"tests_pass|{self.conditions}"

    def score(self, example: Example, answer: Answer) -> float:
        outcome = self.outcome(example, text_of(answer))
        if outcome.status != "passed":
            self.reasons[example.id] = f"{outcome.status}: {outcome.reason}".removesuffix(": ")
        return float(outcome.status == "passed")


@lru_cache(maxsize=1 << 16)
def outcome_of(tier: Tier, limits: Limits, program: str, tests: tuple[str, ...], reference: str) -> Outcome:
    """What becomes of a program; the same one is not run again, however often it is scored and compared."""
    outcome = Sandbox(tier, limits=limits).run(program, tests)
    if outcome.status != "timeout":
        return outcome
    began = time.monotonic()
    Sandbox(tier, limits=_REFERENCE).run(without_fence(reference), tests)
    seconds = math.ceil(4 * (time.monotonic() - began))
    if seconds <= limits.cpu_seconds:
        return outcome
    longer = replace(limits, cpu_seconds=seconds, seconds=2 * seconds)
    return Sandbox(tier, limits=longer).run(program, tests)


@register
class Compiles(Proportion):
    """Share of answers that are Python: they parse and compile."""

    name = "compiles"
    title = "compiling programs"
    kinds = ("code",)

    @property
    def signature(self) -> str:
        return f"compiles|python {python_version()}|fence:stripped"

    def score(self, example: Example, answer: Answer) -> float:
        program = without_fence(text_of(answer))
        return float(bool(program.strip()) and compiles(program))


@register
class PassAtK(_RunsTests):
    """Mean chance that at least one of k programs passes all unit tests, the k drawn from the row's samples.

    k is the KPI's `at`, 1 where the task does not say. A row with fewer samples is unscored. Raises InputError for a k
    that is no whole number, or more than any row can have.
    """

    name = "pass_at_k"
    title = "pass@k"

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        at = 1.0 if self.option.at is None else self.option.at
        if at < 1 or not at.is_integer():
            raise InputError(f"kpis: `at` of `pass_at_k` is k, a whole number of 1 or more, and not {at:g}: correct it")
        self.k = int(at)
        if self.k > scope.samples:
            raise InputError(
                f"kpis: `pass_at_k` at {self.k} needs {self.k} outputs a row, and a row has {scope.samples} at most: set "
                f"`generate: {{samples: {self.k}, temperature: 0.8}}`, or lower `at`"
            )
        self.title = f"pass@{self.k}"  # type: ignore[misc]  # the task says which k

    def applies(self, examples: Sequence[Example], answers: Sequence[Answer]) -> bool:
        return super().applies(examples, answers) and self.scope.samples > 1

    @property
    def signature(self) -> str:
        return f"pass_at_k|k:{self.k}|unbiased over the row's samples|{self.conditions}"

    def score(self, example: Example, answer: Answer) -> float:
        drawn = [] if answer.finish == "error" else [answer.text, *answer.others]
        if len(drawn) < self.k:
            raise Unscored(f"the row has {len(drawn)} of the {self.k} outputs that it takes")
        return pass_at_k(len(drawn), sum(self.outcome(example, text).status == "passed" for text in drawn), self.k)


def compiles(program: str) -> bool:
    """Whether a text is a Python module; it is not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(program, "program.py", "exec")
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return False
    return True


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of k programs passes, where c of the n that were drawn do: 1 − C(n − c, k) / C(n, k).

    Unbiased (Chen et al. 2021, arXiv 2107.03374). Raises ValueError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 ≤ c ≤ n and 1 ≤ k ≤ n; got n = {n}, c = {c}, k = {k}")
    return 1 - math.comb(n - c, k) / math.comb(n, k)
