"""A conversation at the terminal."""

import io
import json
from pathlib import Path

import pytest
from tests.running import notes

from sartor.cli.main import main


def test_models_answer_side_by_side_and_an_empty_line_begins_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(project / "cache"))
    text = notes(1)[0]["text"]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\nand again?\n\n{text}\n"))
    assert main(["serve", "chat", "notes", "intents@1", "--dir", str(project), "--alone", "--json"]) == 0
    first, again, anew = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert list(first["replies"]) == ["notes", "intents@1"]
    assert set(json.loads(first["replies"]["notes"])) == {"drug", "given"}
    assert anew == first
    assert again["message"] == "and again?"
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    assert main(["serve", "chat", "notes", "--dir", str(project)]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["notes", "tiny-llama"]


def test_a_model_that_is_not_there_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(project / "cache"))
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    assert main(["serve", "chat", "ntoes", "--dir", str(project), "--alone"]) == 2
    assert "ntoes" in capsys.readouterr().err
