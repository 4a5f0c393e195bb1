"""Writes the data of the billing-notes example: notes.jsonl, held_out.jsonl and key.jsonl. Same seed, same bytes.

    python examples/billing-notes/make.py [--seed 7] [--out FOLDER]

`visits.py` invents the facts (who, what for, which drugs), `wording.py` makes notes of them, `defects.py` spoils some.
Everything is invented: no line comes from a real record.
"""

import argparse
import json
import random
import re
from datetime import date, timedelta
from pathlib import Path

from conditions import CONDITIONS
from defects import add_personal_data, plant
from visits import Row, draw, fits, new_patient, new_visit, record
from wording import slip, write_note

NOTES, HELD_OUT, HELD_OUT_PERSONAL = 1300, 340, 8
FIRST_DAY, LAST_DAY = date(2022, 10, 3), date(2023, 12, 15)


class Novelty:
    """Refuses a note that shares more than a third of its word triples (Jaccard) with an earlier one."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.holders: dict[tuple[str, ...], list[int]] = {}

    def accepts(self, note: str) -> bool:
        words = re.findall(r"\w+", note.lower())
        triples = set(zip(words, words[1:], words[2:], strict=False))
        shared: dict[int, int] = {}
        for triple in triples:
            for holder in self.holders.get(triple, ()):
                shared[holder] = shared.get(holder, 0) + 1
        if any(count / (len(triples) + self.sizes[holder] - count) > 1 / 3 for holder, count in shared.items()):
            return False
        for triple in triples:
            self.holders.setdefault(triple, []).append(len(self.sizes))
        self.sizes.append(len(triples))
        return True


def rows_of_patient(rng: random.Random, number: int, novelty: Novelty) -> list[Row]:
    """One to five visits of a new patient."""
    count = rng.choices((1, 2, 3, 4, 5), (62, 20, 10, 5, 3))[0]
    weekdays = [day for day in range((LAST_DAY - FIRST_DAY).days) if day % 7 < 5]  # the first day is a Monday
    days = sorted(FIRST_DAY + timedelta(days=day) for day in rng.sample(weekdays, count))
    patient, condition = new_patient(rng, number, days[0])
    rows: list[Row] = []
    for day in days:
        if rows:
            known = [c for c in CONDITIONS if c.code in patient.meds]
            possible = [c for c in CONDITIONS if fits(c, patient, day)]
            condition = rng.choice(known) if known and rng.random() < 0.55 else draw(rng, possible)
        visit = new_visit(rng, patient, condition, day, first=not rows)
        for _ in range(40):
            note = write_note(rng, visit)
            if rng.random() < 0.12:
                note = slip(rng, note)
            if len(note) <= 370 and novelty.accepts(note):
                rows.append({"note": note, "record": record(visit), "patient": patient.id, "visit": day.isoformat()})
                break
    return rows


def make(seed: int) -> dict[str, list[Row]]:
    """The rows of each file, by its name."""
    rng, novelty = random.Random(seed), Novelty()
    numbers = iter(rng.sample(range(100, 10000), 4000))
    notes: list[Row] = []
    held_out: list[Row] = []
    for rows, wanted in ((notes, NOTES), (held_out, HELD_OUT)):
        while len(rows) < wanted:
            rows += rows_of_patient(rng, next(numbers), novelty)
        del rows[wanted:]
        rng.shuffle(rows)
    defects = plant(rng, notes)
    for row in rng.sample(held_out, HELD_OUT_PERSONAL):
        defects.append((row, {"defect": "pii", "of": None, "detail": {"spans": add_personal_data(rng, row)}}))
    ids = {id(row): f"bn-{place:04d}" for place, row in enumerate(notes + held_out, start=1)}
    key = [{"row": ids[id(row)], **entry, "of": ids.get(id(entry["of"]))} for row, entry in defects]
    return {
        "notes.jsonl": [{"id": ids[id(row)], **row} for row in notes],
        "held_out.jsonl": [{"id": ids[id(row)], **row} for row in held_out],
        "key.jsonl": sorted(key, key=lambda entry: str(entry["row"])),
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
