"""The facts of an invented visit: who comes, what for, what is done and prescribed, and how it is coded."""

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from conditions import CONDITIONS, Condition, codes_by_side, parse_rx
from vocabulary import ALLERGIES, CHECKUPS, CLASHES, PROCEDURES, SWITCHED, VACCINE_ADMINISTRATION

Row = dict[str, Any]

# How often a condition comes up falls with its place in the list. One of few months makes up for it in those, and one
# with a code for each side comes up more often, so that no code is left without notes.
WEIGHTS = {
    c.code: 1 / (place + 9) * (12 / len(c.months)) ** 0.8 * len(c.code.split("/")) ** 0.7
    for place, c in enumerate(CONDITIONS)
}


@dataclass(frozen=True)
class Med:
    drug: str
    amount: str
    unit: str
    freq: str
    action: str  # continue | start | change | switch
    before: str = ""  # of a change, the former amount; of a switch, the former drug

    @property
    def measure(self) -> str:
        """The unit as it goes with the amount: 1 puff, 2 puffs."""
        return self.unit.removesuffix("s") if self.amount == "1" and self.unit in ("puffs", "sprays") else self.unit

    @property
    def dose(self) -> str:
        return f"{self.amount} {self.measure}"


@dataclass(frozen=True)
class Problem:
    condition: Condition
    side: str  # right | left | both; "" where the code knows no side
    med: Med | None = None


@dataclass(frozen=True)
class Visit:
    age: int
    sex: str
    problems: tuple[Problem, ...]
    procedure: str
    """Key of what was done at the visit; "" for none."""
    code: str | None
    """Of the office visit; None for a yearly exam (its code follows from the age) and for a procedure alone."""
    allergy: str
    side: str
    """A side of the body that no code depends on."""

    @property
    def meds(self) -> list[Med]:
        return [problem.med for problem in self.problems if problem.med]


@dataclass
class Patient:
    id: str
    sex: str
    born: date
    allergy: str  # a key of ALLERGIES
    meds: dict[str, Med] = field(default_factory=dict)  # by code of the chronic condition they are for
    sides: dict[str, str] = field(default_factory=dict)  # by code of the chronic condition

    def age(self, day: date) -> int:
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def fits(condition: Condition, patient: Patient, day: date) -> bool:
    """Whether this patient can have this condition on that day."""
    low, high = condition.ages
    kin = [c for c in CONDITIONS if c.code in patient.meds and c.family and c.family == condition.family]
    return (
        low <= patient.age(day) <= high
        and condition.sex in ("", patient.sex)
        and day.month in condition.months
        and all(c is condition or (c.code[:3] == condition.code[:3] and condition.kind == "acute") for c in kin)
    )


def draw(rng: random.Random, conditions: list[Condition]) -> Condition:
    return rng.choices(conditions, [WEIGHTS[c.code] for c in conditions])[0]


def new_patient(rng: random.Random, number: int, day: date) -> tuple[Patient, Condition]:
    """A patient, and what they first come for."""
    condition = draw(rng, [c for c in CONDITIONS if day.month in c.months])
    low, high = condition.ages
    age = rng.triangular(low, high, low + (high - low) * (0.2 if low < 10 else 0.45))
    born = day - timedelta(days=round(age * 365.25))
    patient = Patient(f"P-{number:04d}", condition.sex or rng.choice("FM"), born, rng.choice(list(ALLERGIES)))
    return (patient, condition) if fits(condition, patient, day) else new_patient(rng, number, day)


def clashes(drug: str, taken: list[Med]) -> bool:
    others = {med.drug for med in taken}
    return drug in others or any(drug in group and group & others for group in CLASHES)


def adjust(rng: random.Random, med: Med, amounts: list[str]) -> Med:
    """The drug of a returning patient: as before, or a step up or down."""
    if len(amounts) < 2 or rng.random() > 0.3:
        return med
    place = amounts.index(med.amount)
    place += rng.choice([step for step in (1, 1, 1, -1) if 0 <= place + step < len(amounts)])
    return replace(med, action="change", before=med.amount, amount=amounts[place])


