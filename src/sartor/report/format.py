"""Numbers and texts the way the field prints them: `.91 (.88-.93)`, `+7.1 pp`, `1,204`, `$0.42`, `4 min 12 s`.

Ranges are set with an en dash, negative numbers with a minus sign; the docstrings show a hyphen for both.
"""

import math

from sartor.report.view import Mark

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CHF": "CHF ", "INR": "₹"}
_KEPT = {"\n", "\t"}


def score(value: float, top: float = 1.0) -> str:
    """`.91`, `1.00`, `.997`; one decimal where the metric's best value is not 1: `27.3`.

    A third digit shows where two would round to 0 or 1 what is neither.
    """
    if top != 1.0:
        return _minus(f"{value:.1f}")
    digits = 3 if 0 < value < 0.005 or 0.995 <= value < 1 else 2
    if digits == 3:
        value = min(max(value, 0.001), 0.999)
    return _minus(f"{value:.{digits}f}").replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def interval(mark: Mark, top: float = 1.0) -> str:
    """`.88-.93`"""
    return f"{score(mark.low, top)}{DASH}{score(mark.high, top)}"


def marked(mark: Mark, top: float = 1.0) -> str:
    """`.91 (.88-.93)`"""
    return f"{score(mark.value, top)} ({interval(mark, top)})"


def difference(value: float, top: float = 1.0) -> str:
    """`+7.1 pp` (percentage points), or `+3.4 points` where the metric's best value is not 1."""
    return f"{_signed(value, top)} {'pp' if top == 1.0 else 'points'}"


def difference_interval(low: float, high: float, top: float = 1.0) -> str:
    """`+4.0 to +10.2`, in the unit of `difference`."""
    return f"{_signed(low, top)} to {_signed(high, top)}"


def size(value: float, top: float = 1.0) -> str:
    """A difference without direction: `5.6 pp`."""
    return difference(abs(value), top).lstrip("+")


def p_value(p: float) -> str:
    """`p < .001`, `p = .032`"""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def count(number: float) -> str:
    """`1,204`; two decimals where there are any, below .01 two significant digits: `12.50`, `0.0034`."""
    return _minus(f"{number:,.{0 if float(number).is_integer() else _decimals(number)}f}")


def plural(number: int, one: str, many: str = "") -> str:
    """`1 row`, `1,204 rows`"""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def money(amount: float, currency: str) -> str:
    """`$1,204.50`; below a cent two significant digits: `$0.0034`. Currencies without a known sign keep their code."""
    sign = MINUS if amount < 0 else ""
    return f"{sign}{SYMBOLS.get(currency, currency + ' ')}{abs(amount):,.{_decimals(amount)}f}"


def seconds(value: float) -> str:
    """`80 ms`, `0.8 s`, `42 s`, `4 min 12 s`, `1 h 03 min`, `2 d 4 h`"""
    if value < 0.1:
        return f"{value * 1000:.0f} ms"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(value / 60)
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(value / 3600)
    return f"{hours // 24} d {hours % 24} h"


def size_bytes(number: float) -> str:
    """`812 MB`, `7.2 GB`"""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if unit != "GB" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def compact(number: float) -> str:
    """`842`, `4.9 M`, `1.2 B`: for parameters and tokens."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g} {unit}"
    return count(number)


def clean(text: str) -> str:
    """The text with every control character, bidirectional override and lone surrogate replaced by `�`.

    What is left can be written as UTF-8, cannot steer a terminal, and cannot make a page show another order of letters.
    """
    return "".join("\ufffd" if _hostile(letter) else letter for letter in text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The cleaned text on one line."""
    return clean(" ".join(text.split()))


def cut(text: str, limit: int) -> tuple[str, int]:
    """The cleaned text's first characters, cut at a word where one ends near, and how many characters are left off."""
    text = clean(text)
    if len(text) <= limit:
        return text, 0
    end = text.rfind(" ", limit - 20, limit)
    end = end if end > 0 else limit
    return text[:end], len(text) - end


def _signed(value: float, top: float) -> str:
    scaled = value * 100 if top == 1.0 else value
    return _minus(f"{scaled:+.1f}") if round(scaled, 1) else "0.0"


def _decimals(number: float) -> int:
    magnitude = abs(number)
    return 2 if magnitude == 0 or magnitude >= 0.01 else 1 - math.floor(math.log10(magnitude))


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


def _hostile(letter: str) -> bool:
    code = ord(letter)
    return (
        (code < 0x20 and letter not in _KEPT)
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )
