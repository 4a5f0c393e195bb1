"""A learning curve put in words, and as its page's view of it."""

import math

import numpy as np

from sartor.curve.forecast import TRIED
from sartor.curve.stop import Decision
from sartor.flows.curve import Drawn
from sartor.report.curve import AheadRow, CurveData, ElsewhereRow, PointRow, render_curve
from sartor.report.format import money, plural, seconds

BAND_STEPS = 60
NOT_REACHED = 0.05
"""Of the draws: where the goal is reached in fewer, it is not to be had."""


def curve_page(drawn: Drawn) -> str:
    """The page as HTML."""
    return render_curve(curve_data(drawn))


def headline(drawn: Drawn) -> str:
    """The verdict in one sentence."""
    decision, size = drawn.decision, drawn.points[-1].size
    if decision is None:
        return f"No forecast: with more rows the {drawn.title} falls."
    if decision.all is None:
        return f"STOP at {size:,} training rows: there are no more to be had."
    rest = f"{decision.all.rows:,} more"
    if decision.word == "STOP":
        return f"STOP at {size:,} training rows: {rest} would not be worth what they cost."
    if decision.word == "CONTINUE":
        assert decision.next is not None
        return f"CONTINUE: label {decision.next.rows:,} more than the {size:,}."
    return f"INCONCLUSIVE at {size:,} training rows: neither that {rest} pay nor that they do not is shown."


def reasons(drawn: Drawn) -> list[str]:
    """Why, one sentence each; what the goal takes; and what the test set says."""
    decision, scale = drawn.decision, drawn.scale
    said = list[str]()
    if decision is None:
        fall = drawn.forecast.curve.fall
        assert fall is not None
        said.append(
            f"The {drawn.title} at {fall[1]:,.0f} rows lies below that at {fall[0]:,.0f} by more than two standard errors; no "
            "law of learning does that, so nothing is extrapolated: look at the later rows' labels, or at training that diverged."
        )
    elif decision.all is not None:
        said += _weighed(drawn, decision)
    if drawn.goal is not None and decision:
        said.append(_goal(drawn))
    if made := drawn.experiment:
        test = made.test
        said.append(
            f"On the test set, {plural(made.seeds, 'seed')} of {drawn.points[-1].size:,} rows score "
            f"{scale.estimate(test.value, test.low, test.high)}, n = {test.n:,}; it took no part in the decision."
        )
    return said


def _weighed(drawn: Drawn, decision: Decision) -> list[str]:
    everything, following = decision.all, decision.next
    assert everything is not None
    assert following is not None
    scale = drawn.scale
    gain = everything.gain
    shown = scale.difference(gain.value, gain.low, gain.high)
    cost = f" cost {_price(drawn, everything.cost)} and" if drawn.prices.label else ""
    said = f"All {everything.rows:,} rows that could still be had{cost} are forecast to bring {shown}"
    if everything.worth is not None:
        worth = everything.worth
        said += f", worth {_about(drawn, worth.value)}, and at most, the upper end of the 90 % band, {_about(drawn, worth.high)}."
    else:
        least = scale.points(drawn.prices.min_gain).lstrip("+")
        said += f", the 90 % band in brackets; they must bring {least} (`curve.min_gain`)."
    sentences = [said]
    step = following.gain
    next = f"The next {following.rows:,} rows"
    if drawn.prices.label:
        next += f" cost {_price(drawn, following.cost)} and"
    next += f" are forecast to bring {scale.difference(step.value, step.low, step.high)}"
    if following.worth is not None:
        next += f", worth {_about(drawn, following.worth.value)}"
    sentences.append(f"{next}.")
    best = decision.best
    if decision.word == "CONTINUE" and best and best.rows not in (everything.rows, following.rows):
        gained = scale.points(best.gain.value)
        sentences.append(f"Most is to be expected of {best.rows:,} more rows: {gained} for {_price(drawn, best.cost)}.")
    if decision.hidden:
        sentences.append(_hidden(drawn, decision))
    return sentences


def _hidden(drawn: Drawn, decision: Decision) -> str:
    gain, needed = drawn.scale.points(decision.detectable).lstrip("+"), decision.rows_needed
    said = f"These rows and seeds show gains of {gain} or more (80 % power), and the one that is forecast is smaller"
    if needed is None:
        return f"{said}: narrower intervals would show it."
    if math.isinf(needed):
        return f"{said}: seeds differ by more than that, so train more of them (`curve.seeds`)."
    return f"{said}: about {max(1, round(needed)):,} rows to ask would show it (`curve.rows`)."


def _goal(drawn: Drawn) -> str:
    reach = drawn.reach
    assert reach is not None
    goal, labels = drawn.scale.number(reach.goal), reach.labels
    if reach.share < NOT_REACHED:
        return f"The goal {goal} is not to be had with this base and recipe, however many rows are labelled."
    if not math.isfinite(labels.value):
        share = round(100 * reach.share)
        return (
            f"The goal {goal} is probably not to be had with this base and recipe: {share} % of the forecasts reach it."
        )
    high = f"{_round(labels.high):,}" if math.isfinite(labels.high) else "more than can be told"
    return f"The goal {goal} takes about {_round(labels.value):,} training rows ({_round(labels.low):,} to {high})."


