"""The ledger: for every row that a check has something against, what becomes of it and why; and the rows that come of it.

A row is dropped if any check's policy drops it. Fixes of several checks are made one after another, in the checks' order;
of two that would change the same text, the second is left for review.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sartor.curate.check import Check, Suspicions
from sartor.data.example import Example
from sartor.task import Action, CheckSpec

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
            fields["row"] = (
                int(self.row) if self.row.isdigit() else self.row
            )  # a row that cannot be read has a place only
            if "duplicate_of" in self.evidence:
                fields["evidence"] = {**self.evidence, "duplicate_of": int(self.evidence["duplicate_of"])}
        return json.dumps(fields, ensure_ascii=False)


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
    left = [mended.get(place, example) for place, example in enumerate(examples) if place not in dropped]
    return decisions, left


def _merge(original: Example, current: Example, fix: Example | None) -> Example | None:
    """The row with one more fix; None where there is none, or an earlier one has changed the same part."""
    if fix is None:
        return None
    parts = [part for part in ("messages", "target", "labels") if getattr(fix, part) != getattr(original, part)]
    if not parts or any(getattr(current, part) != getattr(original, part) for part in parts):
        return None
    return replace(current, **{part: getattr(fix, part) for part in parts})
