"""`guess_task` reads a task out of a file, says why, and `write_spec` writes a spec that `load_task` accepts."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.examples import build_examples
from sartor.data.guess import Guess, guess_task, write_spec
from sartor.data.read import read_rows
from sartor.data.table import Table, make_table
from sartor.errors import InputError
from sartor.task import TaskSpec
from sartor.task_file import load_task


def table(*rows: dict[str, Any], name: str = "rows.jsonl") -> Table:
    return make_table(name, "JSONL", rows, range(1, len(rows) + 1), "line")


def written(guess: Guess, folder: Path) -> TaskSpec:
    (folder / "sartor.yaml").write_text(write_spec(guess))
    return load_task(folder)


LONG = "The patient came in on Monday and told a long story. " * 10


@pytest.mark.parametrize(
    ("kind", "targets", "text"),
    [
        ("classification", ["refund", "card", "refund", "card", "refund", "card", "loan", "loan"], "Hello"),
        ("classification", [["a", "b"], ["b"], [], ["a"]], "Hello"),
        ("extraction", ['{"dose": "5 mg"}', '{"dose": "9 mg"}', '{"dose": null}', "{}"], "Hello"),
        ("extraction", [{"dose": "5 mg"}, {"dose": "9 mg"}, {}, {}], "Hello"),
        ("summarization", ["A cough.", "A fall.", "Back pain.", "Fever since May."], LONG),
        ("sql", ["SELECT a FROM b", "select count(*)\nfrom c", "SELECT 1 FROM d", "SELECT x FROM y"], "Hello"),
        ("code", [f"def f{n}(x):\n    return x" for n in range(4)], "Hello"),
        ("generation", ["Thank you for it.", "We are sorry to hear so.", "Please call us.", "Yes."], "Hello"),
    ],
)
def test_the_kind_follows_from_the_targets(tmp_path: Path, kind: str, targets: list[Any], text: str) -> None:
    guess = guess_task(table(*({"text": f"{text} {n}", "target": target} for n, target in enumerate(targets))))
    assert (guess.kind, guess.input, guess.target) == (kind, "text", "target")
    assert guess.reasons["kind"]
    assert written(guess, tmp_path).kind == kind


@pytest.mark.parametrize(
    ("columns", "input", "target"),
    [
        ("text category", "text", "category"),
        ("note record", "note", "record"),
        ("note codes", "note", "codes"),
        ("dialogue note", "dialogue", "note"),
        ("label text", "text", "label"),
        ("summary article", "article", "summary"),
        ("question context answer", "question", "answer"),
        ("Customer Text", "Text", "Customer"),
        ("short longest last", "longest", "last"),
        ("longest short", "longest", "short"),
    ],
)
def test_columns_are_guessed_by_name_then_by_length(columns: str, input: str, target: str) -> None:
    row = {column: column * (9 if column == "longest" else 1) for column in columns.split()}
    guess = guess_task(table(row, row))
    assert (guess.input, guess.target) == (input, target)


def test_id_group_and_subject_are_guessed_by_name() -> None:
    rows = [{"id": n, "text": f"t{n}", "label": "x", "fold": n % 2, "patient": "p"} for n in range(4)]
    guess = guess_task(table(*rows))
    assert (guess.id, guess.group, guess.subject) == ("id", "fold", "patient")
    assert guess_task(table(*rows, rows[0])).id is None, "an id that occurs twice is none"


def test_what_is_given_is_not_guessed(tmp_path: Path) -> None:
    row = {"text": "a", "label": "b", "summary": "c"}
    guess = guess_task(
        table(row, row),
        table(row),
        task="mine",
        train="../rows.jsonl",
        input="label",
        target="text",
        kind="code",
        base="b",
    )
    spec = written(guess, tmp_path)
    assert (spec.task, spec.kind, spec.base, spec.data.train, spec.data.test) == (
        "mine",
        "code",
        "b",
        "../rows.jsonl",
        "rows.jsonl",
    )
    assert (spec.data.input, spec.data.target) == ("label", "text")
    with pytest.raises(InputError, match=r"rows.jsonl has no column `txt` \(--input\); did you mean `text`"):
        guess_task(table(row), input="txt")


def test_a_single_column_is_too_few() -> None:
    with pytest.raises(InputError, match="no column is left to be the target"):
        guess_task(table({"text": "a"}))


def test_chat_rows_become_prompt_messages(tmp_path: Path) -> None:
    row = {"instruction": "Hi", "input": "", "output": "Hello there, how are you?"}
    guess = guess_task(table(row, row))
    assert (guess.messages, guess.input, guess.target) == ("messages", None, None)
    spec = written(guess, tmp_path)
    assert build_examples(table(row), spec)[0].target == "Hello there, how are you?"


_NAME = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=12)


@given(_NAME.filter(str.strip), _NAME.filter(str.strip), _NAME)
def test_whatever_the_columns_are_called_the_spec_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, first: str, second: str, file: str
) -> None:
    if first == second or not file.strip():
        return
    rows = table({first: "a", second: "b"}, {first: "c", second: "b"}, name=file)
    guess = guess_task(rows)
    spec = written(guess, tmp_path_factory.mktemp("spec"))
    assert (spec.data.train, spec.data.input, spec.data.target) == (file, guess.input, guess.target)
    assert len(build_examples(rows, spec)) == 2


@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "kind", "input", "target"),
    [
        ("banking77/train.csv", "classification", "text", "category"),
        ("cuad/train.jsonl", "classification", "clause", "category"),
        ("mts_dialog/train.jsonl", "summarization", "dialogue", "note"),
        ("mbpp/mbpp.jsonl", "code", "text", "code"),
        ("nlupp/banking.jsonl", "classification", "text", "intents"),
        ("formats/alpaca_en_demo.json", "generation", None, None),
    ],
)
def test_real_files(shared: Path, tmp_path: Path, path: str, kind: str, input: str | None, target: str | None) -> None:
    guess = guess_task(read_rows(shared / path))
    assert (guess.kind, guess.input, guess.target) == (kind, input, target)
    assert written(guess, tmp_path).kind == kind
