"""Asking: no question is put to a system twice, and what was answered survives a kill."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.flows import ask as asking
from sartor.flows.ask import ask, cost_of, line, parse
from sartor.generate.answer import Answer
from sartor.progress import Progress, silent
from sartor.store import Records
from sartor.task import CostSpec, RivalSpec

EXAMPLES = [Example(f"id {n}", (Message("user", f"{n:02}" + "x" * (n * 37 % 50)),), str(n)) for n in range(23)]


class Killed(Exception):
    pass


class Counting:
    """Answers with the question's length, counts what it is asked, and dies where it is told to."""

    name = "counting"

    def __init__(self, dies_at_slice: int = -1, fails: Callable[[Example], bool] = lambda _: False) -> None:
        self.asked: list[str] = []
        self._left, self._fails = dies_at_slice, fails

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        for done, example in enumerate(examples, start=1):
            self.asked.append(example.id)
            if self._left == 0 and done == len(examples) // 2 + 1:
                raise Killed
            progress(self.name, done, len(examples))
        self._left -= 1
        return [
            Answer(e.id, "", finish="error")
            if self._fails(e)
            else Answer(e.id, str(len(e.question)), {"a": 0.25, "b": 0.75}, 3, 4, others=("x", "y"))
            for e in examples
        ]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SLICE", 5)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    yield records
    records.close()


def put(records: Records, system: Counting, examples: Sequence[Example] = EXAMPLES, key: str = "s") -> list[Answer]:
    return ask(records, key, lambda: system, examples)


def test_one_answer_an_example_in_its_order(records: Records) -> None:
    answers = put(records, Counting())
    assert [(answer.id, answer.text) for answer in answers] == [(e.id, str(len(e.question))) for e in EXAMPLES]
    assert all(answer.seconds > 0 for answer in answers)


@pytest.mark.parametrize("slices", range(5))
def test_after_a_kill_only_what_is_missing_is_asked(slices: int, records: Records) -> None:
    killed, again = Counting(dies_at_slice=slices), Counting()
    with pytest.raises(Killed):
        put(records, killed)
    assert [answer.text for answer in put(records, again)] == [str(len(e.question)) for e in EXAMPLES]
    assert len(again.asked) == len(EXAMPLES) - 5 * slices
    assert not set(killed.asked[: 5 * slices]) & set(again.asked)


def test_kept_answers_are_read_back_as_they_were_and_the_system_is_not_even_made(records: Records) -> None:
    first = put(records, Counting())

    def unneeded() -> Counting:
        raise AssertionError

    assert ask(records, "s", unneeded, EXAMPLES) == first


def test_another_row_set_asks_only_its_new_questions(records: Records) -> None:
    put(records, Counting(), EXAMPLES[:20])
    more = Counting()
    renamed = [replace(example, id=f"new {example.id}", target="corrected") for example in EXAMPLES[5:]]
    answers = put(records, more, renamed)
    assert [answer.id for answer in answers] == [example.id for example in renamed]
    assert sorted(more.asked) == ["new id 20", "new id 21", "new id 22"]


def test_a_question_that_occurs_twice_is_asked_once(records: Records) -> None:
    system, twice = Counting(), [EXAMPLES[0], replace(EXAMPLES[0], id="again"), EXAMPLES[1]]
    answers = put(records, system, twice)
    assert [(answer.id, answer.text) for answer in answers[:2]] == [
        ("id 0", answers[0].text),
        ("again", answers[0].text),
    ]
    assert sorted(system.asked) == ["id 0", "id 1"]


def test_another_system_is_asked_itself(records: Records) -> None:
    put(records, Counting())
    other = Counting()
    put(records, other, key="other decoding")
    assert len(other.asked) == len(EXAMPLES)


def test_a_row_without_an_answer_is_asked_again(records: Records) -> None:
    fails = {"id 3", "id 7"}
    first = put(records, Counting(fails=lambda e: e.id in fails))
    assert {answer.id for answer in first if answer.finish == "error"} == fails
    again = Counting()
    assert not any(answer.finish == "error" for answer in put(records, again))
    assert set(again.asked) == fails


@given(st.text(max_size=20))
def test_any_text_survives(text: str) -> None:
    """Line separators of Unicode and half a surrogate pair among them, which endpoints have been seen to send."""
    written = line(Answer("1", text))
    assert len(written.splitlines()) == 1 and written.isascii()
    assert parse(written).text == text


def test_progress_is_that_of_the_whole(records: Records) -> None:
    told: list[tuple[str, int, int]] = []
    ask(records, "s", Counting, EXAMPLES, lambda what, done, total, _="": told.append((what, done, total)))
    assert told == [("counting", done, 23) for done in range(1, 24)]


def test_slices_do_not_depend_on_the_order_of_the_examples(records: Records) -> None:
    asked, shuffled = Counting(), Counting()
    put(records, asked)
    put(records, shuffled, EXAMPLES[::-1], key="other")
    assert asked.asked == shuffled.asked


def test_an_answer_costs_its_share_of_the_machine_or_the_tokens_of_the_endpoint() -> None:
    answer = Answer("1", "yes", prompt_tokens=1000, completion_tokens=10, seconds=36.0)
    priced = RivalSpec(endpoint="http://127.0.0.1/v1", model="m", price_in=2.0, price_out=10.0)
    assert cost_of(answer, CostSpec(hour=2.0), None) == pytest.approx(0.02)
    assert cost_of(answer, CostSpec(hour=2.0), priced) == pytest.approx(0.0021)
    assert cost_of(answer, CostSpec(), None) is None
    assert cost_of(answer, CostSpec(hour=2.0), RivalSpec(endpoint="http://127.0.0.1/v1", model="m")) is None
