"""Texts with known duplicates and traps, made from a seed out of any list of short texts.

    python bench/dedup_texts.py --data FILE.csv --column text --rows 4000 --seed 1 --out truth.jsonl

Each line is {"id", "text", "cluster", "edit", "trap"}. Rows of one cluster say the same: an original and up to three
copies, each edited in the ways that `edit` names. `trap` is the id of a row that looks alike and says something else; then
`edit` says what was changed. A tenth of the originals, with their copies and traps, stand in one long template.
"""

import argparse
import csv
import json
import random
import re
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any

KEYS = {"a": "sq", "e": "wr", "i": "uo", "o": "ip", "t": "ry", "n": "bm", "s": "ad", "r": "et", "l": "k", "c": "xv"}
DRESSES = (
    "Hi team, {} Many thanks!",
    "Good morning. {}",
    "{} Any help would be appreciated.",
    "Sorry to bother you, {}",
    "Hey, {} Cheers",
    "{} Kind regards",
)
ODD_DRESSES = ("Dear bank, {}", "{} Would be great if someone could answer me soon.", "Asking for a friend: {}")
"""Wrappers that no list of polite phrases can be expected to have."""
FRAME = (
    "Below is one message that a client sent to the help desk during the past quarter. Work out which of the known "
    "topics it belongs to and reply with the name of that topic and with nothing else. Message: {} Topic:"
)
NAMES = ("Smith", "Smyth", "Garcia", "Okafor", "Jansen", "Janssen", "Maria", "Marie", "Anna", "Hanna", "Lopez", "Lopes")
CITIES = (
    "Lisbon",
    "London",
    "Oslo",
    "Osaka",
    "Paris",
    "Prague",
    "Vienna",
    "Geneva",
    "Genoa",
    "Lyon",
    "Boston",
    "Austin",
)
SWAPS: dict[str, tuple[str, list[Sequence[str]]]] = {
    "number": (
        "It was the {} charge.",
        [("15", "16"), ("2,500", "2,600"), ("3.5", "35"), ("100", "1000"), ("A12", "A21")],
    ),
    "number word": (
        "It happened {} times.",
        [("two", "ten"), ("six", "sixty"), ("four", "forty"), ("seven", "eleven"), ("three", "thirteen")],
    ),
    "unit": (
        "The parcel holds 5 {} of it.",
        [("mg", "g"), ("kg", "mg"), ("hours", "days"), ("euros", "dollars"), ("m", "km"), ("pounds", "ounces")],
    ),
    "date": (
        "This was on {}.",
        [
            ("1 June", "1 July"),
            ("2024-05-01", "2024-01-05"),
            ("Monday", "Sunday"),
            ("3 March", "3 May"),
            ("12/10", "10/12"),
        ],
    ),
    "negation": (
        "The clerk said that this {} possible.",
        [
            ("is", "is not"),
            ("is", "isn't"),
            ("was ever", "was never"),
            ("is legally", "is illegally"),
            ("can be", "cannot be"),
        ],
    ),
    "like word": (
        "I mean the {} here.",
        [
            ("payer", "payee"),
            ("plan", "plane"),
            ("trial", "trail"),
            ("board", "boar"),
            ("statue", "statute"),
            ("cash", "cache"),
        ],
    ),
}


def typo(text: str, real: Set[str], rng: random.Random) -> str:
    """One letter in fifty mistyped, so that no word comes out that is a real one: that would say something else."""
    for _ in range(50):
        wrong = slipped(text, rng)
        if not ({*words_of(wrong)} - {*words_of(text)}) & real:
            break
    return wrong


