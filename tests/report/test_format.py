"""Numbers and texts as the field prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.report import format


@pytest.mark.parametrize(("p", "text"), [(0.00001, "p < .001"), (0.032, "p = .032"), (1.0, "p = 1.000")])
def test_p_values(p: float, text: str) -> None:
    assert format.p_value(p) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(0.42, "USD", "$0.42"), (1204.5, "EUR", "€1,204.50"), (0.0034, "USD", "$0.0034"), (7, "SEK", "SEK 7.00"),
     (0, "GBP", "£0.00"), (-3.5, "USD", "−$3.50")],
)  # fmt: skip
def test_money_has_a_currency_and_never_vanishes(amount: float, currency: str, text: str) -> None:
    assert format.money(amount, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.02, "20 ms"), (0.84, "0.8 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (252, "4 min 12 s"),
     (3599.7, "1 h 00 min"), (3780, "1 h 03 min"), (86399, "1 d 0 h"), (187200, "2 d 4 h")],
)  # fmt: skip
def test_seconds_are_humanised(value: float, text: str) -> None:
    assert format.seconds(value) == text


def test_counts_sizes_and_plurals() -> None:
    assert [format.count(n) for n in (0, 1204, 12.5, 0.0034)] == ["0", "1,204", "12.50", "0.0034"]
    assert [format.compact(n) for n in (842, 4_884_480, 1.2e9)] == ["842", "4.88 M", "1.2 B"]
    assert [format.size_bytes(n) for n in (12, 812e6, 7.21e9, 3e12)] == ["12 B", "812 MB", "7.2 GB", "3.0 TB"]
    assert [format.plural(n, "row") for n in (0, 1, 1204)] == ["0 rows", "1 row", "1,204 rows"]
    assert format.capital("ROUGE-L of it") == "ROUGE-L of it"
    assert format.capital("field F1") == "Field F1"


def test_a_long_text_is_cut_at_a_word_and_says_how_much_is_missing() -> None:
    assert format.cut("short", 10) == ("short", 0)
    shown, hidden = format.cut("several words in a row", 15)
    assert (shown, hidden) == ("several words", 9)
    assert format.cut("x" * 200_000, 100) == ("x" * 100, 199_900)


@given(st.text(alphabet=st.characters(), max_size=200), st.integers(1, 50))
def test_whatever_the_text_what_is_shown_can_be_written_and_nothing_is_lost_silently(text: str, limit: int) -> None:
    shown, hidden = format.cut(text, limit)
    shown.encode("utf-8")
    assert len(shown) + hidden == len(format.clean(text))
    assert len(shown) <= limit


def test_control_characters_and_overrides_are_replaced_and_line_ends_kept() -> None:
    assert format.clean("a\r\nb\tc\nd") == "a\nb\tc\nd"
    assert format.clean("\x00\x1b[31m\x9b\u202e\u2066\ud800é漢") == "�" * 1 + "�[31m" + "�" * 4 + "é漢"
    assert format.line("one\n two\x1b[0m ") == "one two�[0m"
