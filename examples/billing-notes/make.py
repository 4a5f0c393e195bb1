"""Writes the data of the billing-notes example: notes.jsonl, held_out.jsonl and key.jsonl. The same seed, the same"
" bytes.

    python examples/billing-notes/make.py [--seed 7] [--out FOLDER]

Facts come first (who, what for, which drugs), `wording.py` turns them into a note, and the defects are planted last.
Everything is invented: no line comes from a real record.
"""

import argparse
import copy
import json
import random
import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from vocabulary import (
    CHECKUPS,
    CLASHES,
    CONDITIONS,
    GIVEN,
    PROCEDURES,
    STREETS,
    SURNAMES,
    SWITCHED,
    TOWNS,
    VACCINE_ADMINISTRATION,
    Condition,
)
from wording import Med, Problem, Visit, choose, slip, write_note

Row = dict[str, Any]
Spans = list[dict[str, Any]]

TRAIN_VISITS, HELD_OUT_VISITS = 1300, 340
PLANTED = {"duplicate": 14, "near-duplicate": 28, "wrong-label": 54, "contradiction": 8, "pii": 40}
HELD_OUT_PII = 8
FIRST_DAY, LAST_DAY = date(2022, 10, 3), date(2023, 12, 15)
# How often a condition comes up: less with its place in the list; one of few months makes up for it in those.
WEIGHTS = {c.code: 1 / (place + 16) * (12 / len(c.months)) ** 0.8 for place, c in enumerate(CONDITIONS)}


# Facts


@dataclass
class Patient:
    id: str
    sex: str
    born: date
    meds: dict[str, Med] = field(default_factory=dict)
    """Of each chronic condition, by code, the drug taken."""
    sides: dict[str, str] = field(default_factory=dict)

    def age(self, day: date) -> int:
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def codes_by_side(condition: Condition) -> dict[str, str]:
    codes = condition.code.split("/")
    return {"": codes[0]} if len(codes) == 1 else dict(zip(("right", "left", "both"), codes, strict=False))


def parse_rx(entry: str) -> tuple[str, list[str], str, list[str]]:
    """`drug dose[,dose…] unit frequency[,frequency…]` → drug, amounts, unit, frequencies."""
    match = re.fullmatch(r"(.+?) ([\d.,]+) (\S+) (.+)", entry.strip())
    assert match, entry
    return match[1], match[2].split(","), match[3], match[4].split(",")


def fits(condition: Condition, patient: Patient, day: date) -> bool:
    """Whether this patient can have this condition that day."""
    low, high = condition.ages
    relatives = [c for c in CONDITIONS if c.code in patient.meds and c.family and c.family == condition.family]
    return (
        low <= patient.age(day) <= high
        and condition.sex in ("", patient.sex)
        and day.month in condition.months
        and all(c is condition or (c.code[:3] == condition.code[:3] and condition.kind == "acute") for c in relatives)
    )


def draw(rng: random.Random, conditions: list[Condition]) -> Condition:
    return rng.choices(conditions, [WEIGHTS[c.code] for c in conditions])[0]


def new_patient(rng: random.Random, number: int, day: date) -> tuple[Patient, Condition]:
    """A patient and what they first come for."""
    condition = draw(rng, [c for c in CONDITIONS if day.month in c.months])
    low, high = condition.ages
    age = round(rng.triangular(low, high, low + (high - low) * (0.2 if low < 10 else 0.45)))
    born = day - timedelta(days=round(age * 365.25) + rng.randrange(20, 340))
    sex = condition.sex or rng.choice("FFM" if condition.code in ("F41.1", "G43.909", "E03.9") else "FM")
    patient = Patient(f"P-{number:04d}", sex, born)
    if not fits(condition, patient, day):  # a birthday has carried them over the age
        return new_patient(rng, number, day)
    return patient, condition


def clashes(drug: str, meds: list[Med]) -> bool:
    others = {m.drug for m in meds}
    return drug in others or any(drug in group and group & others for group in CLASHES)


