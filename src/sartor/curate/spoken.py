"""Numbers as people say them."""

from functools import cache

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


@cache
def spoken(number: str) -> frozenset[str]:
    """The ways to say a number of at most four digits before the point: `2008` is `two thousand eight`, `twenty oh eight`, …

    Ordinals and decades are among them, and the month that has the number, so that a date in digits can be found in words; a
    year may go without its century.
    """
    whole, _, decimals = number.partition(".")
    if len(whole) > 4:
        return frozenset()
    ways = _whole(int(whole))
    if decimals:
        said = "point " + " ".join(_ONES[int(digit)] for digit in decimals)
        half = {"0": {"half"}, "1": {"and a half"}}.get(whole, {f"{way} and a half" for way in ways})
        without_zero = {said} if whole == "0" else set()
        return frozenset({f"{way} {said}" for way in ways} | without_zero | (half if decimals == "5" else set()))
    others = {_ordinal(way) for way in ways} | {way[:-1] + "ies" for way in ways if way.endswith("y")}
    return frozenset(ways | others | ({_MONTHS[int(whole) - 1]} if 1 <= int(whole) <= 12 else set()))


def _whole(number: int) -> set[str]:
    if number < 20:
        return {_ONES[number]}
    if number < 100:
        tens, ones = divmod(number, 10)
        return {_TENS[tens - 2] + (f" {_ONES[ones]}" if ones else "")}
    power, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    high, low = divmod(number, power)
    heads = {f"{_ONES[high]} {name}"} | ({f"a {name}"} if high == 1 else set())
    ways = {f"{head}{link}{way}" for head in heads for way in _whole(low) for link in (" ", " and ")} if low else heads
    pair, rest = divmod(number, 100)
    if rest >= 10:  # `one twenty`, `nineteen eighty five`
        ways |= {f"{first} {second}" for first in _whole(pair) for second in _whole(rest)}
    elif rest:
        ways |= {f"{first} oh {_ONES[rest]}" for first in _whole(pair)}
    elif number >= 1000 and pair % 10:  # `fifteen hundred`
        ways |= {f"{first} hundred" for first in _whole(pair)}
    if pair in (19, 20) and rest:  # `in ninety six`, `since oh four`
        ways |= _whole(rest) if rest >= 10 else {f"oh {_ONES[rest]}", f"o {_ONES[rest]}"}
    return ways


def _ordinal(way: str) -> str:
    head, _, last = way.rpartition(" ")
    ordinal = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{head} {ordinal}".strip()
