"""Reading grades follow their formulas, stay on their scale, and read any text."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.evaluate.metric import Scope, metric
from sartor.evaluate.readability import reading_grade, sentences, smog, syllables
from sartor.task import KpiSpec

# Counted by ear, for plain words and words of a clinic.
SPOKEN = """
the 1 tablets 2 medication 4 is 1 dangerous 3 doctor 2 stopped 1 patient 2 every 2 evening 2 morning 2 take 1 blood
1 pressure 2 area 3 idea 3 university 5 aspirin 3 warfarin 3 something 2 homework 2 safety 2 create 2 science 2
table 2 apple 2 needed 2 used 1 asked 1 eyes 1 cholecystectomy 6 hypertension 4 administration 5 anticoagulant 6
necessitates 5 continuous 4 monitoring 4 coagulation 5 parameters 4 weekly 2 again 2 people 2 because 2 without 2
children 2 hospital 3 operation 4 surgery 3 appointment 3 tomorrow 3 headaches 2 stomach 2 fever 2 cough 1 chills 1
diabetes 4 insulin 3 follow 2 any 2 only 2 over 2 under 2 about 2 after 2 before 2 during 2 family 3 history 3 daily
2 times 1 places 2 changes 2 months 1 years 1 breathing 2 swelling 2 usually 4 problem 2 important 3 exercise 3
vegetables 4 water 2 smoking 2 alcohol 3 kidney 2 liver 2 heart 1 disease 2 infection 3 antibiotic 5 emergency 4
immediately 5 therapy 3 physical 3 visit 2 office 2 result 2 lives 1 moved 1 started 2 reduced 2 increase 2 video 3
radio 3 being 2 going 2 quiet 2 lion 2 fluid 2 ideas 3
"""
HARD = "The administration of anticoagulant medication necessitates continuous monitoring of coagulation parameters."


def test_the_formulas_are_kincaids_and_mclaughlins():
    text = "The doctor stopped the tablets. Medication is dangerous."  # 8 words, 2 sentences, 2 long words
    words = ("The", "doctor", "stopped", "the", "tablets", "Medication", "is", "dangerous")
    assert [syllables(word) for word in words] == [1, 2, 1, 1, 2, 4, 1, 3]
    assert reading_grade(text) == pytest.approx(0.39 * 8 / 2 + 11.8 * 15 / 8 - 15.59)
    assert smog(text) == pytest.approx(3.1291 + 1.0430 * math.sqrt(2 * 30 / 2))


def test_plain_words_are_easier_than_learned_ones():
    plain = "You take a blood thinner. We test your blood a lot."
    assert reading_grade(plain) < 4 < 12 < reading_grade(HARD)
    assert smog(plain) < smog(HARD)


def test_syllables_are_counted_as_they_are_spoken():
    counted = re.findall(r"([a-z]+)\s+(\d)", SPOKEN)
    errors = [syllables(word) - int(count) for word, count in counted]
    assert errors.count(0) / len(errors) > 0.85
    assert abs(sum(errors)) / len(errors) < 0.05


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("Take 2.5 mg at 8 a.m. today.", 2),
        ("- rest\n- drink\n- sleep", 3),
        ("A heading\n\nAnd text...", 2),
        ("no full stop", 1),
        ("", 1),
        ("...!!!", 1),
    ],
)
def test_sentences_end_at_marks_empty_lines_and_list_items(text, count):
    assert sentences(text) == count


@given(st.text(max_size=400))
def test_any_text_has_a_grade_on_the_scale(text):
    assert 0 <= reading_grade(text) <= 20
    assert 0 <= smog(text) <= 20


def test_an_empty_answer_is_as_hard_as_can_be(examples, answers):
    for name, worst in (("reading_grade", 20.0), ("smog", 20.0), ("readable", 0.0)):
        judge = metric(name, Scope("summarization"))
        assert judge.aggregate(judge.table(examples(["x", "x"]), answers(["", None]))) == worst


def test_readable_is_the_share_at_or_under_the_grade_of_the_task(examples, answers):
    rows, given_answers = examples(["x", "x"]), answers(["You are well.", HARD])
    default, asked = (
        metric("readable", Scope("summarization", options={"readable": KpiSpec(name="readable", at=at)}))
        for at in (None, 20.0)
    )
    assert default.per_row(default.table(rows, given_answers)).tolist() == [1.0, 0.0]
    assert asked.per_row(asked.table(rows, given_answers)).tolist() == [1.0, 1.0]
    assert "at most 8|syllables:pyphen " in default.signature
    assert "clipped:0–20" in default.signature


def test_a_megabyte_is_graded():
    assert reading_grade("word " * 200_000) == 20.0
    assert reading_grade("w" * 1_000_000) <= 20.0
