"""One spelling for one value: dates, money, numbers, codes and names, so that only what was said is compared.

It joins spellings, never values. What could be read in two ways is left as it stands: 03/05/2024 may be March or May.
English month names; a dot is a decimal point unless a decimal comma follows it.
"""

import re
import unicodedata
from datetime import date
from functools import lru_cache

from sartor.data.vocabulary import MONTHS

LONGEST = 200
"""Characters; no longer text is a date, an amount, a number or a code."""

_MONTH = rf"(?P<month>{'|'.join(MONTHS)})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<first>\d{1,2})(?P=mark)(?P<second>\d{1,2})",
    r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})",
    rf"{_DAY}[\s-]+(?:of\s+)?{_MONTH},?[\s-]+{_YEAR}",
    rf"{_MONTH}[\s-]+{_DAY},?[\s-]+{_YEAR}",
)
_SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_CODES = "USD|EUR|GBP|JPY|CHF|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|CNY|KRW|BRL|MXN|ZAR|SGD|HKD"
_CURRENCY = rf"(?:US\$|[$€£¥₹]|(?:{_CODES})(?![a-z]))"
_DIGITS = (
    r"(?:\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:(?P<comma>[,MARKS])\d{3}(?:(?P=comma)\d{3})*)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
)
_SPACE = "\u00a0\u2009\u202f'’"
_NUMBER = rf"[-+−]?{_DIGITS.replace('MARKS', _SPACE + ' ')}"
_AMOUNTS = (
    rf"(?P<currency>{_CURRENCY})\s?(?P<number>{_NUMBER})",
    rf"(?P<number>{_NUMBER})\s?(?P<currency>{_CURRENCY})",
)
_CODE = r"[a-z]{1,5}(?![a-z])(?:[ .\-_/]?(?:[a-z]{1,5}(?![a-z])|\d+(?!\d)))*"


def _compiled(*patterns: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE | re.ASCII) for pattern in patterns]


_DATE_FORMS, _AMOUNT_FORMS = _compiled(*_DATES), _compiled(*_AMOUNTS)
_NUMBER_FORM, _CODE_FORM = _compiled(_NUMBER, _CODE)
_QUANTITY_FORM = re.compile(rf"(?P<number>{_NUMBER})\s?(?P<unit>%|[^\W\d_]{{1,12}}(?:/[^\W\d_]{{1,12}})?)")
_SPOTTED = _compiled(
    *(rf"(?<![\w.,/-]){pattern}(?![\w/-])" for pattern in _DATES),
    *(rf"(?<![\w.,]){pattern}(?![\w])" for pattern in _AMOUNTS),
    r"\b[a-z]{1,5}[ .\-_/]?\d[a-z0-9]*(?:[.\-_/][a-z0-9]+)*",
)
_ICD = re.compile(r"([a-z]\d[a-z0-9])\.?([a-z0-9]{1,4})")
_IBAN = re.compile(r"[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?")
_TITLE = re.compile(r"(?:(?i:dr|mrs?|ms|prof)\.|(?:Dr|Mrs?|Ms|Prof|Professor|Sir|Dame))\s+")
_LAST_FIRST = re.compile(r"([^\W\d_][\w.'-]*(?: [^\W\d_][\w.'-]*)?), ?([^\W\d_][\w.'-]*(?: [^\W\d_][\w.'-]*){0,2})")
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
_WORD = re.compile(rf"{_DIGITS.replace('MARKS', _SPACE)}|[^\W\d_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af]")
"""Scripts that write words without spaces between them, or with endings attached."""


@lru_cache(maxsize=16_384)
def normalise(value: str) -> str:
    """The one spelling of a value; normalising it again changes nothing."""
    value = " ".join(value.split())
    while (kept := exact(value) or _plain(value)) != value:  # without quotes or accents it may be a number or a code
        value = kept
    return value


def exact(value: str) -> str | None:
    """A date (2024-05-03), an amount (1200 USD), a number, alone or of units (5 mg), or a code (e119); else None."""
    if len(value) > LONGEST:
        return None
    return _date(value) or _amount(value) or _number(value) or _quantity(value) or _code(value)


