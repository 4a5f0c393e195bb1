"""Promotion: an adapter is asked beside the one in production and the rivals, and passes the task's gates or does not.

    goals        every KPI that has a goal, such as `cost`: its whole interval reaches it
    production   better than the adapter in production on the first KPI, no worse than a `margin` allows on the others
    rivals       better than every rival on the first KPI (Holm)
    parity       it computes what Transformers and PEFT make of its files
    leaks        no more test rows than allowed were among those that it learned from

All on the task's test set, whose opening is counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.duplicates import overlap
from sartor.data.example import Example
from sartor.data.history import History
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.evaluate.compare import ALPHA, Comparison, compare
from sartor.evaluate.own import load_functions
from sartor.evaluate.promotion import Condition, Verdict, beside, goals, superior, verdict_of
from sartor.evaluate.scorecard import Scorecard, score
from sartor.evaluate.statistics import holm
from sartor.flows.ask import Answered, ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.judging import ask_judges
from sartor.flows.predict import adapter_entrant
from sartor.flows.prepare import Task, prepare
from sartor.flows.systems import Answering, rivals
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import plural
from sartor.store import Store, disk_errors
from sartor.task import TaskSpec

PROMPTS, PARITY = 8, 0.01
"""Prompts that are read both ways, and how far apart they may be on average: rounding to bfloat16 is far below that."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule that an adapter must pass before it is promoted."""

    name: str
    conditions: list[Condition]

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.conditions)


@dataclass(frozen=True, slots=True)
class Gated:
    """An adapter before the gates of its task."""

    candidate: str
    incumbent: str | None
    """In production."""
    gates: list[Gate]
    n: int
    """Test rows."""
    test_openings: int

    @property
    def verdict(self) -> Verdict:
        return verdict_of([condition for gate in self.gates for condition in gate.conditions])

    @property
    def closed(self) -> list[str]:
        """The gates that it does not pass."""
        return [gate.name for gate in self.gates if gate.verdict != "PROMOTE"]

    def to_json(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate,
            "incumbent": self.incumbent,
            "verdict": self.verdict,
            "gates": [asdict(gate) | {"verdict": gate.verdict} for gate in self.gates],
            "n": self.n,
            "test_openings": self.test_openings,
        }


def gated(task: Task, store: Store, candidate: AdapterVersion, progress: Progress = silent) -> Gated:
    """What each gate says of an adapter. Nothing is moved.

    Raises InputError for an adapter of another base, and one that is in production already.
    """
    spec, registry = task.spec, Registry(store)
    if candidate.stage == "production":
        raise InputError(f"{candidate.name} is in production already")
    incumbent = next((each for each in registry.list(spec.task) if each.stage == "production"), None)
    prepared, base = prepare(task), LoadedBase(task, progress)
    splits = prepared.splits
    labelled = [*splits.train, *splits.validation]
    entrants = [adapter_entrant(task, base, registry.verified(each)) for each in (candidate, incumbent) if each]
    entrants += rivals(spec, base, Answering.learn(spec, base, labelled), labelled, splits.test)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        answered = {each.name: ask_once(steps, store, each, splits.test, progress) for each in entrants}
        asked = [pair for each in answered.values() for pair in zip(splits.test, each.answers, strict=True)]
        functions = load_functions(spec, task.folder) | ask_judges(steps, store, spec, asked, progress)
        openings = store.records.open_test(spec.task, content_hash(splits.test))
    own = answered[candidate.name]

    def less(other: Answered, kpi: str) -> Comparison:
        names, pair = (candidate.name, other.name), (own.answers, other.answers)
        return compare(kpi, *names, splits.test, *pair, spec, spec.train.seed, prepared.labels, functions)

    card = score(candidate.name, splits.test, own.answers, spec, spec.train.seed, prepared.labels, functions)
    first = spec.kpi_list[0].name
    reached = goals(list(card.scores.values()))
    gates = [Gate("goals", reached)] if reached else []
    if incumbent:
        beaten = [less(answered[incumbent.name], kpi.name) for kpi in spec.kpi_list if kpi.name in card.scores]
        gates.append(Gate("production", beside(spec, card, beaten)))
    others = [each for each in answered.values() if each.kind != "specialist"]
    gates.append(Gate("rivals", _rivals(card, [less(each, first) for each in others])))
    learned = [row for side in ("train", "validation") for row in _version(store, candidate, side)]
    gates.append(Gate("leaks", [_leaks(spec, learned, splits.test)]))
    gates.append(Gate("parity", [_parity(base, candidate, splits.test)]))
    return Gated(candidate.name, incumbent.name if incumbent else None, gates, len(splits.test), openings)


def _rivals(card: Scorecard, comparisons: Sequence[Comparison]) -> list[Condition]:
    """Better than each, by p-values that are adjusted for their number (Holm 1979)."""
    adjusted = holm([found.p_value for found in comparisons])
    conditions = list[Condition]()
    for found, p in zip(comparisons, adjusted, strict=True):
        verdict = found.verdict if p < ALPHA else "tie"
        condition = superior(card.scores[found.metric], replace(found, p_value=p, verdict=verdict))
        conditions.append(replace(condition, text=f"{found.b}: {condition.text}"))
    return conditions


def _version(store: Store, adapter: AdapterVersion, side: str) -> Iterator[Example]:
    yield from History(store, adapter.task).examples(adapter.manifest["dataset"][side])


def _leaks(spec: TaskSpec, learned: Sequence[Example], test: Sequence[Example]) -> Condition:
    shared = overlap(learned, test, spec.kind).exact
    some = f"{plural(len(shared), 'test row')} among those that it learned from"
    where = f" ({shared[0].train} = {shared[0].test})" if shared else ""
    return Condition(
        "passed" if len(shared) <= spec.gates.leaks else "failed", f"{some}{where}, {spec.gates.leaks} allowed"
    )


def _parity(base: LoadedBase, adapter: AdapterVersion, test: Sequence[Example]) -> Condition:
    """Mean Kullback-Leibler divergence of the next token after some prompts, from PEFT's distribution to the engine's."""
    if base.slow_because or base.four_bits or adapter.manifest["method"] == "bottleneck":
        return Condition("passed", "there is one way only to compute it")
    prompts = [base.renderer.prompt_ids(row.messages) for row in test[:PROMPTS]]
    ours, theirs = (
        forward.read([], prompts, 0).logits.double().log_softmax(-1)
        for forward in (base.forward(adapter.path), base.plain_forward(adapter.path))
    )
    apart = float((theirs.exp() * (theirs - ours)).sum(-1).mean())
    told = f"{apart:.1g} nats from PEFT on {plural(len(prompts), 'prompt')}, {PARITY:g} allowed"
    return Condition("passed" if apart <= PARITY else "failed", told)
