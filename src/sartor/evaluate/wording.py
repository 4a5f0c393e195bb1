"""How numbers read in a sentence: `.91 (.88 to .93)`, `+68 points`."""

_DASH = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def number(value: float, maximum: float = 1.0) -> str:
    """`.91`, or `38.2` for a metric that counts to 100; more decimals where rounding would make it all or nothing."""
    if maximum > 1:
        return f"{value:.1f}"
    for places in (2, 3, 4):
        text = f"{value:.{places}f}"
        if round(value, 9) in (0, 1) or 0 < float(text) < 1:
            break
    return text.removeprefix("0")


def estimate(value: float, low: float, high: float, maximum: float = 1.0) -> str:
    """`.91 (.88 to .93)`, with a dash for the `to`."""
    return f"{number(value, maximum)} ({number(low, maximum)}{_DASH}{number(high, maximum)})"


def points(difference: float, low: float, high: float, maximum: float = 1.0) -> str:
    """A difference in hundredths of a metric's range: `+68 points (64 to 72)`, a dash for the `to` if clear."""
    scale = 100 / maximum
    places = 1 if abs(difference) * scale < 10 else 0
    value, *ends = (f"{end * scale:.{places}f}".replace("-", _MINUS) for end in (difference, low, high))
    joint = _DASH if min(low, high) >= 0 else " to "
    return f"{'+' if difference > 0 else ''}{value} points ({joint.join(ends)})"


def system_name(system: str) -> str:
    """A system's name as a noun: `4-shot prompting`, `the specialist`."""
    if system.endswith("-shot"):
        return f"{system} prompting"
    return f"the {system}" if system == "specialist" else system
