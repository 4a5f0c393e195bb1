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
    [line] = sartor.open(root).serving.feedback("notes")
    assert line["text"] == row["text"]
    assert line["feedback"]["model"] == "notes@1"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"answer": "pay"}, 400, "say what you think of it"),
        ({"answer": "pay", "rating": "so so"}, 400, "`rating`"),
        ({"answer": "pay", "rating": "up", "stars": 5}, 400, "`stars` is not known here"),
        ({"answer": "pay", "rating": "up", "fields": {}}, 400, "or else `fields`"),
        ({"answer": "pay", "rating": "up", "fields": {"words": "pay"}, "messages": []}, 400, "`data.input`"),
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


def test_half_a_character_is_refused_and_breaks_nothing(server: Server, root: Path) -> None:
    asked = {"model": "intents", "answer": "pay", "rating": "up"}
    bodies = [
        {**asked, "fields": {"text": "\ud800"}},
        {**asked, **ASKED, "answer": "\ud800"},
        {**asked, **ASKED, "comment": "a\x00b"},
        {**asked, **ASKED, "comment": "long" * 20_000},
    ]
    for body, status in zip(bodies, (400, 400, 400, 413), strict=True):
        headers = {"Content-Type": "application/json"}
        assert httpx.post(f"{server.url}/feedback", content=json.dumps(body), headers=headers).status_code == status
    assert post(server, **{**asked, **ASKED, "comment": "a \\u0000 that was written out"}).status_code == 200
    sartor.open(root).serving.feedback("intents")


def test_what_was_written_to_a_file_can_be_forgotten(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "said.jsonl", str(own / "tasks/intents")
    with serving(own) as server:
        assert post(server, model="intents", **ASKED, answer="pay", rating="up").status_code == 200
        assert post(server, model="notes", **ASKED, answer="pay", rating="up").status_code == 200
    assert main(["serve", "feedback", folder, "--remove"]) == 2
    assert "name one with --out" in capsys.readouterr().err
    assert main(["serve", "feedback", folder, "--out", str(file), "--remove"]) == 0
    assert len(file.read_text().splitlines()) == 1
    assert sartor.open(own).serving.feedback("intents") == []
    assert len(sartor.open(own).serving.feedback("notes")) == 1


def test_a_quarantined_specialist_can_be_judged_and_the_base_cannot(own: Path) -> None:
    sartor.open(own).adapters.withdraw("intents@1", "quarantined", "it is wrong")
    with serving(own) as server:
        assert post(server, model="intents@1", **ASKED, answer="pay", rating="down").status_code == 200
        found = post(server, model="tiny-llama", **ASKED, answer="pay", rating="down")
        assert (found.status_code, "is of no task" in found.text) == (400, True)


def test_a_system_message_hides_no_column(server: Server, root: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "pay by system"}]
    assert post(server, model="intents", messages=messages, answer="pay", rating="up").status_code == 200
    assert sartor.open(root).serving.feedback("intents")[-1]["text"] == "pay by system"


def test_a_key_judges_only_what_it_may_ask(own: Path) -> None:
    keys = sartor.open(own).serving.keys
    notes_only, files_only = keys.make("a", ("notes",), ("chat",)), keys.make("b", ("*",), ("files",))
    with serving(own) as server:
        body = {**ASKED, "answer": "pay", "rating": "up"}
        assert post(server, notes_only, model="intents", **body).status_code == 404
        assert post(server, files_only, model="intents", **body).status_code == 403
        assert post(server, notes_only, model="notes", **body).status_code == 200
