"""What curation did, put as its page's view of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from sartor.curate.check import Suspicions
from sartor.curate.ledger import Decision, Policy
from sartor.data.duplicates import duplicate_groups
from sartor.data.example import Example
from sartor.evaluate.marks import Span, pieces
from sartor.flows.curate import Curated
from sartor.report.curation import CheckView, CurationData, OffenderView, PlantedView, RowView, render_curation
from sartor.report.format import plural
from sartor.task import Kind

MOST_WORST = 6
CURVE_POINTS = 40


def curation_page(made: Curated, plan: bool, planted: tuple[PlantedView, ...] = (), proof: tuple[str, ...] = ()) -> str:
    """The HTML page of a curation; with what was found of planted flaws where a key names them, and sentences that say whether it
    paid where that was tried."""
    return render_curation(
        CurationData(
            task=made.spec.task,
            kind=made.spec.kind,
            headline=headline(made, plan),
            profile=tuple(_profile(made)),
            remarks=tuple(made.remarks),
            proof=proof,
            planted=planted,
            checks=tuple(_check(made, policy) for policy in made.policies),
            provenance=(
                ("version before", f"sha256 {made.before}"),
                ("version after", f"sha256 {made.after}" if made.after else "none was made"),
            ),
        )
    )


def headline(made: Curated, plan: bool) -> str:
    """One sentence: what became of the rows."""
    before, review = len(made.examples), len({each.row for each in made.decisions if each.action == "review"})
    fixed = len({each.row for each in made.decisions if each.action == "fix"})
    done = "would be" if plan else "were"
    dropped = before - len(made.left)
    return f"Of {plural(before, 'row')}, {dropped:,} {done} dropped and {fixed:,} mended; {review:,} wait for a person's eyes."


def _profile(made: Curated) -> list[tuple[str, float, float]]:
    a, b = (_measures(rows, made.spec.kind) for rows in (made.examples, made.left))
    return [(what, a[what], b[what]) for what in a]


def _measures(rows: Sequence[Example], kind: Kind) -> dict[str, float]:
    groups = duplicate_groups(rows, kind)
    found: dict[str, float] = {
        "rows": len(rows),
        "rows that repeat another's question": sum(len(group.rows) - 1 for group in groups),
        "questions with contradicting targets": sum(not group.same_target for group in groups),
        "characters of a question, median": median(len(row.question) for row in rows) if rows else 0,
        "characters of a target, median": median(len(row.target) for row in rows) if rows else 0,
    }
    if classes := Counter(label for row in rows for label in row.labels):
        found |= {"classes": len(classes), "rows of the smallest class": min(classes.values())}
    return found


def _check(made: Curated, policy: Policy) -> CheckView:
    title, about = made.about[policy.check]
    found, flagged = made.found[policy.check], made.flagged(policy.check)
    known = {example.id: example for example in made.examples}
    places = {example.id: place for place, example in enumerate(made.examples)}
    worst = sorted(flagged, key=lambda each: (-each.score, places[each.row]))[:MOST_WORST]
    return CheckView(
        name=policy.check,
        title=title,
        about=about,
        action=policy.action,
        threshold=policy.threshold,
        suspected=len(found),
        flagged=len(flagged),
        curve=_curve(found),
        worst=tuple(_offender(each, found, known, places[each.row]) for each in worst),
    )


def _curve(found: Suspicions) -> tuple[tuple[float, int], ...]:
    """Rows above a threshold, at the scores that there are, thinned; empty where all score the same."""
    scores = sorted(suspicion.score for suspicion in found.values())
    distinct = sorted(set(scores))
    if len(distinct) < 2:
        return ()
    step = -(-len(distinct) // CURVE_POINTS)
    shown = distinct[::step]
    return tuple((score, sum(each > score for each in scores)) for score in shown)


def _offender(decision: Decision, found: Suspicions, known: Mapping[str, Example], place: int) -> OffenderView:
    beside, beside_is = _other(decision, known), ""
    if beside:
        beside_is = f"row {beside.id}"
    elif fix := found[place].fix:
        beside, beside_is = fix, "as it would be"
    return OffenderView(
        row=_row(known[decision.row], _unsupported(decision)),
        action=decision.action,
        reason=decision.reason,
        score=decision.score,
        beside=_row(beside) if beside else None,
        beside_is=beside_is,
    )


def _other(decision: Decision, known: Mapping[str, Example]) -> Example | None:
    """The row that the evidence says this one is like, or contradicts."""
    if of := decision.evidence.get("duplicate_of"):
        return known.get(of)
    others = [side[0] for side in decision.evidence.get("targets", ()) if decision.row not in side]
    return known.get(others[0]) if others else None


def _unsupported(decision: Decision) -> list[Span]:
    """The places of the target that the evidence says its input does not support."""
    places = decision.evidence.get("unsupported", {}).values()
    return [(start, end) for each in places for start, end in each]


def _row(example: Example, marked: Sequence[Span] = ()) -> RowView:
    return RowView(example.id, example.question, tuple(pieces(example.target, marked)))
