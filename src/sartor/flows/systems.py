"""The systems that answer a task: its cheapest honest rivals, and the specialist."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sartor.data.carve import sample
from sartor.data.example import Example, Message
from sartor.data.versions import content_hash
from sartor.flows.base import LoadedBase
from sartor.generate.answer import Answer, System
from sartor.generate.constrain import (
    ConstraintFactory,
    JsonConstraint,
    LabelsConstraint,
    json_grammar,
    label_pattern,
    regex_grammar,
)
from sartor.generate.endpoint import Endpoint
from sartor.generate.engine import Sampling
from sartor.generate.linear import LinearSystem
from sartor.generate.prompted import PromptedSystem
from sartor.generate.schema import infer_schema
from sartor.generate.trie import LabelTrie
from sartor.models.builtin import pulled
from sartor.models.encoder import Encoder
from sartor.models.template import few_shot
from sartor.progress import Progress, silent
from sartor.task import RivalSpec, TaskSpec

SPECIALIST = "specialist"
ROOM = 1.25
"""How much longer than the longest training answer an answer may be."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What training data say of the answers: saved with an adapter, so that it answers tomorrow as it was scored."""

    max_tokens: int
    labels: tuple[str, ...] = ()
    multi: bool = False
    schema: dict[str, Any] | None = None

    @classmethod
    def learn(cls, spec: TaskSpec, base: LoadedBase, train: Sequence[Example]) -> "Answering":
        longest = max(len(base.renderer.reply_ids(example.target)) for example in train)
        labels = tuple(sorted({label for example in train for label in example.labels}))
        return cls(
            max_tokens=spec.generate.max_tokens or int(longest * ROOM) + 1,
            labels=labels,
            multi=any(len(example.labels) != 1 for example in train) or spec.data.labels == "multi"
            if labels
            else False,
            schema=infer_schema(example.target for example in train) if spec.kind == "extraction" else None,
        )

    @classmethod
    def from_json(cls, learned: dict[str, Any]) -> "Answering":
        return cls(**(learned | {"labels": tuple(learned["labels"])}))


@dataclass(frozen=True, slots=True)
class Entrant:
    """A system that takes part, and is made when its turn comes."""

    name: str
    kind: str
    """`specialist`, `prompt`, `encoder` or `endpoint`."""
    inputs: dict[str, Any]
    """All that its answers depend on, beside the questions."""
    make: Callable[[], System]
    spec: TaskSpec
    """The task, with the prompt that this system is asked with."""
    endpoint: RivalSpec | None = None
    reads_target: bool = False
    """Its answers tell how likely the target is."""
    samples: int = 1
    """How many answers an endpoint is to give to each question."""


