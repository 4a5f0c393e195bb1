"""The rules find what an expert would underline, whatever its spelling, and say what became of it in an output."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.evaluate.facts import Reading, compare, facts

REFERENCE = (
    "Take 5 mg of warfarin every evening with food, and have your blood tested once a week. "
    "You must not take aspirin while you are on this medicine."
)
CARELESS = (
    "Take 50 mg of warfarin every evening with food, and have your blood tested once a week. "
    "You must take aspirin while you are on this medicine."
)
PLAIN = (
    "Each evening, have five milligrams of warfarin along with a meal. Get a weekly blood test. "
    "As long as you use it, never use aspirin."
)


def found(text, *kinds):
    """(form, unit) of the facts of these kinds."""
    return [(fact.form, fact.unit) for fact in facts(text) if fact.kind in kinds]


def states(reference, output, source=""):
    compared = compare(Reading(reference), Reading(output), Reading(source))
    return {one.fact.form: one.state for one in compared.expected}


# --- numbers, quantities, dates, frequencies


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("26", "26"),
        ("twenty six", "26"),
        ("twenty-six", "26"),
        ("1,250.50", "1250.5"),
        ("007", "7"),
        ("٥", "5"),
        ("one hundred and five", "105"),
        ("a hundred", "100"),
        ("two thousand nine", "2009"),
        ("two thousand and two", "2002"),
        ("nineteen eighty four", "1984"),
        ("one fifty five", "155"),
        ("seven point five", "7.5"),
        ("two and a half", "2.5"),
        ("1.5 million", "1500000"),
        ("12th", "12"),
        ("twelfth", "12"),
        ("80s", "80s"),
        ("eighties", "80s"),
    ],
)
def test_a_number_is_the_same_in_digits_and_in_words(text, value):
    assert found(f"It was {text}.", "number") == [(value, "")]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5 mg", "5", "mg"),
        ("5mg", "5", "mg"),
        ("five milligrams", "5", "mg"),
        ("forty M G", "40", "mg"),
        ("0.5 g", "500", "mg"),
        ("500 mcg", "0.5", "mg"),
        ("1/2 tablet", "0.5", "tablet"),
        ("half a tablet", "0.5", "tablet"),
        ("1,000 units", "1000", "unit"),
        ("37.5%", "37.5", "%"),
        ("90 mg/dl", "0.9", "mg/ml"),
        ("105/70 mm Hg", "105/70", "/"),
        ("one hundred and five over seventy", "105/70", "/"),
        ("26-year-old", "26", "year old"),
        ("twenty six years old", "26", "year old"),
        ("26 y/o", "26", "year old"),
        ("at the age of 26", "26", "year old"),
        ("six months", "6", "month"),
        ("$1,250.00", "1250", "$"),
        ("1250 dollars", "1250", "$"),
    ],
)
def test_a_quantity_is_a_value_with_its_unit(text, value, unit):
    assert found(f"It was {text}.", "quantity") == [(value, unit)]


@pytest.mark.parametrize("text", ["10-20 mg", "10 to 20 mg", "ten to twenty milligrams", "10–20 mg"])
def test_a_range_is_two_quantities_of_one_unit(text):
    assert found(f"Take {text}.", "quantity") == [("10", "mg"), ("20", "mg")]


@pytest.mark.parametrize(
    "text",
    [
        "04/15/2005",
        "4/15/05",
        "15/04/2005",
        "2005-04-15",
        "April 15, 2005",
        "Apr. 15th 2005",
        "15 April 2005",
        "the fifteenth of April, two thousand five",
        "April fifteenth two thousand and five",
        "April fifteenth of O five",
    ],
)
def test_a_date_is_the_same_in_all_its_spellings(text):
    assert found(f"Seen on {text}.", "date") == [("2005-04-15", "date")]


def test_a_date_without_year_agrees_with_one_that_has_it():
    assert states("Seen on 06/19/07.", "She was seen on June nineteenth.") == {"2007-06-19": "included"}
    assert states("Seen on 06/19/07.", "She was seen on June 18, 2007.") == {"2007-06-19": "contradicted"}
    assert states("Born in August 2008.", "August 3rd 2008")["2008-08"] == "included"


@pytest.mark.parametrize(
    "text", ["b.i.d.", "B I D", "twice a day", "twice daily", "2 times per day", "every 12 hours", "q12h"]
)
def test_a_frequency_is_the_same_in_all_its_spellings(text):
    assert found(f"Take it {text}.", "frequency") == [("2/day", "frequency")]


def test_the_numbers_of_a_list_are_no_facts():
    assert found("1.  Headache. 2.  Nausea\n3) Cough", "number", "quantity") == []


# --- names, negations, words


def test_a_name_is_capitalised_inside_a_sentence():
    assert found("Dr. X saw him. He was stung by a Yellow Jacket. Surgery was planned.", "name") == [
        ("x", ""),
        ("yellow jacket", ""),
    ]


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("No fever, chills or cough.", ["fever", "chill", "cough"]),
        ("The patient denies chest pain.", ["chest", "pain"]),
        ("You must not take aspirin, call us first.", ["aspirin"]),
        ("She never smoked but drinks wine.", ["smok"]),
        ("Discharged without oxygen. On aspirin.", ["oxygen"]),
        ("A nonsmoker.", ["smok"]),
        ("It isn't swollen.", ["edema"]),
        ("Negative for melena.", ["melena"]),
        ("Noncontributory.", ["nothing"]),
        ("None.", ["nothing"]),
        ("Aspirin, not only today.", []),
    ],
)
def test_a_negation_reaches_to_the_end_of_what_it_negates(text, negated):
    assert [form for form, _ in found(text, "negation")] == negated


@pytest.mark.parametrize(
    ("text", "negated", "stated"),
    [
        ("No fever together with a cough.", "fever", "cough"),
        ("Did not take metformin together with lisinopril.", "metformin", "lisinopril"),
        ("No rash, in addition to fever.", "rash", "fever"),
        ("No chest pain but takes aspirin.", "chest pain", "aspirin"),
        ("No allergies except for penicillin.", "allergi", "penicillin"),
        ("No allergies apart from penicillin.", "allergi", "penicillin"),
        ("No allergies other than penicillin.", "allergi", "penicillin"),
        ("No drugs with the exception of aspirin.", "drug", "aspirin"),
        ("No fever secondary to pneumonia.", "fever", "pneumonia"),
        ("No headache despite hypertension.", "headach", "hypertension"),
        ("No chest pain, which has resolved with aspirin.", "chest pain", "resolv aspirin"),
        ("Denies fever, presents with headache.", "fever", "headach"),
        ("A smoker with no fever presents with headache.", "fever", "smok headach"),
        ("No known allergies, takes lisinopril 10 mg daily.", "allergi", "lisinopril 10 1/day"),
        ("No known allergies, currently on lisinopril.", "allergi", "lisinopril"),
        ("No fever, still coughs.", "fever", "cough"),
        ("No fever, with a cough and headaches.", "fever", "cough headach"),
        ("No fever and the patient takes aspirin.", "fever", "aspirin"),
        ("Does not smoke and takes aspirin.", "smok", "aspirin"),
        ("Without relief from ibuprofen 400 mg.", "relief", "ibuprofen 400"),
        ("No improvement with ice or aspirin.", "improv", "ice aspirin"),
        ("No pneumonia as the cause of fever.", "pneumonia caus", "fever"),
        # What looks like an end and is none:
        ("No fever, chills, or cough.", "fever chill cough", ""),
        ("No fever as well as chills.", "fever chill", ""),
        ("No bleeding from gums, rash or fever.", "ble gum rash fever", ""),
        ("Free from fever, rash and cough.", "fever rash cough", ""),
        ("No cough with exercise.", "cough exercis", ""),
        ("Denies taking aspirin or ibuprofen.", "aspirin ibuprofen", ""),
        ("No rash was seen on neck and chest.", "rash neck chest", ""),
    ],
)
def test_a_negation_ends_where_a_new_statement_begins(text, negated, stated):
    signs = {is_negation: [] for is_negation in (True, False)}
    for fact in facts(text):
        signs[fact.kind == "negation"].append(fact.form)
    assert [" ".join(signs[True]), " ".join(signs[False])] == [negated, stated]


def test_no_as_an_answer_negates_the_question():
    dialogue = "Doctor: Any fever, or chills? Do you cough?\nPatient: Um, no.\nDoctor: Pain?\nPatient: Yes.\n"
    assert [form for form, _ in found(dialogue, "negation")] == ["fever", "chill", "cough"]
    assert ("pain", "") in found(dialogue, "term")


def test_everyday_words_and_the_doctors_are_one_fact():
    reference = "Hypertension, dyspnea, and prior cholecystectomy."
    said = states(reference, "He has high blood pressure and shortness of breath, and had his gallbladder removed.")
    assert set(said.values()) == {"included"}


# --- what became of them


def test_a_fact_is_included_contradicted_or_omitted():
    assert states("Lisinopril 10 mg daily.", "Takes lisinopril 20 mg.") == {
        "lisinopril": "included",
        "10": "contradicted",
        "1/day": "omitted",
    }
    assert states("No fever.", "He had a fever.") == {"fever": "contradicted"}
    assert states("He had a fever.", "No fever.") == {"fever": "contradicted"}
    assert states("Pain in the right knee.", "Pain in the left knee.")["right"] == "contradicted"


def test_doses_of_two_drugs_that_change_places_are_contradicted():
    reference = "Warfarin 5 mg and lisinopril 10 mg daily."
    assert states(reference, "Lisinopril 5 mg, warfarin 10 mg daily.") | {"warfarin": "", "lisinopril": ""} == {
        "warfarin": "",
        "lisinopril": "",
        "5": "contradicted",
        "10": "contradicted",
        "1/day": "included",
    }
    assert set(states(reference, "Daily: lisinopril 10 mg, 5 mg of warfarin.").values()) == {"included"}


def test_a_reference_that_says_both_is_contradicted_by_neither():
    assert states("Hip pain. No chest pain.", "Hip pain.")["chest"] == "omitted"
    assert "contradicted" not in states("Hip pain. No chest pain.", "Hip pain.").values()


def test_another_quantity_that_the_source_has_is_no_contradiction():
    source = "I have had it for six years. I had the operation two years ago."
    reference, output = "Pain for 6 years.", "Operated on 2 years ago."
    assert states(reference, output, source)["6"] == "omitted"
    assert states(reference, output, "I have had it for six years.")["6"] == "contradicted"


def test_what_neither_source_nor_reference_supports_is_hallucinated():
    compared = compare(
        Reading("Daily headaches."),
        Reading("A 61-year-old with headaches since May 3."),
        Reading("Headaches since May third"),
    )
    assert [(fact.form, fact.unit) for fact in compared.hallucinated] == [("61", "year old")]


def test_the_careless_copy_is_caught_and_both_facts_are_marked():
    compared = compare(Reading(REFERENCE), Reading(CARELESS), Reading(""))
    assert not compared.kept
    assert [REFERENCE[start:end] for start, end in compared.losses] == ["5 mg", "aspirin"]
    assert [CARELESS[start:end] for start, end in compared.faults] == ["50 mg", "aspirin"]


def test_the_plain_paraphrase_keeps_every_critical_fact():
    compared = compare(Reading(REFERENCE), Reading(PLAIN), Reading(REFERENCE))
    assert compared.kept
    assert len(compared.critical) == 4


def test_a_reference_in_which_the_rules_find_nothing_is_one_fact():
    for reference in ("👍", "It is what it is.", "?"):
        assert states(reference, f"Well: {reference.upper()}") == {reference.lower(): "included"}
        assert states(reference, "Aspirin.") == {reference.lower(): "omitted"}
    assert states("", "Aspirin.") == {}


# --- any text at all


@given(st.text(max_size=300))
def test_every_fact_of_any_text_has_its_place_in_it(text):
    for fact in facts(text):
        assert 0 <= fact.start < fact.end <= len(text)
        assert fact.form


OTHERS = "No fever , 04/15/2005 twice 1,000 units / - and the 😀 مريض שלום . \n"
SOME = st.sampled_from(REFERENCE.split() + OTHERS.split(" "))


@given(st.lists(SOME, max_size=40).map(" ".join))
def test_a_text_holds_all_of_its_own_facts(text):
    compared = compare(Reading(text), Reading(text), Reading(text))
    assert all(one.state == "included" for one in compared.expected)
    assert not compared.hallucinated
    assert compared.kept


@given(st.lists(SOME, max_size=30).map(" ".join), st.integers(2, 4))
def test_a_fact_that_is_repeated_is_one_fact(text, times):
    assert {fact.key for fact in facts(". ".join([text] * times))} >= {fact.key for fact in facts(f"{text}. ")}
    keys = [fact.key for fact in facts(". ".join([text] * times))]
    assert len(keys) == len(set(keys))


@given(st.integers(0, 10**12), st.sampled_from(["mg", "ml", "%", "units"]))
def test_thousands_separators_change_no_number(number, unit):
    assert facts(f"{number} {unit}")[0].form == facts(f"{number:,} {unit}")[0].form


def test_right_to_left_text_is_compared_word_by_word():
    assert states("المريض يأخذ ٥ ملغ أسبرين", "المريض يأخذ 50 ملغ أسبرين")["5"] == "contradicted"
    assert set(states("החולה נוטל אספירין", "החולה נוטל אספירין").values()) == {"included"}


MINUTE = 60
"""What a slow machine may take; a rule with a square in it would take several."""


def processor_seconds(text):
    started = time.process_time()
    compare(Reading(text[:2000]), Reading(text), Reading(text[:2000]))
    return time.process_time() - started


def test_a_megabyte_of_prose_is_compared_in_linear_time():
    prose = f"{REFERENCE} Doctor: Any fever? Patient: No. Seen 04/15/2005 by Dr. Smith, aged fifty six.\n"
    assert processor_seconds((prose * 6000)[:1_000_000]) < MINUTE


@pytest.mark.parametrize(
    "piece", ["9", "a.", "1,", "1/", "five hundred ", "no ", "X: ", "\n", "(", "5 mg ", "😀", "م "]
)
def test_no_text_takes_more_than_linear_time(piece):
    """100 kB of what a rule could stumble over at every place."""
    assert processor_seconds((piece * 100_000)[:100_000]) < MINUTE
