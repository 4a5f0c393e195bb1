"""Wrong input: exit code 2, one sentence with place and remedy on stderr, no traceback, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.tasks import MakeTask, intents

from sartor.cli.main import main

ROWS = [f"question number {n} please,{'card' if n % 2 else 'refund'}" for n in range(20)]


def csv(*rows: str, header: str = "text,label") -> bytes:
    return "\n".join([header, *ROWS, *rows, ""]).encode()


def edit(**changes: Any) -> Callable[[Path], None]:
    """Changes keys of the spec; a dict changes keys within."""

    def change(folder: Path) -> None:
        path = folder / "sartor.yaml"
        spec = json.loads(path.read_text())
        for key, value in changes.items():
            spec[key] = {**spec.get(key, {}), **value} if isinstance(value, dict) else value
        path.write_text(json.dumps(spec))

    return change


def train(content: bytes) -> Callable[[Path], None]:
    """Replaces the training file by a CSV of this content."""

    def change(folder: Path) -> None:
        (folder / "rows.csv").write_bytes(content)
        edit(data={"train": "rows.csv"})(folder)

    return change


def unreadable_base(folder: Path) -> None:
    (folder / "base").mkdir()
    edit(base="base")(folder)


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing column": (edit(data={"input": "txt"}), "train.jsonl has no column `txt`"),
    "missing file": (edit(data={"train": "trian.jsonl"}), "trian.jsonl does not exist; did you mean `train.jsonl`?"),
    "empty target": (train(csv("no answer here,")), "rows.csv, line 22: the target is empty"),
    "a class with one row": (train(csv("alone,unheard_of")), "the class `unheard_of` has this one row only"),
    "a binary file": (train(b"\x89PNG\r\n\x1a\n" + bytes(range(256))), "rows.csv is not text but a PNG image"),
    "ragged quotes": (train(csv('"never closed,card')), "rows.csv"),
    "a cell of 200 kB": (train(csv("x" * 200_000 + ",card")), "a cell of 200,000 characters"),
    "NUL bytes": (train(csv("nul \0 byte,card")), "a NUL byte"),
    "mixed encodings": (train(csv("zażółć,card") + b"caf\xe9,card\n"), "mixed encodings"),
    "train = test": (edit(data={"test": "train.jsonl"}), "every test row of train.jsonl is also in train.jsonl"),
    "unknown key": (edit(train={"epoch": 3}), "did you mean `epochs`?"),
    "unknown base": (edit(base="smollm"), "unknown base 'smollm'"),
    "a base without a model": (unreadable_base, "has no config.json"),
    "a base that is not pulled": (edit(base="smollm2-135m-q4"), "sartor models pull smollm2-135m-q4"),
    "a target that is not JSON": (edit(kind="extraction"), "train.jsonl, line 1: the target is not JSON"),
    "a budget too small": (edit(train={"budget": 1e-9}, costs={"hour": 2}), "`train.budget`"),
    "a metric of another kind": (edit(kpis=[{"name": "rouge_l"}]), "metric `rouge_l` is not for classification"),
}


@pytest.fixture(params=FAULTS, ids=lambda name: name.replace(" ", "-"))
def fault(request: pytest.FixtureRequest, make_task: MakeTask) -> tuple[Path, str]:
    """A task's folder with one fault in it, and what the sentence must say."""
    change, said = FAULTS[request.param]
    folder = make_task(intents(20), None, "classification").folder
    change(folder)
    return folder, said


@pytest.mark.parametrize("verb", ["check", "run"])
def test_one_sentence_and_nothing_written(fault, verb: str, capsys: pytest.CaptureFixture[str]):
    folder, said = fault
    before = listing(folder)
    assert main([verb, str(folder)]) == 2
    sentence = the_error(capsys.readouterr().err)
    assert said in sentence
    assert "Traceback" not in sentence
    assert listing(folder) == before


def test_for_machines_it_is_one_document(fault, capsys: pytest.CaptureFixture[str]):
    folder, said = fault
    assert main(["check", str(folder), "--json"]) == 2
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert set(error) == {"message", "exit_code"}
    assert said in error["message"]
    assert error["exit_code"] == 2
    assert the_error(captured.err) == f"error: {error['message']}"


@pytest.mark.parametrize(
    "content",
    [b"\x00\x01\x02\xff" * 40, csv('"never closed,card'), csv("nul \0 byte,card"), b"", csv("x" * 200_000 + ",card")],
    ids=["binary", "ragged", "nul", "empty", "cell"],
)
def test_init_writes_nothing_from_a_file_it_cannot_read(tmp_path: Path, content: bytes, capsys):
    data = tmp_path / "rows.csv"
    data.write_bytes(content)
    assert main(["init", str(tmp_path / "task"), "--data", str(data)]) == 2
    assert "rows.csv" in the_error(capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "No such command 'chek'"),
        (["check", "--gpus", "A10"], "--gpus"),
        (["init", "task"], "--data"),
        (["init", "task", "--data", "x.csv", "--kind", "poetry"], "poetry"),
        (["check", "."], "no sartor.yaml"),
        (["check", "nowhere"], "the folder nowhere does not exist"),
        (["models", "pull", "gpt-9"], "no built-in model is 'gpt-9'"),
        (["predict", "billing@1"], "no sartor.yaml"),
    ],
    ids=" ".join,
)
def test_a_command_that_cannot_be_understood(arguments, said, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert said in the_error(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def the_error(stderr: str) -> str:
    """The one sentence; beside it there may only be lines of progress, on a slow machine."""
    lines = stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert errors == lines[-1:]
    assert all(line.startswith("check ") for line in lines[:-1])
    return errors[0]


def listing(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.parent.rglob("*"))