def prescribe(rng: random.Random, patient: Patient, condition: Condition, day: date, taken: list[Med]) -> Med | None:
    """The drug of one problem, beside what is taken for the other; None where none is given."""
    entries = [parse_rx(e) for e in (condition.kid_rx if patient.age(day) < 12 else condition.rx).split(" | ") if e]
    chronic = condition.kind == "chronic"
    if chronic and (old := patient.meds.get(condition.code)):
        med = adjust(rng, old, next((amounts for drug, amounts, *_ in entries if drug == old.drug), []))
        patient.meds[condition.code] = replace(med, action="continue", before="")
        return None if clashes(med.drug, taken) else med
    barred = ALLERGIES[patient.allergy]
    allowed = [entry for entry in entries if entry[0] not in barred and not clashes(entry[0], taken)]
    if not allowed or rng.random() > condition.medicated:
        return None
    drug, amounts, unit, freqs = rng.choice(allowed)
    place = min(rng.randrange(len(amounts)), rng.randrange(len(amounts)))  # rather a low dose than a high one
    med = Med(drug, amounts[place], unit, rng.choice(freqs), "start")
    if not chronic:
        return med
    patient.meds[condition.code] = replace(med, action="continue")
    others = [other for other, *_ in allowed if other != drug]
    action = rng.choices(("continue", "start", "change", "switch"), (55, 15, 18, 12))[0]
    if action == "change" and place:
        return replace(med, action="change", before=amounts[place - 1])
    if action == "switch" and others and condition.code in SWITCHED:
        return replace(med, action="switch", before=rng.choice(others))
    return replace(med, action="start" if action == "start" else "continue")


def choose_side(rng: random.Random, patient: Patient, condition: Condition) -> str:
    sides = list(codes_by_side(condition))
    side = patient.sides.get(condition.code) or rng.choices(sides, [1, 1, 0.8][: len(sides)])[0]
    if condition.kind == "chronic":
        patient.sides[condition.code] = side
    return side


def visit_code(rng: random.Random, kind: str, problems: int, procedure: bool, new: bool) -> str | None:
    if kind in ("vaccine", "checkup") or (kind == "procedure" and procedure and rng.random() < 0.7):
        return None
    moderate = 0.82 if problems > 1 else 0.35 if kind == "chronic" else 0.1
    minor = 0 if problems > 1 else 0.1
    code: str = rng.choices(("99214", "99213", "99212"), (moderate, 1 - moderate, minor))[0]
    return {"99214": "99204"}.get(code, "99203") if new else code


def new_visit(rng: random.Random, patient: Patient, condition: Condition, day: date, first: bool) -> Visit:
    conditions = [condition]
    others = [c for c in CONDITIONS if c.kind == "chronic" and c is not condition and fits(c, patient, day)]
    others = [c for c in others if not c.family or c.family != condition.family]
    if others and rng.random() < {"chronic": 0.42, "acute": 0.13}.get(condition.kind, 0):
        known = [c for c in others if c.code in patient.meds]
        conditions.append(rng.choice(known) if known else draw(rng, others))
    problems: list[Problem] = []
    for c in conditions:
        taken = [problem.med for problem in problems if problem.med]
        problems.append(Problem(c, choose_side(rng, patient, c), prescribe(rng, patient, c, day, taken)))
    procedure = ""
    for problem in problems:
        for entry in problem.condition.procs.split():
            key, chance = entry.split(":")
            if not procedure and (key, problem.side) != ("joint", "both") and rng.random() < float(chance):
                procedure = key
    code = visit_code(rng, condition.kind, len(problems), bool(procedure), new=first and rng.random() < 0.2)
    side = rng.choice(("right", "left"))
    return Visit(patient.age(day), patient.sex, tuple(problems), procedure, code, patient.allergy, side)


def record(visit: Visit) -> Row:
    """What the visit's note should yield: the codes, drugs and demographics."""
    kind = visit.problems[0].condition.kind
    cpt = [visit.code] if visit.code else []
    if kind == "checkup":
        cpt = [next(code for oldest, code in CHECKUPS if visit.age <= oldest)]
    if visit.procedure:
        cpt.append(PROCEDURES[visit.procedure][0])
    if kind == "vaccine":
        cpt.append(VACCINE_ADMINISTRATION)
    return {
        "dx": [codes_by_side(problem.condition)[problem.side] for problem in visit.problems],
        "cpt": cpt,
        "meds": [{"drug": p.med.drug, "dose": p.med.dose, "freq": p.med.freq} for p in visit.problems if p.med],
        "age": visit.age,
        "sex": visit.sex,
    }
