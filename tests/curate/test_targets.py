"""Targets that answer nothing, and targets that say what their input does not."""

import json
from typing import Any

import pytest
from tests.curate.pools import flagged, look, pool, row

from sartor.curate.check import Suspicion, check_names, make_check
from sartor.curate.spoken import spoken
from sartor.task import Kind


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("N/A", "a placeholder"),
        ("n.a.", "a placeholder"),
        ("TBD", "a placeholder"),
        ("[TODO]", "a placeholder"),
        ("NaN", "a placeholder"),
        ("…", "a placeholder"),
        ("...", "a placeholder"),
        ("--", "a placeholder"),
        ("Lorem ipsum dolor sit amet, consectetur", "a placeholder"),
        ("I'm sorry, but I cannot help with that.", "a refusal"),
        ("As an AI language model, I have no opinion.", "a refusal"),
        ("I am unable to provide medical advice.", "a refusal"),
        ("None.", ""),
        ("unknown", ""),
        ("No known drug allergies.", ""),
        ("👍", ""),
        ("5", ""),
        ("I'm sorry to hear that your parcel is late.", ""),
        ("I can't sleep.", ""),
        ("The todo list has three entries.", ""),
        ("不明", ""),
    ],
)
def test_a_target_that_answers_nothing(target: str, fault: str) -> None:
    found = look("no_answer", [row("a", "q", target)], "summarization")
    assert [one.evidence["fault"] for one in found.values()] == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("target", "is_flagged"),
    [
        ({"drug": "N/A", "dose": None}, True),
        ({"drug": "N/A", "dose": "5 mg"}, False),
        ({"drug": "TBD", "count": 0}, False),
        ({"drugs": []}, False),
        ({}, False),
        (["tbd", ["n/a"]], True),
    ],
)
def test_a_record_of_placeholders_alone_answers_nothing(target: Any, is_flagged: bool) -> None:
    assert bool(flagged("no_answer", [row("a", "q", json.dumps(target))], "extraction")) == is_flagged


@pytest.mark.parametrize(("label", "is_flagged"), [("nan", True), ("none", False), ("other", False), ("-", False)])
def test_a_label_may_be_a_sign_but_not_a_placeholder(label: str, is_flagged: bool) -> None:
    assert bool(flagged("no_answer", [row("a", "q", labels=(label,))], "classification")) == is_flagged


SUPPORTED = [
    ("He takes 5 mg.", "He takes 5 mg."),
    ("Cont tamsulosin .4mg at bedtime", "He takes 0.4 mg."),
    ("I take five milligrams", "He takes 5 mg."),
    ("I am seventy six years old", "A 76-year-old woman."),
    ("on July twenty ninth two thousand eight", "Seen on 07/29/2008."),
    ("born in nineteen eighty five", "Born in 1985."),
    ("ninety eight point six", "Temperature 98.6."),
    ("about a pack and a half", "Smokes 1-1/2 packs."),
    ("in his fifties", "Died in his 50s."),
    ("one twenty over eighty", "Pressure is 120/80."),
    ("cost 1,200 euros", "It cost 1200 euros."),
    ("We met Ms. Ann Lee in Oslo", "The writer met Ann Lee in Oslo."),
    ("headache and nausea", "1. Headache. 2. Nausea."),
    ("codes A1-22 and b7", "The code A1-22."),
    ("", ""),
]
UNSUPPORTED = [
    ("He takes 5 mg.", "He takes 50 mg.", {"number": ["50 mg"]}),
    ("He takes 5 mcg.", "He takes 5 mg.", {"number": ["5 mg"]}),
    ("I take five", "He takes 6.", {"number": ["6"]}),
    ("We met Ann", "The writer met Bob in Oslo.", {"name": ["Bob", "Oslo"]}),
    ("code A1-22", "The code A1-23 fails.", {"code": ["A1-23"]}),
    ("seen in May 2008", "Seen in May 2018.", {"number": ["2018"]}),
]
SOUND = [row(f"s{n}", f"{n} of A{n}b by Ann", f"there was {n} of A{n}b by Ann") for n in range(20)]


@pytest.mark.parametrize(("question", "target"), SUPPORTED)
def test_what_the_input_says_in_its_own_way_is_supported(question: str, target: str) -> None:
    assert flagged("unsupported_target", [*SOUND, row("a", question, target)], "summarization") == []


@pytest.mark.parametrize(("question", "target", "missing"), UNSUPPORTED)
def test_what_the_input_does_not_say_is_evidence_by_its_place(
    question: str, target: str, missing: dict[str, list[str]]
) -> None:
    found = look("unsupported_target", [*SOUND, row("a", question, target)], "summarization")
    assert {place: told(target, one) for place, one in found.items()} == {20: missing}