class Source:
    """A text that may hold values, read once."""

    def __init__(self, text: str) -> None:
        self._exact = {exact(match[0]) for form in _SPOTTED for match in form.finditer(text)}
        self._words = f" {' '.join(_words(text))} "
        self._text = _folded(text)

    def holds(self, value: str) -> bool:
        """Does the text say it, in whatever spelling? A name may be the other way round."""
        kept = normalise(value)
        if kept in self._exact or (_UNSPACED.search(kept) and kept in self._text):
            return True
        words = _words(kept)
        turns = range(len(words)) if len(words) <= 4 and not any(map(str.isdecimal, words)) else range(1)
        return bool(words) and any(f" {' '.join(words[i:] + words[:i])} " in self._words for i in turns)


def _words(text: str) -> list[str]:
    """Words without case and accents, and numbers in their one spelling; nothing else."""
    return [_number(found[0]) or found[0] for found in _WORD.finditer(_folded(text))]


def _date(value: str) -> str | None:
    for form in _DATE_FORMS:
        if found := form.fullmatch(value):
            parts = found.groupdict()
            if "month" in parts:
                month, day = MONTHS[parts["month"].lower()], int(parts["day"])
            else:
                month, day = int(parts["first"]), int(parts["second"])
                if form is not _DATE_FORMS[0]:  # the year is last: which of the two is the month?
                    if month > 12:
                        month, day = day, month
                    elif day <= 12 and day != month:
                        return None
            try:
                return date(int(parts["year"]), month, day).isoformat()
            except ValueError:
                return None
    return None


def _amount(value: str) -> str | None:
    for form in _AMOUNT_FORMS:
        if (found := form.fullmatch(value)) and (number := _number(found["number"])):
            return f"{number} {_SIGNS.get(found['currency'].upper(), found['currency'].upper())}"
    return None


def _number(value: str) -> str | None:
    """Digits without separators, leading + and trailing zeros of a fraction. 007 is a code, not 7."""
    if not _NUMBER_FORM.fullmatch(value):
        return None
    sign = "-" if value[0] in "-−" else ""
    digits = re.sub(rf"^[-+−]|[ {_SPACE}]", "", value)
    if re.search(r"\..*,", digits):
        digits = digits.replace(".", "").replace(",", ".")
    whole, _, fraction = digits.replace(",", "").partition(".")
    if len(whole) > 1 and whole[0] == "0":
        return None
    fraction = fraction.rstrip("0")
    number = f"{whole or '0'}.{fraction}" if fraction else whole or "0"
    return number if number == "0" else sign + number


def _quantity(value: str) -> str | None:
    found = _QUANTITY_FORM.fullmatch(value)
    number = found and _number(found["number"])
    return f"{number} {_folded(found['unit'])}" if found and number else None


def _code(value: str) -> str | None:
    """Letters, then digits and few letters: marks and spaces between them go, but not where they part short numbers."""
    if not any(map(str.isdecimal, value)) or not _CODE_FORM.fullmatch(value):
        return None
    code = value.lower()
    if found := _ICD.fullmatch(code):
        return found[1] + found[2]
    if _IBAN.fullmatch(code):
        return code.replace(" ", "")
    code = re.sub(r"(?<=[a-z])[ \-_/](?=[a-z0-9])|(?<=[a-z0-9])[ .\-_/](?=[a-z])", "", code)
    code = re.sub(r"(?<=\d{3})[ \-](?=\d{3})", "", code)
    return re.sub(r"(?<=\d) (?=\d)", "-", code)


def _plain(value: str) -> str:
    """Text without case, accents, outer marks and titles; a name with its last name last."""
    value = value.strip(' "“”').rstrip('"“”.,;: ')  # no dot at the beginning: .5 is not 5
    if named := _LAST_FIRST.fullmatch(value):
        value = f"{named[2]} {named[1]}"
    while (rest := _TITLE.sub("", value, count=1) if _TITLE.match(value) else value) != value:
        value = rest
    return " ".join(_folded(value).split()).rstrip('"“”.,;: ')


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFD", text.casefold().replace("’", "'"))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text))
