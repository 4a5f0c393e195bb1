"""From the facts of a visit to the words of a note: clause by clause, in the voice of one of six kinds of writer."""

import random
import re
from typing import Any

import vocabulary as vocab
from conditions import DRUGS
from visits import Med, Problem, Visit

NOT_SWALLOWED = {"nicotine patch", "semaglutide"}
VOICES = {"telegraphic": 30, "soap": 13, "form": 13, "prose": 22, "dictation": 11, "message": 11}
FORMS = (  # labels of a form's five fields
    ("CC", "Exam", "Dx", "Plan", "Visit"),
    ("Reason", "Findings", "Assessment", "Tx", "E/M"),
    ("HPI", "Obj", "Impression", "Rx/plan", "Level"),
    ("Hx", "Done/seen", "Dx", "Orders", "Code by"),
)

# Why the patient comes → as typed, as said, as told to the billing desk. {who} is "62F" or "a 62-year-old woman".
OPENINGS = {
    "complaint": (
        "[{who} c/o|{who} w/|{who} p/w|{who} with|{who},|{who}:|c/o] {what}",
        "[{who} came in with|{who} presents with|{who} is here with|{who} comes in today for|{who} complains of"
        "|{he} is {age} and [came in with|has had]] {what}",
        "[saw|I saw|just saw|today I saw|for billing: saw] {who} [with|for|about] {what}",
    ),
    "chronic": (
        "[{who} f/u|{who} here for f/u|{who} in re|{who} recheck|{who} w/|{who}, f/u] {what}",
        "[{who} returns for follow-up of|{who} is back about|{who} came in for a recheck of|{who} is followed for"
        "|follow-up visit of {who} with|{he} is {age} and comes back for] {what}",
        "[saw|I saw|just saw|today I saw|for billing: saw] {who} [for follow-up of|about|to recheck|for] {what}",
    ),
    "routine": (
        "{who} [here for f/u|here for routine f/u|med check|here for recheck|in for check]",
        "[{who} returns for a routine follow-up|{who} is here for a medication check|{he} is {age} and back for a"
        " recheck]",
        "[saw|I saw|just saw|today I saw] {who} for a [recheck|medication check|routine follow-up]",
    ),
    "service": (
        "[{who} here for|{who},|{who} in for|{who} for] {what}",
        "{who} [is here for|came in for|was seen for] {what}",
        "[saw|I saw|for billing: saw|just saw] {who} for {what}",
    ),
}


def listed(entries: str) -> list[str]:
    return [entry.strip() for entry in entries.split(" | ")]


def choose(rng: random.Random, entries: str) -> str:
    return rng.choice(listed(entries))


def expand(rng: random.Random, phrase: str, **words: Any) -> str:
    """Fill in the words of a phrase and resolve its choices and numbers."""
    phrase = re.sub(r"\{(\w+)\}", lambda m: str(words[m[1]]), phrase)
    while match := re.search(r"\[([^\[\]]*)\]", phrase):
        phrase = phrase[: match.start()] + rng.choice(match[1].split("|")) + phrase[match.end() :]
    return re.sub(r"<(\d+)-(\d+)>", lambda m: str(rng.randint(int(m[1]), int(m[2]))), phrase)


def contradicts(clause: str, said: str) -> bool:
    """Whether what is said already speaks on a subject of the clause, so that the two may disagree."""
    return any(re.search(subject, clause, re.I) and re.search(subject, said, re.I) for subject in vocab.SUBJECTS)


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


