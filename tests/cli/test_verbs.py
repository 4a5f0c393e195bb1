"""Each verb: what a person reads, and the one document that a machine gets."""

import io
import json
from pathlib import Path

import pytest
from tests.tasks import MakeTask, intents, write_task
from tests.tiny import tiny_llama

from sartor.cli import terminal
from sartor.cli.main import main


@pytest.fixture
def folder(make_task: MakeTask) -> Path:
    return make_task(intents(40), intents(10, start=100), "classification").folder


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_init(tmp_path: Path, capsys):
    write_task(tmp_path, Path("none"), intents(20))
    data = str(tmp_path / "train.jsonl")
    found = document(capsys, "init", str(tmp_path / "a"), "--data", data)
    assert set(found) == {"path", "task", "kind", "files", "guesses"}
    assert main(["init", str(tmp_path / "b"), "--data", data, "--target", "text", "--input", "label"]) == 0
    out = capsys.readouterr().out
    assert "input: `label`: as given" in out
    assert "sartor check" in out


def test_check(folder: Path, capsys):
    found = document(capsys, "check", str(folder))
    assert {"task", "files", "rows", "findings", "rendered", "lengths", "duplicates", "leakage", "cost"} <= set(found)
    assert set(found["cost"]) == {
        "machine", "number_format", "parameters", "trainable", "tokens", "seconds", "memory_bytes",
        "gradient_checkpointing", "machine_memory_bytes", "money", "currency",
    }  # fmt: skip
    assert set(found["lengths"]) == {"min", "median", "p95", "max", "limit", "dropped", "cut", "bins"}
    assert set(found["leakage"]["test"]) == {
        "exact", "questions", "contradictions", "groups", "subjects", "evidence",
    }  # fmt: skip


def test_check_for_a_person(folder: Path, capsys):
    assert main(["check", str(folder), "--gpu", "A10 24GB", "--price", "1.2"]) == 0
    out = capsys.readouterr().out
    assert "question number 0 please<|im_end|>" in out
    assert "⟦card<|im_end|>⟧" in out
    assert "on A10 24GB in bfloat16" in out
    assert "$" in out
    assert "\x1b" not in out


def test_check_with_errors_still_shows_what_it_found(folder: Path, capsys):
    (folder / "test.jsonl").write_text((folder / "train.jsonl").read_text())
    assert main(["check", str(folder)]) == 2
    captured = capsys.readouterr()
    assert "✗ error: every test row" in captured.out
    assert captured.err.count("error: every test row") == 1
    assert main(["check", str(folder), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert {"error", "rows", "findings"} <= set(found)


def test_hostile_text_cannot_steer_the_terminal(make_task: MakeTask, capsys):
    rows = [{"text": f"[bold]{n}[/] \x1b[31mred\x07", "label": "\x1b]0;title\x07 [red]x"} for n in range(20)]
    assert main(["check", str(make_task(rows).folder)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold]" in out


def test_run_predict_and_adapters(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    spec = {"train": {"epochs": 1, "rank": 2}, "generate": {"max_tokens": 3, "shots": 1}}
    folder = str(write_task(tmp_path / "task", tiny_llama(tmp_path), intents(24), intents(8, start=100), **spec))
    assert document(capsys, "adapters", "list", folder) == {"project": folder, "adapters": []}
    found = document(capsys, "run", folder)
    assert set(found) >= {"task", "verdict", "systems", "adapter", "report"}
    assert Path(found["report"]).is_file()
    assert main(["run", folder]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6

    listed = document(capsys, "adapters", "list", folder)
    assert set(listed["adapters"][0]) == {
        "name", "task", "version", "stage", "hash", "created_at", "cost", "scorecard", "manifest", "path",
        "tags", "notes",
    }  # fmt: skip
    assert main(["adapters", "list", folder]) == 0
    assert "small@1" in capsys.readouterr().out

    found = document(capsys, "predict", "small", folder, "--data", f"{folder}/test.jsonl")
    assert set(found) == {"system", "predictions"}
    assert len(found["predictions"]) == 8
    assert {"id", "answer", "probability"} <= set(found["predictions"][0])
    lines = b'{"text": "where is my card"}\n\n{"text": "and my refund"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["predict", "small@1", folder]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]
    assert main(["predict", "smal", folder, "--data", f"{folder}/test.jsonl"]) == 2
    assert "zero-shot" in capsys.readouterr().err


def test_predict_wants_rows(folder: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["predict", "zero-shot", str(folder)]) == 2
    assert "--data" in capsys.readouterr().err


def test_models(cache: Path, capsys):
    found = document(capsys, "models", "list")
    assert {model["name"]: model["here"] for model in found["models"]} == {
        "smollm2-135m-q4": False, "all-minilm-l6-v2": True,
    }  # fmt: skip
    assert set(found["models"][0]) == {"name", "kind", "here", "path", "about"}
    found = document(capsys, "models", "pull", "all-minilm-l6-v2")
    assert [model["name"] for model in found["models"]] == ["all-minilm-l6-v2"]
    assert main(["models", "list"]) == 0
    assert "sartor models pull" in capsys.readouterr().out


def test_doctor(cache: Path, capsys):
    found = document(capsys, "doctor")
    assert set(found) == {
        "versions", "system", "device", "threads", "number_format", "number_format_why", "memory", "disk", "cache",
        "models", "tools",
    }  # fmt: skip
    assert found["number_format"] in ("bfloat16", "float32")
    assert main(["doctor"]) == 0
    assert "number format" in capsys.readouterr().out


def test_progress_is_a_plain_line_now_and_then_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch, capsys):
    with terminal.progress(as_json=True) as progress:
        progress("train", 1, 9, "loss 0.41")
        monkeypatch.setattr(terminal, "EVERY", 0.0)
        progress("train", 2, 1000, "loss 0.40")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "train 2/1,000 · loss 0.40\n")


def test_progress_is_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with terminal.progress(as_json=False) as progress:
        progress("train", 1, 9, "loss [bold]0.41")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "train" in captured.err
    assert "[bold]0.41" in captured.err
