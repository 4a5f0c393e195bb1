"""Dates in their several spellings: `04/15/2005`, `2005-04-15`, `15 April 2005`, `April fifteenth two thousand five`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sartor.data.vocabulary import MONTHS
from sartor.evaluate.facts.numerals import Numeral
from sartor.evaluate.facts.words import Token

_SLASHES = ("/", "-", ".")


@dataclass(frozen=True, slots=True)
class Date:
    """Year, month and day; 0 where it is not said."""

    year: int
    month: int
    day: int
    first: int
    end: int

    @property
    def form(self) -> str:
        parts = [f"{self.year:04}" if self.year else "", f"{self.month:02}" if self.month else ""]
        return "-".join([*parts, f"{self.day:02}"] if self.day else parts)


def agree(one: str, other: str) -> bool:
    """Whether two forms can be the same date: what both say is equal, and both say the month."""
    pairs = list(zip(one.split("-"), other.split("-"), strict=False))
    return all(a == b for a, b in pairs if a and b) and pairs[1][0] == pairs[1][1]


def dates(found: Sequence[Token], numbers: Sequence[Numeral]) -> list[Date]:
    """All dates with at least a month and a day or a year, in order; month first where a spelling leaves it open."""
    at = {numeral.first: numeral for numeral in numbers}
    result, i = [], 0
    while i < len(found):
        date = None
        if i in at:
            date = _with_slashes(found, i, at) or _day_first(found, i, at)
        elif found[i].low in MONTHS and found[i].text[0].isupper():
            date = _month_first(found, i, at)
        if date:
            result.append(date)
        i = date.end if date else i + 1
    return result


def _with_slashes(found: Sequence[Token], i: int, at: dict[int, Numeral]) -> Date | None:
    if i + 2 not in at or found[i + 1].low not in _SLASHES:
        return None
    month, year = at[i].whole(1, 12), at[i + 2].whole(1900, 2100)
    if month and year and found[i + 1].low == "/":
        return Date(year, month, 0, i, at[i + 2].end)
    if i + 4 not in at or found[i + 3].low != found[i + 1].low:
        return None
    three = [at.get(place) for place in (i, i + 2, i + 4)]
    if not all(numeral and numeral.digits for numeral in three):
        return None
    a, b, c = (numeral.whole(1, 2100) if numeral else None for numeral in three)
    if a and b and c is not None and a > 31:
        year, month, day = a, b, c
    else:
        year, month, day = _year(found[i + 4].text), a or 0, b or 0
        if month > 12:
            month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1900 <= year <= 2100):
        return None
    return Date(year, month, day, i, i + 5)


def _year(written: str) -> int:
    """Two digits are 1969 to 2068, as in POSIX; 0 where it is no year."""
    if len(written) not in (2, 4) or not written.isdecimal():
        return 0
    year = int(written)
    return year if len(written) == 4 else year + (1900 if year >= 69 else 2000)


def _month_first(found: Sequence[Token], i: int, at: dict[int, Numeral]) -> Date | None:
    """`April 15(th), 2005`, `April 15`, `April 2005`, `August of 2008`."""
    j = i + 1
    if j < len(found) and found[j].low in (".", "of"):
        j += 1
    month = MONTHS[found[i].low]
    year, end = _said_year(found, j, at)
    if year:
        return Date(year, month, 0, i, end)
    if not (after := at.get(j)):
        return None
    if not (day := after.whole(1, 31)):
        return None
    year, end = _year_at(found, after.end, at)
    return Date(year, month, day, i, end)


def _day_first(found: Sequence[Token], i: int, at: dict[int, Numeral]) -> Date | None:
    """`15(th) (of) April 2005`, `fourth of June`."""
    j = at[i].end
    day = at[i].whole(1, 31)
    if day and j < len(found) and found[j].low == "of":
        j += 1
    if not day or j >= len(found) or found[j].low not in MONTHS or not found[j].text[0].isupper():
        return None
    year, end = _year_at(found, j + 1, at)
    return Date(year, MONTHS[found[j].low], day, i, end)


def _year_at(found: Sequence[Token], j: int, at: dict[int, Numeral]) -> tuple[int, int]:
    """(year, the place after it) behind a day and month; (0, j) where none follows."""
    year, end = _said_year(found, j + 1 if j < len(found) and found[j].low in (",", "of") else j, at)
    return (year, end) if year else (0, j)


def _said_year(found: Sequence[Token], k: int, at: dict[int, Numeral]) -> tuple[int, int]:
    """`2008`, `two thousand eight`, `ninety five`, `O eight`; year 0 where none is at place k."""
    if k < len(found) and found[k].low in ("o", "oh") and k + 1 in at and (year := at[k + 1].whole(1, 9)):
        return 2000 + year, at[k + 1].end
    if k not in at:
        return 0, k
    year = at[k].whole(1900, 2100) or 1900 + (at[k].whole(69, 99) or -1900)
    return year, at[k].end
