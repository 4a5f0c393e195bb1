"""The stop rule, on curves of which one knows what they are worth."""

import math

import numpy as np
import pytest

from sartor.curve.forecast import Forecast
from sartor.curve.ladder import check_sizes, ladder
from sartor.curve.points import Curve, Goodness
from sartor.curve.stop import Prices, decide
from sartor.errors import InputError

SIZES = np.array([250.0, 500, 1_000, 2_000])


def forecast(exponent=0.5, floor=0.1, drop=0.4, noise=0.003, rows=300, draws=300):
    lacks = floor + drop * (SIZES / SIZES[0]) ** -exponent
    drawn = lacks + noise * np.random.default_rng(0).standard_normal((draws, len(SIZES)))
    return Forecast(Curve(SIZES, lacks, drawn, Goodness(), rows, row_error=noise * math.sqrt(2)))


def test_a_flat_curve_stops_where_a_row_costs_anything():
    found = decide(forecast(exponent=2.0), 10_000, 500, Prices(label=1.5, worth=20_000))
    assert found.word == "STOP"
    assert found.best is None
    assert found.all is not None
    assert found.all.worth is not None
    assert found.all.rows == 8_000
    assert found.all.cost == 12_000
    assert found.all.worth.high < found.all.cost


def test_a_steep_curve_goes_on_and_says_what_the_next_step_brings():
    found = decide(forecast(exponent=0.4), 10_000, 500, Prices(label=1.0, worth=1_000_000))
    assert found.word == "CONTINUE"
    assert found.next is not None
    assert found.next.rows == 500
    assert found.next.cost == 500
    assert found.next.worth is not None
    assert found.next.worth.value == pytest.approx(1_000_000 * found.next.gain.value)
    assert 0.01 < found.next.gain.value < 0.04


def test_a_gain_too_small_to_be_seen_is_no_reason_to_stop():
    blurred = forecast(exponent=0.8, noise=0.03)
    found = decide(blurred, 4_000, 500, Prices(label=1.0, min_gain=0.02))
    assert found.hidden
    assert found.word == "INCONCLUSIVE"
    assert found.rows_needed is not None
    assert found.rows_needed > 300


def test_all_rows_together_may_not_pay_where_a_smaller_purchase_does():
    found = decide(forecast(exponent=0.6, noise=0.001), 100_000, 500, Prices(label=1.0, worth=50_000))
    assert found.all is not None
    assert found.all.gain.value < found.all.needed
    assert found.best is not None
    assert found.best.rows < 5_000
    assert found.word == "CONTINUE"


def test_without_a_point_s_worth_the_least_gain_decides():
    assert decide(forecast(exponent=2.0), 10_000, 500, Prices(label=1.5)).word == "STOP"
    assert decide(forecast(exponent=0.4), 10_000, 500, Prices(label=1.5)).word == "CONTINUE"
    assert decide(forecast(exponent=0.4), 10_000, 500, Prices(label=1.5, min_gain=0.5)).word == "STOP"


def test_what_costs_nothing_never_stops():
    found = decide(forecast(exponent=0.5), 10_000, 500, Prices(label=0.0, worth=1_000))
    assert found.word == "CONTINUE"


def test_with_every_row_in_use_there_is_nothing_to_buy():
    found = decide(forecast(), 2_000, 500, Prices(label=1.5))
    assert (found.word, found.all, found.next) == ("STOP", None, None)


def test_labels_for_a_goal_and_a_goal_out_of_reach():
    curve = forecast(exponent=0.5, floor=0.1, drop=0.4)
    near = curve.labels_for(0.80)  # .1 + .4 · (n / 250)^−½ = .2 at n = 4,000
    assert near.share > 0.95
    assert near.labels.low < 4_000 < near.labels.high
    assert near.labels.value == pytest.approx(4_000, rel=0.15)
    assert curve.labels_for(0.99).share < 0.05
    assert math.isinf(curve.labels_for(0.99).labels.value)


def test_a_band_holds_the_laws_own_medians():
    curve = forecast()
    band = curve.at(8_000)
    assert all(band.low <= value <= band.high for value in curve.by_law(8_000).values())


@pytest.mark.parametrize("given", [{"label": -1.0}, {"label": 1.0, "worth": -5.0}, {"label": 1.0, "min_gain": -0.1}])
def test_negative_money_is_refused(given):
    with pytest.raises(InputError, match="negative"):
        Prices(**given)


def test_the_ladder_ends_at_what_there_is_and_small_sets_get_a_finer_one():
    assert ladder(10_003) == [500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000]
    assert ladder(2_600) == [500, 1_000, 1_500, 2_000, 2_600]
    assert ladder(2_100) == [500, 1_000, 1_500, 2_100]
    assert ladder(160) == [20, 40, 80, 120, 160]
    with pytest.raises(InputError, match="39 training rows are too few"):
        ladder(39)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([100, 200], "fitted to 2 sizes"),
        ([100], "fitted to one size"),
        ([100, 200, 200], "200 is named twice"),
        ([0, 100, 200], "0 is no number of training rows"),
        ([100, 200, 301], "there are 300 training rows, and 301"),
    ],
)
def test_sizes_that_no_curve_can_have_are_refused(sizes, said):
    with pytest.raises(InputError, match=said):
        check_sizes(sizes, 300)


def test_sizes_are_put_in_order():
    assert check_sizes([300, 100, 200], 300) == [100, 200, 300]