def prescribe(rng: random.Random, patient: Patient, condition: Condition, day: date, taken: list[Med]) -> Med | None:
    """The drug of one problem: an old one continued or adjusted, or a new one; None where none is given."""
    chronic = condition.kind == "chronic"
    if chronic and (old := patient.meds.get(condition.code)):
        med = replace(old, action="continue", before="")
        amounts = next((parse_rx(e)[1] for e in condition.rx.split(" | ") if parse_rx(e)[0] == old.drug), [old.amount])
        if len(amounts) > 1 and rng.random() < 0.3:
            place = amounts.index(old.amount)
            place += rng.choice([step for step in (1, 1, 1, -1) if 0 <= place + step < len(amounts)])
            med = replace(med, action="change", before=old.amount, amount=amounts[place])
        patient.meds[condition.code] = replace(med, action="continue", before="")
        return None if clashes(med.drug, taken) else med
    entries = condition.kid_rx if patient.age(day) < 12 else condition.rx
    allowed = [e for e in entries.split(" | ") if e and not clashes(parse_rx(e)[0], taken)]
    if not allowed or rng.random() > condition.medicated:
        return None
    drug, amounts, unit, freqs = parse_rx(rng.choice(allowed))
    place = min(rng.randrange(len(amounts)), rng.randrange(len(amounts)))
    unit = unit[:-1] if unit in ("puffs", "sprays") and amounts[place] == "1" else unit
    med = Med(drug, amounts[place], unit, rng.choice(freqs), "start")
    if chronic:
        patient.meds[condition.code] = replace(med, action="continue")
        others = [parse_rx(e)[0] for e in allowed if parse_rx(e)[0] != drug]
        action = rng.choices(("continue", "start", "change", "switch"), (55, 15, 18, 12))[0]
        if action == "change" and place:
            return replace(med, action="change", before=amounts[place - 1])
        if action == "switch" and others and condition.code in SWITCHED:
            return replace(med, action="switch", before=rng.choice(others))
        return replace(med, action="start" if action == "start" else "continue")
    return med


def new_visit(rng: random.Random, patient: Patient, condition: Condition, day: date, first: bool) -> Visit:
    age = patient.age(day)

    def problem(of: Condition) -> Problem:
        sides = list(codes_by_side(of))
        side = patient.sides.get(of.code) or rng.choices(sides, [1, 1, 0.5][: len(sides)])[0]
        if of.kind == "chronic":
            patient.sides[of.code] = side
        return Problem(of, side)

    problems = [problem(condition)]
    others = [c for c in CONDITIONS if c.kind == "chronic" and c is not condition and fits(c, patient, day)]
    others = [c for c in others if not c.family or c.family != condition.family]
    if others and rng.random() < {"chronic": 0.42, "acute": 0.13}.get(condition.kind, 0):
        known = [c for c in others if c.code in patient.meds]
        problems.append(problem(rng.choice(known) if known else draw(rng, others)))
    for place, p in enumerate(problems):
        taken = [before.med for before in problems[:place] if before.med]
        problems[place] = replace(p, med=prescribe(rng, patient, p.condition, day, taken))
    procedures: list[str] = []
    for p in problems:
        for entry in p.condition.procs.split():
            key, chance = entry.split(":")
            if rng.random() < float(chance) and not procedures and (key, p.side) != ("joint", "both"):
                procedures.append(key)
    kind, new = condition.kind, first and rng.random() < 0.2
    visit_code: str | None
    if kind in ("vaccine", "checkup") or (kind == "procedure" and procedures and rng.random() < 0.7):
        visit_code = None
    else:
        moderate = 0.82 if len(problems) > 1 else 0.35 if kind == "chronic" else 0.1
        established = rng.choices(("99214", "99213", "99212"), (moderate, 1 - moderate, 0.1 if len(problems) < 2 else 0))[0]
        visit_code = ("99204" if established == "99214" else "99203") if new else established
    return Visit(age, patient.sex, tuple(problems), tuple(procedures), visit_code, rng.choice(("right", "left")))


