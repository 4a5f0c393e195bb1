"""The words of numbers, units and months."""

import pytest

from sartor.data.vocabulary import MONTHS, ONES, ORDINALS, TENS, UNITS


@pytest.mark.parametrize(
    ("word", "value"), [("first", 1), ("twelfth", 12), ("twentieth", 20), ("fortieth", 40), ("ninetieth", 90)]
)
def test_ordinals_have_the_number_of_their_place(word: str, value: int) -> None:
    assert ORDINALS[word] == value


def test_every_whole_number_below_twenty_and_every_ten_has_one_word() -> None:
    assert sorted((ONES | TENS).values()) == [*range(20), *range(20, 100, 10)]
    assert sorted(ORDINALS.values()) == sorted((ONES | TENS).values())[1:]


def test_every_spelling_of_a_unit_means_one_and_its_name_is_a_spelling() -> None:
    assert {UNITS[word] for word in ("milligram", "mgs", "mg")} == {"mg"}
    assert all(UNITS[name] == name for name in UNITS.values())


def test_every_month_has_its_names() -> None:
    assert {MONTHS[word] for word in ("september", "sept", "sep")} == {9}
    assert sorted(set(MONTHS.values())) == [*range(1, 13)]
