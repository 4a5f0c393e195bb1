"""The snippets of the page on serving run, one after the other, against a server."""

import pytest
from tests.docs.pages import ROOT, blocks
from tests.serve.conftest import Server
from tests.tasks import LABELS


def test_the_snippets_on_serving_run(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    session: dict[str, object] = {}
    for block in blocks(ROOT / "docs/how-to/serve.md"):
        if block.language == "python":
            exec(compile(block.text, block.place, "exec"), session)
    models, record, label, yes_or_no = capsys.readouterr().out.splitlines()
    assert "notes@1" in models
    assert "aspirin" in record or "iron" in record
    assert label.split()[0] in LABELS
    assert yes_or_no in ("yes", "no")
