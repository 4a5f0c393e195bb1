"""Scorecards, recipes over their seeds, comparisons and the gap as tables for a terminal; everything reads without colour too."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.evaluate.discrepancy import sentence
from sartor.evaluate.recipes import RecipeScore
from sartor.evaluate.scorecard import Score
from sartor.flows.evaluate import Judged
from sartor.report.format import p_value


def show(judged: Judged, console: Console) -> None:
    """Print every system's scores, then those over seeds, the comparisons, the gap and the slices."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in ("metric", *(card.system for card in judged.cards), "n"):
        table.add_column(Text(header), overflow="fold")  # an interval is never cut
    for first in judged.all_scores:
        found = (card.all_scores.get(first.name) for card in judged.cards)
        table.add_row(Text(first.title), *(_mark(each) if each else "not measured" for each in found), f"{first.n:,}")
    console.print(Text(judged.headline, style="bold"))
    console.print(table)
    for note in judged.notes:
        console.print(Text(note, style="yellow"))
    if judged.recipes:
        console.print(Text("\nOver training seeds", style="bold"))
        console.print(_recipes(judged.recipes))
    comparisons = [*judged.recipe_comparisons, *judged.comparisons]
    if comparisons:
        console.print(Text("\nPaired on the same rows", style="bold"))
    for c in comparisons:
        scale = judged.cards[0].scores[c.metric].scale
        many = (
            f", of {len(comparisons)} adjusted {p_value(c.q_value).replace('p', 'q')}" if c.q_value is not None else ""
        )
        console.print(
            Text(
                f"{c.metric}: {c.a} less {c.b} {scale.difference(c.difference, c.low, c.high)}, {p_value(c.p_value)}{many} "
                f"({c.test}); {scale.points(c.mdd).lstrip('+')} could be detected: {c.verdict}"
            )
        )
    for each in judged.promotions:
        console.print(Text(str(each), style="bold"))
        for condition in each.conditions:
            console.print(Text(f"  {condition.state}: {condition.text}"))
    for card in judged.cards:
        gaps = judged.gaps[card.system]
        if gaps:
            console.print(Text(f"\nPerceived against real, {card.system}", style="bold"))
            console.print(Text(sentence(gaps[0], card)))
        parts = judged.slices[card.system]
        if parts:
            primary = card.primary.name
            slices = Table("slice", card.primary.title, "usable", "n", box=None, pad_edge=False, header_style="dim")
            for value, part in parts.items():
                usable = _mark(part.usable) if part.usable else ""
                slices.add_row(Text(value), _mark(part.scores[primary]), usable, f"{part.n:,}")
            console.print(Text(f"\nSlices, {card.system}", style="bold"))
            console.print(slices)


def _recipes(recipes: Sequence[RecipeScore]) -> Table:
    columns = ("recipe", "metric", "seeds", "score", "SD of seeds", "variance from seeds")
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for found in recipes:
        spread, share = found.scale.points(found.between).lstrip("+"), f"{100 * found.seeds_share:.0f} %"
        table.add_row(Text(found.recipe), found.title, str(len(found.systems)), _mark(found), spread, share)
    return table


def _mark(score: Score | RecipeScore) -> str:
    return score.scale.estimate(score.value, score.low, score.high)
