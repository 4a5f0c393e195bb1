"""Factual KPIs over rows: what counts, what is worst, and what general metrics say of the same outputs."""

from dataclasses import replace

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from tests.evaluate.test_facts import CARELESS, PLAIN, REFERENCE

from sartor.errors import InputError
from sartor.evaluate.metric import Scope, metric
from sartor.task import DataSpec, KpiSpec

FACTUAL = ["critical_facts", "facts_kept", "contradicted_facts", "hallucinated_facts", "omitted_facts", "factual_f1"]
PLAIN_SCOPE = Scope("summarization")
STATED = Scope("summarization", data=DataSpec(train="rows.jsonl", facts="facts"))


def judged(name, targets, texts, examples, answers, scope=PLAIN_SCOPE, columns=None):
    judge = metric(name, scope)
    rows = [
        replace(example, columns={"facts": value})
        for example, value in zip(examples(targets), columns or targets, strict=True)
    ]
    stats = judge.table(rows, answers(texts))
    return judge, judge.aggregate(stats), judge.per_row(stats).tolist()


def test_general_metrics_praise_the_careless_copy_and_the_kpi_fails_it(examples, answers):
    rouge = RougeScorer(["rougeL"])
    assert sacrebleu.sentence_bleu(CARELESS, [REFERENCE]).score == pytest.approx(85.3, abs=0.1)
    assert rouge.score(REFERENCE, CARELESS)["rougeL"].fmeasure == pytest.approx(0.945, abs=0.001)
    assert sacrebleu.sentence_bleu(PLAIN, [REFERENCE]).score < 15
    assert rouge.score(REFERENCE, PLAIN)["rougeL"].fmeasure == pytest.approx(0.23, abs=0.05)

    def per_row(name):
        return judged(name, [REFERENCE] * 2, [CARELESS, PLAIN], examples, answers)[2]

    assert per_row("facts_kept") == [0.0, 1.0]
    assert per_row("critical_facts") == [0.5, 1.0]
    assert per_row("contradicted_facts")[0] > 0.15
    assert per_row("contradicted_facts")[1] == 0.0


def test_critical_facts_are_counted_over_all_rows(examples, answers):
    targets, texts = ["Aspirin 5 mg daily.", "10 mg, no fever, 2 weeks"], ["5 mg daily", "10 mg"]
    _, share, rows = judged("critical_facts", targets, texts, examples, answers)
    assert rows == [1.0, pytest.approx(1 / 3)]
    assert share == pytest.approx(3 / 5)


def test_without_a_critical_fact_every_word_of_the_reference_is_one(examples, answers):
    assert judged("critical_facts", ["Migraine, photophobia."], ["Migraine"], examples, answers)[1] == 0.5
    assert judged("facts_kept", ["Migraine, photophobia."], ["photophobia and migraine"], examples, answers)[1] == 1.0


@pytest.mark.parametrize("stated", [["aspirin 81 mg", "No fever"], "aspirin 81 mg\nNo fever\n"])
def test_stated_facts_count_instead_of_those_found_by_rule(examples, answers, stated):
    texts = ["No fever; 81 mg of aspirin", "No fever, 80 mg of aspirin", "81 mg"]
    _, share, rows = judged("critical_facts", ["Nothing else."] * 3, texts, examples, answers, STATED, [stated] * 3)
    assert rows == [1.0, 0.5, 0.0]
    assert share == 0.5
    assert judged("facts_kept", ["Nothing else."] * 3, texts, examples, answers, STATED, [stated] * 3)[2] == [1, 0, 0]


def test_a_row_with_no_stated_fact_has_none_to_lose(examples, answers):
    assert judged("critical_facts", ["5 mg"], ["Fine."], examples, answers, STATED, [[]])[2] == [1.0]
    assert judged("facts_kept", ["5 mg"], ["Fine."], examples, answers, STATED, [[]])[2] == [1.0]


def test_a_row_without_its_column_is_unscored_and_worst(examples, answers):
    judge, share, _ = judged(
        "critical_facts", ["5 mg", "5 mg"], ["5 mg"] * 2, examples, answers, STATED, [None, ["5 mg"]]
    )
    assert share == 0.5
    assert judge.unscored == {"0": "the row has no facts in the column `facts`"}


def test_a_column_that_holds_no_facts_is_refused_with_its_place(examples, answers):
    with pytest.raises(InputError, match=r"rows.jsonl:1: the column `facts` must hold a list of texts.*it holds 7"):
        judged("critical_facts", ["5 mg"], ["5 mg"], examples, answers, STATED, [7])


@pytest.mark.parametrize("name", FACTUAL)
def test_a_row_without_reference_is_unscored_and_worst_unless_the_source_is_enough(examples, answers, name):
    judge, value, _ = judged(name, [""], ["Takes 7 mg."], examples, answers)
    if name == "hallucinated_facts":
        assert (value, judge.unscored) == (1.0, {})
    else:
        assert value == (0.0 if judge.higher_is_better else 1.0)
        assert judge.unscored == {"0": "the row has no reference to take facts from"}


@pytest.mark.parametrize("name", FACTUAL)
@pytest.mark.parametrize("text", ["", " \n", None])
@pytest.mark.parametrize("target", ["Aspirin 5 mg.", "👍"])
def test_an_empty_answer_is_the_worst(examples, answers, name, text, target):
    judge, value, _ = judged(name, [target], [text], examples, answers)
    assert value == (0.0 if judge.higher_is_better else 1.0)


@pytest.mark.parametrize("name", FACTUAL)
@pytest.mark.parametrize("target", [REFERENCE, "👍", "x", "Aspirin."])
def test_the_reference_itself_is_the_best(examples, answers, name, target):
    judge, value, _ = judged(name, [target], [target], examples, answers)
    assert value == (1.0 if judge.higher_is_better else 0.0)


def test_factual_f1_is_as_its_docstring_says(examples, answers):
    # three facts are expected, and two of the three that are said are right: precision 2/3, recall (2 + 2/3) / 4
    targets, texts = ["Aspirin 81 mg, fever"], ["Aspirin 81 mg, May 7"]
    p, r = 2 / 3, (2 + 2 / 3) / 4
    assert judged("factual_f1", targets, texts, examples, answers)[1] == pytest.approx(2 * p * r / (p + r))


def test_signatures_say_where_the_facts_come_from():
    assert metric("critical_facts", STATED).signature == "critical_facts|facts:column facts|rules:2|lang:en"
    assert metric("omitted_facts", STATED).signature == "omitted_facts|facts:by rule|rules:2|lang:en"


def test_strange_outputs_are_scored(examples, answers):
    texts = ["😀", "مرحبا ٥ ملغ", "\x00\x07", "NaN", "-", "5 " * 1000]
    for name in FACTUAL:
        _, value, rows = judged(name, [REFERENCE] * len(texts), texts, examples, answers)
        assert 0 <= value <= 1
        assert all(0 <= row <= 1 for row in rows)


# --- sections


def test_every_section_must_start_a_line(examples, answers):
    scope = Scope("summarization", options={"sections": KpiSpec(name="sections", sections=("Plan", "Follow-up"))})
    texts = [
        "Plan: rest\nFollow-up: none",
        "## PLAN\n\n**follow-up**\nnone",
        "My plan: rest\nFollow-up: none",
        "Planned\nFollow-up",
    ]
    assert judged("sections", ["x"] * 4, texts, examples, answers, scope)[2] == [1, 1, 0, 0]


def test_sections_without_headings_are_refused():
    with pytest.raises(InputError, match=r"`sections` needs its headings; write `sections: \["):
        metric("sections", Scope("summarization"))
