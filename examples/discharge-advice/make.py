"""Writes outputs.jsonl: advice for patients by two systems, to see what general metrics praise. All of it is made up.

    python examples/discharge-advice/make.py

`fluent` copies the reference almost word for word, and in every other row one fact is wrong: a digit of the dose, the
days, or a lost "not". `plain` says the same facts in other words. Seeded: the file is always the same.
"""

import json
import random
from pathlib import Path

DRUGS = ("warfarin", "metformin", "lisinopril", "amoxicillin", "prednisone", "furosemide", "atorvastatin", "apixaban")
AVOID = ("aspirin", "ibuprofen", "alcohol", "grapefruit", "antacids", "naproxen")
FAULTS = ("dose", "not", "days")
ROWS = 60


def advice(rng: random.Random) -> dict[str, str | int]:
    drug, avoid = rng.choice(DRUGS), rng.choice(AVOID)
    return {"drug": drug, "avoid": avoid, "dose": rng.choice((2, 5, 10, 20, 40)), "days": rng.choice((5, 7, 10, 14))}


def reference(a: dict[str, str | int]) -> str:
    return (
        f"Take {a['dose']} mg of {a['drug']} twice a day for {a['days']} days. "
        f"You must not take {a['avoid']}. Call the ward if you feel dizzy or faint."
    )


def fluent(a: dict[str, str | int], fault: str) -> str:
    text = reference(a | {"dose": int(a["dose"]) * 10} if fault == "dose" else a)
    if fault == "days":
        text = reference(a | {"days": int(a["days"]) + 20})
    return text.replace("must not take", "must take") if fault == "not" else text


def plain(a: dict[str, str | int]) -> str:
    return (
        f"Your {a['drug']}: {a['dose']} mg, two times daily, {a['days']} days in all. No {a['avoid']}! "
        "Dizzy or faint? Call the ward."
    )


def main() -> None:
    rng = random.Random(7)
    lines = []
    for number in range(1, ROWS + 1):
        a = advice(rng)
        row = {
            "id": f"advice-{number}",
            "letter": f"Discharge letter: {a['drug']} {a['dose']} mg b.i.d. for {a['days']} d; avoid {a['avoid']} "
            f"(interacts with {a['drug']}). Told to call the ward if dizzy or faint.",
            "target": reference(a),
        }
        fault = FAULTS[number // 2 % 3] if number % 2 else ""
        lines += [row | {"model": "fluent", "output": fluent(a, fault)}, row | {"model": "plain", "output": plain(a)}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (Path(__file__).parent / "outputs.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
