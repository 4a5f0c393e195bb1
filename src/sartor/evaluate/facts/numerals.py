"""Numbers in digits and in words: `26`, `twenty-six`, `1,250.50`, `nineteen eighty four`, `tenth`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sartor.data.vocabulary import ONES, ORDINALS, TENS
from sartor.evaluate.facts.words import Token, word_set

_DECADES = {f"{word[:-1]}{ending}": value for word, value in TENS.items() for ending in ("ies", "y's", "y’s")}
_SCALES = {"thousand": 1000, "million": 1_000_000}
_WORDS = {*ONES, *TENS, *_DECADES, *ORDINALS, "a", "an", "half"}
MEASURED = word_set(
    """pack packs tablet pill capsule teaspoon tablespoon puff drop mile pound inch foot liter litre gram
    minute hour day week month year"""
)
"""Units of which there is `a` or `half a`."""
_LONGEST = 15
"""Digits up to which a number is computed with; a longer one is compared as it is written."""


@dataclass(frozen=True, slots=True)
class Numeral:
    value: str
    """In its shortest form: no thousands separators, no zeros that do not count; `80s` for a decade."""
    first: int
    """Place of its first token …"""
    end: int
    """… and the place after its last."""
    digits: bool
    ordinal: bool = False

    @property
    def vague(self) -> bool:
        """`one`, `first`, `second` and `zero` say a number only where a unit follows."""
        return not self.digits and (self.value in ("0", "1") or (self.ordinal and self.value == "2"))

    def whole(self, low: int, high: int) -> int | None:
        """Its value where that is a whole number between both, else None."""
        if len(self.value) > 4 or not self.value.isdecimal():
            return None
        return int(self.value) if low <= int(self.value) <= high else None


def plain(digits: str) -> str:
    """`007` is 7, `1,250.50` is 1250.5, `٥` is 5."""
    if not digits.isascii():
        digits = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in digits)
    whole, _, rest = digits.replace(",", "").partition(".")
    rest = rest.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{rest}" if rest else "")


def scaled(value: str, factor: float) -> str:
    """The value times a factor, in its shortest form; a number too long to compute with stays as it is."""
    if factor == 1 or len(value) > _LONGEST or "/" in value:
        return value
    return f"{float(value) * factor:.10f}".rstrip("0").rstrip(".")


def numerals(found: Sequence[Token]) -> list[Numeral]:
    """All numbers of a text, in order, none overlapping."""
    result, i = [], 0
    while i < len(found):
        numeral = None
        if found[i].number:
            numeral = _written(found, i)
        elif found[i].low in _WORDS:
            numeral = _spoken(found, i)
        if numeral is None:
            i += 1
        else:
            result.append(numeral)
            i = numeral.end
    return result


def _written(found: Sequence[Token], i: int) -> Numeral:
    value, end = plain(found[i].text), i + 1
    if end < len(found) and found[end].start == found[i].end and found[end].low in ("st", "nd", "rd", "th"):
        return Numeral(value, i, end + 1, True, ordinal=True)
    glued = (
        [token.low for token in found[end : end + 2]] if end < len(found) and found[end].start == found[i].end else []
    )
    if glued[:1] == ["s"] or glued in (["'", "s"], ["’", "s"]):
        return Numeral(f"{value}s", i, end + (1 if glued[0] == "s" else 2), True)
    if end < len(found) and (scale := _SCALES.get(found[end].low)):
        return Numeral(scaled(value, scale), i, end + 1, True)
    return Numeral(value, i, end, True)


def _spoken(found: Sequence[Token], i: int, current: int = 0) -> Numeral | None:
    """The longest run of number words from place i; a year is said in pairs (`nineteen eighty four`)."""
    if found[i].low in ("half", "a", "an"):
        return _article(found, i)
    total, last, end, ceiling = 0, "unit" if current else "", i, 1 << 30
    while end < len(found):
        word = found[end].low
        more = not last or _goes_on(word, current, last)
        value = ONES.get(word, TENS.get(word))
        if last and word in ("-", "and") and _is_joint(found, end, current, last):
            end += 1
            continue
        if more and value is not None:
            pair = last in ("unit", "teen", "tens") and value >= 10  # `one fifty five`, `nineteen eighty four`
            said = "tens" if value >= 20 else "teen" if value >= 10 else "unit"
            final = pair or last.startswith("final") or last == "hundred"
            current, last = current * 100 + value if pair else current + value, f"final {said}" if final else said
        elif word in _DECADES and (not last or (last == "teen" and not total)):
            return Numeral(f"{current * 100 + _DECADES[word]}s", i, end + 1, False)
        elif more and word in ORDINALS:
            return Numeral(str(total + current + ORDINALS[word]), i, end + 1, False, ordinal=True)
        elif word == "hundred" and last in ("unit", "teen", "tens"):
            current, last = current * 100, "hundred"
        elif (scale := _SCALES.get(word, ceiling)) < ceiling and current:
            total, current, last, ceiling = total + current * scale, 0, "scale", scale
        else:
            break
        end += 1
    if not last:
        return None
    value_text, end = _fraction(found, str(total + current), end)
    return Numeral(value_text, i, end, False)


def _article(found: Sequence[Token], i: int) -> Numeral | None:
    """`a hundred`; `half a pack` and `a half mile`; `a year`: before a unit, the article is a number."""
    rest = [token.low for token in found[i : i + 4]]
    if rest[1:2] == ["hundred"] or (rest[1:2] and rest[1] in _SCALES):
        scaled_up = _spoken(found, i + 1, current=1)
        return scaled_up and Numeral(scaled_up.value, i, scaled_up.end, False)
    start = rest.index("half") if "half" in rest[:2] else -1
    if start >= 0:
        end = start + 1 + (rest[start + 1 : start + 2] in (["a"], ["an"]))
        return Numeral("0.5", i, i + end, False) if rest[end : end + 1] and rest[end] in MEASURED else None
    return Numeral("1", i, i + 1, False) if rest[1:2] and rest[1] in MEASURED else None


def _is_joint(found: Sequence[Token], end: int, current: int, last: str) -> bool:
    """The hyphen of `twenty-six`, the `and` of `a hundred and five`."""
    if found[end].low == "and" and last not in ("hundred", "scale"):
        return False
    return end + 1 < len(found) and _goes_on(found[end + 1].low, current, last)


def _goes_on(word: str, current: int, last: str) -> bool:
    """Whether a number word adds to what was said: `twenty six`, not `four five`."""
    value = ONES.get(word) or TENS.get(word) or ORDINALS.get(word) or 0
    if last in ("hundred", "scale"):
        return value > 0
    if last.endswith("tens") and 1 <= value <= 9:
        return True
    paired = last == "teen" or (last == "unit" and current) or (last == "tens" and current == 20)
    return bool(paired) and value >= 10 and word not in ORDINALS


def _fraction(found: Sequence[Token], value: str, end: int) -> tuple[str, int]:
    """What may follow a spoken number: `point five`, `and a half`."""
    rest = [token.low for token in found[end : end + 3]]
    if rest == ["and", "a", "half"]:
        return f"{value}.5", end + 3
    if rest[:1] != ["point"] or len(rest) < 2 or ONES.get(rest[1], 10) > 9:
        return value, end
    end += 1
    decimals = ""
    while end < len(found) and len(decimals) < _LONGEST and ONES.get(found[end].low, 10) <= 9:
        decimals += str(ONES[found[end].low])
        end += 1
    return plain(f"{value}.{decimals}"), end
