"""Writes messages.csv, held_out.csv and key.jsonl of the support-intents example from the sentences in phrases.py.

    python make.py [--out DIR] [--seed N]

Same seed, same bytes. Standard library only. Rows are written first, then defects are planted into messages.csv and
recorded in key.jsonl; held_out.csv stays clean, and none of its formulations occurs in messages.csv.
"""

import argparse
import csv
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import phrases

Change = Callable[[str, random.Random], str]
COLUMNS = ("id", "message", "intent", "customer")
SHORTEST, LONGEST = 10, 45
"""Length of a message in words and punctuation marks."""
HELD_SHARE = 0.27
"""Rows of an intent in held_out.csv, per row in messages.csv."""
LIKENESS = 0.6
"""Two messages of an intent share at most this part of their distinct words (Jaccard), planted defects apart."""
DEFECTS = {"duplicate": 24, "near-duplicate": 28, "wrong-label": 86, "contradiction": 8, "pii": 52}

VOICES = {"plain": 24, "polite": 16, "angry": 12, "terse": 14, "rambling": 14, "foreign": 8, "phone": 15}
CALM = {
    "stock_question", "feature_request", "discount_code", "invoice_request", "warranty_question", "change_plan",
    "pause_subscription", "change_address", "change_email", "cancel_order", "update_payment_method",
}  # fmt: skip
"""Intents whose messages are rarely angry."""
# How often each voice uses a greeting, an aside, a sentence before, one after, and a closing.
HABITS = {
    "plain": (0.4, 0.0, 0.35, 0.35, 0.2),
    "polite": (0.9, 0.05, 0.4, 0.25, 0.85),
    "angry": (0.6, 0.0, 0.2, 0.4, 0.45),
    "terse": (0.0, 0.0, 0.15, 0.15, 0.0),
    "rambling": (0.4, 1.0, 0.6, 0.6, 0.25),
    "foreign": (0.55, 0.0, 0.4, 0.35, 0.4),
    "phone": (0.3, 0.0, 0.25, 0.35, 0.25),
}
GREETED = [re.escape(line.split("{")[0]) for lines in phrases.GREETINGS.values() for line in lines]
SHAPES = {"core": 15, "both": 60, "ask": 25}
"""How often a message is a formulation alone, one with the plain request beside it, or the plain request alone."""
ORDERS = (
    ("greeting", "aside", "before", "core", "ask", "after", "closing"),
    ("greeting", "aside", "before", "core", "after", "ask", "closing"),
    ("greeting", "aside", "before", "ask", "core", "after", "closing"),
    ("greeting", "ask", "before", "core", "after", "aside", "closing"),
)
COMMON = {
    "pleas", "would", "could", "have", "with", "that", "this", "what", "when", "there", "from", "want", "order", "item",
    "table",
}  # fmt: skip
"""Stems that two sentences about different things may share."""
# Slots of which one message has one: a second time, number or product would contradict the first.
TIMES = {"time", "lately", "days", "weeks", "weekday", "month", "date", "time_soon"}
NUMBERS = {"order", "number"}
ONCE = {"amount", "fee", "country", "city", "carrier", "who", "who_cap", "who_noun", "os"}
PRODUCTS = {"item", "device", "part"}
THINGS = re.compile(r"\b(tablet|pen|nib|cover|dock|perch|sleeve|folio|wren|tips?|charger|cable|gift|plan)\b", re.I)