def record(visit: Visit) -> Row:
    """The codes, drugs and demographics that the visit's note should yield."""
    cpt = [visit.code] if visit.code else []
    if visit.problems[0].condition.kind == "checkup":
        cpt = [next(code for oldest, code in CHECKUPS if visit.age <= oldest)]
    cpt += [PROCEDURES[key][0] for key in visit.procedures]
    if visit.problems[0].condition.kind == "vaccine":
        cpt.append(VACCINE_ADMINISTRATION)
    return {
        "dx": [codes_by_side(p.condition)[p.side] for p in visit.problems],
        "cpt": cpt,
        "meds": [{"drug": m.drug, "dose": m.dose, "freq": m.freq} for m in visit.meds],
        "age": visit.age,
        "sex": visit.sex,
    }


# Rows


class Novelty:
    """Refuses a note that shares too many word triples with an earlier one."""

    def __init__(self, most: float = 0.34) -> None:
        self.most, self.sizes, self.holders = most, [], {}

    def accepts(self, note: str) -> bool:
        words = re.findall(r"\w+", note.lower())
        triples = set(zip(words, words[1:], words[2:], strict=False))
        shared: dict[int, int] = {}
        for triple in triples:
            for holder in self.holders.get(triple, ()):
                shared[holder] = shared.get(holder, 0) + 1
        if any(n / (len(triples) + self.sizes[holder] - n) > self.most for holder, n in shared.items()):
            return False
        for triple in triples:
            self.holders.setdefault(triple, []).append(len(self.sizes))
        self.sizes.append(len(triples))
        return True


def drug_words() -> set[str]:
    entries = [e for c in CONDITIONS for e in (c.rx + " | " + c.kid_rx).split(" | ") if e.strip()]
    return {word for e in entries for word in re.findall(r"[a-z]+", parse_rx(e)[0])} | {"right", "left", "bilateral"}


def visits_of(rng: random.Random, number: int, novelty: Novelty, spared: set[str]) -> list[Row]:
    """All the rows of one new patient."""
    days = (LAST_DAY - FIRST_DAY).days
    count = rng.choices((1, 2, 3, 4, 5), (62, 20, 10, 5, 3))[0]
    dates = sorted(FIRST_DAY + timedelta(days=d) for d in rng.sample([d for d in range(days) if d % 7 < 5], count))
    patient, condition = new_patient(rng, number, dates[0])
    rows: list[Row] = []
    for day in dates:
        if rows:
            known = [c for c in CONDITIONS if c.code in patient.meds]
            possible = [c for c in CONDITIONS if fits(c, patient, day)]
            condition = rng.choice(known) if known and rng.random() < 0.55 else draw(rng, possible)
        visit = new_visit(rng, patient, condition, day, first=not rows)
        for _ in range(40):
            note = write_note(rng, visit)
            if rng.random() < 0.12:
                note = slip(rng, note, spared)
            if len(note) <= 370 and novelty.accepts(note):
                rows.append({"note": note, "record": record(visit), "patient": patient.id, "visit": day.isoformat()})
                break
    return rows


# Defects


def restyle(rng: random.Random, note: str, spared: set[str]) -> tuple[str, str]:
    """The same note typed a second time: (note, what changed). No fact changes."""
    edits = {
        "typo": lambda: slip(rng, note, spared),
        "case": lambda: note.lower() if note != note.lower() else note.upper(),
        "spacing": lambda: re.sub(r"(?<=[.;,]) ", "  ", note) if re.search(r"[.;,] ", note) else note + " ",
        "punctuation": lambda: note[:-1] if note.endswith(".") else note + ".",
        "order": lambda: ". ".join([*note.rstrip(".").split(". ")[1:], note.split(". ")[0]]) if note.count("."
            " ") > 2 else note,
        "words": lambda: re.sub(r"\bcontinue\b|\bcont\b", "keep", re.sub(r"\bno\b", "denies", note, count=1), flags=re.I),
    }
    for name in rng.sample(list(edits), len(edits)):
        if (edited := edits[name]()) != note:
            return edited, name
    raise AssertionError(note)


