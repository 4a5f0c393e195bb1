"""A learning curve put in words, and as its page's view of it."""

import math

import numpy as np

from sartor.curve.forecast import FAR, TRIED, Band
from sartor.curve.stop import Decision, Purchase
from sartor.flows.curve import LearningCurve
from sartor.report.curve import AheadRow, CurveData, ElsewhereRow, PointRow, render_curve
from sartor.report.format import money, plural, seconds

BAND_STEPS = 60
NOT_REACHED = 0.05
"""Of the draws: where the goal is reached in fewer, it is not to be had."""


def curve_page(drawn: LearningCurve) -> str:
    """The page as HTML."""
    return render_curve(curve_data(drawn))


def headline(drawn: LearningCurve) -> str:
    """The verdict in one sentence."""
    decision, size = drawn.decision, drawn.points[-1].size
    if decision is None:
        return f"No forecast: with more rows the {drawn.title} gets worse."
    if decision.all is None:
        return f"STOP at {size:,} training rows: there are no more to be had."
    rest = f"{decision.all.rows:,} more"
    if decision.word == "STOP":
        return f"STOP at {size:,} training rows: {rest} would not be worth what they cost."
    if decision.word == "CONTINUE":
        assert decision.next is not None
        return f"CONTINUE: label {decision.next.rows:,} more than the {size:,}."
    return f"INCONCLUSIVE at {size:,} training rows: neither that {rest} pay nor that they do not is shown."


def reasons(drawn: LearningCurve) -> list[str]:
    """Why, one sentence each; what the goal takes; and what the test set says."""
    decision, scale = drawn.decision, drawn.scale
    said = list[str]()
    if decision is None:
        fall = drawn.forecast.curve.fall
        assert fall is not None
        said.append(
            f"At {fall[1]:,.0f} rows the {drawn.title} is worse than at {fall[0]:,.0f}, by more than chance explains; no law of "
            "learning does that, so nothing is extrapolated: look at the later rows' labels, or at training that diverged."
        )
    elif decision.all and decision.next:
        said += [*_weighed(drawn, decision.all, decision.next), *_best(drawn, decision)]
        if decision.word == "INCONCLUSIVE" and decision.hidden:
            said.append(_hidden(drawn, decision))
    if drawn.goal is not None and decision:
        said.append(_goal(drawn))
    if made := drawn.experiment:
        test = made.test
        said.append(
            f"On the test set, {plural(made.seeds, 'seed')} of {drawn.points[-1].size:,} rows score "
            f"{scale.estimate(test.value, test.low, test.high)}, n = {test.n:,}; it took no part in the decision."
        )
    return said


def _weighed(drawn: LearningCurve, everything: Purchase, following: Purchase) -> list[str]:
    said = f"{_costing(drawn, everything, f'All {everything.rows:,} rows that could still be had')}"
    if everything.worth is not None:
        worth = everything.worth
        said += f", worth {_about(drawn, worth.value)}, and at most, the upper end of the 90 % band, {_about(drawn, worth.high)}"
    else:
        least = drawn.scale.points(drawn.prices.min_gain).lstrip("+")
        said += f", the 90 % band in brackets; they must bring {least} ({_key(drawn, 'min_gain')})"
    if drawn.experiment and (labelled := drawn.experiment.available - drawn.points[-1].size) > 0:
        said += f"; {labelled:,} of them are labelled already, and are weighed as if they were not"
    next = _costing(drawn, following, f"The next {plural(following.rows, 'row')}")
    if following.worth is not None:
        next += f", worth {_about(drawn, following.worth.value)}"
    return [f"{said}.", f"{next}."]


def _costing(drawn: LearningCurve, bought: Purchase, what: str) -> str:
    cost = f" cost {_price(drawn, bought.cost)} and" if drawn.prices.label else ""
    return f"{what}{cost} are forecast to bring {_gain(drawn, bought.gain)}"


def _best(drawn: LearningCurve, decision: Decision) -> list[str]:
    """What is expected to pay most, where that is neither the next step nor everything."""
    best, other = decision.best, (decision.all, decision.next)
    if decision.word != "CONTINUE" or not best or best.rows in [each.rows for each in other if each]:
        return []
    return [
        f"Most is to be expected of {best.rows:,} more rows: {_gain(drawn, best.gain)} for {_price(drawn, best.cost)}."
    ]


def _gain(drawn: LearningCurve, gain: Band) -> str:
    """`+3.7 points (0.8–8.8)`; where less is better, what is gained is a minus."""
    sign = 1 if drawn.forecast.curve.scale.higher else -1
    return drawn.scale.difference(sign * gain.value, *sorted((sign * gain.low, sign * gain.high)))


