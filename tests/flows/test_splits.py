"""What is tested on: nothing that training has nearly seen, and where it is frozen nothing that a later step can change."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.tasks import MakeTask, intents, write_task

import sartor
from sartor.cli.main import main
from sartor.curate.duplicates import conversations, find
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.flows.check import check
from sartor.flows.prepare import open_task, prepare
from sartor.store import Store
from sartor.store.tables import runs

PLACES = ("Lisbon", "Vienna", "Nairobi", "Montreal", "Osaka", "Bergen", "Lima", "Tbilisi", "Cardiff", "Hanoi")
ASKED = [
    *(f"my transfer to {place} is still pending since monday morning" for place in PLACES),
    *(f"which documents do i need to open an account in {place}" for place in PLACES),
]


def misspelt(text: str, at: int) -> str:
    """One letter of the text written twice."""
    return text[:at] + text[at] + text[at:]


def questions(rows: list[Example]) -> list[str]:
    return [row.question for row in rows]


def set_keys(folder: Path, **data: Any) -> None:
    """Keys of `data` in a task's sartor.yaml; None removes one."""
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text())
    spec["data"] = {key: value for key, value in (spec["data"] | data).items() if value is not None}
    path.write_text(json.dumps(spec))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(ASKED), st.integers(3, 40)), min_size=20, max_size=60, unique=True),
    st.integers(0, 3),
)
def test_no_row_is_tested_on_that_training_has_nearly_seen(
    make_task: MakeTask, asked: list[tuple[str, int]], seed: int
) -> None:
    rows = [{"text": misspelt(text, at), "label": "x"} for text, at in asked]
    task = make_task(rows, train={"seed": seed, "validation": 0.2})
    try:
        splits = prepare(task).splits
    except InputError:  # all rows ask the same
        return
    linked = find([row["text"] for row in rows]).linked.tolist()
    sides = [{linked[int(row.id) - 1] for row in side} for side in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, sides)) == len(set(linked))
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == len(rows)
    assert prepare(task).splits == splits


def test_what_a_test_file_nearly_repeats_is_said(make_task: MakeTask) -> None:
    rows, test = (
        [{"text": text, "label": "x"} for text in texts] for texts in (ASKED, [misspelt(ASKED[3], 5), "a b c"])
    )
    report = check(make_task(rows, test))
    [said] = report.of_level("warning")
    assert said == (
        "1 row of train.jsonl with nearly a question of test.jsonl (train.jsonl:4 = test.jsonl:1): "
        "where they mean the same, remove one side"
    )
    assert not check(make_task(rows, None)).of_level("warning")


@pytest.fixture
def folder(base: Path, tmp_path: Path, cache: Path) -> Path:
    """Sixty rows of three labels, each asked a second time in politer words; the columns `by` and `who` are no input."""
    rows = [row | {"by": "web" if n % 2 else "phone", "who": f"p{n // 2}"} for n, row in enumerate(intents(60))]
    rows += [row | {"text": f"Hello, {row['text']}. Thanks!"} for row in rows]
    policy = {"near_duplicates": "drop"}
    return write_task(tmp_path / "task", base, rows, None, "classification", data={"subject": "who"}, curate=policy)