def slipped(text: str, rng: random.Random) -> str:
    """One letter in fifty dropped, doubled, swapped with the next, or hit beside its key."""
    letters = [i for i, char in enumerate(text[:-1]) if char.isalpha()]
    for at in sorted(rng.sample(letters, k=max(1, len(letters) // 50)), reverse=True):
        char, following = text[at], text[at + 1]
        near = rng.choice(KEYS.get(char.lower(), char))
        wrong = rng.choice(("", char * 2, following + char if following.isalpha() else "", near))
        text = text[:at] + wrong + text[at + 1 + (len(wrong) == 2 and wrong[1] == char and wrong[0] == following) :]
    return text


def restyle(text: str, rng: random.Random) -> str:
    return rng.choice((text.lower(), text.upper(), text.title(), re.sub(r"[,.?!;:]+(?= |$)", "", text), f"«{text}»…"))


def order(text: str, rng: random.Random) -> str:
    words = text.split()
    at = rng.randrange(len(words) - 1)
    return " ".join([*words[:at], words[at + 1], words[at], *words[at + 2 :]])


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower().replace("'", ""))


EDITS: dict[str, Callable[[str, random.Random], str]] = {
    "style": restyle,
    "order": order,
    "wrapper": lambda text, rng: rng.choice(DRESSES).format(text),
}


def trap(text: str, others: Sequence[str], rng: random.Random) -> tuple[str, str, str]:
    """(kind, the source, the trap): the text with a clause that differs, or with a word of its own changed or negated."""
    kind = rng.choice((*SWAPS, "name", "direction", "content word", "inserted not"))
    if kind in SWAPS:
        clause, pairs = SWAPS[kind]
        one, other = rng.sample(rng.choice(pairs), 2)
        return kind, f"{text} {clause.format(one)}", f"{text} {clause.format(other)}"
    if kind == "name":
        one, other = rng.sample(NAMES, 2)
        return kind, f"{text} It concerns {one}.", f"{text} It concerns {other}."
    if kind == "direction":
        a, b = rng.sample(CITIES, 2)
        return kind, f"{text} I moved from {a} to {b}.", f"{text} I moved from {b} to {a}."
    words = text.split()
    if kind == "inserted not":
        at = rng.randrange(1, len(words))
        return kind, text, " ".join([*words[:at], "not", *words[at:]])
    at = rng.choice([i for i, word in enumerate(words) if len(word) > 3] or [0])
    return (
        kind,
        text,
        " ".join([*words[:at], rng.choice([w for w in others if w != words[at].lower()]), *words[at + 1 :]]),
    )


def make(texts: Sequence[str], rows: int, seed: int) -> list[dict[str, Any]]:
    """The rows, shuffled; a text of fewer than six words is left out."""
    rng = random.Random(seed)
    distinct = {re.sub(r"\W+", " ", text.lower()).strip(): text.strip() for text in texts if len(text.split()) >= 6}
    originals = rng.sample(sorted(distinct.values()), min(rows, len(distinct)))
    real = {word for text in originals for word in words_of(text)}
    content = sorted(word for word in real if len(word) > 3)
    edits_of = {**EDITS, "typo": lambda text, rng: typo(text, real, rng)}
    made: list[dict[str, Any]] = []

    def add(text: str, cluster: int, edit: str, source: int | None = None) -> None:
        framed = FRAME.format(text) if cluster % len(originals) % 10 == 0 else text
        made.append({"text": framed, "cluster": cluster, "edit": edit, "trap": source})

    for cluster, text in enumerate(originals):
        source = len(made)
        trapped = cluster % 4 == 1 or cluster % 40 == 0
        kind, text, miss = trap(text, content, rng) if trapped else ("", text, "")
        add(text, cluster, "")
        if cluster % 4 < 2:
            if cluster % 100 == 4:
                add(rng.choice(ODD_DRESSES).format(text), cluster, "odd wrapper")
            for _ in range(rng.randint(1, 3)):
                copy, edits = text, rng.sample(sorted(edits_of), rng.choice((1, 1, 2)))
                for edit in edits:
                    copy = edits_of[edit](copy, rng)
                add(copy, cluster, "+".join(sorted(edits)))
        if trapped:
            add(miss, len(originals) + cluster, kind, source)
    order_of = list(range(len(made)))
    rng.shuffle(order_of)
    place = {old: new for new, old in enumerate(order_of)}
    shuffled = [made[old] for old in order_of]
    return [{"id": i, **row, "trap": place.get(row["trap"])} for i, row in enumerate(shuffled)]


def load(path: Path, column: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
        return [row[column] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="CSV or JSONL")
    parser.add_argument("--column", default="text")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = make(load(args.data, args.column), args.rows, args.seed)
    args.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} rows, {sum(row['trap'] is not None for row in rows)} traps")


if __name__ == "__main__":
    main()