def warnings(drawn: Drawn) -> list[str]:
    """What is to be minded."""
    last = drawn.points[-1].size
    found = list[str]()
    if drawn.decision and drawn.most > TRIED * last:
        times = drawn.most / last
        found.append(
            f"{drawn.most:,} rows are {times:.0f} times the largest size that was measured: beyond {TRIED:.0f} times a "
            "forecast is a guess of the laws' shape."
        )
    if made := drawn.experiment:
        if made.test.note:
            found.append(made.test.note)
        found.append(f"test set opened {plural(made.test_openings, 'time')}")
    return found


def _round(estimate: float) -> int:
    """A number above 1 to two digits, since no more are known."""
    return int(round(estimate, 1 - math.floor(math.log10(estimate)))) if estimate >= 1 else round(estimate)


def curve_data(drawn: Drawn) -> CurveData:
    decision, last = drawn.decision, drawn.points[-1].size
    most = max(drawn.most, 2 * last) if decision else last
    sizes = np.geomspace(drawn.points[0].size, most, BAND_STEPS) if decision else ()
    bands = [(float(size), drawn.forecast.at(size)) for size in sizes]
    return CurveData(
        task=drawn.task,
        title=drawn.title,
        scale=drawn.scale,
        headline=headline(drawn),
        reasons=tuple(reasons(drawn)),
        warnings=tuple(warnings(drawn)),
        points=tuple(_point(drawn, i) for i in range(len(drawn.points))),
        ahead=tuple(_ahead(drawn, size) for size in sorted({min(2 * last, most), min(4 * last, most), most}))
        if decision
        else (),
        band=tuple((size, band.value, band.low, band.high) for size, band in bands),
        elsewhere=tuple(
            ElsewhereRow(
                each.what,
                each.how,
                drawn.scale.difference(each.gain.value, each.gain.low, each.gain.high),
                money(each.cost, drawn.currency),
            )
            for each in drawn.elsewhere
        ),
        goal=drawn.goal,
        costs=tuple((size, _cost(drawn, size)) for size in _ticks(drawn, most)),
        provenance=tuple(_provenance(drawn)),
    )


def _point(drawn: Drawn, place: int) -> PointRow:
    point = drawn.points[place]
    said = drawn.decisions.get(point.size)
    verdict = said.word if said else "–"
    took = f"{seconds(point.seconds)}, {money(point.money, drawn.currency)}" if point.seconds else "–"
    return PointRow(point.size, point.value, point.low, point.high, verdict, _cost(drawn, point.size), took)


def _ahead(drawn: Drawn, size: int) -> AheadRow:
    last, scale, prices = drawn.points[-1].size, drawn.scale, drawn.prices
    at, gain = drawn.forecast.at(size), drawn.forecast.gain(last, size)
    worth = "–" if prices.worth is None else _about(drawn, gain.value * prices.worth)
    shown = scale.difference(gain.value, gain.low, gain.high)
    return AheadRow(size, at.value, at.low, at.high, shown, _cost(drawn, size - last), worth)


def _cost(drawn: Drawn, labels: int) -> str:
    return _price(drawn, labels * drawn.prices.label) if drawn.prices.label else ""


def _price(drawn: Drawn, amount: float) -> str:
    """`$28,500`, `$187.50`"""
    return money(amount, drawn.currency).removesuffix(".00")


def _about(drawn: Drawn, amount: float) -> str:
    """Of an estimate two digits: `$1,900`."""
    return _price(drawn, _round(amount))


def _ticks(drawn: Drawn, most: int) -> list[int]:
    """Sizes with room for their numbers on the axis: measured ones, the last of them in any case, and the end."""
    wanted = [drawn.points[-1].size, most, *(point.size for point in drawn.points)]
    chosen = list[int]()
    span = math.log(most / drawn.points[0].size)
    for size in wanted:
        if all(abs(math.log(size / other)) > span / 7 for other in chosen):
            chosen.append(size)
    return sorted(chosen)


def _provenance(drawn: Drawn) -> list[tuple[str, str]]:
    last, scale = drawn.points[-1].size, drawn.scale
    found = [
        (
            "forecast",
            "three laws (pow3, pow4, rectified), each fitted to 1,000 resampled curves, their forecasts pooled",
        )
    ]
    if drawn.decision:
        ahead = max(drawn.most, 2 * last)
        laws = ", ".join(f"{law} {scale.number(value)}" for law, value in drawn.forecast.by_law(ahead).items())
        found.append((f"each law alone at {ahead:,} rows", laws))
    if made := drawn.experiment:
        trained = f"{plural(made.seeds, 'seed')} a size, each on a nested, stratified part of {made.available:,} rows"
        found.append(("trainings", trained))
        found.append(
            ("asked", f"{plural(made.asked, 'row')} that no training saw, the same at every size; they decide")
        )
        if made.untried:
            found.append(
                ("not trained", f"{', '.join(f'{size:,}' for size in made.untried)} rows, since the rule had said STOP")
            )
    worth = "not given" if drawn.prices.worth is None else money(drawn.prices.worth * scale.point, drawn.currency)
    found.append(("a point is worth", f"{worth} (`curve.point`)"))
    found.append(("a label costs", f"{money(drawn.prices.label, drawn.currency)} (`costs.label`)"))
    return found