def mislabel(rng: random.Random, right: Row) -> tuple[Row, str, str]:
    """A record with one plausible mistake: (record, kind of mistake, field)."""
    wrong = copy.deepcopy(right)
    kinds = ["wrong-dx", "wrong-dx", "wrong-cpt"] + (["dose-times-ten", "missing-med", "wrong-freq"] if right["meds"] else [])
    kind = rng.choice(kinds)
    if kind == "wrong-dx":
        at = rng.randrange(len(right["dx"]))
        code = right["dx"][at]
        siblings = next(list(codes_by_side(c).values()) for c in CONDITIONS if code in c.code.split("/"))
        near = [s for s in siblings if s != code] or [
            s for c in CONDITIONS for s in codes_by_side(c).values() if s not in right["dx"] and (s[0] == code[0] or rng.random() < 0.1)
        ]
        wrong["dx"][at] = rng.choice(near)
        return wrong, kind, "dx"
    if kind == "wrong-cpt":
        visits = ["99212", "99213", "99214", "99203", "99204"]
        checkups = [code for _, code in CHECKUPS]
        pool = next((group for group in (visits, checkups) if right["cpt"][0] in group), [PROCEDURES[k][0] for k in PROCEDURES])
        wrong["cpt"][0] = rng.choice([code for code in pool if code not in right["cpt"]])
        return wrong, kind, "cpt"
    at = rng.randrange(len(right["meds"]))
    if kind == "missing-med":
        del wrong["meds"][at]
    elif kind == "wrong-freq":
        wrong["meds"][at]["freq"] = rng.choice([f for f in ("daily", "BID", "TID", "QHS") if f != right["meds"][at]["freq"]])
    else:
        amount, unit = right["meds"][at]["dose"].split(" ", 1)
        wrong["meds"][at]["dose"] = f"{float(amount) * 10:g}"
            " {unit}" if float(amount) * 10 < 1e5 else f"{float(amount) / 10:g} {unit}"
    return wrong, kind, "meds"


def add_personal_data(rng: random.Random, row: Row) -> Spans:
    """Put invented personal data into a row's note; the spans say where, in characters."""
    female, male = GIVEN.split(" | ")
    given, surname = rng.choice((female if row["record"]["sex"] == "F" else male).split()), rng.choice(SURNAMES.split())
    phone = f"555-01{rng.randrange(100):02d}"
    phone = rng.choice((phone, f"({rng.randrange(201, 990)}) {phone}"))
    mail = f"{given[0].lower()}.{surname.lower()}{rng.randrange(10, 99)}@example.{rng.choice(('com', 'org'))}"
    mrn = f"{rng.randrange(10**6, 10**7)}"
    address = f"{rng.randrange(2, 190)} {choose(rng, STREETS)}, {choose(rng, TOWNS)}"
    name = rng.choice((f"{given} {surname}", f"{'Ms' if row['record']['sex'] == 'F' else 'Mr'}."
        " {surname}", f"{surname}, {given}"))
    inserts: list[list[str | tuple[str, str]]] = [
        ["Pt: ", ("name", name), ", MRN ", ("mrn", mrn)],
        ["Pt ", ("name", f"{given} {surname}")],
        ["MRN ", ("mrn", mrn)],
        ["Pt name ", ("name", name)],
        ["Call ", ("name", given), " with results at ", ("phone", phone)],
        ["Reach at ", ("phone", phone), " or ", ("email", mail)],
        ["Results to ", ("email", mail)],
        ["Lives at ", ("address", address)],
        ["Pharmacy delivers to ", ("address", address)],
        ["Emergency contact ", ("name", f"{rng.choice((female + ' ' + male).split())} {surname}"), ","
            " ", ("phone", phone)],
        ["Ph ", ("phone", phone)],
    ]  # fmt: skip
    pieces = rng.choice(inserts)
    note, before = row["note"], str(pieces[0]).startswith(("Pt", "MRN", "("))
    case = str.lower if note == note.lower() else str.upper if note == note.upper() else str
    gap = "\n" if "\n" in note else " " if note.endswith(".") else ". "
    text = "" if before else note + gap
    spans: Spans = []
    for piece in pieces:
        kind, words = ("", piece) if isinstance(piece, str) else piece
        if kind:
            spans.append({"start": len(text), "end": len(text) + len(words), "kind": kind, "text": case(words)})
        text += case(words)
    row["note"] = text + ("\n" if "\n" in note else ". ") + note if before else text
    return spans


