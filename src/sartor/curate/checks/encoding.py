"""Text that was damaged on its way here: `donâ€™t`, control characters, odd spaces, `&amp;`."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ftfy
from ftfy.fixes import remove_control_chars, remove_terminal_escapes, unescape_html

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.example import Example, Message
from sartor.data.jsontext import NotJsonError, compact, parse_json
from sartor.task import CODE, Kind

_SUSPECT = re.compile(r"[^\t\n\r -~]|&#?\w+;")
"""A text without any of this is sound."""
_MARKUP = re.compile(r"<|\b(?:x?html|xml)\b", re.IGNORECASE)
"""A text that holds markup, or speaks of it, needs its entities."""
_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_BREAKS = re.compile(r"[\x0b\x0c\u2028\u2029]")
_UNSEEN = re.compile(r"[\u00ad\u200b\u2060\ufeff]")
_WORDS_WITHOUT_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer: there, a space of no width ends a word."""
_LOST = re.compile(r"[\ufffd\ud800-\udfff\x80-\x9f]")
"""What stood there cannot be told."""
_MOJIBAKE = ftfy.TextFixerConfig(replace_lossy_sequences=False)

LOST = "lost characters"


@register
class Encoding(Check):
    """Finds damaged text in messages and target, and mends it where what it was is certain.

    Curly quotes, ligatures, emoji and the marks of right-to-left text are no damage; neither are HTML entities beside markup.
    A damaged label is mended only into a label that other rows have.
    """

    name = "encoding"
    title = "damaged text"
    action = "fix"

    def look(self, pool: Pool) -> Suspicions:
        labels = {label for example in (*pool.examples, *pool.test) for label in example.labels}
        sound = {label for label in labels if mend(label, False)[0] == label}
        found: Suspicions = {}
        for place, example in enumerate(pool.examples):
            if suspicion := _examine(example, pool.spec.kind, sound):
                found[place] = suspicion
        return found


def mend(text: str, entities: bool) -> tuple[str, set[str]]:
    """The text with what is certain mended, HTML `entities` or not, and the names of the damage that was mended."""
    found = set[str]()
    if not _SUSPECT.search(text):
        return text, found
    steps = [step for step in _STEPS if entities or step[0] != "HTML entities"]
    while True:
        before = text
        for name, step in steps:
            text, old = step(text), text
            if text != old:
                found.add(name)
        if text == before:
            return text, found


def _plain_controls(text: str) -> str:
    return remove_control_chars(_BREAKS.sub("\n", remove_terminal_escapes(text)))


def _plain_spaces(text: str) -> str:
    text = _SPACES.sub(" ", text).replace("\ufeff", "")
    return text if _WORDS_WITHOUT_SPACES.search(text) else _UNSEEN.sub("", text)


def _whole_pairs(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_STEPS: list[tuple[str, Callable[[str], str]]] = [
    ("HTML entities", unescape_html),
    ("surrogates", _whole_pairs),
    ("mojibake", lambda text: ftfy.fix_encoding(text, _MOJIBAKE)),
    ("odd spaces", _plain_spaces),
    ("control characters", _plain_controls),
]


def _examine(example: Example, kind: Kind, sound: set[str]) -> Suspicion | None:
    texts = [message.content for message in example.messages]
    if not any(_SUSPECT.search(text) for text in (*texts, example.target)):
        return None
    # In code, `&amp;` is content.
    entities = kind not in CODE and not any(_MARKUP.search(text) for text in (*texts, example.target))
    damage: dict[str, set[str]] = {"input": set(), "target": set()}

    def mended(text: str, where: str) -> str:
        text, found = mend(text, entities)
        damage[where] |= found | ({LOST} if _LOST.search(text) else set())
        return text

    messages = tuple(Message(message.role, mended(message.content, "input")) for message in example.messages)
    if example.labels:
        labels = tuple(dict.fromkeys(label for label in (mended(one, "target").strip() for one in example.labels)))
        known = set(labels) <= sound
        fixed = replace(example, labels=labels, target="; ".join(labels)) if known else example
    elif kind == "extraction":
        fixed = replace(example, target=_mend_record(example.target, lambda text: mended(text, "target")))
    else:
        fixed = replace(example, target=mended(example.target, "target"))
    fixed = replace(fixed, messages=messages)
    return _suspicion(example, fixed, {where: sorted(found) for where, found in damage.items() if found})


def _mend_record(target: str, mended: Callable[[str], str]) -> str:
    """JSON with its texts mended; keys are the schema's and stay."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return mended(value) if isinstance(value, str) else value

    try:
        return compact(walk(parse_json(target)))
    except NotJsonError:
        return mended(target)


def _suspicion(example: Example, fixed: Example, damage: dict[str, list[str]]) -> Suspicion | None:
    if not damage:
        return None
    what = "; ".join(f"{' and '.join(names)} in the {where}" for where, names in damage.items())
    if fixed == example or not fixed.question.strip() or not fixed.target.strip():
        return Suspicion(1.0, f"{what}: cannot be mended for certain", damage)
    left = any(LOST in names for names in damage.values())
    return Suspicion(1.0, f"{what}: mended{' but for what is lost' if left else ''}", damage, fixed)
