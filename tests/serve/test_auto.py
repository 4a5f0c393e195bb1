"""`model: "auto"`: the specialist that a message is for, or nobody."""

import json
import os
import shutil
from pathlib import Path
from unittest import mock

import openai
import pytest
from tests.running import notes
from tests.serve.conftest import Server, serving
from tests.tasks import intents

import sartor
from sartor.cli.main import main
from sartor.models.builtin import pulled


def chat(server: Server, text: str, key: str = "none"):  # type: ignore[no-untyped-def]
    return server.client(key).chat.completions.create(model="auto", messages=[{"role": "user", "content": text}])


@pytest.mark.real
def test_a_message_goes_to_its_task_and_a_foreign_one_to_the_base_or_a_person(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = pulled("all-minilm-l6-v2")
    root = shutil.copytree(project, tmp_path / "project")
    shutil.rmtree(root / "tasks/free")  # whose rows are those of intents
    with mock.patch.dict(os.environ, SARTOR_CACHE=str(root / "cache")):
        for place in (root / "cache/models").iterdir():
            if place.name == encoder.name:
                shutil.rmtree(place)
                place.symlink_to(encoder)
        (tmp_path / "foreign.txt").write_text("The mountain was covered in snow.\n\nLa pluie tombe sur la ville.\n")
        code = main(
            ["serve", "fit-router", str(root), "--foreign", str(tmp_path / "foreign.txt"), "--goal", "0.7", "--json"]
        )
        card = json.loads(capsys.readouterr().out)
        assert (code, card["verdict"]) == (0, "PROMOTE")
        assert card["accuracy"]["value"] == 1
        assert card["foreign"] == {"value": 1.0, "low": pytest.approx(0.34, abs=0.01), "high": 1.0, "n": 2}
        keys = sartor.open(root).serving.keys
        own, base = keys.make("own", ("auto", "notes"), ("chat",)), keys.make("all", ("*",), ("chat",))
    with serving(root) as server:
        reply = chat(server, notes(1, start=20)[0]["text"], base)
        assert (reply.model, reply.routing["task"]) == ("notes@1", "notes")
        assert reply.routing["probability"] == reply.routing["alternatives"][0]["probability"] > 0.5
        assert chat(server, intents(1, start=20)[0]["text"], base).model == "intents@1"
        foreign = chat(server, "The mountain was covered in snow.", base)
        assert (foreign.model, foreign.routing["task"]) == (server.client(base).models.list().data[0].id, None)
        assert "auto" in [model.id for model in server.client(own).models.list()]
        assert chat(server, notes(1, start=20)[0]["text"], own).model == "notes@1"
        for text in (intents(1, start=20)[0]["text"], "The mountain was covered in snow."):
            with pytest.raises(openai.UnprocessableEntityError) as caught:
                chat(server, text, own)
            assert caught.value.code == "abstained"
            assert "intents" not in str(caught.value)


def test_without_a_router_auto_is_no_model(server: Server) -> None:
    with pytest.raises(openai.NotFoundError, match="fit-router"):
        chat(server, "anything")
