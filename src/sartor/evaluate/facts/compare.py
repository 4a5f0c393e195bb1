"""The facts of an output beside those of its reference and its source: included, contradicted, omitted, hallucinated."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sartor.evaluate.facts.dates import agree
from sartor.evaluate.facts.fact import CRITICAL, NOTHING, Fact
from sartor.evaluate.facts.find import facts
from sartor.evaluate.facts.synonyms import OPPOSITES

State = Literal["included", "contradicted", "omitted"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A fact of the reference, and what became of it in the output."""

    fact: Fact
    state: State
    against: Fact | None = None
    """Contradicted: the output's fact that says otherwise."""


@dataclass(frozen=True, slots=True)
class Comparison:
    expected: tuple[Expected, ...]
    """The reference's facts; every fact stands in exactly one state."""
    said: tuple[Fact, ...]
    """The output's facts."""
    hallucinated: tuple[Fact, ...]
    """Those of them that neither source nor reference supports, and that contradict no fact of the reference."""

    @property
    def critical(self) -> tuple[Expected, ...]:
        """Doses, numbers, dates, names and negations; where the reference has none of them, all its terms."""
        return tuple(one for one in self.expected if one.fact.kind in CRITICAL) or self.expected

    def count(self, state: State) -> int:
        return sum(one.state == state for one in self.expected)


def compare(reference: str, output: str, source: str) -> Comparison:
    """The facts of a reference and an output, side by side. Places are those in the reference and in the output."""
    wanted, said = facts(reference), facts(output)
    in_reference, in_output, in_source = Held(wanted), Held(said), Held(facts(source))
    rivals = _Rivals([fact for fact in said if not in_reference.holds(fact)], in_source)
    expected = tuple(_judged(fact, in_reference, in_output, rivals) for fact in wanted)
    against = {one.against.key for one in expected if one.against}
    hallucinated = tuple(
        fact
        for fact in said
        if fact.key not in against and not in_reference.holds(fact) and not in_source.holds(fact)
    )
    return Comparison(expected, said, hallucinated)


class Held:
    """What a text states, for asking whether it holds a fact."""

    def __init__(self, stated: Iterable[Fact]) -> None:
        self.units: dict[str, set[str]] = defaultdict(set)
        """Value → its units; `""` is a number that measures nothing."""
        self.dates: dict[str, set[str]] = defaultdict(set)
        """Month → forms of dates in it."""
        self.frequencies: set[str] = set()
        self.affirmed: dict[str, Fact] = {}
        self.negated: dict[str, Fact] = {}
        for fact in stated:
            match fact.kind:
                case "quantity" | "number":
                    self.units[fact.form].add(fact.unit if fact.kind == "quantity" else "")
                case "date":
                    self.dates[fact.form.split("-")[1]].add(fact.form)
                case "frequency":
                    self.frequencies.add(fact.form)
                case "negation":
                    self.negated.setdefault(fact.form, fact)
                case _:
                    for word in (fact.form, *fact.form.split()):
                        self.affirmed.setdefault(word, fact)

    def holds(self, fact: Fact) -> bool:
        """The same value in the same unit or in none, a date that agrees, the same words with the same sign."""
        match fact.kind:
            case "quantity":
                return not self.units.get(fact.form, set()).isdisjoint((fact.unit, ""))
            case "number":
                return fact.form in self.units
            case "date":
                return any(agree(fact.form, form) for form in self.dates.get(fact.form.split("-")[1], ()))
            case "frequency":
                return fact.form in self.frequencies
            case "negation":
                return bool(self.negated) if fact.form == NOTHING else fact.form in self.negated
            case _:
                return all(word in self.affirmed for word in fact.form.split())

    def opposes(self, fact: Fact) -> Fact | None:
        """The statement with the other sign: `aspirin` for `not aspirin`, and the reverse."""
        if fact.kind == "negation":
            return self.affirmed.get(fact.form)
        return self.negated.get(fact.form) if fact.kind in ("term", "name") else None


class _Rivals:
    """Facts of the output that the reference does not hold: each can contradict one that it does."""

    def __init__(self, strange: Sequence[Fact], source: Held) -> None:
        self._beside: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        self._unsupported: dict[str, list[Fact]] = defaultdict(list)
        self._taken: set[Fact] = set()
        for fact in reversed(strange):
            if fact.unit:
                for word in fact.about:
                    self._beside[fact.unit, word].append(fact)
                if not source.holds(fact):
                    self._unsupported[fact.unit].append(fact)

    def take(self, fact: Fact) -> Fact | None:
        """Another value of the same unit: said of the same thing, else one that the source does not support either."""
        if not fact.unit:
            return None
        for pile in (*(self._beside.get((fact.unit, word), []) for word in sorted(fact.about)), self._unsupported[fact.unit]):
            while pile:
                if (rival := pile.pop()) not in self._taken:
                    self._taken.add(rival)
                    return rival
        return None


def _judged(fact: Fact, reference: Held, output: Held, rivals: _Rivals) -> Expected:
    if output.holds(fact):
        return Expected(fact, "included")
    against = output.opposes(fact)
    if against and reference.holds(against):
        against = None  # the reference says both: hip pain, but no chest pain
    if against := against or rivals.take(fact):
        return Expected(fact, "contradicted", against)
    return Expected(fact, "omitted")
