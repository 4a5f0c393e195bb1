"""`sartor init` writes a task that can be read, says what it guessed, and never writes over anything."""

import json
from pathlib import Path

import pytest

from sartor.errors import InputError
from sartor.flows.init import init
from sartor.task_file import load_task

ROWS = [{"note": f"visit number {n}, seen for cough", "record": {"age": n}} for n in range(20)]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_in_the_folder_is_named_relative_to_it(tmp_path: Path):
    data = write(tmp_path / "Billing Notes" / "data" / "notes.jsonl", ROWS)
    result = init(tmp_path / "Billing Notes", data)
    spec = load_task(result.path)
    assert (spec.task, spec.kind, spec.data.train) == ("billing-notes", "extraction", "data/notes.jsonl")
    assert (spec.data.input, spec.data.target) == ("note", "record")


def test_files_elsewhere_are_named_by_absolute_path_and_stay_there(tmp_path: Path):
    data, test = write(tmp_path / "notes.jsonl", ROWS), write(tmp_path / "held.jsonl", ROWS[:5])
    result = init(tmp_path / "new" / "task", data, test)
    spec = load_task(result.path)
    assert (spec.data.train, spec.data.test) == (str(data), str(test))
    assert sorted(path.name for path in result.path.parent.iterdir()) == ["sartor.yaml"]


def test_says_every_guess_with_its_reason(tmp_path: Path):
    result = init(tmp_path / "task", write(tmp_path / "notes.jsonl", ROWS))
    assert set(result.guesses) == {"input", "target", "kind"}
    assert result.guesses["kind"] == "`extraction`: the targets are JSON"
    assert result.files["train"].startswith("JSONL")
    json.dumps(result.to_json())


def test_what_is_given_is_not_guessed(tmp_path: Path):
    data = write(tmp_path / "notes.jsonl", ROWS)
    result = init(tmp_path / "task", data, input="record", target="note", kind="generation", base="ORG/NAME")
    spec = load_task(result.path)
    assert (spec.data.input, spec.data.target, spec.kind, spec.base) == ("record", "note", "generation", "ORG/NAME")


def test_a_base_that_is_a_folder_here_is_named_from_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("models/mine").mkdir(parents=True)
    result = init(Path("task"), write(tmp_path / "notes.jsonl", ROWS), base="models/mine")
    assert load_task(result.path).base == str(tmp_path / "models" / "mine")


def test_an_existing_task_is_not_touched(tmp_path: Path):
    data = write(tmp_path / "notes.jsonl", ROWS)
    (tmp_path / "sartor.yaml").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        init(tmp_path, data)
    assert (tmp_path / "sartor.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input": "nota"}, "no column `nota`.*did you mean `note`"),
        ({"data": Path("nowhere.jsonl")}, "does not exist"),
        ({"folder": Path("notes.jsonl")}, "is a file"),
    ],
)
def test_nothing_is_written_when_something_is_wrong(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "notes.jsonl", ROWS)
    with pytest.raises(InputError, match=message):
        init(**{"folder": Path("task"), "data": Path("notes.jsonl"), **arguments})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.jsonl"]
