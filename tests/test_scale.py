"""How numbers read on their metric's scale."""

import pytest

from sartor.scale import SHARE, Scale

SECONDS = Scale(40.0, "s")


@pytest.mark.parametrize(
    ("value", "maximum", "text"),
    [(0.912, 1, ".91"), (1.0, 1, "1.00"), (0.0, 1, ".00"), (0.5, 1, ".50"), (27.31, 100, "27.3"), (0.0, 100, "0.0")],
)
def test_a_score_has_two_decimals_or_one_where_the_scale_ends_at_a_hundred(
    value: float, maximum: float, text: str
) -> None:
    assert Scale(maximum).number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.997, ".997"), (0.9996, ".9996"), (0.002, ".002")])
def test_a_score_is_never_rounded_to_all_or_nothing(value: float, text: str) -> None:
    assert SHARE.number(value) == text


def test_an_estimate_carries_its_interval() -> None:
    assert SHARE.estimate(0.914, 0.877, 0.934) == ".91 (.88–.93)"
    assert Scale(100).estimate(11.8, 9.1, 14.9) == "11.8 (9.1–14.9)"


@pytest.mark.parametrize(
    ("difference", "low", "high", "text"),
    [
        (0.212, 0.171, 0.252, "+21 points (17–25)"),
        (-0.148, -0.186, -0.109, "−15 points (−19 to −11)"),
        (0.011, -0.021, 0.044, "+1.1 points (−2.1 to 4.4)"),
        (-0.0001, -0.01, 0.01, "0.0 points (−1.0 to 1.0)"),
        (0.0001, -0.01, 0.01, "0.0 points (−1.0 to 1.0)"),
    ],
)
def test_a_difference_is_in_points_of_the_scale(difference: float, low: float, high: float, text: str) -> None:
    assert SHARE.difference(difference, low, high) == text
    on_a_hundred = [100 * number for number in (difference, low, high)]
    assert Scale(100).difference(*on_a_hundred) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.23149, "0.231"), (12.04, "12.0"), (1204.4, "1,204"), (0.0000213, "0.0000213"), (0.0, "0")]
)
def test_in_a_unit_a_number_has_three_significant_digits(value: float, text: str) -> None:
    assert SECONDS.number(value) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        ((-0.1234, -0.2, -0.05), "−0.123 s (−0.200 to −0.050)"),
        ((12.0, 8.04, 16.0), "+12.0 s (8.0–16.0)"),
        ((0.0, -1.0, 1.0), "0 s (−1 to 1)"),
    ],
)
def test_in_a_unit_a_difference_is_told_in_it(difference: tuple[float, float, float], text: str) -> None:
    assert SECONDS.difference(*difference) == text
