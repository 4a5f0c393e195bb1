"""Gates on a tiny base: what an adapter passes, what keeps it out, and what is written down of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peft import PeftConfig
from sqlalchemy import select
from tests.running import (
    Finished,
    notes,
    on_a_small_machine,  # noqa: F401 (a fixture)
)

import sartor
from sartor.cli.main import main
from sartor.errors import InputError
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import open_task
from sartor.flows.promote import Gated, gated
from sartor.project import Project
from sartor.store import Store
from sartor.store.tables import audit

pytestmark = pytest.mark.usefixtures("cache")

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(finished: Finished, tmp_path: Path) -> Path:
    """The task of a finished run, with its store."""
    return shutil.copytree(finished.task.folder, tmp_path / "task")


def change(folder: Path, **spec: Any) -> Project:
    """The project with other lines in its spec."""
    whole = json.loads((folder / "sartor.yaml").read_text()) | spec
    (folder / "sartor.yaml").write_text(json.dumps(whole))
    return sartor.open(folder)


def states(found: Gated) -> dict[str, list[str]]:
    return {gate.name: [condition.state for condition in gate.conditions] for gate in found.gates}


def test_an_adapter_that_beats_its_rivals_goes_into_production(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adapters", "promote", "small", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["promoted"], told["incumbent"]) == ("PROMOTE", True, None)
    assert [gate["name"] for gate in told["gates"]] == ["rivals", "leaks", "parity"]
    assert main(["adapters", "list", str(folder)]) == 0
    assert "field_f1" in capsys.readouterr().out, "the first KPI, not the first by name"
    found, [move] = sartor.open(folder).adapters.show("small")
    assert (found.name, found.stage, move.stage) == ("small@1", "production", "production")
    assert main(["adapters", "promote", "small", str(folder)]) == 2
    assert "small@1 is in production already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spec", "gate", "state"),
    [
        ({"kpis": [{"name": "field_f1"}, {"name": "seconds", "goal": 1e-9}]}, "goals", "failed"),
        ({"kpis": [{"name": "field_f1"}, {"name": "cost", "goal": 0.0}]}, "goals", "failed"),
        ({"kpis": [{"name": "field_f1"}, {"name": "seconds", "goal": 1e6}]}, "goals", "passed"),
    ],
)
def test_each_gate_is_heard(folder: Path, spec: dict[str, Any], gate: str, state: str) -> None:
    found, version = change(folder, **spec).adapters.promote("small")
    assert set(states(found)[gate]) == {state}
    assert (found.verdict, version.stage) == (
        ("REJECT", "candidate") if state == "failed" else ("PROMOTE", "production")
    )


def test_rows_that_it_learned_from_keep_it_out_until_they_are_allowed(folder: Path) -> None:
    rows = [*notes(2), *notes(10, start=500)]  # of training, the first two
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, version = change(folder).adapters.promote("small@1")
    [gate] = [gate for gate in found.gates if gate.name == "leaks"]
    assert gate.verdict == "REJECT"
    assert gate.conditions[0].text.startswith(
        "2 test rows among those that it learned from (train.jsonl:1 = test.jsonl:1)"
    )
    assert version.stage == "candidate"
    allowed, _ = change(folder, gates={"leaks": 2}).adapters.promote("small@1")
    assert states(allowed)["leaks"] == ["passed"]


def test_a_second_version_must_be_better_than_the_one_in_production(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = change(folder)
    project.adapters.promote("small")
    again = change(folder, train={"epochs": 7, "rank": 4, "learning_rate": 0.01, "seed": 1}).run()
    assert again.adapter.name == "small@2"
    found, version = project.adapters.promote("small@2")
    assert found.incumbent == "small@1"
    assert states(found)["production"] in (["open"], ["failed"])
    assert version.stage == "candidate"
    assert main(["adapters", "promote", "small@2", str(folder)]) == 1
    assert "small@2 is not promoted, beside small@1" in capsys.readouterr().out


def test_files_that_the_engine_reads_otherwise_than_peft_keep_it_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = LoadedBase.forward
    monkeypatch.setattr(LoadedBase, "forward", lambda self, adapter=None: forward(self))  # the adapter is forgotten
    found = gated(open_task(folder), Store.open(folder / ".sartor"), sartor.open(folder).adapters.show("small")[0])
    assert states(found)["parity"] == ["failed"]


def test_who_promotes_in_spite_of_a_gate_gives_a_reason_that_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, kpis=[{"name": "field_f1"}, {"name": "seconds", "goal": 1e-9}])
    assert main(["adapters", "promote", "small", str(folder), "--override"]) == 2
    assert "give a reason" in capsys.readouterr().err
    assert main(["adapters", "promote", "small", str(folder), "--override", "--reason", "only one"]) == 0
    assert "in spite of goals: only one" in capsys.readouterr().out
    with Store.open(folder / ".sartor").records.read() as connection:
        [entry] = connection.execute(select(audit.c.actor, audit.c.detail).where(audit.c.verb == "promote")).all()
    assert entry.actor
    assert entry.detail == {"verdict": "REJECT", "closed": ["goals"], "promoted": True, "reason": "only one"}


def test_an_adapter_is_shown_withdrawn_and_brought_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = change(folder)
    project.adapters.promote("small")
    change(folder, train={"epochs": 7, "rank": 4, "learning_rate": 0.01, "seed": 1}).run()
    project.adapters.promote("small@2", reason="to try it", override=True)
    assert main(["adapters", "rollback", str(folder), "--reason", "worse", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "small@1"
    assert main(["adapters", "quarantine", "small@2", str(folder), "--reason", "leaks names"]) == 0
    assert "small@2 is quarantined" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"small@2 is quarantined \(leaks names\)"):
        project.predict("small@2", [{"text": "3 mg of iron"}])
    assert main(["adapters", "show", "small@2", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "leaks names" in shown
    assert "base_hash" in shown
    assert main(["adapters", "diff", "small@1", "small@2", str(folder), "--json"]) == 0
    differ = {
        each["what"]: (each["before"], each["after"]) for each in json.loads(capsys.readouterr().out)["differences"]
    }
    assert differ["rank"] == (8, 4)
    assert differ["stage"] == ("production", "quarantined")
    assert "base_hash" not in differ
    assert main(["adapters", "retire", "small@1", str(folder)]) == 0
    with pytest.raises(InputError, match=r"small@1 \(retired\), small@2 \(quarantined\)"):
        project.predict("small", [{"text": "3 mg of iron"}])


def test_tags_and_notes_are_shown_and_on_the_trail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters", "tag", "small", "demo", "v1", "--dir", str(folder)]) == 0
    assert capsys.readouterr().out == "small@1: demo v1\n"
    assert main(["adapters", "tag", "small", "v1", "--remove", "--dir", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tags"] == ["demo"]
    assert main(["adapters", "note", "small", "see [/ticket] 7", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"][0]["text"] == "see [/ticket] 7"
    assert main(["adapters", "list", str(folder)]) == 0
    assert "demo" in capsys.readouterr().out
    assert main(["adapters", "show", "small", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "demo" in shown and "see [/ticket] 7" in shown
    assert main(["adapters", "tag", "small", "Demo", "--dir", str(folder)]) == 2
    with Store.open(folder / ".sartor").records.read() as connection:
        told = connection.execute(select(audit.c.verb, audit.c.detail).where(audit.c.resource == "adapter small@1"))
        assert [tuple(line) for line in told] == [
            ("tag", {"tags": ["demo", "v1"], "remove": False}),
            ("tag", {"tags": ["v1"], "remove": True}),
            ("note", {"text": "see [/ticket] 7"}),
        ]


def test_files_that_changed_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters", "verify", str(folder)]) == 0
    assert "small@1 is whole" in capsys.readouterr().out
    version, _ = sartor.open(folder).adapters.show("small")
    weights = version.path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert main(["adapters", "verify", str(folder)]) == 1
    assert "the files of small@1 are damaged" in capsys.readouterr().out


def test_an_adapter_goes_to_another_project_and_answers_as_it_did(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns(".sartor"))
    assert main(["adapters", "export", "small", str(out), str(folder), "--json"]) == 0
    key = json.loads(capsys.readouterr().out)["signer"]
    assert main(["adapters", "import", str(out), str(other)]) == 2
    assert f"--signer {key}" in capsys.readouterr().err
    assert main(["adapters", "import", str(out), str(other), "--signer", key]) == 0
    assert "small@1 is candidate" in capsys.readouterr().out
    assert PeftConfig.from_pretrained(str(out)).r == 8
    assert main(["adapters", "import", str(out), str(folder), "--json"]) == 0, (
        "it is there already, and stays what it is"
    )
    assert "imported" not in json.loads(capsys.readouterr().out)["manifest"]
    rows = [{"text": row["text"]} for row in notes(4, start=700)]
    here, there = (sartor.open(each).predict("small", rows) for each in (folder, other))
    assert [each.answer for each in here] == [each.answer for each in there]


def test_an_adapter_without_its_task_and_a_project_without_any_are_refused(folder: Path, tmp_path: Path) -> None:
    project = change(folder, task="other")
    with pytest.raises(InputError, match=r"there is no task `small`"):
        project.adapters.promote("small")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sartor.yaml").write_text((folder / "sartor.yaml").read_text())
    with pytest.raises(InputError, match="no adapter is registered"):
        sartor.open(tmp_path / "empty").adapters.show("small")
