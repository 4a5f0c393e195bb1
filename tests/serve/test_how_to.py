"""The snippets of the pages on serving run, one after the other, against a server."""

from pathlib import Path

import pytest
from tests.docs.pages import ROOT, blocks
from tests.serve.conftest import Server, serving
from tests.tasks import LABELS

import sartor


def test_the_snippets_on_serving_run(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_client(server, monkeypatch)
    run_snippets("serve.md")
    models, record, label, yes_or_no = capsys.readouterr().out.splitlines()
    assert "notes@1" in models
    assert "aspirin" in record or "iron" in record
    assert label.split()[0] in LABELS
    assert yes_or_no in ("yes", "no")


def test_the_snippets_on_feedback_run(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(own) as server:
        tell_client(server, monkeypatch)
        run_snippets("watch-what-is-asked.md")
    up, down = sartor.open(own).serving.feedback("intents")
    assert (up["feedback"]["rating"], up["label"]) == ("up", "")
    assert (down["text"], down["label"]) == ("question number 3 please", "refund")


def tell_client(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def run_snippets(page: str) -> None:
    session: dict[str, object] = {}
    for block in blocks(ROOT / "docs/how-to" / page):
        if block.language == "python":
            exec(compile(block.text, block.place, "exec"), session)
