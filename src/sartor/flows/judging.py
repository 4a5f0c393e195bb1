"""Asking the judges of a task: every output beside its reference, in both orders, as often as the task says."""

from collections.abc import Mapping, Sequence

from sartor.data.example import Example
from sartor.evaluate.judge import Judge, Verdicts, agreement, pair_prompts, verdict
from sartor.evaluate.metric import Unscored, text_of
from sartor.flows.ask import ask_once
from sartor.flows.systems import Entrant
from sartor.generate.answer import Answer, System
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
    asked = [(key, row) for key, row in outputs.items() if key[1] != row.target.strip()]
    prompts = [
        prompt
        for n, ((_, output), row) in enumerate(asked, start=1)
        for prompt in pair_prompts(row, output, judge, f"output {n}")
    ]
    replies = ask_once(steps, store, _entrant(spec, name, judge), prompts, progress).answers if prompts else []
    verdicts: dict[tuple[str, str], Verdicts] = {}
    for (key, _), first, second in zip(asked, replies[::2], replies[1::2], strict=True):
        verdicts[key] = _verdicts(first, output_first=True), _verdicts(second, output_first=False)
    return Judge(judge, verdicts)


def _verdicts(reply: Answer, output_first: bool) -> tuple[float | None, ...]:
    return tuple(verdict(text, output_first) for text in (reply.text, *reply.others))


def _entrant(spec: TaskSpec, name: str, judge: JudgeSpec) -> Entrant:
    inputs = judge.model_dump(include={"endpoint", "model", "max_tokens", "temperature", "repeats"})

    def make() -> System:
        temperature = judge.temperature if judge.repeats > 1 else 0.0
        return Endpoint(judge, judge.max_tokens, temperature, judge.repeats)

    return Entrant(f"judge {name}", "judge", inputs, make, spec, endpoint=judge, samples=judge.repeats)