def told(target: str, suspicion: Suspicion) -> dict[str, list[str]]:
    """What stands at the places that the evidence names."""
    places = suspicion.evidence["unsupported"].items()
    return {field: [target[start:end] for start, end in each] for field, each in places}


@pytest.mark.parametrize(
    "target",
    [
        "1. Pain. 2. He smoked 1-1/2 packs, then 7 mg of A1-22.",
        "At 10 1/2 weeks A1-2 was 7 mg, B2-3 too.",
        "2. 3. 7 mg",
    ],
)
def test_places_are_right_beside_items_codes_and_halves(target: str) -> None:
    question = "A1-22, B2-3 and A1-2 at 10.5 weeks, 1.5 packs, 3"
    found = look("unsupported_target", [*SOUND, row("a", question, target)], "summarization")
    assert {place: told(target, one) for place, one in found.items()} == {20: {"number": ["7 mg"]}}


def test_places_in_a_record_are_those_of_its_values() -> None:
    target = '{"a": {"b": ["x", "zy\\"\\u00e9"], "c": [{"b": 1.50}, {"d": "7"}], "e": {}}, "7": true, "t": null}'
    rows = [row(str(n), f'x zy"é 1.5 {n}', target.replace('"7"}', f'"{n}"}}')) for n in range(9)]
    rows.append(row("a", "nothing", target))
    found = look("unsupported_target", rows, "extraction")
    assert {place: told(rows[place].target, one) for place, one in found.items()} == {
        9: {"a.b": ['"x"', '"zy\\"\\u00e9"'], "a.c.b": ["1.50"], "a.c.d": ['"7"']}
    }
    assert found[9].reason == "the input does not hold `a.b` (2), `a.c.b`, `a.c.d` of the target"


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [*SOUND, *(row(str(n), question, target) for n, (question, target, _) in enumerate(UNSUPPORTED))]
    assert sorted(flagged("unsupported_target", rows[::-1], "summarization")) == [
        str(n) for n in range(len(UNSUPPORTED))
    ]


def test_a_reason_is_one_line_that_quotes_nothing() -> None:
    rows = [row("a", "We met", "He met Bob and Eve, 5 mg, 6 mg, at A1-22."), *SOUND]
    assert look("unsupported_target", rows, "summarization")[0].reason == (
        "the input does not hold 1 code, 2 numbers, 2 names of the target"
    )


def test_a_word_that_targets_write_small_is_no_name() -> None:
    rows = [*SOUND, row("a", "I smoke", "He denied Tobacco."), row("b", "tobacco?", "No tobacco.")]
    assert flagged("unsupported_target", rows, "summarization") == []


def test_fields_that_are_inferred_are_not_judged_and_a_remark_says_so() -> None:
    def record(n: int, drug: str) -> str:
        return json.dumps({"dx": [f"L03.{n}"], "meds": [{"drug": drug, "dose": f"{n} mg"}], "ok": True})

    rows = [row(str(n), f"He takes {n}mg of zopiclone{n}.", record(n, f"Zopiclone{n}")) for n in range(10)]
    rows.append(row("a", "He takes 5 mg of aspirin", record(5, "ibuprofen")))
    found = look("unsupported_target", rows, "extraction")
    assert {place: (one.score, told(rows[place].target, one)) for place, one in found.items()} == {
        10: (0.5, {"meds.drug": ['"ibuprofen"']})
    }
    assert make_check("unsupported_target", "extraction").remarks(pool(rows, "extraction")) == [
        "`dx` is in the input in 0% of targets: taken as inferred, not judged"
    ]


@pytest.mark.parametrize(
    ("number", "ways"),
    [
        ("0", {"zero"}),
        ("7", {"seven", "seventh", "july"}),
        ("21", {"twenty one", "twenty first"}),
        ("40", {"forty", "forties", "fortieth"}),
        ("115", {"one hundred fifteen", "a hundred and fifteen", "one fifteen"}),
        ("102", {"one oh two"}),
        ("1500", {"fifteen hundred", "one thousand five hundred"}),
        ("2008", {"two thousand eight", "two thousand and eight", "twenty oh eight"}),
        ("0.5", {"half", "point five", "zero point five"}),
        ("2.5", {"two and a half", "two point five"}),
    ],
)
def test_numbers_as_people_say_them(number: str, ways: set[str]) -> None:
    assert ways <= spoken(number)


@pytest.mark.parametrize("kind", ["classification", "code", "sql"])
def test_only_written_targets_and_records_are_held_against_their_input(kind: Kind) -> None:
    assert "unsupported_target" not in check_names(kind)
