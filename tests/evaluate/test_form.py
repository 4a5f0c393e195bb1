"""Whatever the task: forms kept, refusals, and going round in circles."""

import pytest

from sartor.errors import InputError
from sartor.evaluate.metric import Scope, metric
from sartor.task import KpiSpec


def value(name, examples, answers, scope=None):
    judge = metric(name, scope or Scope("generation"))
    return judge.aggregate(judge.table(examples, answers))


def with_pattern(pattern):
    return Scope("generation", options={"format": KpiSpec(name="format", pattern=pattern)})


def test_a_format_is_matched_by_the_whole_answer(examples, answers):
    given = answers(["AB-12", " AB-12\n", "AB-12.", "see AB-12", "ab-12", None])
    assert value("format", examples(["x"] * 6), given, with_pattern(r"[A-Z]{2}-\d+")) == pytest.approx(2 / 6)


@pytest.mark.parametrize(("pattern", "words"), [(None, "has no pattern"), ("(a", "no regular expression: missing")])
def test_a_pattern_that_is_none_is_refused(pattern, words):
    with pytest.raises(InputError, match=words):
        metric("format", with_pattern(pattern))


def test_a_pattern_that_would_run_for_ever_leaves_the_row_unscored(examples, answers):
    judge = metric("format", with_pattern(r"(?:a|a?b?)+(?:a|aa)+c"))
    stats = judge.table(examples(["x", "x"]), answers(["aac", "a" * 20_000 + "!"]))
    assert judge.aggregate(stats) == 0.5
    assert judge.unscored == {"1": "the pattern takes more than 1 s on this answer"}


REFUSALS = """\
I'm sorry, but I can't help with that.
I am sorry, I cannot provide medical advice.
Sorry – I can’t share this information.
As an AI language model, I have no opinion.
Unfortunately, I am unable to answer this question.
I won't be able to assist with that.
I cannot summarize this document."""
ANSWERS = """\
I'm sorry to hear that; your refund is on its way.
I can't sleep and my head hurts.
Sorry for the delay. Your card was sent on Monday.
The patient says: I cannot help but worry.
As an aid to memory, write it down.
I cannot recommend it highly enough.
Unfortunately the test was positive."""


@pytest.mark.parametrize("text", REFUSALS.splitlines())
def test_refusals(examples, answers, text):
    assert value("refusal", examples(["x"]), answers([text])) == 1.0


@pytest.mark.parametrize("text", ANSWERS.splitlines())
def test_answers_that_only_sound_like_refusals(examples, answers, text):
    assert value("refusal", examples(["x"]), answers([text])) == 0.0


def test_no_answer_is_a_refusal_and_says_nothing_new(examples, answers):
    assert value("refusal", examples("xx"), answers([None, ""])) == 1.0
    assert value("repetition", examples("xx"), answers([None, ""])) == 1.0


@pytest.mark.parametrize(
    ("text", "share"),
    [("a b c d e f", 0.0), ("one two", 0.0), ("a b c d a b c d", 1 - 4 / 5), ("No no no no no no no", 3 / 4)],
)
def test_repetition_is_the_share_of_runs_of_four_words_that_were_said_before(examples, answers, text, share):
    assert value("repetition", examples(["x"]), answers([text])) == pytest.approx(share)
