"""`/v1/feedback`, and what becomes of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.running import notes
from tests.serve.conftest import Server, serving
from tests.tasks import intents

import sartor
from sartor.cli.main import main
from sartor.data.examples import build_examples
from sartor.data.read import read_rows
from sartor.flows.prepare import open_task

ASKED = {"messages": [{"role": "user", "content": "please pay"}]}


@pytest.fixture(scope="module")
def root(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(project, tmp_path_factory.mktemp("feedback") / "project")


@pytest.fixture(scope="module")
def server(root: Path):  # type: ignore[no-untyped-def]
    with serving(root) as found:
        yield found


def post(server: Server, key: str = "none", **body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/feedback", json=body, headers={"Authorization": f"Bearer {key}"})


def test_a_reply_that_was_corrected_becomes_a_row_that_can_be_trained_on(
    server: Server, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = intents(1, start=77)[0]
    reply = server.client().chat.completions.create(
        model="intents", messages=[{"role": "user", "content": row["text"]}]
    )
    asked = {"messages": [{"role": "user", "content": row["text"]}]}
    said = reply.choices[0].message.content
    found = post(server, model=reply.model, **asked, answer=said, rating="down", correction=row["label"], comment="no")
    assert found.status_code == 200
    document = found.json()
    assert (document["object"], document["model"], document["rating"]) == ("feedback", "intents@1", "down")
    assert row["text"] not in found.text
    file = tmp_path / "feedback.jsonl"
    assert main(["serve", "feedback", str(root / "tasks/intents"), "--out", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    line = json.loads(file.read_text())
    assert {"text": row["text"], "label": row["label"]}.items() <= line.items()
    assert line["feedback"]["answer"] == said
    assert line["feedback"]["comment"] == "no"
    task = open_task(root / "tasks/intents")
    [example] = build_examples(read_rows(file), task.spec)
    assert (example.question, example.labels) == (row["text"], (row["label"],))


def test_the_columns_of_a_row_come_back_as_they_were(server: Server, root: Path) -> None:
    row = notes(1, start=77)[0]
    assert post(server, model="notes", fields=row, answer="{}", rating="down").status_code == 200
    [line] = sartor.open(root).feedback("notes")
    assert line["text"] == row["text"]
    assert line["feedback"]["model"] == "notes@1"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"answer": "pay"}, 400, "say what you think of it"),
        ({"answer": "pay", "rating": "so so"}, 400, "`rating`"),
        ({"answer": "pay", "rating": "up", "stars": 5}, 400, "`stars` is not known here"),
        ({"answer": "pay", "rating": "up", "fields": {}}, 400, "or else `fields`"),
        ({"answer": "pay", "correction": " "}, 400, "`correction`: the target is empty"),
        ({"answer": "pay", "rating": "up", "model": "nobody"}, 404, "nobody"),
        ({"answer": "pay", "rating": "up", "model": "intents@9"}, 404, "intents@9"),
        ({"answer": "{", "correction": "{", "model": "notes"}, 400, "is not JSON"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    server: Server, body: dict[str, Any], status: int, said: str
) -> None:
    found = post(server, **{"model": "intents", **ASKED} | body)
    assert (found.status_code, said in found.json()["error"]["message"]) == (status, True), found.text


def test_a_key_judges_only_what_it_may_ask(own: Path) -> None:
    keys = sartor.open(own).api_keys
    notes_only, files_only = keys.make("a", ("notes",), ("chat",)), keys.make("b", ("*",), ("files",))
    with serving(own) as server:
        body = {**ASKED, "answer": "pay", "rating": "up"}
        assert post(server, notes_only, model="intents", **body).status_code == 404
        assert post(server, files_only, model="intents", **body).status_code == 403
        assert post(server, notes_only, model="notes", **body).status_code == 200
