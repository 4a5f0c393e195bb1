"""What was judged, put as the scorecard page's view of it."""

from sartor.evaluate.scorecard import Score, Scorecard
from sartor.flows.evaluate import Judged
from sartor.flows.gap import gap_view
from sartor.report.scorecard import (
    DetailsView,
    MetricLine,
    PairLine,
    RecipeLine,
    ScorecardData,
    SlicesView,
    render_scorecard,
)
from sartor.report.view import DetailRow, Mark, MethodsView

MOST_CONFUSIONS = 15


def scorecard_page(judged: Judged, methods: MethodsView | None = None) -> str:
    """The HTML page of one or more systems on the same rows; with what they take, where they are methods."""
    cards = judged.cards
    gaps = (gap_view(judged.spec, judged.examples, card, judged.gaps[card.system]) for card in cards)
    return render_scorecard(
        ScorecardData(
            title=judged.spec.task,
            kind=judged.spec.kind,
            rows=len(judged.examples),
            headline=judged.headline,
            notes=tuple(judged.notes),
            systems=tuple(card.system for card in cards),
            lines=tuple(_line(score, cards) for score in judged.all_scores),
            recipes=tuple(
                RecipeLine(
                    recipe=found.recipe,
                    metric=found.title,
                    scale=found.scale,
                    mark=Mark(found.value, found.low, found.high, found.n, "rows and seeds", found.note),
                    seeds=len(found.systems),
                    spread=found.scale.points(found.between).lstrip("+"),
                    share=f"{100 * found.seeds_share:.0f} %",
                )
                for found in judged.recipes
            ),
            comparisons=tuple(
                PairLine(
                    systems=f"{c.a} less {c.b}",
                    metric=cards[0].scores[c.metric].title,
                    points=cards[0].scores[c.metric].scale.difference(c.difference, c.low, c.high),
                    p_value=c.p_value,
                    q_value=c.p_value if c.q_value is None else c.q_value,
                    verdict=c.verdict,
                    detectable=cards[0].scores[c.metric].scale.points(c.mdd).lstrip("+"),
                    test=c.test,
                )
                for c in (*judged.recipe_comparisons, *judged.comparisons)
            ),
            promotions=tuple(
                (str(each), tuple((condition.state, condition.text) for condition in each.conditions))
                for each in judged.promotions
            ),
            gaps=tuple(gap for gap in gaps if gap),
            details=[
                DetailsView(
                    system=card.system,
                    part="class" if judged.spec.kind == "classification" else "field",
                    rows=tuple(DetailRow(d.name, d.support, d.precision, d.recall, d.f1) for d in card.details),
                    confusions=tuple(card.confusions[:MOST_CONFUSIONS]),
                )
                for card in cards
                if card.details
            ],
            slices=[
                SlicesView(
                    system=card.system,
                    column=judged.by or "",
                    titles=tuple(score.title for score in _shown(card)),
                    rows=tuple(
                        (value, tuple((_mark(score), score.scale) for score in _shown(part)))
                        for value, part in judged.slices[card.system].items()
                    ),
                )
                for card in cards
                if judged.slices[card.system]
            ],
            methods=methods,
        )
    )


def _line(score: Score, cards: list[Scorecard]) -> MetricLine:
    found = (card.all_scores.get(score.name) for card in cards)
    marks = tuple(_mark(each) if each else None for each in found)
    tags = ", ".join(["hard"] * score.hard + ["lower is better"] * (not score.higher_is_better))
    return MetricLine(score.title, score.about, tags, score.scale, score.signature, marks)


def _mark(score: Score) -> Mark:
    return Mark(score.value, score.low, score.high, score.n, score.method, score.note)


def _shown(card: Scorecard) -> list[Score]:
    """What a slice shows: the primary KPI, and the usable rate."""
    return [card.primary, *([card.usable] if card.usable else [])]