def plant(rng: random.Random, rows: list[Row], spared: set[str]) -> tuple[list[Row], list[tuple[Row, Row]]]:
    """The rows with defects among them, and for each defect (row, entry of the key); no row has two."""
    pool = rng.sample(range(len(rows)), sum(PLANTED.values()))
    taken = {name: [pool.pop() for _ in range(count)] for name, count in PLANTED.items()}
    key: list[tuple[Row, Row]] = []
    extra: list[tuple[int, Row]] = []  # (place to stand before, row)
    for at in taken["duplicate"]:
        twin = copy.deepcopy(rows[at])
        extra.append((rng.randrange(len(rows)), twin))
        key.append((twin, {"defect": "duplicate", "of": rows[at], "detail": {}}))
    for at in taken["near-duplicate"]:
        twin = copy.deepcopy(rows[at])
        twin["note"], changed = restyle(rng, twin["note"], spared)
        extra.append((rng.randrange(len(rows)), twin))
        key.append((twin, {"defect": "near-duplicate", "of": rows[at], "detail": {"changed": changed}}))
    for at in taken["contradiction"]:
        twin = copy.deepcopy(rows[at])
        twin["record"], kind, name = mislabel(rng, rows[at]["record"])
        extra.append((rng.randrange(len(rows)), twin))
        key.append((twin, {"defect": "contradiction", "of": rows[at], "detail": {"kind": kind, "field": name, "correct": rows[at]["record"][name]}}))
    for at in taken["wrong-label"]:
        correct = rows[at]["record"]
        rows[at]["record"], kind, name = mislabel(rng, correct)
        key.append((rows[at], {"defect": "wrong-label", "of": None, "detail": {"kind": kind, "field": name, "correct": correct[name]}}))
    for at in taken["pii"]:
        key.append((rows[at], {"defect": "pii", "of": None, "detail": {"spans": add_personal_data(rng, rows[at])}}))
    for place, twin in sorted(extra, key=lambda pair: -pair[0]):
        rows.insert(place, twin)
    return rows, key


def make(seed: int) -> dict[str, list[Row]]:
    """The three files' rows, by file name."""
    rng = random.Random(seed)
    novelty, spared = Novelty(), drug_words()
    numbers = iter(rng.sample(range(100, 9999), 4000))
    splits: list[list[Row]] = []
    for wanted in (TRAIN_VISITS, HELD_OUT_VISITS):
        rows: list[Row] = []
        while len(rows) < wanted:
            rows += visits_of(rng, next(numbers), novelty, spared)
        rng.shuffle(rows)
        splits.append(rows)
    train, held_out = splits
    train, key = plant(rng, train, spared)
    for row in rng.sample(held_out, HELD_OUT_PII):
        key.append((row, {"defect": "pii", "of": None, "detail": {"spans": add_personal_data(rng, row)}}))
    ids = {id(row): f"bn-{place:04d}" for place, row in enumerate([*train, *held_out], start=1)}
    named = {id(row): {"id": ids[id(row)], **row} for row in [*train, *held_out]}
    entries = [{"row": ids[id(row)], **entry, "of": entry["of"] and ids[id(entry["of"])]} for row, entry in key]
    return {
        "notes.jsonl": [named[id(row)] for row in train],
        "held_out.jsonl": [named[id(row)] for row in held_out],
        "key.jsonl": sorted(entries, key=lambda entry: entry["row"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the data of the billing-notes example.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    for name, rows in make(options.seed).items():
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
        (options.out / name).write_text("".join(lines), encoding="utf-8", newline="\n")
        print(f"{name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
