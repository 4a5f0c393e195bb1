"""Answers survive a kill: those that were given are never asked for, or paid for, again."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.generate import resume
from sartor.generate.answer import Answer
from sartor.generate.resume import answer_resumably, parse
from sartor.progress import Progress, silent

EXAMPLES = [Example(f"id {n}", (Message("user", "x" * (n * 37 % 50)),), str(n)) for n in range(23)]


class Killed(Exception):
    pass


class Counting:
    """Answers with the question's length, counts what it is asked, and dies where it is told to."""

    name = "counting"

    def __init__(self, dies_at_slice: int = -1, text: str = "{}") -> None:
        self.asked: list[str] = []
        self._left, self._text = dies_at_slice, text

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        for done, example in enumerate(examples, start=1):
            self.asked.append(example.id)
            if self._left == 0 and done == len(examples) // 2 + 1:
                raise Killed
            progress(self.name, done, len(examples))
        self._left -= 1
        return [
            Answer(e.id, self._text.format(len(e.question)), {"a": 0.25, "b": 0.75}, 3, 4, others=(self._text, "b"))
            for e in examples
        ]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "SLICE", 5)


def test_one_answer_an_example_in_its_order(tmp_path: Path) -> None:
    answers = answer_resumably(Counting(), EXAMPLES, tmp_path / "answers.jsonl")
    assert [(answer.id, answer.text) for answer in answers] == [(e.id, str(len(e.question))) for e in EXAMPLES]


@pytest.mark.parametrize("slices", range(5))
def test_after_a_kill_only_what_is_missing_is_asked(slices: int, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    whole = answer_resumably(Counting(), EXAMPLES, tmp_path / "whole.jsonl")
    killed, again = Counting(dies_at_slice=slices), Counting()
    with pytest.raises(Killed):
        answer_resumably(killed, EXAMPLES, path)
    assert answer_resumably(again, EXAMPLES, path) == whole
    assert len(again.asked) == len(EXAMPLES) - 5 * slices
    assert not set(killed.asked[: 5 * slices]) & set(again.asked)


def test_finished_answers_are_read_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    first = answer_resumably(Counting(), EXAMPLES, path)
    again = Counting()
    assert answer_resumably(again, EXAMPLES, path) == first
    assert again.asked == []


def test_answers_that_were_kept_before_there_were_samples_can_be_read() -> None:
    assert parse(b'{"id": "1", "text": "a", "finish": "stop"}\n') == [Answer("1", "a")]


@pytest.mark.parametrize("torn", [1, 10, 40])
def test_a_torn_last_line_is_answered_again(torn: int, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    whole = answer_resumably(Counting(), EXAMPLES, path)
    path.write_bytes(path.read_bytes()[:-torn])
    again = Counting()
    assert answer_resumably(again, EXAMPLES, path) == whole
    assert len(again.asked) == 3  # the last slice
    assert answer_resumably(Counting(), EXAMPLES, path) == whole


def test_a_kill_at_any_byte_of_the_file_gives_the_same_answers(tmp_path: Path) -> None:
    whole = answer_resumably(Counting(), EXAMPLES, tmp_path / "whole.jsonl")
    content = (tmp_path / "whole.jsonl").read_bytes()
    path, chance = tmp_path / "answers.jsonl", random.Random(0)
    for _ in range(50):
        path.write_bytes(content[: chance.randrange(len(content))])
        assert answer_resumably(Counting(), EXAMPLES, path) == whole


@given(st.text(max_size=20))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Line separators of Unicode and half a surrogate pair among them, which endpoints have been seen to send."""
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    kept = Counting(text=text.replace("{", "(").replace("}", ")"))
    first = answer_resumably(kept, EXAMPLES[:3], path)
    assert answer_resumably(Counting(), EXAMPLES[:3], path) == first


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x1c", "\r", "\n", "\ud800", "é"])
def test_no_character_ends_a_line_before_its_time(character: str, tmp_path: Path) -> None:
    first = answer_resumably(Counting(text=f"a{character}b"), EXAMPLES[:3], tmp_path / "answers.jsonl")
    assert answer_resumably(Counting(), EXAMPLES[:3], tmp_path / "answers.jsonl") == first


def test_progress_is_that_of_the_whole(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    answer_resumably(
        Counting(),
        EXAMPLES,
        tmp_path / "answers.jsonl",
        lambda what, done, total, _="": told.append((what, done, total)),
    )
    assert told == [("counting", done, 23) for done in range(1, 24)]


def test_slices_do_not_depend_on_the_order_of_the_examples(tmp_path: Path) -> None:
    asked, shuffled = Counting(), Counting()
    answer_resumably(asked, EXAMPLES, tmp_path / "a.jsonl")
    answer_resumably(shuffled, EXAMPLES[::-1], tmp_path / "b.jsonl")
    assert asked.asked == shuffled.asked