@dataclass(slots=True)
class Row:
    """One message on its way to the files. `source` and `detail` say how a planted row came about."""

    message: str
    intent: str
    customer: str
    voice: str = "plain"
    defect: str | None = None
    source: "Row | None" = None
    detail: dict[str, Any] = field(default_factory=dict)
    id: str = ""


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+(?:['-]\w+)*|[^\w\s]", text)


def slots(line: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", line))


# --- one message ----------------------------------------------------------------------------------------------------


def fill(line: str, rng: random.Random, memory: dict[str, str]) -> str:
    """Make the choices of a line and fill its slots; a slot keeps its value through a message."""
    opens_with_slot = line.startswith("{")
    line = re.sub(r"\[([^\]]*)\]", lambda match: rng.choice(match[1].split("|")), line)

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in memory:
            memory[name] = made_up(name, rng)
        return memory[name]

    line = re.sub(r"{(\w+)}", value, line)
    line = re.sub(r"\b([Aa]) (?=e-)", r"\1n ", line)
    return line[0].upper() + line[1:] if opens_with_slot else line


def made_up(slot: str, rng: random.Random) -> str:
    if slot in ("order", "number"):
        number = rng.randrange(20000, 99999)
        forms = (f"IW-{number}", f"#{number}", f"IW{number}", f"{number}" if slot == "number" else f"order {number}")
        return rng.choice(forms)
    if slot == "amount":
        sign, price = rng.choice("$€£"), rng.choice((12.5, 24.9, 39.0, 49.95, 59.0, 89.9, 129.0, 249.0, 379.0))
        short = f"{price:.2f}".removesuffix(".00")
        coin = "euros" if sign == "€" else "bucks"
        return rng.choice((f"{sign}{price:.2f}", f"{sign}{short}", f"{price:.2f}", f"{short} {coin}"))
    if slot == "fee":
        return f"{rng.choice('$€£')}{rng.choice((4.5, 4.99, 6.9, 7.99, 9.0, 11.5, 14.99)):.2f}"
    return rng.choice(phrases.SLOTS[slot])


def fits(piece: str, used: set[str], core: str) -> bool:
    """Whether a side sentence agrees with what is said already: one time, one number, one product a message."""
    mine = slots(piece)
    if mine & ONCE & used or (mine & NUMBERS and used & NUMBERS) or (mine & TIMES and used & TIMES):
        return False
    products = mine & PRODUCTS
    return not products or bool(products & slots(core)) or not (slots(core) & PRODUCTS or THINGS.search(core))


def compose(intent: str, core: str, held: bool, voice: str, rng: random.Random) -> str:
    """One message of an intent in a voice: a formulation, the plain request, or both, and what people put around."""
    spec = phrases.INTENTS[intent]
    used: set[str] = set()
    memory: dict[str, str] = {}
    said: dict[str, str] = {}
    greet, aside, before, after, close = (rng.random() < share for share in HABITS[voice])
    shape = rng.choices(list(SHAPES), list(SHAPES.values()))[0]
    register = voice if voice in phrases.GREETINGS else "plain"

    if shape == "ask" and intent == "feature_request":  # without the idea itself, such a message says nothing
        shape = "both"
    if shape == "ask":
        core = ""

    def say(name: str, lines: Sequence[str]) -> None:
        free = [line for line in lines if fits(line, used, core)]
        if free:
            line = rng.choice(free)
            used.update(slots(line))
            said[name] = fill(line, rng, memory)

    if core:
        say("core", [core])
    if shape != "core":
        say("ask", [line for line in kept(spec.asks, held) if not stems(line) & stems(core)])
    if before or not core:
        say("before", [line for line in kept(spec.before, held) if core or slots(line)])
    if after:
        say("after", kept(spec.after, held))
    if aside:
        say("aside", phrases.ASIDES)
    if greet:
        say("greeting", phrases.GREETINGS[register])
    if close:
        say("closing", phrases.CLOSINGS[register])
    order = rng.choice(ORDERS)
    for name in ("aside", "closing", "after", "greeting", "before"):
        if len(tokens(" ".join(said.values()))) <= LONGEST:
            break
        said.pop(name, None)
    for name, lines in (("after", spec.after), ("before", spec.before)):
        if len(tokens(" ".join(said.values()))) <= SHORTEST and name not in said:
            say(name, kept(lines, held))
    return join({name: said[name] for name in order if name in said})


def stems(line: str) -> set[str]:
    """The beginnings of a line's longer words, to keep a request from repeating what was said."""
    return {word[:5].lower() for word in re.findall(r"[A-Za-z]{4,}", line)} - COMMON


def kept(lines: Sequence[str], held: bool) -> list[str]:
    """The lines of one file: every third is reserved for held_out.csv."""
    return [line for number, line in enumerate(lines) if (number % 3 == 2) == held]


def join(said: dict[str, str]) -> str:
    text = ""
    for name, part in said.items():
        if text.endswith((",", ":")) and not re.match(r"(I\b|Inkwren|Wren|Nib|Perch|[A-Z]{2})", part):
            part = part[0].lower() + part[1:]
        text = f"{text} {part}" if text else part
        if name != "greeting" and name != list(said)[-1] and text[-1].isalnum():
            text += "."
    return text


# --- how people type --------------------------------------------------------------------------------------------------


def speak(text: str, voice: str, rng: random.Random) -> str:
    return MANNERS.get(voice, hurried)(text, rng)


def hurried(text: str, rng: random.Random) -> str:
    return misspell(text, rng) if rng.random() < 0.18 else text


def angry(text: str, rng: random.Random) -> str:
    if rng.random() < 0.35:
        loud = ("not", "still", "nothing", "never", "now", "nobody", "again", "every", "my")
        shout = [word for word in loud if f" {word} " in text]
        if shout:
            word = rng.choice(shout)
            text = text.replace(f" {word} ", f" {word.upper()} ", 1)
    if rng.random() < 0.4:
        text = re.sub(r"([.!?])$", lambda match: rng.choice(("!", "!!", "!!!")) if match[1] != "?" else "??", text)
    return hurried(text, rng)


def terse(text: str, rng: random.Random) -> str:
    text = re.sub(r"^I (?=still|need|forgot|ordered|want|never|tried|can't)", "", text)
    small = rng.random() < 0.4 and not re.match(r"I\b|I'|[A-Z]{2}|Wren|Inkwren", text)
    text = text[0].lower() + text[1:] if small else text[0].upper() + text[1:]
    return re.sub(r"[.]$", "", text) if rng.random() < 0.7 else text


def foreign(text: str, rng: random.Random) -> str:
    """Some, never all, of the slips of somebody who learns English."""
    for pattern, replacement in rng.sample(phrases.FOREIGN, k=len(phrases.FOREIGN) // 3):
        text = re.sub(pattern, replacement, text, count=2)
    return misspell(text, rng) if rng.random() < 0.5 else text


def phone(text: str, rng: random.Random) -> str:
    text = text.lower()
    for pattern, replacement in rng.sample(phrases.SHORTHAND, k=len(phrases.SHORTHAND) // 3):
        text = re.sub(pattern, replacement, text, count=1)
    if rng.random() < 0.6:
        text = re.sub(r"(?<=\w)'(?=\w)", "", text)
    if rng.random() < 0.4:
        text = text.replace(",", "")
    if rng.random() < 0.5:
        text = re.sub(r"(?<=[a-z])\. (?=[a-z])", rng.choice((" ", ", ", " ... ")), text)
    text = re.sub(r"\.$", "", text) if rng.random() < 0.8 else text
    text = re.sub(r"\?$", "", text) if rng.random() < 0.3 else text
    return typo(text, rng) if rng.random() < 0.5 else text


def misspell(text: str, rng: random.Random) -> str:
    """A usual misspelling where a word of the text has one, else a slip of the finger."""
    words = [word for word in re.findall(r"[a-z]+", text) if word in phrases.MISSPELT]
    if words:
        word = rng.choice(words)
        return re.sub(rf"\b{word}\b", phrases.MISSPELT[word], text, count=1)
    return typo(text, rng)


def typo(text: str, rng: random.Random) -> str:
    """Two letters swapped, one left out, or one doubled, inside one longer word."""
    places = [match for match in re.finditer(r"\b[A-Za-z]{5,}\b", text) if match[0] not in ("Inkwren", "inkwren")]
    if not places:
        return text
    word = rng.choice(places)
    at = rng.randrange(word.start() + 1, word.end() - 2)
    slip = rng.choice((text[at + 1] + text[at], text[at], text[at] * 2 + text[at + 1]))
    return text[:at] + slip + text[at + 2 :]


MANNERS: dict[str, Change] = {"angry": angry, "terse": terse, "foreign": foreign, "phone": phone}


# --- the two files ----------------------------------------------------------------------------------------------------


def write_messages(held: bool, taken: set[str], rng: random.Random) -> list[Row]:
    """The clean rows of one file, every formulation of an intent used about equally often."""
    customers = people(rng, held)
    rows = []
    for intent, spec in phrases.INTENTS.items():
        wanted = round(spec.rows * HELD_SHARE) if held else spec.rows
        cores: list[str] = []
        accepted: list[set[str]] = []
        tries = 0
        while len(accepted) < wanted:
            if not cores:
                cores = kept(spec.says, held)
                rng.shuffle(cores)
            core = cores.pop()
            weights = [weight * (0.1 if voice == "angry" and intent in CALM else 1) for voice, weight in VOICES.items()]
            voice = rng.choices(list(VOICES), weights)[0]
            text = speak(compose(intent, core, held, voice, rng), voice, rng)
            words = {word.lower() for word in tokens(text)}
            alike = max((len(words & other) / len(words | other) for other in accepted), default=0.0)
            tries += 1
            if alike > LIKENESS or text.lower() in taken or not SHORTEST <= len(tokens(text)) <= LONGEST:
                if tries > 200 * wanted:
                    raise SystemExit(f"{intent}: too few formulations for {wanted} rows that differ")
                cores.insert(0, core)
                continue
            taken.add(text.lower())
            accepted.append(words)
            rows.append(Row(text, intent, next(customers), voice))
    rng.shuffle(rows)
    return rows


def people(rng: random.Random, held: bool) -> Iterator[str]:
    """Customers, some of whom write several times; those of the two files differ."""
    numbers = iter(rng.sample(range(30000, 40000) if held else range(10000, 30000), 3000))
    known: list[str] = []
    while True:
        if known and rng.random() < 0.25:
            yield rng.choice(known)
        else:
            known.append(f"C{next(numbers)}")
            yield known[-1]


# --- planted defects --------------------------------------------------------------------------------------------------


def plant(rows: list[Row], rng: random.Random) -> list[Row]:
    """Plant the defects; no row has two, and the row that a copy was made of has none."""
    free = rows[:]
    rng.shuffle(free)
    copies = [copy(free.pop(), rng) for _ in range(DEFECTS["duplicate"])]
    copies += [near_copy(free.pop(), rng) for _ in range(DEFECTS["near-duplicate"])]
    copies += [contradict(free.pop(), rng) for _ in range(DEFECTS["contradiction"])]
    for _ in range(DEFECTS["wrong-label"]):
        mislabel(free.pop(), rng)
    wanted = DEFECTS["pii"]
    likely = {*phrases.CARD_INTENTS, *phrases.ADDRESS_INTENTS, "change_address"}
    for row in sorted(free, key=lambda row: row.intent not in likely):
        if wanted and rng.random() < 0.1 and disclose(row, rng):
            wanted -= 1
    if wanted:
        raise SystemExit(f"{wanted} rows with personal data could not be planted")
    rows = rows + copies
    rng.shuffle(rows)
    return rows


def copy(row: Row, rng: random.Random) -> Row:
    customer = row.customer if rng.random() < 0.6 else f"C{rng.randrange(10000, 30000)}"
    return Row(row.message, row.intent, customer, row.voice, "duplicate", row)


def near_copy(row: Row, rng: random.Random) -> Row:
    """The same message typed again: letters, case, punctuation or order differ, or a courtesy comes on top."""
    text = row.message
    edits: list[str] = []
    for name in rng.sample(sorted(EDITS), k=len(EDITS)):
        changed = EDITS[name](text, rng)
        if changed != text:
            text, edits = changed, [*edits, name]
        if len(edits) == 2 or (edits and rng.random() < 0.5):
            break
    twin = copy(row, rng)
    twin.message, twin.defect, twin.detail = text, "near-duplicate", {"edits": edits}
    return twin


def reorder(text: str, _rng: random.Random) -> str:
    parts = re.split(r"(?<=[.!?]) ", text)
    if len(parts) != 2 or not all(re.match(r"[A-Z].*[.!?]$", part) and len(tokens(part)) > 3 for part in parts):
        return text
    return " ".join(reversed(parts))


EDITS: dict[str, Change] = {
    "typo": typo,
    "case": lambda text, rng: text.lower() if text != text.lower() else text[0].upper() + text[1:],
    "punctuation": lambda text, rng: text.rstrip(".!?") + rng.choice(("!", "...", "?!", "!!")),
    "spacing": lambda text, rng: text.replace(" ", "  ", 2) + " ",
    "courtesy": lambda text, rng: text + rng.choice((" Thanks", " Thank you!", " please", " Thx.")),
    "order": reorder,
}


def contradict(row: Row, rng: random.Random) -> Row:
    other = rng.choice(phrases.INTENTS[row.intent].confused_with)
    customer = f"C{rng.randrange(10000, 30000)}"
    return Row(row.message, other, customer, row.voice, "contradiction", row, {"true": row.intent})


def mislabel(row: Row, rng: random.Random) -> None:
    row.defect, row.detail = "wrong-label", {"true": row.intent}
    row.intent = rng.choice(phrases.INTENTS[row.intent].confused_with)


def disclose(row: Row, rng: random.Random) -> bool:
    """Add personal data to a message; False where it would become too long."""
    lines = phrases.DISCLOSURES
    if row.intent in phrases.CARD_INTENTS:
        lines += phrases.CARD_DISCLOSURES * 6
    if row.intent in phrases.ADDRESS_INTENTS:
        lines += phrases.ADDRESS_DISCLOSURES * 4
    if row.intent == "change_address":
        lines += phrases.NEW_ADDRESS_DISCLOSURES * 15
    line = rng.choice(lines)
    small = row.message == row.message.lower()
    person = invented_person(rng)
    if re.match("My name|Hello|{name} here", line):
        if re.match("|".join(GREETED), row.message, re.I):
            return False
        head, tail = "", " " + row.message
    else:
        head, tail = row.message + ("" if re.search(r"[.!?,]$", row.message) else ".") + " ", ""
    spans = []
    text = head
    for literal, kind in re.findall(r"([^{]*)(?:{(\w+)})?", line):
        text += literal.lower() if small else literal
        if kind:
            value = person[kind].lower() if small else person[kind]
            spans.append({"start": len(text), "end": len(text) + len(value), "kind": kind, "text": value})
            text += value
    text += tail
    if len(tokens(text)) > LONGEST:
        return False
    row.message, row.defect, row.detail = text, "pii", {"spans": spans}
    return True


def invented_person(rng: random.Random) -> dict[str, str]:
    first, last = rng.choice(phrases.FIRST_NAMES), rng.choice(phrases.LAST_NAMES)
    year, number = rng.randrange(60, 99), rng.randrange(100, 999)
    user = rng.choice((f"{first}.{last}", f"{first[0]}{last}", f"{last}{year}", f"{first}_{number}"))
    user = re.sub(r"[^a-z0-9._]", "", user.lower().replace("é", "e"))
    return {
        "name": f"{first} {last}",
        "email": f"{user}@{rng.choice(phrases.MAIL_DOMAINS)}",
        "phone": rng.choice(phrases.PHONES).format(n2=rng.randrange(10, 99), n3=rng.randrange(100, 999)),
        "address": rng.choice(phrases.STREETS),
        "card": rng.choice(phrases.CARDS),
    }


# --- writing ----------------------------------------------------------------------------------------------------------


def write_table(path: Path, rows: Sequence[Row], prefix: str) -> None:
    for number, row in enumerate(rows, start=1):
        row.id = f"{prefix}{number:04d}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((row.id, row.message, row.intent, row.customer) for row in rows)


def write_key(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            if row.defect:
                of = row.source.id if row.source else None
                entry = {"row": row.id, "defect": row.defect, "of": of, "detail": row.detail}
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder (default: this one)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    taken: set[str] = set()
    rows = plant(write_messages(False, taken, rng), rng)
    write_table(args.out / "messages.csv", rows, "m")
    write_key(args.out / "key.jsonl", rows)
    write_table(args.out / "held_out.csv", write_messages(True, taken, rng), "h")


if __name__ == "__main__":
    main()