class Writer:
    """One writer's habits, and what they have said so far in one note."""

    def __init__(self, rng: random.Random, visit: Visit, voice: str) -> None:
        self.rng, self.visit, self.voice = rng, visit, voice
        self.terse = voice in ("telegraphic", "soap", "form")
        self.haste = rng.uniform(0.25, 0.95)  # how often a word is abbreviated
        self.parts: dict[str, list[str]] = {part: [] for part in "SOAPV"}  # the V part settles the visit's code
        he, his, him = ("she", "her", "her") if visit.sex == "F" else ("he", "his", "him")
        self.words = {"he": he, "his": his, "him": him, "age": visit.age, "oneside": visit.side}

    def say(self, phrase: str, **words: Any) -> str:
        return expand(self.rng, phrase, **{**self.words, **words})

    def either(self, typed: str, spoken: str, **words: Any) -> str:
        return self.say(typed if self.terse else spoken, **words)

    def shorten(self, text: str) -> str:
        """Abbreviate as this writer would; the long voices write everything out."""
        if not self.terse:
            return text
        for full, short in vocab.ABBREVIATIONS.items():
            if self.rng.random() < self.haste:
                text = re.sub(rf"\b{full}\b", self.say(short), text)
        return re.sub(rf"\b({vocab.SMALL_WORDS}) ", "", text) if self.rng.random() < self.haste else text

    def fact(self, entry: str, side: str = "") -> str:
        """A vocabulary entry as a clause of its own; its first character says what it lacks."""
        entry = self.say(entry, side=side)
        kind, text = (entry[0], entry[1:]) if entry[0] in "=+" else ("", entry)
        if self.terse or kind == "=":
            return self.shorten(text)
        return self.say("{he} {text}" if kind == "+" else "{he} [reports|has|mentions] {text}", text=text)

    def name(self, problem: Problem) -> str:
        condition = problem.condition
        if problem.side == "both":
            return self.shorten(self.say(condition.both))
        return self.shorten(self.either(condition.short, condition.long, side=problem.side))

    @property
    def said(self) -> str:
        return " ".join(clause for clauses in self.parts.values() for clause in clauses)

    # Clauses

    def who(self) -> str:
        age, female = self.visit.age, self.visit.sex == "F"
        if self.terse:
            letter, word = ("F", "female") if female else ("M", "male")
            forms = "{age}{letter}|{age} {letter}|{age} yo {letter}|{age}y {letter}|{age} y/o {word}|{age}yo {word}"
            return self.say(f"[{forms}|{{letter}}, {{age}}]", letter=letter, word=word)
        noun = "[woman|woman|female|lady]" if female else "[man|man|male|gentleman]"
        if age < 18:
            noun = "girl" if female else "boy"
        article = "an" if str(age).startswith(("8", "11", "18")) else "a"
        return self.say("[{article}|this] {age}[-year-old|-year-old| year old] " + noun, article=article)

    def opening(self) -> tuple[str, bool]:
        """Who comes and why; and whether that has named the first problem."""
        problem = self.visit.problems[0]
        kind, what, named = problem.condition.kind, self.name(problem), True
        if kind in ("acute", "procedure"):
            complaints = [entry for entry in listed(problem.condition.says) if entry[0] not in "=+"]
            chosen = self.rng.sample(complaints, k=min(len(complaints), self.rng.choice((1, 2, 2))))
            lasts = f" for {problem.condition.lasts}" if self.rng.random() < 0.6 else ""
            what, named = self.shorten(self.say(" and ".join(chosen) + lasts)), False
            reason = "complaint"
        elif kind in ("vaccine", "checkup"):
            reason = "service"
            if not self.terse and not what.startswith(("a ", "the ")):
                what = self.say("{his} ") + what
        elif self.rng.random() < 0.2:
            reason, named = "routine", False
        else:
            reason = "chronic"
        phrase = OPENINGS[reason][0 if self.terse else 2 if self.voice == "message" else 1]
        opening = self.say(phrase, who=self.who(), what=what)
        if opening.startswith("c/o"):
            opening = f"{self.who()}. {opening}"
        return opening, named

    def states(self, problem: Problem, count: int) -> list[str]:
        """How a problem is going, or what came with it."""
        entries = listed(problem.condition.says)
        if problem.condition.kind in ("acute", "procedure"):
            entries = [entry for entry in entries if entry[0] in "=+"]
        chosen: list[str] = []
        for entry in self.rng.sample(entries, k=len(entries)):
            clause = self.fact(entry)
            if len(chosen) < count and not contradicts(clause, " ".join(chosen)):
                chosen.append(clause)
        return chosen

    def assessment(self, problem: Problem) -> str:
        name = self.name(problem)
        if self.voice in ("soap", "form"):
            return name
        spoken = "[assessment:|diagnosis:|impression:|assessment is] {name}"
        if problem.condition.kind != "chronic":
            spoken = "[diagnosis is|assessment:|impression:|I diagnosed] {name}"
        return self.either("[A: |Imp: |Dx: |Assessment: |Dx |]{name}", spoken, name=name)

    def second(self, problem: Problem) -> str:
        return self.either(
            "[also {name}|{name} too|#2 {name}|2) {name}|other issue {name}]",
            "[{he} also has {name}|we also went over {name}|also addressed: {name}|the other problem is {name}]",
            name=self.name(problem),
        )

    def dose(self, med: Med) -> str:
        rng, unit, amount = self.rng, med.measure, med.amount
        if self.terse and amount.startswith("0.") and rng.random() < 0.15:
            amount = amount[1:]
        if len(amount) > 3 and amount.isdigit() and rng.random() < 0.4:
            amount = f"{int(amount):,}"
        if unit == "%":
            return f"{amount}%" if self.terse or rng.random() < 0.6 else f"{amount} percent"
        if unit == "units" and self.terse and rng.random() < 0.3:
            unit = "u"
        if unit == "mg" and self.terse and rng.random() < 0.1:
            return amount
        if self.voice == "dictation" and rng.random() < 0.6:
            unit = {"mg": "milligrams", "mcg": "micrograms"}.get(unit, unit)
        glue = "" if self.terse and unit in ("mg", "mcg", "u") and rng.random() < 0.5 else " "
        return f"{amount}{glue}{unit}"

    def regimen(self, med: Med) -> str:
        tablets = self.rng.choice((" tab", " PO")) if self.terse else " tablets"
        form = tablets if med.unit == "mg" and med.drug not in NOT_SWALLOWED and self.rng.random() < 0.08 else ""
        return f"{self.dose(med)}{form} {self.say(vocab.FREQUENCIES[med.freq][0 if self.terse else 1])}"

    def med(self, med: Med) -> str:
        words = {"drug": med.drug, "regimen": self.regimen(med), "old": med.before}
        if med.action == "change":
            rises = float(med.amount) > float(med.before)
            words |= {"inc": "inc" if rises else "dec", "up": "up" if rises else "down"}
            words |= {"raise": "increase" if rises else "decrease", "raising": "raising" if rises else "lowering"}
            return self.either(
                "[{inc} {drug} {old} to {regimen}|{drug} {old} -> {regimen}|{raise} {drug} from {old} to {regimen}"
                "|change {drug} {old} to {regimen}|{drug} {up} to {regimen}, was {old}]",
                "[{raise} {drug} from {old} to {regimen}|{drug} goes {up} from {old} to {regimen}"
                "|we are {raising} {drug} from {old} to {regimen}]",
                **words,
            )
        if med.action == "switch":
            return self.either(
                "[switch {old} to {drug} {regimen}|stop {old}, start {drug} {regimen}"
                "|d/c {old}; {drug} {regimen} instead]",
                "[we switched {him} from {old} to {drug} {regimen}|stop {old} and start {drug} {regimen}"
                "|{drug} {regimen} replaces {old}]",
                **words,
            )
        if med.action == "start":
            course = med.drug in vocab.COURSES and self.rng.random() < 0.6
            words["course"] = self.shorten(f" for {self.rng.choice(vocab.COURSES[med.drug])} days") if course else ""
            return self.either(
                "[start|Rx|begin|Rx:|new:|start] {drug} {regimen}{course}",
                "[start|I prescribed|begin|prescribed|{he} will take|started {him} on] {drug} {regimen}{course}",
                **words,
            )
        return self.either(
            "[cont|continue|refill|on|RF|takes|stay on|cont] {drug} {regimen}",
            "[continue|{he} stays on|refilled|I refilled|{he} takes|{he} is on|keep] {drug} {regimen}",
            **words,
        )

    def level(self, code: str) -> str:
        """The clause that settles the visit's code: its complexity, its level or its minutes."""
        complexity, level, minutes, new = vocab.VISITS[code]
        words = {"c": complexity, "level": level, "spelled": {2: "two", 3: "three", 4: "four"}[level]}
        words |= {"time": self.rng.choice(minutes), "code": code}
        of_complexity = "a {c} complexity visit|{c} complexity|decision making was of {c} complexity"
        if complexity == "straightforward":
            of_complexity = "a {c} visit|the visit was {c}|decision making was {c}"
        wordings = (
            (
                "[{c} MDM|MDM {c}|{c} visit]" if level == 2 else "[{c} MDM|MDM {c}|{c} complexity]",
                f"[{of_complexity}|{{c}} medical decision making]",
            ),
            (
                "[level {level}|lvl {level}|level {level} visit|L{level} visit]",
                "[level {level} visit|a level {spelled} visit]",
            ),
            (
                "[{time} min|{time} min total|{time} min visit|total {time} min]",
                "[total time {time} minutes|I spent {time} minutes|{time} minutes in all"
                "|we spent {time} minutes together]",
            ),
            ("[{code}|E/M {code}|bill {code}]", "[code {code}|bill as {code}]"),
        )
        typed, spoken = self.rng.choices(wordings, (42, 24, 28, 6))[0]
        text = self.either(typed, spoken, **words)
        if new:
            return self.either(
                "[new pt, {text}|new patient, {text}|{text}, new pt|NP, {text}]",
                "[new patient, {text}|{he} is new to the practice, {text}|new to us, {text}]",
                text=text,
            )
        return self.either(
            "[{text}|{text}|est pt, {text}|{text}, est pt]", "[{text}|{text}|established patient, {text}]", text=text
        )

    # Asides: what no record holds

    def denial(self) -> str:
        said = self.said.lower()
        items = listed(self.visit.problems[0].condition.denies)
        items = [item for item in items if not any(word in said for word in re.findall(r"[a-z]{4,}", item))]
        chosen = self.rng.sample(items, k=min(len(items), self.rng.choice((1, 2, 2, 3))))
        if not chosen:
            return ""
        what = ", ".join(chosen[:-1]) + (" or " if len(chosen) > 1 else "") + chosen[-1]
        spoken = "[{he} denies|{he} has had no|no] {what}"
        return self.either("[denies|denies|no|neg for|den] {what}", spoken, what=self.shorten(what))

    def stopped(self) -> str:
        keys = [p.condition.code for p in self.visit.problems if p.condition.code in vocab.STOPPED]
        entry = choose(self.rng, vocab.STOPPED[self.rng.choice(keys) if keys and self.rng.random() < 0.75 else ""])
        if any(med.drug in entry or (med.before and med.before in entry) for med in self.visit.meds):
            return ""
        what = self.shorten(self.say(entry))
        once = re.search(r"\b(last|in|ago|after)\b", entry)
        typed = "[stopped|d/c'd] {what}" if once else "[off|stopped|d/c'd|no longer on] {what}"
        return self.either(typed, "[{he} stopped|{he} came off|we had stopped] {what}", what=what)

    def undone(self) -> str:
        keys = [entry.split(":")[0] for p in self.visit.problems for entry in p.condition.procs.split()]
        keys = [key for key in keys if vocab.PROCEDURES[key][2]]
        if not keys or self.visit.procedure:
            return ""
        return self.fact(choose(self.rng, vocab.PROCEDURES[self.rng.choice(keys)][2]))

    def family(self) -> str:
        who = "[father|aunt|grandmother]"
        if self.visit.age >= 30:
            who = "[mother|father|brother|sister|maternal aunt|grandfather]"
        return self.either(
            "[FH: {who} {what}|{who} w/ {what}|{who} had {what}|fam hx {what} ({who})]",
            "[{his} {who} had {what}|family history of {what} in {his} {who}]",
            who=self.say(who),
            what=self.shorten(self.say(choose(self.rng, vocab.FAMILY))),
        )

    def aside(self, kind: str) -> tuple[str, str]:
        """The part of the note it belongs to, and the clause; an empty one is none."""
        rng, visit, first = self.rng, self.visit, self.visit.problems[0].condition
        if kind == "exam":
            return "O", self.fact(choose(rng, first.exam)) if first.exam else ""
        if kind == "vitals":
            return "O", self.fact(choose(rng, vocab.VITALS))
        if kind == "undone":
            return "O", self.undone()
        if kind == "plan":
            acute = first.kind in ("acute", "procedure")
            return "P", self.shorten(self.say(choose(rng, vocab.PLAN_ACUTE if acute else vocab.PLAN)))
        if kind == "asked":
            older = visit.age >= 50 and rng.random() < 0.4
            return "P", self.fact(choose(rng, vocab.ASKED_OLDER if older else vocab.ASKED))
        if kind == "social":
            ages = ((12, vocab.CHILD), (18, vocab.TEEN), (60, vocab.WORKING), (200, vocab.OLDER))
            return "S", self.fact(choose(rng, next(entries for below, entries in ages if visit.age < below)))
        if kind == "allergy":
            return "S", self.shorten(self.say(visit.allergy))
        if kind == "past":
            what = self.shorten(self.say(choose(rng, vocab.PAST)))
            return "S", self.either(
                "[PMH {what}|hx {what}|h/o {what}]", "[past history of {what}|{he} had {what}]", what=what
            )
        return "S", {"denial": self.denial, "family": self.family, "stopped": self.stopped}[kind]()

    # The note

    def write(self) -> str:
        visit, rng = self.visit, self.rng
        length = min(max(rng.gauss(185, 42), 100), 290)
        first, *rest = visit.problems
        opening, named = self.opening()
        self.parts["S"].append(opening)
        if rng.random() < 0.75:
            self.parts["S"] += self.states(first, 1 if rest or rng.random() < 0.6 else 2)
        if visit.procedure:
            side = next(problem.side for problem in visit.problems if f"{visit.procedure}:" in problem.condition.procs)
            self.parts["O"].append(self.fact(choose(rng, vocab.PROCEDURES[visit.procedure][1]), side))
        again = 0.6 if self.voice in ("soap", "form") else 0.2
        if not named or (first.condition.kind == "chronic" and rng.random() < again):
            self.parts["A"].append(self.assessment(first))
        for problem in rest:
            part = "A" if self.parts["A"] or rng.random() < 0.3 else "S"
            self.parts[part].append(self.second(problem))
            if rng.random() < 0.5:
                self.parts[part] += self.states(problem, 1)
        for problem in visit.problems:
            if problem.med:
                self.parts["P"].append(self.med(problem.med))
        if visit.code:
            self.parts["V"].append(self.level(visit.code))
        asides = {"denial": 22, "exam": 16, "social": 14, "plan": 14, "allergy": 7, "undone": 9}
        if visit.age >= 18:
            asides |= {"family": 8, "asked": 5, "vitals": 8}
            asides["stopped"] = 10 if first.condition.code in vocab.STOPPED else 3
        if visit.age >= 30:
            asides["past"] = 6
        if first.condition.kind == "vaccine":
            asides = {"denial": 1, "allergy": 1, "social": 1}
        while asides and len(self.said) < length:
            kind = rng.choices(list(asides), list(asides.values()))[0]
            del asides[kind]
            part, clause = self.aside(kind)
            if clause and not contradicts(clause, self.said):
                self.parts[part].append(clause)
        voices = {
            "telegraphic": self.in_telegraphic,
            "soap": self.in_soap,
            "form": self.in_form,
            "prose": self.in_prose,
            "dictation": self.in_dictation,
            "message": self.in_message,
        }
        return voices[self.voice]()

    def clauses(self, order: str) -> list[str]:
        """The parts in this order; the long voices join neighbours in a part that begin with the same pronoun."""
        if self.terse:
            return [clause for part in order for clause in self.parts[part]]
        pronoun = self.say("{he} ")
        joined: list[str] = []
        for part in order:
            for place, clause in enumerate(self.parts[part]):
                before = joined[-1] if place else ""
                alike = before.startswith(pronoun) and clause.startswith(pronoun)
                if alike and not re.search(r" (and|or|stopped|off) |, ", before + clause) and self.rng.random() < 0.6:
                    joined[-1] = f"{before} and {clause.removeprefix(pronoun)}"
                else:
                    joined.append(clause)
        return joined

    def in_telegraphic(self) -> str:
        rng = self.rng
        order = rng.choice(("SOAPV", "SOAPV", "SAOPV", "SVOAP", "VSOAP", "SPOAV", "ASOPV"))
        stop = rng.choice((". ", ". ", ". ", "; ", ", ", " - ", ".  ", "\n"))
        capital = rng.random() < 0.6
        text = stop.join(capitalised(clause) if capital else clause for clause in self.clauses(order))
        return self.in_case(text + ("." if stop.startswith(".") and rng.random() < 0.8 else ""))

    def in_soap(self) -> str:
        between = self.rng.choice((" ", "\n", "\n", " / "))
        colon, stop = self.rng.choice((":", ":", ")", " -")), self.rng.choice((". ", ", ", "; "))
        self.parts["P"] += self.parts["V"]
        labelled = [f"{part}{colon} {stop.join(self.parts[part])}" for part in "SOAP" if self.parts[part]]
        return self.in_case(between.join(labelled))

    def in_form(self) -> str:
        labels = dict(zip("SOAPV", self.rng.choice(FORMS), strict=True))
        between, stop = self.rng.choice(("\n", "\n", " | ", "; ", ". ")), self.rng.choice((", ", ", ", " + ", " / "))
        order = self.rng.choice(("SOAPV", "ASOPV", "VSAOP"))
        labelled = [f"{labels[part]}: {stop.join(self.parts[part])}" for part in order if self.parts[part]]
        return self.in_case(between.join(labelled))

    def in_prose(self) -> str:
        order = self.rng.choice(("SOAPV", "SOAPV", "SAOPV", "SVOAP", "SPOAV"))
        return ". ".join(capitalised(clause) for clause in self.clauses(order)) + "."

    def in_message(self) -> str:
        order = self.rng.choice(("SAOVP", "SAPOV", "SAOPV", "SVAOP"))
        return ". ".join(capitalised(clause) for clause in self.clauses(order)) + "."

    def in_dictation(self) -> str:
        """Speech to text: no capitals, and punctuation spoken or missing."""
        text = ". ".join(self.clauses(self.rng.choice(("SOAPV", "SAOPV", "SOAVP"))))
        spoken = self.rng.random() < 0.3
        text = re.sub(r"[.](?= )", " period" if spoken else "", text)
        text = re.sub(r"[,:](?= )", " comma" if spoken else "", text)
        return text.replace("-year-old", " year old").lower() + (" period" if spoken else "")

    def in_case(self, text: str) -> str:
        draw = self.rng.random()
        return text.lower() if draw < 0.18 else text.upper() if draw < 0.22 else text


def write_note(rng: random.Random, visit: Visit) -> str:
    return Writer(rng, visit, rng.choices(list(VOICES), list(VOICES.values()))[0]).write()


def slip(rng: random.Random, text: str) -> str:
    """One typing slip in an ordinary word: two letters swapped, one dropped or one doubled."""
    spared = {"right", "bilateral", "female", "woman", "gentleman", *re.findall("[a-z]+", " ".join(DRUGS))}
    words = [match for match in re.finditer(r"\b[a-z]{5,}\b", text) if match[0] not in spared]
    if not words:
        return text
    word = rng.choice(words)
    at = word.start() + rng.randrange(1, len(word[0]) - 2)
    a, b = text[at], text[at + 1]
    return text[:at] + rng.choice((b + a, a, a + a + b)) + text[at + 2 :]
