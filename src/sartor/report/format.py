"""Numbers and texts the way the field prints them: `p = .032`, `1,204`, `$0.42`, `4 min 12 s`."""

import math

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CHF": "CHF ", "INR": "₹"}
_KEPT = {"\n", "\t"}


def p_value(p: float) -> str:
    """`p < .001`, `p = .032`"""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def count(number: float) -> str:
    """`1,204`; two decimals where there are any, below .01 two significant digits: `12.50`, `0.0034`."""
    return _minus(f"{number:,.{0 if float(number).is_integer() else _decimals(number)}f}")


def capital(text: str) -> str:
    """The first letter in upper case, the rest as it is: `Field F1`."""
    return text[:1].upper() + text[1:]


def plural(number: int, one: str) -> str:
    """`1 row`, `1,204 rows`"""
    return f"{number:,} {one if number == 1 else one + 's'}"


def money(amount: float, currency: str) -> str:
    """`$1,204.50`; below a cent two significant digits: `$0.0034`. Currencies without a known sign keep their code."""
    sign = "−" if amount < 0 else ""
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
    end = text.rfind(" ", max(limit - 20, 0), limit + 1)
    end = end if end > 0 else limit
    return text[:end], len(text) - end


def _decimals(number: float) -> int:
    magnitude = abs(number)
    return 2 if magnitude == 0 or magnitude >= 0.01 else 1 - math.floor(math.log10(magnitude))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _hostile(letter: str) -> bool:
    code = ord(letter)
    return (
        (code < 0x20 and letter not in _KEPT)
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )
