"""Doses, measurements, counts and how often: what follows a number, or stands for one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sartor.data.vocabulary import UNITS
from sartor.evaluate.facts.numerals import Numeral, plain, scaled
from sartor.evaluate.facts.words import STOP, Token, stem

_SCALED: dict[str, tuple[str, float]] = {
    "g": ("mg", 1000), "mcg": ("mg", 0.001), "l": ("ml", 1000), "dl": ("ml", 100), "mm": ("cm", 0.1), "m": ("cm", 100),
}  # fmt: skip
_UNITS = {word: _SCALED.get(unit, (unit, 1)) for word, unit in UNITS.items()}
"""Every spelling of a unit: the one it is compared in, and the factor to it."""
TIMES_OF_CLOCK_AND_CALENDAR = frozenset(
    word for word, unit in UNITS.items() if unit in ("minute", "hour", "day", "week", "month", "year")
)
_PERIODS = frozenset(("day", "night", "morning", "evening", "week", "month", "year"))
_FIXED = {
    "daily": "1/day", "qd": "1/day", "bid": "2/day", "tid": "3/day", "qid": "4/day", "qod": "1/2 day",
    "nightly": "night", "qhs": "night", "prn": "as needed", "hourly": "24/day", "weekly": "1/week",
    "monthly": "1/month", "yearly": "1/year", "annually": "1/year",
}  # fmt: skip
_PHRASES = {
    "at night": "night", "at bedtime": "night", "before bed": "night", "before bedtime": "night",
    "in the morning": "morning", "in the evening": "evening", "as needed": "as needed", "when needed": "as needed",
}  # fmt: skip
_TIMES = {"once": "1", "twice": "2", "thrice": "3"}
_OPENERS = {*_FIXED, *_TIMES, *(phrase.split()[0] for phrase in _PHRASES), "every", "each", "per", "/", "a"}
_EVERY_HOURS = re.compile(r"q(\d{1,2})h")


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its unit, and the tokens that say it."""

    value: str
    unit: str
    first: int
    end: int
    counted: bool = False
    """The unit is no measure, but the noun that follows: `two visits`."""


def frequencies(found: Sequence[Token], numbers: Sequence[Numeral]) -> list[Measure]:
    """How often: `b.i.d.`, `twice a day` and `every 12 hours` are all `2/day`."""
    at = {numeral.first: numeral for numeral in numbers}
    counted = {numeral.end for numeral in numbers}
    result, i = [], 0
    while i < len(found):
        word = found[i].low
        numeral = at.get(i)
        repeated = numeral and numeral.end < len(found) and found[numeral.end].low in ("times", "time", "x")
        may = repeated or word in _OPENERS or word[0] == "q"
        if may and (said := _frequency(found, i, at, i - 1 in counted)):
            result.append(Measure(said[0], "frequency", i, said[1]))
            i = said[1]
        else:
            i += 1
    return result


def measures(found: Sequence[Token], numbers: Sequence[Numeral]) -> list[Measure]:
    """What each number is: a dose, an age, a ratio, a count, or bare (unit `""`)."""
    result: list[Measure] = []
    for numeral, following in zip_longest(numbers, numbers[1:]):
        if result and result[-1].end > numeral.first:
            continue  # the second half of a ratio
        between = found[numeral.end].low if numeral.end < len(found) else ""
        joined = following if following and following.first == numeral.end + 1 else None
        if joined and between in ("/", "over", "by"):
            result.append(_ratio(found, numeral, joined))
        elif joined and between in ("-", "–", "—", "to", "or"):
            result.append(_measure(found, numeral, joined.end))
        else:
            result.append(_measure(found, numeral, numeral.end))
    return result


def _measure(found: Sequence[Token], numeral: Numeral, look: int) -> Measure:
    """The number with the unit at place `look`: its own, or that of the range that it begins."""
    unit, factor, end = _unit(found, look)
    if look != numeral.end:
        end = numeral.end
    if numeral.first and found[numeral.first - 1].low in ("$", "€", "£"):
        return Measure(numeral.value, found[numeral.first - 1].low, numeral.first - 1, numeral.end)
    if unit == "year old" or (unit in ("", "year") and _is_age(found, numeral.first)):
        return Measure(numeral.value, "year old", numeral.first, end)
    if unit:
        return Measure(scaled(numeral.value, factor), unit, numeral.first, end)
    noun = found[look] if look < len(found) else None
    if noun is None or not noun.is_word or noun.low in STOP or numeral.ordinal:
        return Measure(numeral.value, "", numeral.first, numeral.end)
    return Measure(numeral.value, stem(noun.low), numeral.first, numeral.end, counted=True)


def _ratio(found: Sequence[Token], above: Numeral, below: Numeral) -> Measure:
    """`120/80`, `eight over ten`; `1/2 tablet` is half a tablet."""
    unit, factor, end = _unit(found, below.end)
    parts = above.whole(1, 9), below.whole(2, 9)
    if unit and parts[0] and parts[1] and parts[0] < parts[1]:
        return Measure(scaled(plain(f"{parts[0] / parts[1]:.6f}"), factor), unit, above.first, end)
    return Measure(f"{above.value}/{below.value}", "/", above.first, end if unit == "mmhg" else below.end)


def _unit(found: Sequence[Token], i: int) -> tuple[str, float, int]:
    """(unit, factor, the place after it) at place i; unit `""` where none is."""
    if i < len(found) and found[i].low == "-":
        i += 1
    if i >= len(found):
        return "", 1, i
    words = [token.low for token in found[i : i + 4]]
    if words[0] in ("yo", "yold") or words[:3] == ["y", "/", "o"]:
        return "year old", 1, i + (3 if words[0] == "y" else 1)
    if words[0] == "mm" and words[1:2] == ["hg"]:
        return "mmhg", 1, i + 2
    if words[0] not in _UNITS:
        return "", 1, i
    unit, factor = _UNITS[words[0]]
    rest = [word for word in words[1:3] if word != "-"]
    if unit == "year" and rest[:1] == ["old"]:
        return "year old", 1, i + (3 if words[1] == "-" else 2)
    if words[1:2] == ["/"] and words[2:] and words[2] in _UNITS and words[2] not in _PERIODS:
        below, divisor = _UNITS[words[2]]
        return f"{unit}/{below}", factor / divisor, i + 3
    return unit, factor, i + 1


def _is_age(found: Sequence[Token], first: int) -> bool:
    """`age 59`, `aged 59`, `at the age of 59`."""
    before = [token.low for token in found[max(0, first - 2) : first]]
    return before[-1:] in (["age"], ["aged"]) or before == ["age", "of"]


def _frequency(found: Sequence[Token], i: int, at: dict[int, Numeral], counted: bool) -> tuple[str, int] | None:
    """(how often, the place after it) at place i; `counted`: a number and a noun stand before it (`two drinks a day`)."""
    words = [token.low for token in found[i : i + 3]]
    if words[0] in _FIXED:
        return _FIXED[words[0]], i + 1
    for length in (2, 3):
        if (said := _PHRASES.get(" ".join(words[:length]))) and len(words) >= length:
            return said, i + length
    if hours := _EVERY_HOURS.fullmatch(words[0]):
        return _every(hours[1].lstrip("0"), "hour"), i + 1
    if words[0] == "every":
        return _after_every(found, i + 1, at)
    if words[0] in ("per", "each", "/") or (words[0] == "a" and counted):
        return (_each(words[1]), i + 2) if words[1:] and words[1] in _PERIODS else None
    times, j = _TIMES.get(words[0]), i + 1
    if times is None and i in at and at[i].end < len(found) and found[at[i].end].low in ("times", "time", "x"):
        times, j = at[i].value, at[i].end + 1
    if times is None or j >= len(found):
        return None
    if found[j].low in ("daily", "weekly", "monthly", "yearly"):
        return f"{times}{_FIXED[found[j].low][1:]}", j + 1
    if found[j].low in ("a", "an", "per", "each", "every", "/") and j + 1 < len(found) and found[j + 1].low in _PERIODS:
        return f"{times}/{found[j + 1].low}", j + 2
    return None


def _after_every(found: Sequence[Token], j: int, at: dict[int, Numeral]) -> tuple[str, int] | None:
    times = "1"
    if j < len(found) and found[j].low == "other":
        times, j = "2", j + 1
    elif j in at:
        times, j = at[j].value, at[j].end
    if j >= len(found):
        return None
    unit = _UNITS.get(found[j].low, (found[j].low, 1))[0]
    if unit in ("hour", "minute") or unit in _PERIODS:
        return (_each(unit) if times == "1" and unit != "hour" else _every(times, unit)), j + 1
    return None


def _each(period: str) -> str:
    return period if period in ("night", "morning", "evening") else f"1/{period}"


def _every(times: str, unit: str) -> str:
    """Every 8 hours is 3/day; every 2 weeks is `1/2 week`."""
    if unit == "hour" and times.isdecimal() and len(times) < 3 and int(times) and 24 % int(times) == 0:
        return f"{24 // int(times)}/day"
    return f"1/{times} {unit}"
