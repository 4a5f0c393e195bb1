"""The ledger: for every row that a check has something against, what becomes of it and why; and the rows that come of it.

A row is dropped if any check's policy drops it; but of the copies of a row that is dropped for another reason, the first stays.
Fixes of several checks are made one after another, in the checks' order; of two that would change the same text, the second
is left for review.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sartor.curate.check import Check, Suspicions
from sartor.data.example import Example
from sartor.task import Action, CheckSpec

DUPLICATE_OF = "duplicate_of"
NAMING = (DUPLICATE_OF, "targets", "neighbour", "nearest", "test", "like")
"""What names rows in the evidence of a check."""
Outcome = str
"""`keep`, `drop`, `fix` or `review`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of the rows that one check flags."""

    check: str
    action: Action
    threshold: float

    @classmethod
    def of(cls, check: Check, spec: CheckSpec | None) -> "Policy":
        """The task's policy, or where it does not say the check's own. A check that is off and was asked for only shows."""
        action = spec.action if spec and spec.action else check.action
        action = "review" if action == "off" else action
        threshold = spec.threshold if spec and spec.threshold is not None else check.threshold
        return cls(check.name, action, threshold)


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the ledger."""

    row: str
    """What the row is called outside: its own id, else its number from 0."""
    check: str
    action: Outcome
    """What was done: `keep` where the score stays below the threshold; `review`: nothing, until a person says."""
    reason: str
    score: float
    evidence: Mapping[str, Any]

    def to_json(self, numbered: bool) -> str:
        """A line of JSON Lines; where rows are `numbered`, they are named by numbers and not by texts."""
        fields = asdict(self)
        if numbered:
            fields["row"] = int(self.row) if self.row.isdigit() else self.row  # what cannot be read has a place only
            rows = {name: _numbered(self.evidence[name]) for name in NAMING if name in self.evidence}
            fields["evidence"] = {**self.evidence, **rows}
        return json.dumps(fields, ensure_ascii=False)


def to_jsonl(decisions: Iterable[Decision], numbered: bool) -> str:
    """One line of JSON for each decision."""
    return "".join(each.to_json(numbered) + "\n" for each in decisions)


def _numbered(rows: Any) -> Any:
    """Rows' names, in whatever lists, as numbers."""
    if isinstance(rows, str):
        return int(rows) if rows.isdigit() else rows
    return [_numbered(row) for row in rows] if isinstance(rows, list | tuple) else rows


def decide(
    examples: Sequence[Example], found: Iterable[tuple[Policy, Suspicions]]
) -> tuple[list[Decision], list[Example]]:
    """The ledger, in the order of the checks and rows, and the rows that are left, fixed."""
    decisions = list[Decision]()
    mended = dict[int, Example]()
    dropped = set[int]()
    for policy, suspicions in found:
        for place, suspicion in sorted(suspicions.items()):
            action: Outcome = policy.action
            if suspicion.score <= policy.threshold:
                action = "keep"
            elif suspicion.disputed:
                action = "review"
            elif action == "fix":
                fixed = _merge(examples[place], mended.get(place, examples[place]), suspicion.fix)
                action = "fix" if fixed else "review"
                if fixed:
                    mended[place] = fixed
            elif action == "drop":
                dropped.add(place)
            decisions.append(
                Decision(
                    row=examples[place].id,
                    check=policy.check,
                    action=action,
                    reason=suspicion.reason,
                    score=float(suspicion.score),
                    evidence=suspicion.evidence,
                )
            )
    dropped -= _heirs(examples, decisions)
    left = [mended.get(place, example) for place, example in enumerate(examples) if place not in dropped]
    return decisions, left


def _heirs(examples: Sequence[Example], decisions: list[Decision]) -> set[int]:
    """The places of rows that were to be dropped as copies of a row that is dropped for another reason, the first copy of each;
    their decisions become `review`."""
    places = {example.id: place for place, example in enumerate(examples)}
    dropping: dict[str, list[int]] = {}
    for at, decision in enumerate(decisions):
        if decision.action == "drop":
            dropping.setdefault(decision.row, []).append(at)
    gone = {row for row, found in dropping.items() if any(DUPLICATE_OF not in decisions[at].evidence for at in found)}
    heirs: dict[str, int] = {}
    for row, found in dropping.items():
        for of in (decisions[at].evidence[DUPLICATE_OF] for at in found if row not in gone):
            if of in gone and of not in heirs:
                heirs[of] = places[row]
                for at in found:
                    reason = f"{decisions[at].reason}; but row {of} is dropped itself"
                    decisions[at] = replace(decisions[at], action="review", reason=reason)
                break
    return set(heirs.values())


def _merge(original: Example, current: Example, fix: Example | None) -> Example | None:
    """The row with one more fix; None where there is none, or an earlier one has changed the same part."""
    if fix is None:
        return None
    parts = [part for part in ("messages", "target", "labels") if getattr(fix, part) != getattr(original, part)]
    if not parts or any(getattr(current, part) != getattr(original, part) for part in parts):
        return None
    return replace(current, **{part: getattr(fix, part) for part in parts})
