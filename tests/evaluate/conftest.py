"""Small tasks, rows and answers, made in one call."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sartor.data.example import Example, Message
from sartor.generate.answer import Answer
from sartor.task import DataSpec, KpiSpec, TaskSpec


@pytest.fixture
def task() -> Callable[..., TaskSpec]:
    def make(kind: str, *kpis: str | KpiSpec, multi: bool = False) -> TaskSpec:
        data = DataSpec(train="rows.jsonl", input="text", target="label", labels="multi" if multi else None)
        named = tuple(KpiSpec(name=kpi) if isinstance(kpi, str) else kpi for kpi in kpis)
        return TaskSpec.model_validate({"task": "t", "kind": kind, "data": data, "kpis": named})

    return make


@pytest.fixture
def examples() -> Callable[..., list[Example]]:
    """Rows with these targets; a tuple is a row of several labels. `subjects`: whose row each is."""

    def make(targets: Sequence[str | tuple[str, ...]], subjects: Sequence[str] | None = None) -> list[Example]:
        return [
            Example(
                id=str(i),
                messages=(Message("user", f"question {i}"),),
                target=target if isinstance(target, str) else ";".join(target),
                labels=(target,) if isinstance(target, str) else target,
                subject=subjects[i] if subjects else None,
                source=f"rows.jsonl:{i + 1}",
            )
            for i, target in enumerate(targets)
        ]

    return make


@pytest.fixture
def answers() -> Callable[..., list[Answer]]:
    """Answers with these texts; None is an error."""

    def make(texts: Sequence[str | None], **more: Any) -> list[Answer]:
        return [
            Answer(str(i), "", finish="error") if text is None else Answer(str(i), text, **more)
            for i, text in enumerate(texts)
        ]

    return make
