"""The defects planted in the notes, and the key that tells where: a row has one at most."""

import copy
import random
import re
from datetime import date, timedelta

from conditions import CONDITIONS, codes_by_side
from visits import Row
from vocabulary import CHECKUPS, PROCEDURES, VISITS
from wording import choose, slip

PLANTED = {"duplicate": 14, "near-duplicate": 28, "contradiction": 8, "wrong-label": 54, "pii": 40}

# Invented; the numbers and domains are ones that are kept free for fiction.
WOMEN = "Margaret | Ruth | Delia | Imani | Petra | Noor | Winifred | Odette | Greta | Linnea"
MEN = "Hector | Tobias | Lorenz | Callum | Anselm | Rafael | Bashir | Desmond | Emeka | Piotr"
SURNAMES = (
    "Oduya | Harlan | Brightwell | Castellano | Vesterby | Nakagawa | Quillfeather | Abernathy | Ferreira | Lindqvist |"
    " Okonjo | Prentiss | Szabo | Tremaine | Wetherby | Zielinski"
)
STREETS = "Larch Street | Old Mill Road | Quarry Lane | Juniper Court | Ferry Avenue | Cobbler Way"
TOWNS = "Millbrook | Eastvale | Port Corran | Harrow Falls | Dunmere"
# Pieces of text; those in braces are the personal data. The first five stand before the note, the others after it.
PERSONAL = (
    "Pt: |{name}|, MRN |{mrn}", "Pt |{full}", "MRN |{mrn}", "Pt name |{name}", "|{full}|, born |{born}",
    "Call |{given}| with results at |{phone}", "Reach at |{phone}| or |{email}", "Results to |{email}",
    "Lives at |{address}", "Pharmacy delivers to |{address}", "Emergency contact |{contact}|, |{phone}", "Ph |{phone}",
)  # fmt: skip
KINDS = {"full": "name", "given": "name", "contact": "name", "born": "birth date"}  # of a span, where not its own name

SWAPS = {"denies": "denied", "continue": "cont", "start": "begin", "assessment": "impression", "patient": "pt",
         "visit": "appt", "minutes": "mins", "today": "this visit"}  # fmt: skip


def retype(rng: random.Random, note: str) -> tuple[str, list[str]]:
    """The same note typed a second time, and the one or two ways in which it came out different; no fact does."""

    def swap(note: str) -> str:
        return re.sub(rf"\b({'|'.join(SWAPS)})\b", lambda word: SWAPS[word[0]], note, count=1)

    def reorder(note: str) -> str:
        sentences = note.removesuffix(".").split(". ")
        return ". ".join([*sentences[1:], sentences[0]]) + "." if len(sentences) > 3 else note

    edits = {
        "typo": lambda note: slip(rng, note),
        "case": lambda note: note.upper() if note == note.lower() else note.lower(),
        "spacing": lambda note: re.sub(r"(?<=[.;,]) +", "  ", note),
        "punctuation": lambda note: note[:-1] if note.endswith(".") else note + ".",
        "order": reorder,
        "words": swap,
    }
    wanted = rng.choice((1, 2))
    changed: list[str] = []
    for name in rng.sample(list(edits), len(edits)):
        if len(changed) < wanted and (edited := edits[name](note)) != note:
            note = edited
            changed.append(name)
    return note, changed


def wrong_code(rng: random.Random, right: str) -> str:
    """A code that a hurried coder may have meant: the other side, a code of the same letter, another visit or test."""
    sided = [list(codes_by_side(c).values()) for c in CONDITIONS]
    diagnoses = [code for codes in sided for code in codes]
    if right in diagnoses:
        sides = next(codes for codes in sided if right in codes)
        chapter = [code for code in diagnoses if code[0] == right[0]]
        near = next(codes for codes in (sides, chapter, diagnoses) if len(codes) > 1)
        return rng.choice([code for code in near if code != right])
    checkups, procedures = [code for _, code in CHECKUPS], sorted({code for code, *_ in PROCEDURES.values()})
    group = next(group for group in (list(VISITS), checkups, procedures) if right in group)
    return rng.choice([code for code in group if code != right])