def _hidden(drawn: LearningCurve, decision: Decision) -> str:
    shown, needed = drawn.scale.points(decision.detectable).lstrip("+"), decision.rows_needed
    what = "These rows and seeds show" if drawn.experiment else "These intervals show"
    said = f"{what} gains of {shown} or more (80 % power), and the one that is forecast is smaller"
    assert decision.all is not None
    if decision.all.gain.value <= 0 or needed is None:
        return f"{said}: {'more rows to ask (`curve.rows`)' if drawn.experiment else 'narrower ones'} would tell more."
    if math.isinf(needed):
        return f"{said}: seeds differ by more than that, so train more of them (`curve.seeds`)."
    return f"{said}: about {plural(max(1, round(needed)), 'row')} to ask would show it (`curve.rows`)."


def _goal(drawn: LearningCurve) -> str:
    reach = drawn.reach
    assert reach is not None
    goal, labels = drawn.scale.number(reach.goal), reach.labels
    far = f"with up to {FAR:.0f} times the rows that were measured"
    if reach.share < NOT_REACHED:
        return f"The goal {goal} is not to be had with this base and recipe, {far}."
    if not math.isfinite(labels.value):
        share = round(100 * reach.share)
        return f"The goal {goal} is probably not to be had with this base and recipe: {share} % of the forecasts reach it {far}."
    high = f"{_round(labels.high):,}" if math.isfinite(labels.high) else "more than can be told"
    return f"The goal {goal} takes about {_round(labels.value):,} training rows ({_round(labels.low):,} to {high})."


def _key(drawn: LearningCurve, name: str) -> str:
    """Where the reader finds the setting: in `sartor.yaml`, or among the options."""
    return f"`curve.{name}`" if drawn.experiment else f"`--{name.replace('_', '-')}`"


def warnings(drawn: LearningCurve) -> list[str]:
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
        found += [
            *([made.test.note] if made.test.note else []),
            f"test set opened {plural(made.test_openings, 'time')}",
            *made.notes,
        ]
    if drawn.elsewhere and not all(each.cost for each in drawn.elsewhere):
        found.append(
            "what costs nothing by `costs.label` and `costs.hour` is ranked first: write what a label and an hour cost"
        )
    return found


def _round(estimate: float) -> int:
    """A number of 1 or more to two digits, since no more are known."""
    return int(round(estimate, 1 - math.floor(math.log10(estimate))))


def curve_data(drawn: LearningCurve) -> CurveData:
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
                _gain(drawn, each.gain),
                money(each.cost, drawn.currency),
            )
            for each in drawn.elsewhere
        ),
        goal=drawn.goal,
        costs=tuple((size, _cost(drawn, size)) for size in _ticks(drawn, most)),
        provenance=tuple(_provenance(drawn)),
    )


def _point(drawn: LearningCurve, place: int) -> PointRow:
    point = drawn.points[place]
    said = drawn.decisions.get(point.size)
    verdict = said.word if said else "–"
    took = f"{seconds(point.seconds)}, {money(point.money, drawn.currency)}" if point.seconds else "–"
    return PointRow(point.size, point.value, point.low, point.high, verdict, _cost(drawn, point.size), took)


def _ahead(drawn: LearningCurve, size: int) -> AheadRow:
    last, prices = drawn.points[-1].size, drawn.prices
    at, gain = drawn.forecast.at(size), drawn.forecast.gain(last, size)
    worth = "–" if prices.worth is None else _about(drawn, gain.value * prices.worth)
    return AheadRow(size, at.value, at.low, at.high, _gain(drawn, gain), _cost(drawn, size - last), worth)


def _cost(drawn: LearningCurve, labels: int) -> str:
    return _price(drawn, labels * drawn.prices.label) if drawn.prices.label else ""


def _price(drawn: LearningCurve, amount: float) -> str:
    """`$28,500`, `$187.50`"""
    return money(amount, drawn.currency).removesuffix(".00")


def _about(drawn: LearningCurve, amount: float) -> str:
    """Of an estimate two digits: `$1,900`, `$0.34`."""
    return _price(drawn, _round(amount) if amount >= 1 else amount)


def _ticks(drawn: LearningCurve, most: int) -> list[int]:
    """Sizes with room for their numbers on the axis: measured ones, the last of them in any case, and the end."""
    wanted = [drawn.points[-1].size, most, *(point.size for point in drawn.points)]
    chosen = list[int]()
    span = math.log(most / drawn.points[0].size)
    for size in wanted:
        if all(abs(math.log(size / other)) > span / 7 for other in chosen):
            chosen.append(size)
    return sorted(chosen)


def _provenance(drawn: LearningCurve) -> list[tuple[str, str]]:
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
            (
                "asked",
                f"{plural(made.asked, 'row')} that no training learned from, the same at every size; some chose its epoch",
            )
        )
        if made.untried:
            found.append(
                ("not trained", f"{', '.join(f'{size:,}' for size in made.untried)} rows, since the rule had said STOP")
            )
    worth = "not given" if drawn.prices.worth is None else money(drawn.prices.worth * scale.point, drawn.currency)
    label = "`costs.label`" if drawn.experiment else "`--label`"
    found.append(("a point is worth", f"{worth} ({_key(drawn, 'point')})"))
    found.append(("a label costs", f"{money(drawn.prices.label, drawn.currency)} ({label})"))
    return found
