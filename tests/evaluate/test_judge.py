"""A judge that is a model: its place bias is cancelled, its silence is counted, and it is compared with people."""

import pytest
from sklearn.metrics import cohen_kappa_score

from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.evaluate.judge import Judge, agreement, pair_prompts, verdict
from sartor.evaluate.metric import Scope, Unscored
from sartor.evaluate.own import OwnKpi
from sartor.generate.answer import Answer
from sartor.task import JudgeSpec, KpiSpec, TaskSpec

SPEC = JudgeSpec(endpoint="http://127.0.0.1/v1", model="big", question="Which answer keeps more facts?", repeats=2)
ROW = Example("7", (Message("system", "Summarise."), Message("user", "Take 5 mg.")), "5 mg daily")


def judge(*pairs: tuple[tuple[float | None, ...], tuple[float | None, ...]]) -> Judge:
    return Judge(SPEC, {("7", f"output {n}"): pair for n, pair in enumerate(pairs)})


@pytest.mark.parametrize(
    ("reply", "first", "second"),
    [
        ("A", 1.0, 0.0),
        ("b", 0.0, 1.0),
        ("Both name the dose, but A adds a risk.\nB", 0.0, 1.0),
        ("**TIE**\n\n", 0.5, 0.5),
        ("Verdict: A", 1.0, 0.0),
        ("", None, None),
        ("A or B, who can say", None, None),
        ("a better answer is hard to name, and it is not easy to say which", None, None),
        ("I cannot help with that.", None, None),
    ],
)
def test_the_last_line_holds_the_verdict_or_there_is_none(reply, first, second) -> None:
    assert (verdict(reply, output_first=True), verdict(reply, output_first=False)) == (first, second)


def test_the_pair_is_asked_in_both_orders_with_request_and_question() -> None:
    first, second = pair_prompts(ROW, "50 mg daily", SPEC, "output 1")
    assert first.id != second.id
    for asked, a, b in ((first, "50 mg daily", "5 mg daily"), (second, "5 mg daily", "50 mg daily")):
        text = asked.messages[-1].content
        assert "Summarise.\n\nTake 5 mg." in text and text.startswith(SPEC.question)
        assert f"<answer A>\n{a}\n" in text and f"<answer B>\n{b}\n" in text


def test_a_judge_that_always_prefers_the_first_place_finds_a_tie() -> None:
    biased = judge(((1.0, 1.0), (0.0, 0.0)))
    assert biased(ROW, "output 0") == 0.5
    assert "its two orders disagree on 100% of 1 outputs" in biased.note


def test_replies_are_averaged_within_an_order_before_the_orders_are() -> None:
    assert judge(((1.0, None), (0.5, 0.0)))(ROW, "output 0") == pytest.approx((1.0 + 0.25) / 2)


def test_an_order_without_a_verdict_leaves_the_row_unscored_and_counted() -> None:
    silent = judge(((None, None), (1.0, 1.0)))
    with pytest.raises(Unscored, match="gave no verdict"):
        silent(ROW, "output 0")
    assert "2 of 4 replies hold no verdict" in silent.note
    kpi = OwnKpi(Scope("summarization", options={"k": KpiSpec(name="k", judge=SPEC)}, functions={"k": silent}), "k")
    assert kpi.row(ROW, Answer("7", "output 0")) == (0.0, 1.0)
    assert kpi.unscored == {"7": "the judge gave no verdict"}


def test_no_output_loses_and_the_reference_itself_ties_without_being_asked() -> None:
    nobody = judge()
    assert (nobody(ROW, ""), nobody(ROW, "5 mg daily")) == (0.0, 0.5)


def test_agreement_with_people_is_share_and_kappa() -> None:
    ours, theirs = [1, 0.5, 0.2, 0, 1, 0.9, 0.1, 0.6], [1, 1, 0, 1, 1, 0, 0, 1]
    found = agreement(ours, theirs)
    assert (found.n, found.share) == (8, 0.75)
    assert found.low < 0.75 < found.high
    assert found.kappa == pytest.approx(cohen_kappa_score([x >= 0.5 for x in ours], [x >= 0.5 for x in theirs]))
    assert agreement([1, 1], [1, 1]).kappa is None


def test_other_verdicts_have_another_digest() -> None:
    assert judge(((1.0,), (0.0,))).digest != judge(((1.0,), (0.5,))).digest


@pytest.mark.parametrize(
    ("kpis", "words"),
    [
        ([{"name": "k", "judge": SPEC}], "the first KPI decides: put a measured one first"),
        ([{"name": "rouge_l"}, {"name": "k", "judge": SPEC, "hard": True}], "may not be the only hard KPI"),
        ([{"name": "rouge_l"}, {"name": "k", "judge": SPEC, "function": "k.py:k"}], "has a `function` or a `judge`"),
    ],
)
def test_a_judge_never_decides_alone(kpis, words) -> None:
    data = {"train": "t.jsonl", "input": "a", "target": "b"}
    with pytest.raises(ValueError, match=words):
        TaskSpec.model_validate({"task": "t", "kind": "summarization", "data": data, "kpis": kpis})


def test_a_judge_cannot_take_the_name_of_a_metric(task) -> None:
    from sartor.evaluate.metric import check_kpis

    with pytest.raises(InputError, match="`bleu` is a metric of summarization already"):
        check_kpis(task("summarization", KpiSpec(name="rouge_l"), KpiSpec(name="bleu", judge=SPEC)))
