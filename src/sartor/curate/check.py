"""The contract of every check, and the registry that finds one by name.

A check looks at all rows once and gives each a score: 0 for nothing to say, higher for more suspicious. What is flagged
follows from a threshold, and what becomes of it from the task's policy; both can change without looking again.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, TypeVar, get_args

from sartor.complaints import did_you_mean
from sartor.curate.pool import Pool
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.task import Action, Kind


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a check has against one row."""

    score: float
    reason: str
    """One sentence for a person: `same question as row 12, another label`. Neither it nor the evidence quotes a row; labels and
    the keys of records are words of the task."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON: what a person, or a program, can check the reason by. Rows are named by their ids, texts by their places."""
    fix: Example | None = None
    """The row as the check would have it, where it knows."""
    disputed: bool = False
    """What becomes of the row is for a person to say, whatever the policy."""


Suspicions = dict[int, Suspicion]
"""By the row's place. Rows that are not in it score 0."""


class Check(ABC):
    """Looks for one flaw in rows."""

    name: ClassVar[str]
    title: ClassVar[str]
    """As it stands in a sentence: `near-duplicates`."""
    kinds: ClassVar[tuple[Kind, ...]] = get_args(Kind)
    action: ClassVar[Action] = "review"
    """What becomes of flagged rows where the task does not say. Only what is certain may be another than `review`."""
    threshold: ClassVar[float] = 0.0
    """Rows that score above it are flagged, where the task does not say."""

    encodes: ClassVar[bool] = False
    """Whether it reads what rows mean, which takes the sentence encoder."""

    @property
    def version(self) -> str:
        """What else its findings depend on, beside the rows and this release; they are kept while it is the same."""
        return ""

    @abstractmethod
    def look(self, pool: Pool) -> Suspicions:
        """Every row that scores above 0. The same pool gives the same result."""

    def remarks(self, pool: Pool) -> list[str]:
        """What there is to say about the set as a whole, one sentence each."""
        return []


_registry: dict[str, type[Check]] = {}
C = TypeVar("C", bound=type[Check])


def register(cls: C) -> C:
    """Class decorator: makes a check known by its name."""
    _registry[cls.name] = cls
    return cls


def check_names(kind: Kind) -> list[str]:
    """All checks of a kind of task, in the order in which they are made."""
    import_module("sartor.curate.checks")  # its modules register themselves, and import this one
    return [name for name, cls in _registry.items() if kind in cls.kinds]


def make_check(name: str, kind: Kind) -> Check:
    """The check of that name. Raises InputError with the nearest name when there is none."""
    known = check_names(kind)
    if name not in known:
        raise InputError(
            f"there is no check `{name}` for {kind}{did_you_mean(name, known)}; there are {', '.join(known)}"
        )
    return _registry[name]()
