"""What was judged, put as the scorecard page's view of it."""

from sartor.evaluate.scorecard import Score, Scorecard
from sartor.evaluate.wording import points
from sartor.flows.evaluate import Judged
from sartor.flows.gap import gap_view
from sartor.report.scorecard import MetricLine, PairLine, RecipeLine, ScorecardData, SlicesView, render_scorecard
from sartor.report.view import Mark


def scorecard_page(judged: Judged) -> str:
    """The HTML page of one or more systems on the same rows."""
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
            lines=tuple(_line(score, cards) for score in cards[0].all_scores.values()),
            recipes=tuple(
                RecipeLine(
                    recipe=found.recipe,
                    metric=found.title,
                    maximum=found.maximum,
                    mark=Mark(found.value, found.low, found.high, found.n, "rows and seeds", found.note),
                    seeds=len(found.systems),
                    spread=f"{100 * found.between / found.maximum:.1f} points",
                    share=f"{100 * found.seeds_share:.0f} %",
                )
                for found in judged.recipes
            ),
            comparisons=tuple(
                PairLine(
                    systems=f"{c.a} less {c.b}",
                    metric=cards[0].scores[c.metric].title,
                    points=points(c.difference, c.low, c.high, cards[0].scores[c.metric].maximum),
                    p_value=c.p_value,
                    detectable=f"{100 * c.mdd / cards[0].scores[c.metric].maximum:.1f} points",
                    test=c.test,
                )
                for c in (*judged.recipe_comparisons, *judged.comparisons)
            ),
            promotions=tuple(
                (str(each), tuple((condition.state, condition.text) for condition in each.conditions))
                for each in judged.promotions
            ),
            gaps=tuple(gap for gap in gaps if gap),
            slices=[
                SlicesView(
                    system=card.system,
                    column=judged.by or "",
                    titles=tuple(score.title for score in _shown(card)),
                    rows=tuple(
                        (value, tuple((_mark(score), score.maximum) for score in _shown(part)))
                        for value, part in judged.slices[card.system].items()
                    ),
                )
                for card in cards
                if judged.slices[card.system]
            ],
        )
    )


def _line(score: Score, cards: list[Scorecard]) -> MetricLine:
    marks = tuple(_mark(card.all_scores[score.name]) for card in cards)
    tags = ", ".join(["hard"] * score.hard + ["lower is better"] * (not score.higher_is_better))
    return MetricLine(score.title, score.about, tags, score.maximum, score.signature, marks)


def _mark(score: Score) -> Mark:
    return Mark(score.value, score.low, score.high, score.n, score.method, score.note)


def _shown(card: Scorecard) -> list[Score]:
    """What a slice shows: the primary KPI, and the usable rate."""
    return [card.primary, *([card.usable] if card.usable else [])]
