"""Numbers as people say them."""

from functools import cache

from sartor.data.vocabulary import MONTHS, ONES, ORDINALS, TENS

_SAID = {value: word for word, value in (ONES | TENS).items()}
_MONTHS = {month: name for name, month in reversed(MONTHS.items())}  # the first spelling is the whole name
_PLACES = {value: word for word, value in ORDINALS.items()}


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
        said = "point " + " ".join(_SAID[int(digit)] for digit in decimals)
        half = {"0": {"half"}, "1": {"and a half"}}.get(whole, {f"{way} and a half" for way in ways})
        without_zero = {said} if whole == "0" else set()
        return frozenset({f"{way} {said}" for way in ways} | without_zero | (half if decimals == "5" else set()))
    others = {_ordinal(way) for way in ways} | {way[:-1] + "ies" for way in ways if way.endswith("y")}
    return frozenset(ways | others | ({_MONTHS[int(whole)]} if 1 <= int(whole) <= 12 else set()))


def _whole(number: int) -> set[str]:
    if number in _SAID:
        return {_SAID[number]}
    if number < 100:
        return {f"{_SAID[number - number % 10]} {_SAID[number % 10]}"}
    power, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    high, low = divmod(number, power)
    heads = {f"{_SAID[high]} {name}"} | ({f"a {name}"} if high == 1 else set())
    ways = {f"{head}{link}{way}" for head in heads for way in _whole(low) for link in (" ", " and ")} if low else heads
    pair, rest = divmod(number, 100)
    if rest >= 10:  # `one twenty`, `nineteen eighty five`
        ways |= {f"{first} {second}" for first in _whole(pair) for second in _whole(rest)}
    elif rest:
        ways |= {f"{first} oh {_SAID[rest]}" for first in _whole(pair)}
    elif number >= 1000 and pair % 10:  # `fifteen hundred`
        ways |= {f"{first} hundred" for first in _whole(pair)}
    if pair in (19, 20) and rest:  # `in ninety six`, `since oh four`
        ways |= _whole(rest) if rest >= 10 else {f"oh {_SAID[rest]}", f"o {_SAID[rest]}"}
    return ways


def _ordinal(way: str) -> str:
    head, _, last = way.rpartition(" ")
    value = ONES.get(last) or TENS.get(last)
    return f"{head} {_PLACES[value] if value else last + 'th'}".strip()
