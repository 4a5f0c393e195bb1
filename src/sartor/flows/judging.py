"""Asking the judges of a task: every output beside its reference, in both orders, as often as the task says."""

from collections.abc import Mapping, Sequence

from sartor.data.example import Example
from sartor.evaluate.judge import Judge, Verdicts, agreement, pair_prompts, verdict
from sartor.evaluate.metric import Unscored, text_of
from sartor.flows.ask import ask_once
from sartor.flows.systems import Entrant
from sartor.generate.answer import Answer
from sartor.generate.endpoint import Endpoint
from sartor.jobs.steps import Steps
from sartor.progress import Progress
from sartor.store import Store
from sartor.task import JudgeSpec, TaskSpec

Rows = Sequence[tuple[Example, Answer]]


def ask_judges(steps: Steps, store: Store, spec: TaskSpec, rows: Rows, progress: Progress) -> dict[str, Judge]:
    """The judges of the task's KPIs, with their verdicts on the answers of all systems; kept verdicts are read back."""
    return {
        kpi.name: _ask(steps, store, spec, kpi.name, kpi.judge, rows, progress)
        for kpi in spec.kpis
        if kpi.judge is not None
    }


def compare_with_people(judges: Mapping[str, Judge], rows: Rows) -> None:
    """Note how each judge agrees with the column that its `human` names, on the rows that have a number there."""
    for judge in judges.values():
        if judge.spec.human is None:
            continue
        pairs = []
        for row, answer in rows:
            people = row.columns.get(judge.spec.human)
            try:
                if isinstance(people, bool | int | float):
                    pairs.append((judge(row, text_of(answer)), float(people)))
            except Unscored:
                continue
        if pairs:
            judge.agreement = agreement(*zip(*pairs, strict=True))


def _ask(
    steps: Steps, store: Store, spec: TaskSpec, name: str, judge: JudgeSpec, rows: Rows, progress: Progress
) -> Judge:
    outputs = {(row.id, text_of(answer)): row for row, answer in rows if text_of(answer)}
    asked = {
        key: pair_prompts(row, key[1], judge, f"output {n}")
        for n, (key, row) in enumerate(outputs.items(), start=1)
        if key[1] != row.target.strip()
    }
    prompts = [prompt for pair in asked.values() for prompt in pair]
    given: list[list[Answer]] = []
    for repeat in range(judge.repeats if prompts else 0):
        given.append(ask_once(steps, store, _entrant(spec, name, judge, repeat), prompts, progress).answers)
    verdicts: dict[tuple[str, str], Verdicts] = {}
    for n, key in enumerate(asked):
        first, second = (
            tuple(verdict(replies[2 * n + order].text, output_first=order == 0) for replies in given)
            for order in range(2)
        )
        verdicts[key] = first, second
    return Judge(judge, verdicts)


def _entrant(spec: TaskSpec, name: str, judge: JudgeSpec, repeat: int) -> Entrant:
    inputs = {
        "endpoint": judge.endpoint,
        "model": judge.model,
        "max_tokens": judge.max_tokens,
        "temperature": judge.temperature,
        "repeat": repeat,
    }
    label = f"judge {name}, repeat {repeat + 1}"
    return Entrant(
        label, "judge", inputs, lambda: Endpoint(judge, judge.max_tokens, judge.temperature), spec, endpoint=judge
    )
