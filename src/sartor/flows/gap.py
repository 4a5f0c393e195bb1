"""Perceived against real quality, put as the report's view of it."""

from collections.abc import Sequence

from sartor.data.example import Example
from sartor.evaluate.acceptance import failed_kpis
from sartor.evaluate.discrepancy import Discrepancy, sentence
from sartor.evaluate.marks import marks, pieces
from sartor.evaluate.scorecard import Scorecard
from sartor.report.view import GapRow, GapView, MisledView
from sartor.scale import SHARE
from sartor.task import TaskSpec

MOST_MISLED = 6


def gap_view(
    spec: TaskSpec, examples: Sequence[Example], card: Scorecard, gaps: Sequence[Discrepancy]
) -> GapView | None:
    """The view of a system's discrepancies, the most misleading metric first; None where there are none."""
    if not gaps:
        return None
    first = gaps[0]
    seen, primary = card.scores[first.metric], card.primary
    places = {row.id: i for i, row in enumerate(card.rows)}
    return GapView(
        system=card.system,
        sentence=sentence(first, card),
        rows=tuple(_row(gap, card) for gap in gaps),
        dots=tuple((row.scores[first.metric], row.scores[primary.name], bool(row.usable)) for row in card.rows),
        axes=((seen.title, seen.scale.maximum), (primary.title, primary.scale.maximum)),
        threshold=first.threshold,
        misled=tuple(
            _misled(examples[places[id]], card, places[id], first, spec) for id in first.misleading[:MOST_MISLED]
        ),
    )


def _row(gap: Discrepancy, card: Scorecard) -> GapRow:
    correlation = "constant"
    if gap.correlation is not None:
        correlation = f"{gap.correlation:.2f}"
        if gap.correlation_low is not None and gap.correlation_high is not None:
            correlation += f" ({gap.correlation_low:.2f} to {gap.correlation_high:.2f})"
    return GapRow(
        title=gap.title,
        threshold=card.scores[gap.metric].scale.number(gap.threshold),
        threshold_from=gap.threshold_from,
        perceived=gap.perceived,
        usable=gap.usable,
        points=SHARE.difference(gap.difference, gap.low, gap.high),
        correlation=correlation.replace("-", "\N{MINUS SIGN}"),
        quadrants=gap.quadrants,
    )


def _misled(example: Example, card: Scorecard, place: int, gap: Discrepancy, spec: TaskSpec) -> MisledView:
    row, score = card.rows[place], card.scores[gap.metric]
    faults, losses = marks(example, row.text, spec.kind)
    return MisledView(
        id=example.id,
        source=example.source,
        question=example.question,
        expected=tuple(pieces(example.target, losses)),
        answered=tuple(pieces(row.text, faults)),
        score=score.scale.number(row.scores[gap.metric]),
        failed=tuple(
            f"{card.scores[name].title} ({row.reasons[name]})" if name in row.reasons else card.scores[name].title
            for name in failed_kpis(spec, card.scores, row.scores)
        ),
    )
