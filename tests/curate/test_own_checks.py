"""Checks that a task defines itself in Python."""

from pathlib import Path
from typing import Any

import pytest
from tests.curate.pools import pool, row

from sartor.curate.own import own_checks
from sartor.errors import InputError
from sartor.task import DataSpec, TaskSpec

CODE = """
from dataclasses import replace

def gives(example):
    return eval(example.question)

def shouts(example):
    if example.target.isupper():
        return {"reason": "the target shouts", "fix": replace(example, target=example.target.capitalize())}
"""


def spec(**curate: Any) -> TaskSpec:
    return TaskSpec(task="t", kind="generation", data=DataSpec(train="-", input="q", target="t"), curate=curate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checks.py").write_text(CODE)
    return tmp_path


@pytest.mark.parametrize(
    ("gives", "score", "reason"),
    [
        ("None", None, ""),
        ("False", None, ""),
        ("0.0", None, ""),
        ("''", None, ""),
        ("{}", None, ""),
        ("{'score': 0, 'reason': 'fine'}", None, ""),
        ("True", 1.0, "`mine` says so"),
        ("0.4", 0.4, "`mine` says so"),
        ("7", 7.0, "`mine` says so"),
        ("'too vague'", 1.0, "too vague"),
        ("{'score': 0.3, 'reason': 'too vague'}", 0.3, "too vague"),
        ("{'reason': 'too vague'}", 1.0, "too vague"),
    ],
)
def test_a_function_gives_nothing_a_score_a_sentence_or_all_of_it(
    folder: Path, gives: str, score: float | None, reason: str
) -> None:
    (check,) = own_checks(spec(mine={"function": "checks.py:gives"}), folder)
    found = check.look(pool([row("a", gives)]))
    assert [(one.score, one.reason, one.fix) for one in found.values()] == ([(score, reason, None)] if score else [])


def test_a_function_may_propose_a_fix(folder: Path) -> None:
    (check,) = own_checks(spec(calm={"function": "checks.py:shouts", "action": "fix"}), folder)
    found = check.look(pool([row("a", "q", "STOP"), row("b", "q", "Go")]))
    assert {place: (one.reason, one.fix) for place, one in found.items()} == {
        0: ("the target shouts", row("a", "q", "Stop"))
    }


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        ("1 / 0", "raised ZeroDivisionError: division by zero; correct the function"),
        ("-1", "gave the score -1, which is no number from 0 up"),
        ("float('nan')", "gave the score nan"),
        ("[1]", "gave the score [1]"),
        ("{'reason': 'x', 'fix': 'y'}", "gave a fix that is not the row's example"),
    ],
)
def test_a_function_that_fails_is_an_error_with_the_row(folder: Path, gives: str, words: str) -> None:
    (check,) = own_checks(spec(mine={"function": "checks.py:gives"}), folder)
    with pytest.raises(InputError) as caught:
        check.look(pool([row("a", gives)]))
    assert str(caught.value).startswith("checks.py:gives, on row a (rows.jsonl:a): ") and words in str(caught.value)


def test_a_missing_function_names_the_nearest_and_a_taken_name_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="has no function `shout`; did you mean `shouts`?"):
        own_checks(spec(mine={"function": "checks.py:shout"}), folder)
    with pytest.raises(InputError, match=r"curate: `function: nowhere.py:f` names no file .*curate.py:FUNCTION"):
        own_checks(spec(mine={"function": "nowhere.py:f"}), folder)
    with pytest.raises(InputError, match="`length` is a check of Sartor's"):
        own_checks(spec(length={"function": "checks.py:gives"}), folder)


def test_a_check_that_is_off_is_not_even_loaded(folder: Path) -> None:
    assert own_checks(spec(mine={"function": "nowhere.py:f", "action": "off"}, length="off"), folder) == []
