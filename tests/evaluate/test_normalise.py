"""Normalising joins the spellings of a value and never two values."""

from calendar import month_name
from datetime import date

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sartor.evaluate.normalise import LONGEST, Source, normalise

DATES = st.dates(date(1000, 1, 1), date(9999, 12, 31))
NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=3)
WORDS = st.text(st.characters(categories=["L", "N", "P", "Z", "M", "S"]), max_size=40)
MONTHS = list(month_name)[1:]


@pytest.mark.parametrize(
    ("spellings", "kept"),
    [
        (
            "3 May 2024|2024-05-03|2024/5/3|03-May-2024|3rd of May, 2024|May 3, 2024|MAY 3rd 2024|3 may 2024",
            "2024-05-03",
        ),
        ("13/05/2024|05/13/2024|13.5.2024", "2024-05-13"),
        ("$1,200.00|1200 USD|US$ 1,200|usd 1200.0|1200$", "1200 USD"),
        ("€1.200,50|1200.50 EUR|1 200.5 €", "1200.5 EUR"),
        ("1,200|1 200|1\u202f200|1'200|+1200.00|1200", "1200"),
        ("-0.50|−.5|-0.5", "-0.5"),
        ("5 mg|5mg|5.0 MG|+5 mg", "5 mg"),
        ("1,000 µg/ml|1000 µg/mL|1000µg/ml", "1000 μg/ml"),
        ("5%|5.0 %", "5 %"),
        ("E11.9|e119|E119", "e119"),
        ("AB-123-456|ab 123 456|AB123456", "ab123456"),
        ("DE89 3704 0044 0532 0130 00|de89370400440532013000", "de89370400440532013000"),
        ("Doe, Dr. José|José Doe|Dr. Jose  DOE|Prof. Dr. José Doe|Mr José Doe", "jose doe"),
        ("O’Brien|o'brien", "o'brien"),
        ("  Metformin. |metformin", "metformin"),
    ],
)
def test_spellings_of_one_value_are_one(spellings, kept):
    assert {normalise(text) for text in spellings.split("|")} == {kept}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5 mg", "50 mg"),
        ("1.5 mg", "15 mg"),
        ("1.5mg", "15mg"),
        (".5 mg", "5 mg"),
        ("p.05", "p05"),
        ("v1.5", "v15"),
        ("grade 1-2", "grade 12"),
        ("Apt 1-23", "Apt 12-3"),
        ("007", "7"),
        ("E11.9", "E11.8"),
        ("1200 USD", "1200 EUR"),
        ("1200", "1200 USD"),
        ("1,2", "12"),
        ("3 May 2024", "5 March 2024"),
        ("03/05/2024", "2024-05-03"),
        ("03/05/2024", "2024-03-05"),
        ("Jane Doe", "Jane Dow"),
        ("MR brain", "brain"),
        ("lisinopril", "lisinoprill"),
        ("й", "и"),
        ("-5", "5"),
    ],
)
def test_other_values_stay_apart(one, other):
    assert normalise(one) != normalise(other)


@given(DATES, DATES)
def test_dates_are_equal_where_they_are_one_day(one, other):
    first, second = f"{one.day} {MONTHS[one.month - 1]} {one.year:04}", other.isoformat()
    assert normalise(first) == one.isoformat()
    assert (normalise(first) == normalise(second)) == (one == other)


@given(DATES)
def test_a_date_in_figures_is_read_only_where_it_can_be_read_one_way(day):
    kept = normalise(f"{day.day:02}/{day.month:02}/{day.year:04}")
    open_to_doubt = day.day <= 12 and day.day != day.month
    assert kept == (f"{day.day:02}/{day.month:02}/{day.year:04}" if open_to_doubt else day.isoformat())


@given(NUMBERS, NUMBERS)
def test_numbers_are_equal_where_they_are_one_number(one, other):
    assert normalise(f"{one:,}") == normalise(str(one))
    assert (normalise(f"{one:,}") == normalise(str(other))) == (one == other)
    assert (normalise(f"${one:,}") == normalise(f"{other} USD")) == (one == other)
    assert (normalise(f"{one:,} mg") == normalise(f"{other}mg")) == (one == other)


@settings(max_examples=500)
@given(WORDS)
@example("Mr. Ms. x")
@example("MR brain")
@example("a, Dr. b")
@example('"Doe, Jane."')
@example("ICD-10 E11.9")
@example("AB 12 345-678")
@example("x" * (LONGEST + 1))
def test_normalising_again_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


@settings(max_examples=500)
@given(st.from_regex(r"[A-Za-z]{1,6}([ .\-_/]?[A-Za-z0-9]{1,5}){0,5}", fullmatch=True))
def test_codes_keep_their_letters_and_figures_in_order(text):
    kept = normalise(text)
    assume(kept[:1].isalpha())
    assert normalise(kept) == kept
    if any(map(str.isdecimal, text)):
        assert "".join(filter(str.isalnum, kept)) == "".join(filter(str.isalnum, text)).lower()


NOTE = """Seen on 3 May 2024: Doe, Jane (b. 12/31/1960), dx E11.9. Owes $1,200.00. Takes 2 200 mg tablets of ibuprofen,
lisinopril 1.5 mg for 12 days. Signed Dr. José Müller. 病人张三。"""
HELD = "2024-05-03|1960-12-31|Jane Doe|doe, jane|1200 USD|1200|e119|E11.9|1.5 mg|1.5|200 mg|12 days|Jose Muller|Ibuprofen|张三"
NOT_HELD = "2024-05-04|5 mg|5|15 mg|2 days|John Doe|1200 EUR|120|20|E11|E11.8|metformin|profen|张四|2200"


def test_a_source_holds_a_value_in_whatever_spelling():
    assert [value for value in HELD.split("|") if not Source(NOTE).holds(value)] == []


def test_a_source_does_not_hold_what_only_looks_like_it():
    assert [value for value in NOT_HELD.split("|") if Source(NOTE).holds(value)] == []
