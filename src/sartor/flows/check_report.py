"""What the preflight found, as values: for the terminal, for machines and for the page of the run."""

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

from sartor.data.agreement import Agreement
from sartor.data.duplicates import DuplicateGroup, Overlap
from sartor.errors import InputError
from sartor.report.format import plural
from sartor.task import Kind

SHOWN = 5
"""Most pieces of evidence of one kind in the JSON document."""
BINS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: the run does not start; `warning`: a result may mislead; `note`: worth knowing."""

    level: Literal["error", "warning", "note"]
    text: str


@dataclass(frozen=True, slots=True)
class FileView:
    role: Literal["train", "test"]
    name: str
    format: str
    """What was detected: `CSV, comma, 3 columns`."""
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class PartCount:
    """A label, or a field of the answers, and in how many rows of each side it occurs."""

    name: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """An example exactly as the loss sees it."""

    id: str
    source: str
    spans: tuple[tuple[str, bool], ...]
    """(text, whether it is supervised); special tokens are spelled out, the end of turn is the last."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of each training and validation example, prompt and answer together, before anything is dropped or cut."""

    values: tuple[int, ...]
    limit: int | None
    """Most tokens of an example, by the task or else the base; None: no limit is known."""
    dropped: int
    cut: int

    def quantile(self, q: float) -> int:
        """The smallest length that at least this share of the examples does not exceed."""
        return sorted(self.values)[max(0, math.ceil(q * len(self.values)) - 1)]

    @property
    def bins(self) -> list[tuple[int, int, int]]:
        """(from, below, examples): at most ten bins of one width."""
        low, high = min(self.values), max(self.values)
        width = (high - low) // BINS + 1
        edges = range(low, high + width + 1, width)
        return [(a, b, sum(a <= value < b for value in self.values)) for a, b in pairwise(edges)]

    def to_json(self) -> dict[str, Any]:
        return {
            "min": min(self.values),
            "median": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "max": max(self.values),
            "limit": self.limit,
            "dropped": self.dropped,
            "cut": self.cut,
            "bins": [{"from": low, "below": high, "examples": count} for low, high, count in self.bins],
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """What training is estimated to take, on one machine."""

    machine: str
    number_format: str
    parameters: int
    trainable: int
    tokens: int
    """Computed, over all epochs."""
    seconds: float
    """Of training alone; early stopping may save some."""
    memory_bytes: int
    gradient_checkpointing: bool
    machine_memory_bytes: int
    money: float | None
    """None where no price of an hour is known."""
    currency: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    task: str
    kind: Kind
    base: str
    base_hash: str
    files: tuple[FileView, ...]
    rows: dict[str, int]
    """Examples of each side: `train`, `validation`, `test`."""
    test_version: str
    """The hash of the test rows, by which their openings are counted."""
    test_openings: int
    """How often they were opened so far."""
    split_notes: tuple[str, ...]
    template_notes: tuple[str, ...]
    """What is peculiar about the base's chat template."""
    rendered: tuple[Rendered, ...]
    """The first training examples."""
    supervised_tokens: int
    """Of the training examples, in one epoch."""
    longest_target: int
    """Tokens of the longest answer, the end of turn included."""
    lengths: Lengths
    duplicates: tuple[DuplicateGroup, ...]
    """Training and validation rows that ask the same."""
    overlaps: dict[str, Overlap]
    """`test`: what it shares with training and validation; `validation`: with training."""
    agreement: Agreement | None
    """Of the people who answered training and validation rows; None where none was answered twice."""
    parts: tuple[PartCount, ...]
    """The labels of a classification, or the fields of an extraction."""
    cost: Cost
    findings: tuple[Finding, ...]

    @property
    def repeated(self) -> int:
        """Training and validation rows that repeat an earlier one's question."""
        return sum(len(group.rows) - 1 for group in self.duplicates)

    @property
    def contradictions(self) -> int:
        """Questions of training that have different answers."""
        return sum(not group.same_target for group in self.duplicates)

    @property
    def leaked(self) -> int:
        """Test rows that are also in training or validation, question and target."""
        return len(self.overlaps["test"].exact)

    def of_level(self, level: Literal["error", "warning", "note"]) -> list[str]:
        return [finding.text for finding in self.findings if finding.level == level]

    def raise_for_errors(self) -> None:
        """Raises InputError with the first error, the others counted."""
        if errors := self.of_level("error"):
            more = f" (and {plural(len(errors) - 1, 'more problem')})" if len(errors) > 1 else ""
            raise InputError(errors[0] + more)

    def to_json(self) -> dict[str, Any]:
        """One document for machines; of evidence, the first five pieces of each kind."""
        return {
            "task": self.task,
            "kind": self.kind,
            "base": {"name": self.base, "hash": self.base_hash, "template_notes": list(self.template_notes)},
            "files": [asdict(file) for file in self.files],
            "rows": self.rows,
            "test": {"version": self.test_version, "openings": self.test_openings},
            "split_notes": list(self.split_notes),
            "findings": [asdict(finding) for finding in self.findings],
            "rendered": [
                {
                    "id": one.id,
                    "source": one.source,
                    "spans": [{"text": text, "supervised": supervised} for text, supervised in one.spans],
                }
                for one in self.rendered
            ],
            "supervised_tokens": self.supervised_tokens,
            "longest_target": self.longest_target,
            "lengths": self.lengths.to_json(),
            "duplicates": {
                "groups": len(self.duplicates),
                "repeated_rows": self.repeated,
                "contradictions": self.contradictions,
                "evidence": [
                    {"places": list(group.places), "same_target": group.same_target}
                    for group in sorted(self.duplicates, key=lambda group: group.same_target)[:SHOWN]
                ],
            },
            "leakage": {side: _leakage(found) for side, found in self.overlaps.items()},
            "agreement": asdict(self.agreement) if self.agreement else None,
            "parts": [asdict(part) for part in self.parts],
            "cost": asdict(self.cost),
        }


def _leakage(found: Overlap) -> dict[str, Any]:
    kinds = ("exact", "questions", "contradictions", "groups", "subjects")
    counts = {kind: len(getattr(found, kind)) for kind in kinds}
    return counts | {"evidence": [asdict(match) for match in (found.questions or found.exact)[:SHOWN]]}