def mislabel(rng: random.Random, right: Row) -> tuple[Row, Row]:
    """A record with one mistake, and the key's detail: the kind of mistake, the field, and what would be correct."""
    wrong = copy.deepcopy(right)
    in_meds = ["dose-times-ten", "missing-med", "wrong-freq"] if right["meds"] else []
    kind = rng.choice(["wrong-dx", "wrong-dx", "wrong-cpt", *in_meds])
    name = kind.removeprefix("wrong-") if kind in ("wrong-dx", "wrong-cpt") else "meds"
    at = rng.randrange(len(right[name])) if name != "cpt" else 0
    if name != "meds":
        wrong[name][at] = wrong_code(rng, right[name][at])
    elif kind == "missing-med":
        del wrong["meds"][at]
    elif kind == "wrong-freq":
        freqs = [freq for freq in ("daily", "BID", "TID", "QHS") if freq != right["meds"][at]["freq"]]
        wrong["meds"][at]["freq"] = rng.choice(freqs)
    else:
        amount, unit = right["meds"][at]["dose"].split(" ", 1)
        wrong["meds"][at]["dose"] = f"{float(amount) * 10:.10g} {unit}"
    return wrong, {"kind": kind, "field": name, "correct": right[name]}


def add_personal_data(rng: random.Random, row: Row) -> list[Row]:
    """Put invented personal data into the row's note; the spans tell where, in characters."""
    female = row["record"]["sex"] == "F"
    given, surname = choose(rng, WOMEN if female else MEN), choose(rng, SURNAMES)
    phone = f"555-01{rng.randrange(100):02d}"
    days = round(row["record"]["age"] * 365.25) + rng.randrange(20, 340)
    data = {
        "given": given,
        "full": f"{given} {surname}",
        "name": rng.choice((f"{given} {surname}", f"{'Ms' if female else 'Mr'}. {surname}", f"{surname}, {given}")),
        "contact": f"{choose(rng, f'{WOMEN} | {MEN}')} {surname}",
        "born": f"{date.fromisoformat(row['visit']) - timedelta(days):%m/%d/%Y}",
        "mrn": str(rng.randrange(10**6, 10**7)),
        "phone": rng.choice((phone, f"({rng.randrange(201, 990)}) {phone}")),
        "email": f"{given[0].lower()}.{surname.lower()}{rng.randrange(10, 99)}@example.{rng.choice(('com', 'org'))}",
        "address": f"{rng.randrange(2, 190)} {choose(rng, STREETS)}, {choose(rng, TOWNS)}",
    }
    note, place = row["note"], rng.randrange(len(PERSONAL))
    like_note = str.lower if note == note.lower() else str.upper if note == note.upper() else str
    gap = "\n" if "\n" in note else " " if note.endswith(".") and place > 4 else ". "
    text = "" if place < 5 else note + gap
    spans: list[Row] = []
    for piece in PERSONAL[place].split("|"):
        field = piece.strip("{}")
        words = like_note(data[field] if piece != field else piece)
        if piece != field:
            place_of = {"start": len(text), "end": len(text) + len(words)}
            spans.append({**place_of, "kind": KINDS.get(field, field), "text": words})
        text += words
    end = "." if note.endswith(".") else ""
    row["note"] = text + gap + note if place < 5 else text + end
    return spans


def plant(rng: random.Random, rows: list[Row]) -> list[tuple[Row, Row]]:
    """Spoil some rows and slip second versions of others in between.

    Gives for each defect the row and its entry in the key, in which `of` is the row that a second version is of.
    """
    sample = rng.sample(rows, sum(PLANTED.values()))
    key: list[tuple[Row, Row]] = []
    for defect, count in PLANTED.items():
        for _ in range(count):
            row, of = sample.pop(), None
            detail: Row = {}
            if defect in ("duplicate", "near-duplicate", "contradiction"):
                row, of = copy.deepcopy(row), row
                rows.insert(rng.randrange(len(rows)), row)
            if defect == "near-duplicate":
                row["note"], detail["changed"] = retype(rng, row["note"])
            elif defect in ("contradiction", "wrong-label"):
                row["record"], detail = mislabel(rng, row["record"])
            elif defect == "pii":
                detail["spans"] = add_personal_data(rng, row)
            key.append((row, {"defect": defect, "of": of, "detail": detail}))
    return key