def prompted(
    name: str,
    spec: TaskSpec,
    base: LoadedBase,
    answering: Answering,
    adapter: Path | None = None,
    shots: Sequence[Example] = (),
) -> PromptedSystem:
    """The base, or an adapter on it, answering under the task's constraints."""
    limits = held(spec, base, answering)
    return PromptedSystem(
        name,
        base.forward(adapter),
        base.renderer,
        answering.max_tokens,
        shots=shots,
        trie=limits.trie,
        constrain=limits.constrain,
        draws=_draws(spec),
        context=base.context,
        likelihood=_likelihood(spec),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What answers are held to: one label of a tree, what a constraint allows, or nothing."""

    trie: LabelTrie | None = None
    constrain: ConstraintFactory | None = None
    grammar: str | None = None
    """The same in llguidance's Lark, for programs that know neither."""


def held(spec: TaskSpec, base: LoadedBase, answering: Answering) -> Held:
    """What a task's answers are held to."""
    tokenizer, stop, vocabulary = base.opened.tokenizer, sorted(base.renderer.stop_ids), base.vocabulary
    if not spec.generate.constrained:
        return Held()
    if answering.labels and not answering.multi:
        grammar = regex_grammar(label_pattern(answering.labels))
        return Held(trie=LabelTrie(answering.labels, base.renderer.reply_ids), grammar=grammar)
    if answering.labels:
        constrain: ConstraintFactory = LabelsConstraint.factory(tokenizer, vocabulary, answering.labels, stop=stop)
        return Held(constrain=constrain, grammar=regex_grammar(LabelsConstraint.pattern(answering.labels)))
    if answering.schema is not None:
        constrain = JsonConstraint.factory(tokenizer, vocabulary, answering.schema, stop=stop)
        return Held(constrain=constrain, grammar=json_grammar(answering.schema))
    return Held()


def _likelihood(spec: TaskSpec) -> bool:
    """Whether a KPI asks how likely the references are."""
    return any(kpi.name == "perplexity" for kpi in spec.kpis)


def specialist(
    name: str, spec: TaskSpec, base: LoadedBase, answering: Answering, adapter: Path | None, adapter_hash: str
) -> Entrant:
    """An adapter on its base, or within its weights where no folder is given."""
    inputs = _inputs(spec, base, answering) | {"adapter": adapter_hash}

    def make() -> System:
        return prompted(name, spec, base, answering, adapter)

    return Entrant(name, SPECIALIST, inputs, make, spec, reads_target=_likelihood(spec))


def _draws(spec: TaskSpec) -> list[Sampling]:
    """One for each sample of a row; no two seeds of a task have one in common."""
    temperature, samples = spec.generate.temperature, spec.generate.samples
    return [Sampling(temperature, spec.train.seed * samples + place) for place in range(samples)]


def rivals(
    spec: TaskSpec, base: LoadedBase, answering: Answering, train: Sequence[Example], test: Sequence[Example]
) -> list[Entrant]:
    """The rivals of a task, cheapest first: zero-shot, k-shot, encoder + linear for classification, endpoints.

    Where k shots do not fit the base's context beside the longest test row, fewer are shown, and the name says how many.
    """
    hint = _hint(spec, answering)
    inputs = _inputs(spec, base, answering) | {"hint": hint}
    likelihood = _likelihood(spec)
    found = [Entrant("zero-shot", "prompt", inputs, _prompting(spec, base, answering), spec, reads_target=likelihood)]
    if shots := _fitting(pick_shots(spec, train), base, answering, test):
        shown = inputs | {"shots": content_hash(shots)}
        make = _prompting(spec, base, answering, shots)
        found.append(Entrant(f"{len(shots)}-shot", "prompt", shown, make, spec, reads_target=likelihood))
    if spec.kind == "classification":
        pulled("all-minilm-l6-v2")  # says at once which command would fetch it
        fitted = {"encoder": True, "train": content_hash(train), "seed": spec.train.seed}
        found.append(Entrant("encoder + linear", "encoder", fitted, lambda: _linear(spec, train), spec))
    for rival in spec.rivals:
        asked = rival.model_dump(exclude={"price_in", "price_out", "key_env"})  # a price changes no answer
        sent = asked | {"max_tokens": answering.max_tokens, "hint": hint} | _sampled(spec)
        make = _endpoint(spec, rival, answering)
        found.append(
            Entrant(f"endpoint {rival.model}", "endpoint", sent, make, spec, rival, samples=spec.generate.samples)
        )
    return found


def pick_shots(spec: TaskSpec, train: Sequence[Example]) -> list[Example]:
    """The examples that the few-shot rival is shown: a seeded sample, of different labels where there are labels."""
    count = spec.generate.shots
    shots: list[Example] = []
    for example in sample(list(train), min(len(train), 20 * count), spec.train.seed, floor=0) if count else []:
        fresh = not example.labels or all(example.labels != shot.labels for shot in shots)
        if fresh and len(shots) < count:
            shots.append(example)
    return shots


def _fitting(shots: list[Example], base: LoadedBase, answering: Answering, test: Sequence[Example]) -> list[Example]:
    longest = max(test, key=lambda example: sum(len(message.content) for message in example.messages))
    while shots and base.context:
        prompt = base.renderer.prompt_ids(few_shot(longest.messages, shots))
        if len(prompt) + answering.max_tokens <= base.context:
            break
        shots = shots[:-1]
    return shots


class Hinted:
    """A system that is told the labels: a prompt that a careful person would write for a model that was not trained."""

    def __init__(self, system: System, hint: str) -> None:
        self.name, self._system, self._hint = system.name, system, hint

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        return self._system.answer([replace(e, messages=_add_hint(e.messages, self._hint)) for e in examples], progress)


def _prompting(
    spec: TaskSpec, base: LoadedBase, answering: Answering, shots: Sequence[Example] = ()
) -> Callable[[], System]:
    def make() -> System:
        name = f"{len(shots)}-shot" if shots else "zero-shot"
        return _hinted(prompted(name, spec, base, answering, shots=shots), spec, answering)

    return make


def _endpoint(spec: TaskSpec, rival: RivalSpec, answering: Answering) -> Callable[[], System]:
    return lambda: _hinted(Endpoint(rival, answering.max_tokens, **_sampled(spec)), spec, answering)


def _sampled(spec: TaskSpec) -> dict[str, Any]:
    """What an endpoint is asked beside the prompt; nothing where one answer is all, which it gives at temperature 0."""
    return spec.generate.model_dump(include={"temperature", "samples"}) if spec.generate.samples > 1 else {}


def _linear(spec: TaskSpec, train: Sequence[Example]) -> System:
    return LinearSystem.fit(_encoder(), train, spec.train.seed)


@lru_cache(maxsize=1)
def _encoder() -> Encoder:
    return Encoder.load()


def _inputs(spec: TaskSpec, base: LoadedBase, answering: Answering) -> dict[str, Any]:
    return {
        "base": base.opened.hash,
        "template": base.opened.template_hash,
        "dtype": f"{base.number_format[0]}{', matrices in 4 bits' if base.four_bits else ''}",
        "constrained": spec.generate.constrained,
        "temperature": spec.generate.temperature,
        "samples": spec.generate.samples,
        "seed": spec.train.seed if spec.generate.temperature else None,
        "answering": asdict(answering),
        "likelihood": _likelihood(spec),
    }


def _hint(spec: TaskSpec, answering: Answering) -> str:
    if not answering.labels:
        return ""
    how = "one or more of these labels, joined by '; '" if answering.multi else "exactly one of these labels"
    return f"Answer with {how}: {', '.join(answering.labels)}."


def _hinted(system: System, spec: TaskSpec, answering: Answering) -> System:
    hint = _hint(spec, answering)
    return Hinted(system, hint) if hint else system


def _add_hint(messages: tuple[Message, ...], hint: str) -> tuple[Message, ...]:
    first, *rest = messages
    if first.role == "system":
        return (Message("system", f"{first.content}\n{hint}"), *rest)
    return (Message("system", hint), *messages)
