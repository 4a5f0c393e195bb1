"""The facts of an output beside those of its reference and its source: included, contradicted, omitted, hallucinated."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sartor.evaluate.facts.dates import agree
from sartor.evaluate.facts.fact import CRITICAL, NOTHING, Fact
from sartor.evaluate.facts.find import facts

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
    """The reference's facts; every fact stands in exactly one state. Places are those in the reference."""
    said: tuple[Fact, ...]
    """The output's facts, with their places in the output."""
    hallucinated: tuple[Fact, ...]
    """Those of them that neither source nor reference supports, and that contradict no fact of the reference."""

    @property
    def critical(self) -> tuple[Expected, ...]:
        """Doses, numbers, dates, names and negations; where the reference has none of them, all its terms."""
        return tuple(one for one in self.expected if one.fact.kind in CRITICAL) or self.expected

    @property
    def contradicting(self) -> tuple[Fact, ...]:
        """The output's facts that say otherwise than the reference."""
        return tuple({one.against.key: one.against for one in self.expected if one.against}.values())

    @property
    def faults(self) -> list[tuple[int, int]]:
        """Places in the output that say otherwise than the reference, or what nothing supports."""
        return sorted((fact.start, fact.end) for fact in (*self.contradicting, *self.hallucinated))

    @property
    def losses(self) -> list[tuple[int, int]]:
        """Places in the reference that the output contradicts or omits."""
        return [(one.fact.start, one.fact.end) for one in self.expected if one.state != "included"]

    @property
    def kept(self) -> bool:
        """Every critical fact is included, and no fact is contradicted."""
        return not self.contradicting and all(one.state == "included" for one in self.critical)


class Reading:
    """A text with its facts, found once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        return facts(self.text)

    @cached_property
    def held(self) -> "Held":
        return Held(self.facts)

    @cached_property
    def folded(self) -> str:
        """Without case and runs of white space: for a text in which the rules find no fact."""
        return " ".join(self.text.casefold().split())


def compare(reference: Reading, output: Reading, source: Reading) -> Comparison:
    """The facts of reference and output, side by side.

    A reference in which the rules find no fact is one fact, included where the output holds it word for word.
    """
    strange = [fact for fact in output.facts if not reference.held.holds(fact)]
    rivals = _Rivals(strange, source.held)
    expected = tuple(_judged(fact, reference.held, output.held, rivals) for fact in reference.facts)
    if not expected and reference.folded:
        whole = Fact("term", reference.folded, 0, len(reference.text))
        expected = (Expected(whole, "included" if reference.folded in output.folded else "omitted"),)
    against = {one.against.key for one in expected if one.against}
    strange = [fact for fact in strange if fact.key not in against and not source.held.holds(fact)]
    return Comparison(expected, output.facts, tuple(strange))


class Held:
    """What a text states, for asking whether it holds a fact."""

    def __init__(self, stated: Iterable[Fact]) -> None:
        self.units: dict[str, set[str]] = defaultdict(set)
        """Value → its units; `""` is a number that measures nothing."""
        self.beside: dict[tuple[str, str], dict[str, Fact]] = defaultdict(dict)
        """Unit and content word → the quantities that stand beside the word, by value."""
        self.dates: dict[str, set[str]] = defaultdict(set)
        """Month → forms of dates in it."""
        self.frequencies: set[str] = set()
        self.affirmed: dict[str, Fact] = {}
        self.negated: dict[str, Fact] = {}
        for fact in stated:
            match fact.kind:
                case "quantity" | "number":
                    self.units[fact.form].add(fact.unit if fact.kind == "quantity" else "")
                    for word in fact.about:
                        self.beside[fact.unit, word][fact.form] = fact
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
        for pile in (
            *(self._beside.get((fact.unit, word), []) for word in sorted(fact.about)),
            self._unsupported[fact.unit],
        ):
            while pile:
                if (rival := pile.pop()) not in self._taken:
                    self._taken.add(rival)
                    return rival
        return None


def _exchanged(fact: Fact, reference: Held, output: Held) -> Fact | None:
    """A quantity that stands beside another word in the output, and the one that took its place: doses of two drugs."""
    piles = [(word, output.beside.get((fact.unit, word), {})) for word in sorted(fact.about)]
    if fact.kind != "quantity" or any(fact.form in pile for _, pile in piles):
        return None
    others = (
        other for word, pile in piles for other in pile.values() if other.form not in reference.beside[fact.unit, word]
    )
    return next(others, None)


def _judged(fact: Fact, reference: Held, output: Held, rivals: _Rivals) -> Expected:
    if output.holds(fact):
        other = _exchanged(fact, reference, output)
        return Expected(fact, "contradicted" if other else "included", other)
    against = output.opposes(fact)
    if against and reference.holds(against):
        against = None  # the reference says both: hip pain, but no chest pain
    if against := against or rivals.take(fact):
        return Expected(fact, "contradicted", against)
    return Expected(fact, "omitted")
