"""What holds for every check: the order of rows does not matter, hostile rows do no harm, evidence is JSON."""

import json
import random
import re
from dataclasses import replace
from typing import get_args

import pytest
from tests.curate.pools import flagged, look, pool, row

from sartor.curate.check import check_names, make_check
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.task import Kind

EACH = [(name, kind) for kind in get_args(Kind) for name in check_names(kind) if not make_check(name, kind).encodes]
"""Those that read meaning need the built-in encoder: `test_by_meaning.py`."""
HOSTILE = [
    "", " ", "\x00", "\ufeff", "\ud800", "\ufffd" * 50, "👩‍👩‍👧" * 200, "שלום עולם " * 20, "&" * 5000, "&amp;" * 2000,
    "a" * 1_000_000, "word " * 200_000, "1,1" * 100_000, "A1-" * 100_000, "é" * 100_000, "Ã©" * 100_000, "{" * 5000,
    "[" * 100_000, "“" * 1000, "1/2 " * 20_000, "Name " * 50_000, "0" * 5000, "9" * 5000, "\n" * 10_000, "1. " * 50_000,
]  # fmt: skip


def rows_of(texts: list[str], kind: Kind) -> list[Example]:
    if kind == "classification":
        return [row(str(n), text, labels=(text[:20].strip() or "x",)) for n, text in enumerate(texts)]
    return [
        row(str(n), text, json.dumps({"a": text}) if kind == "extraction" else text) for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(("name", "kind"), EACH)
def test_hostile_rows_do_no_harm(name: str, kind: Kind) -> None:
    for found in look(name, rows_of(HOSTILE, kind), kind, test=rows_of(HOSTILE[:3], kind)).values():
        assert 0 < found.score < float("inf")
        assert found.reason.strip() and "\n" not in found.reason
        json.dumps(dict(found.evidence), allow_nan=False)


@pytest.mark.parametrize(("name", "kind"), EACH)
def test_no_rows_have_no_flaws(name: str, kind: Kind) -> None:
    assert look(name, [], kind) == {}
    assert make_check(name, kind).remarks(pool([], kind)) == []


ASKED = (
    "Where is my card?", "I want to close my account", "How do I change my PIN?", "My card has not arrived yet",
    "Can you tell me the exchange rate?", "Why was my payment declined?", "Is there a fee for transfers?",
)  # fmt: skip


def messages() -> list[Example]:
    """Rows of every flaw, among sound ones."""
    rng = random.Random(0)
    said = [word.strip("?,").lower() for question in ASKED for word in question.split()]
    rows = [
        row(f"r{n}", " ".join(rng.choices(said, k=rng.randint(4, 12))), labels=(rng.choice("abc"),)) for n in range(200)
    ]
    footer = "this message is confidential and meant for its addressee alone please delete it if you are not"
    rows += [row(f"f{n}", f"{footer} {n}", labels=("a",)) for n in range(6)]
    rows += [
        row("d1", "Hi there", labels=("a",)),
        row("d2", "hi there!", labels=("a",)),
        row("d3", "hi there", labels=("b",)),
    ]
    rows += [row("l", "Wo ist denn meine Karte?", labels=("c",)), row("e", "donâ€™t", labels=("nan",))]
    rows += [row("v", "Wrong card", labels=("b",), annotations=(("anna", "b"), ("ben", "c")))]
    return rows + [row("s", "?", labels=("d",)), row("o", "card " * 300, labels=("d",))]


@pytest.mark.parametrize("name", [name for name, kind in EACH if kind == "classification"])
def test_the_order_of_rows_does_not_matter(name: str) -> None:
    near = ("please close the account of my late aunt", "Please close the acount of my late aunt!")
    rows = [*messages(), *(row(f"n{n}", text, labels=("a",)) for n, text in enumerate(near))]
    test = [row("t1", "hi there", labels=("a",)), row("t2", "Wo ist denn meine Karte", labels=("a",))]
    once = sorted(flagged(name, rows, "classification", test))
    shuffled = random.Random(1).sample(rows, len(rows))
    again = sorted(flagged(name, shuffled, "classification", test))
    if name in ("exact_duplicates", "near_duplicates"):  # the first row stands for the others
        assert len(once) == len(again) == 1
    else:
        assert once and once == again


def secrets(kind: Kind, has_subject: bool) -> tuple[list[Example], list[Example]]:
    """Rows of every flaw, in words that no sentence about them has, and a test set that they leak into."""
    rng = random.Random(0)
    words = ["".join(rng.choice(part) for part in ("bdfgkl", "aeiou", "mnrstv", "aeiou", "xzq")) for _ in range(80)]
    subjects = iter(f"q{word}" for word in words * 9)

    def made(id: str, question: str, target: str = "", label: str = "a") -> Example:
        subject = next(subjects) if has_subject else None
        if kind == "classification":
            return row(id, question, labels=(label,), subject=subject)
        if kind == "extraction":
            return row(id, question, json.dumps({"k": target or question.split()[0]}), subject=subject)
        return row(id, question, target or f"{question.split()[0]} 1234", subject=subject)

    def said(count: int) -> str:
        return " ".join(rng.choices(words, k=count))

    one, other, footer = said(9), said(9), said(20)
    a, b, *rest = other.split()
    rows = [
        *(made(f"s{n}", f"{said(8)} 1234", label="abc"[n % 3]) for n in range(60)),
        *(made("d1", one), made("d2", f"{one} \n"), made("d3", one, "b c", "b")),
        *(made("n1", other), made("n2", f"{a}  {b}  {' '.join(rest)}"), made("n3", f"Hello, {b} {a} {' '.join(rest)}")),
        *(made(f"f{n}", f"{footer} {words[n]}") for n in range(6)),
        made("damaged", f"{said(4)} donâ€™t"),
        made("long", said(400), said(300)),
        made("empty", said(8), "n/a", "n/a"),
        made("unsupported", said(8), f"{said(2)} Quaxo Brimel 98765 mg, QX-4321"),
        made("german", "Wo ist denn eigentlich meine verlorene Karte geblieben?"),
    ]
    rows[4] = replace(rows[4], group="zanqox")
    answers = ("a", "b") if kind == "classification" else ('{"k":"Quaxo"}', '{"k":"Brimel"}')
    rows[5] = replace(rows[5], annotations=tuple(zip(("anna", "ben"), answers, strict=True)))
    tests = [
        *(made("t1", one), made("t2", other)),
        replace(made("t3", said(8)), subject=rows[3].subject, group=rows[4].group),
    ]
    return rows, tests


@pytest.mark.parametrize("has_subject", [False, True])
@pytest.mark.parametrize(("name", "kind"), EACH)
def test_neither_reason_nor_evidence_quotes_a_row(name: str, kind: Kind, has_subject: bool) -> None:
    rows, tests = secrets(kind, has_subject)
    secret = " ".join(f"{each.question} {each.target} {each.subject or ''} {each.group or ''}" for each in rows).lower()
    words = set(re.findall(r"[a-z]{4,}|\d{4,}", secret))
    found = look(name, rows, kind, tests)
    assert found
    for one in found.values():
        told = re.findall(r"[a-z]+|\d+", f"{one.reason} {json.dumps(dict(one.evidence))}".lower())
        assert not words & set(told)


def test_every_check_says_what_it_is_and_only_what_is_certain_acts_by_itself() -> None:
    checks = {name: make_check(name, kind) for name, kind in EACH}
    assert all(check.name == name and check.title and type(check).__doc__ for name, check in checks.items())
    assert {name: check.action for name, check in checks.items() if check.action != "review"} == {
        "exact_duplicates": "drop",
        "encoding": "fix",
    }


def test_a_misspelt_check_names_the_nearest() -> None:
    with pytest.raises(InputError, match="there is no check `lenght` for sql; did you mean `length`?"):
        make_check("lenght", "sql")