def freeze(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """`sartor data split`, and its advice followed."""
    capsys.readouterr()
    assert main(["data", "split", str(folder), *options, "--json"]) == 0
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    set_keys(folder, version="latest", test_version=made["test_version"][:12])
    return made


def shown(folder: Path) -> tuple[str, dict[str, int]]:
    report = sartor.open(folder).check()
    return report.test_version, report.rows


def test_the_frozen_set_is_the_one_that_a_run_draws_and_nothing_changes_it_any_more(folder: Path, capsys) -> None:
    drawn, rows = shown(folder)
    made = freeze(folder, capsys)
    assert made["rows"] == {"train": 96, "test": 24}
    assert made["notes"] == [
        "24 of 120 rows split off as the test set, groups, duplicates and near-duplicates together"
    ]
    assert made["test_version"] == drawn
    assert shown(folder) == (drawn, rows)
    sartor.open(folder).curate(["near_duplicates"])
    assert shown(folder) == (drawn, {"train": 44, "validation": 4, "test": 24})
    with (folder / "train.jsonl").open("a") as file:
        file.writelines(
            json.dumps(row | {"by": "web", "who": f"new{n}"}) + "\n" for n, row in enumerate(intents(30, 700))
        )
    curated = sartor.open(folder).curate(["near_duplicates"])
    assert len(curated.left) == 48 + 30
    out = [each for each in curated.decisions if each.check == "frozen_test"]
    assert len(out) == 24
    assert all(each.action == "drop" for each in out)
    assert shown(folder) == (drawn, {"train": 70, "validation": 8, "test": 24})
    set_keys(folder, version=None)  # the file as it stands holds the test rows, too
    report = sartor.open(folder).check()
    assert (report.test_version, sum(report.rows.values())) == (drawn, 96 + 30 + 24)
    assert "24 of 150 rows left out of training: the frozen test set holds them" in report.split_notes[0]
    assert report.leaked == 0


def test_a_test_set_is_frozen_once_and_undo_takes_that_back(folder: Path, capsys) -> None:
    project = sartor.open(folder)
    before = project.add_rows(folder / "train.jsonl")[0].hash
    made = freeze(folder, capsys, "--share", "0.3")
    assert made["rows"] == {"train": 84, "test": 36}
    frozen = f"the test set is frozen already: write `test_version: {made['test_version'][:12]}` under `data`"
    with pytest.raises(InputError, match=frozen):
        project.split()
    curated = project.curate(["near_duplicates"])
    project.add_rows(folder / "train.jsonl")
    for version in (curated.after, made["version"]):
        with pytest.raises(InputError, match=frozen):
            project.split()
        assert project.undo().hash == version
    with pytest.raises(InputError, match=frozen):
        project.split()
    assert project.undo().hash == before
    assert main(["data", "split", str(folder)]) == 0
    assert "write under `data` in sartor.yaml:\n  version: latest\n  test_version: " in capsys.readouterr().out
    steps = ["add", "split", "curate", "add", "undo", "undo", "undo", "split"]
    assert [entry.step for entry, _ in project.versions()] == steps


def test_what_is_frozen_is_stratified_and_shares_nobody_with_the_rest(folder: Path, capsys) -> None:
    made = freeze(folder, capsys)
    project = sartor.open(folder)
    (_, _, rest), (_, manifest, test) = project.version("latest"), project.version(made["test_version"][:8])
    assert manifest["config"] == {"share": 0.2, "seed": 0, "notes": made["notes"]}
    assert not {row.subject for row in rest} & {row.subject for row in test}
    assert len(find(conversations(rest), held_out=conversations(test)).leaks) == 0
    counts = [sum(row.labels == (label,) for row in test) for label in ("card", "refund", "balance")]
    assert max(counts) - min(counts) <= 4
    assert len(rest) + len(test) == 120


def test_frozen_rows_keep_their_other_columns_and_their_openings_are_counted(folder: Path, capsys) -> None:
    freeze(folder, capsys)
    for opened in (1, 2):
        judged = sartor.open(folder).evaluate("zero-shot", by="by")
        assert judged.test_openings == opened
    assert sum(card.n for card in judged.slices["zero-shot"].values()) == 24
    assert main(["check", str(folder)]) == 0
    assert f"test set {shown(folder)[0][:12]}, opened 2 times" in capsys.readouterr().out


def test_a_small_csv_is_split_from_the_command_line(tmp_path: Path, base: Path, cache: Path, capsys) -> None:
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(intents(30))
    data = {"train": "rows.csv", "input": "text", "target": "label"}
    (tmp_path / "sartor.yaml").write_text(
        json.dumps({"task": "small", "kind": "classification", "base": str(base), "data": data})
    )
    made = freeze(tmp_path, capsys)
    assert made["rows"] == {"train": 24, "test": 6}
    assert shown(tmp_path)[0] == made["test_version"]
    assert main(["data", "list", str(tmp_path), "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["versions"]
    assert [(each["step"], each["rows"]) for each in steps] == [("add", 30), ("split", 24)]


@pytest.mark.slow
def test_a_proof_tests_on_the_frozen_rows_and_learns_from_none_of_them(folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sartor.train.batches.STEPS", 8)  # alone, the raw rows would be learned in larger steps
    path = folder / "sartor.yaml"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"train": {"epochs": 1, "rank": 4}, "generate": {"shots": 0}})
    )
    project = sartor.open(folder)
    project.curate(["near_duplicates"])
    with pytest.raises(InputError, match="freeze them with `sartor data split`, or name a file of them"):
        project.prove()
    project.undo()
    freeze(folder, capsys)
    project.curate(["near_duplicates"])
    proof = project.prove(seeds=2)
    assert proof.rows == {"raw": 96, "curated": 48, "random": 48}
    assert len(proof.judged.examples) == 24
    with Store.open(folder / ".sartor").records.read() as connection:
        made = connection.execute(select(runs.c.inputs).where(runs.c.stage == "train")).scalars().all()
    assert [each["batch_size"] for each in made] == 6 * [4], "the ways differ in their rows alone"


def test_a_frozen_row_is_known_again_though_the_prompt_changed(folder: Path, capsys) -> None:
    freeze(folder, capsys)
    path = folder / "sartor.yaml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prompt": {"user": "Which of the three? {text}"}}))
    set_keys(folder, version=None, subject=None)
    rows = shown(folder)[1]
    assert (rows["train"] + rows["validation"], rows["test"]) == (96, 24)


@pytest.mark.real
def test_no_test_row_of_banking77_is_nearly_in_training(tmp_path: Path, base: Path, shared: Path) -> None:
    data = {"train": str(shared / "banking77" / "train.csv"), "input": "text", "target": "category"}
    splits = prepare(open_task(write_task(tmp_path, base, [], None, "classification", data=data))).splits
    train, held, test = (conversations(side) for side in (splits.train, splits.validation, splits.test))
    assert (len(train), len(held), len(test)) == (7802, 200, 2001)
    assert len(find([*train, *held], held_out=test).leaks) == 0
    assert len(find(train, held_out=held).leaks) == 0


def test_a_test_set_has_one_name(folder: Path, capsys) -> None:
    project = sartor.open(folder)
    with pytest.raises(InputError, match=r"a share of 1\.5 cannot be split off; name one between 0 and 1"):
        project.split(1.5)
    set_keys(folder, test="train.jsonl")
    with pytest.raises(InputError, match=r"train\.jsonl is the test set; remove `data\.test` to split one off"):
        project.split()
    for data, said in (
        ({"test_version": "abcd"}, "`test` and `test_version` both name the test rows: remove one"),
        ({"test": None, "test_version": "latest"}, "`test_version: latest` would change with the rows"),
        ({"test_version": "abcd"}, "`abcd` is no version of small; there are none yet"),
    ):
        set_keys(folder, **data)
        with pytest.raises(InputError, match=said):
            project.check()
    set_keys(folder, test_version=None)
    set_keys(folder, test_version=project.add_rows(folder / "train.jsonl")[0].hash)
    with pytest.raises(InputError, match="every row is in the frozen test set, or linked with it"):
        project.check()
