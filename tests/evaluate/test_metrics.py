"""Every metric equals its reference implementation, and no bad answer leaves the denominator."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics import f1_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer
from tests.evaluate.judging import MEASURED, METRICS, ready

from sartor.errors import InputError, SystemFailure
from sartor.evaluate.metric import Mean, Scope, check_kpis, metric
from sartor.evaluate.metrics.fields import per_field
from sartor.evaluate.metrics.labels import confusions, per_label
from sartor.task import KpiSpec

WORDS = "the patient takes 5 mg of lisinopril daily and must not stop it; blood pressure 130/80, recheck in May."
LABELS = [f"intent {i}" for i in range(7)]
BY_FORM = {"reading_grade", "smog", "readable", "sections", "compiles", "seconds", "tokens", "cost"}


def sentences(n, seed):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS.split(), rng.integers(1, 25))) for _ in range(n)]


def value(name, scope, examples, answers):
    judge = metric(name, scope)
    return judge.aggregate(judge.table(examples, answers))


def noisy_labels(n=400, seed=0, right=0.6):
    rng = np.random.default_rng(seed)
    gold = rng.choice(LABELS, n)
    return gold.tolist(), np.where(rng.random(n) < right, gold, rng.choice(LABELS, n)).tolist()


# --- text


def test_bleu_is_sacrebleus(examples, answers):
    references, texts = sentences(200, 1), sentences(200, 2)
    judge = metric("bleu", Scope("summarization"))
    found = judge.aggregate(judge.table(examples(references), answers(texts)))
    assert found == pytest.approx(sacrebleu.corpus_bleu(texts, [references]).score, abs=1e-12)
    assert judge.signature.startswith("bleu|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_bleu_of_a_row_is_sacrebleus_sentence_bleu(examples, answers):
    references, texts = sentences(30, 3), sentences(30, 4)
    judge = metric("bleu", Scope("summarization"))
    rows = judge.per_row(judge.table(examples(references), answers(texts)))
    expected = [sacrebleu.sentence_bleu(text, [ref]).score for text, ref in zip(texts, references, strict=True)]
    assert rows == pytest.approx(expected, abs=1e-12)


def test_rouge_l_is_rouge_scores(examples, answers):
    references, texts = sentences(100, 5), sentences(100, 6)
    scorer = RougeScorer(["rougeL"])
    expected = np.mean([scorer.score(r, t)["rougeL"].fmeasure for r, t in zip(references, texts, strict=True)])
    judge = metric("rouge_l", Scope("generation"))
    assert judge.aggregate(judge.table(examples(references), answers(texts))) == pytest.approx(expected, abs=1e-12)
    assert judge.signature == "rouge_l|rouge-score 0.1.2|stemmer:no"


@pytest.mark.parametrize(
    ("target", "text", "f1"),
    [
        ("The cat sat.", "a cat sat", 1.0),
        ("cat sat down", "cat ran", 2 / 5),
        ("one two", "three", 0.0),
        ("the", "a", 1.0),
        ("one", "", 0.0),
        ("one", None, 0.0),
    ],
)
def test_token_f1_is_squads(examples, answers, target, text, f1):
    assert value("token_f1", Scope("generation"), examples([target]), answers([text])) == pytest.approx(f1)


def test_token_f1_of_json_sees_the_words_between_the_punctuation(examples, answers):
    found = value("token_f1", Scope("extraction"), examples(['{"dose":"5","unit":"mg"}']), answers(['{"dose":"5"}']))
    assert found == pytest.approx(2 * 2 / (4 + 2))


# --- exact match


@pytest.mark.parametrize(
    ("kind", "target", "text", "equal"),
    [
        ("generation", "yes", " yes\n", True),
        ("generation", "yes", "Yes", False),
        ("generation", '{"a":1,"b":2}', '{"b":2,"a":1}', False),
        ("extraction", '{"a":1,"b":[1,2]}', '{"b": [1, 2], "a": 1.0}', True),
        ("extraction", '{"a":[1,2]}', '{"a":[2,1]}', False),
        ("extraction", '{"a":1}', '{"a":true}', False),
        ("extraction", '{"a":"1"}', '{"a":1}', False),
        ("extraction", '{"a":1}', '{"a":1', False),
        ("extraction", '{"a":1}', None, False),
    ],
)
def test_exact_match(examples, answers, kind, target, text, equal):
    assert value("exact_match", Scope(kind), examples([target]), answers([text])) == equal


# --- labels


def test_label_metrics_are_sklearns(examples, answers):
    gold, said = noisy_labels()
    scope = Scope("classification", tuple(LABELS))
    rows, given = examples(gold), answers([f" {text}\n" for text in said])
    assert value("accuracy", scope, rows, given) == pytest.approx(np.mean(np.array(gold) == said))
    assert value("macro_f1", scope, rows, given) == pytest.approx(f1_score(gold, said, average="macro"), abs=1e-12)
    p, r, f, n = precision_recall_fscore_support(gold, said, labels=LABELS)
    lines = {line.name: line for line in per_label(rows, given, scope)}
    for i, label in enumerate(LABELS):
        line = lines[label]
        assert (line.precision, line.recall, line.f1, line.support) == pytest.approx((p[i], r[i], f[i], n[i]))


def test_multi_label_metrics_are_sklearns(examples, answers):
    rng = np.random.default_rng(3)
    gold = [tuple(rng.choice(LABELS, rng.integers(1, 4), replace=False)) for _ in range(200)]
    said = [tuple(rng.choice(labels + tuple(LABELS[:2]), 2)) for labels in gold]
    scope = Scope("classification", tuple(LABELS), multi=True)
    one_hot = MultiLabelBinarizer(classes=LABELS).fit([LABELS])
    y, z = one_hot.transform(gold), one_hot.transform(said)
    for given in (answers(["; ".join(labels) for labels in said]), answers([json.dumps(labels) for labels in said])):
        rows = examples(gold)
        assert value("macro_f1", scope, rows, given) == pytest.approx(f1_score(y, z, average="macro"))
        assert value("micro_f1", scope, rows, given) == pytest.approx(f1_score(y, z, average="micro"))
        assert value("accuracy", scope, rows, given) == pytest.approx(np.mean((y == z).all(axis=1)))


def test_text_that_is_no_label_is_wrong_but_no_class_of_its_own(examples, answers):
    scope = Scope("classification", ("a", "b"))
    rows, given = examples(["a", "a", "b", "b"]), answers(["a", "gibberish", "b", None])
    assert value("accuracy", scope, rows, given) == 0.5
    assert value("macro_f1", scope, rows, given) == pytest.approx(2 / 3)
    assert value("micro_f1", scope, rows, given) == pytest.approx(4 / 7)
    assert confusions(rows, given, scope) == [("a", "(not a label)", 1), ("b", "(no answer)", 1)]


def test_confusions_are_counted_most_frequent_first(examples, answers):
    scope = Scope("classification", ("a", "b", "c"))
    assert confusions(examples("aaabc"), answers("bbcab"), scope) == [
        ("a", "b", 2),
        ("a", "c", 1),
        ("b", "a", 1),
        ("c", "b", 1),
    ]


def test_rows_with_several_labels_make_the_task_a_multi_label_one(examples, task):
    assert not Scope.of(task("classification"), examples(["a", "b"])).multi
    assert Scope.of(task("classification"), examples(["a", ("a", "b")])).multi
    assert Scope.of(task("classification", multi=True), examples(["a", "b"])).multi


# --- JSON


def test_field_metrics_count_every_field_of_every_row(examples, answers):
    scope = Scope("extraction")
    rows = examples(['{"drug":"Aspirin","dose":5,"tags":["a","b"]}', '{"drug":"Ibuprofen","dose":10,"tags":[]}'])
    given = answers(['{"drug":" aspirin ","dose":5.0,"tags":["b","c"]}', "no idea"])
    # right: drug, dose, b; extra: c; missed: a, and both fields of the unreadable answer
    assert value("field_precision", scope, rows, given) == pytest.approx(3 / 4)
    assert value("field_recall", scope, rows, given) == pytest.approx(3 / 6)
    assert value("field_f1", scope, rows, given) == pytest.approx(6 / (6 + 1 + 3))
    assert value("json_valid", scope, rows, given) == 0.5
    lines = {line.name: (line.support, line.precision, line.recall) for line in per_field(rows, given)}
    assert lines == {"drug": (2, 1.0, 0.5), "dose": (2, 1.0, 0.5), "tags": (2, 0.5, 0.5)}


@pytest.mark.parametrize("text", [None, "", "no idea", "[1,", "NaN", '{"a":Infinity}', "[" * 5000, "```json\n{}\n```"])
def test_an_unreadable_answer_is_wrong_even_where_nothing_was_expected(examples, answers, text):
    scope = Scope("extraction")
    for name in ("field_f1", "field_precision", "field_recall", "json_valid", "exact_match"):
        assert value(name, scope, examples(["{}"]), answers([text])) == 0.0
        assert value(name, scope, examples(["{}"]), answers(["{}"])) == 1.0
        assert value(name, scope, examples(['{"a":"b"}']), answers([text])) == 0.0


# --- the contract


@pytest.mark.parametrize(("kind", "name"), METRICS)
def test_every_metric_stays_in_its_range_and_signs_its_numbers(examples, answers, kind, name):
    target = '{"a":0}'
    judge, rows = ready(name, kind), examples([target, "x"])
    right = answers([target, "x"], label_probs={target: 1.0}, **MEASURED)
    wrong = [replace(each, **MEASURED) for each in answers([None, None])]
    for given, best in ((right, judge.higher_is_better), (wrong, not judge.higher_is_better)):
        stats = judge.table(rows, given)
        assert stats.shape[0] == 2
        assert 0 <= judge.aggregate(stats) <= judge.maximum + 1e-9
        if name not in BY_FORM and not judge.unscored:
            assert judge.per_row(stats)[0] == pytest.approx(judge.maximum if best else 0.0)
    assert judge.signature.split("|")[0] == name
    assert type(judge).__doc__.splitlines()[0].endswith((".", ";"))


def test_an_unknown_metric_is_answered_with_the_nearest_one(task):
    with pytest.raises(InputError, match=r"no metric `feild_f1`; did you mean `field_f1`\?.*json_valid"):
        check_kpis(task("extraction", "feild_f1"))
    with pytest.raises(InputError, match="`macro_f1` is not for extraction"):
        check_kpis(task("extraction", "macro_f1"))


@pytest.mark.parametrize(
    ("name", "goal", "words"),
    [
        ("rouge_l", 90.0, "outside its range, 0 to 1"),
        ("bleu", 0.3, "for a goal of 0.3 write 30"),
        ("bleu", -1, "outside"),
    ],
)
def test_a_goal_that_cannot_be_meant_is_refused(task, name, goal, words):
    with pytest.raises(InputError, match=words):
        check_kpis(task("summarization", KpiSpec(name=name, goal=goal)))


def test_nan_is_a_failure_that_names_metric_and_row(examples, answers):
    class Broken(Mean):
        name = "broken"
        signature = "broken"

        def score(self, example, answer):
            return float("nan") if example.id == "1" else 1.0

    with pytest.raises(SystemFailure, match="broken is not a number on row 1"):
        Broken(Scope("generation")).table(examples("abc"), answers("abc"))
