"""Curation as a whole: every row's fate has a reason, nothing is lost, and every step can be taken back."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select
from tests.processes import KILLED, die, exit_code
from tests.tasks import intents, write_task

import sartor
from sartor.cli.main import main
from sartor.errors import InputError, SystemFailure
from sartor.flows.curate import curate
from sartor.flows.prepare import open_task
from sartor.store import Store
from sartor.store.tables import runs

FLAWED = [
    *intents(24),
    {"text": "Question number 3, please!", "label": "card"},  # row 24 repeats row 3
    {"text": "question number 4 please", "label": "balance"},  # row 25 contradicts row 4
    {"text": "IÂ\u00a0canâ€™t find my card", "label": "card"},  # row 26 was decoded wrongly
]
CHECKS = ["exact_duplicates", "contradictions", "encoding"]


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", base, FLAWED, intents(9, start=500), "classification")


def rows_of(folder: Path, version: str = "latest") -> list[str]:
    return [example.question for example in sartor.open(folder).version(version)[2]]


def test_what_is_certain_is_done_and_the_rest_is_proposed(folder: Path, tmp_path: Path, capsys) -> None:
    ledger = tmp_path / "ledger.jsonl"
    named = [word for name in CHECKS for word in ("--check", name)]
    assert main(["curate", str(folder), *named, "--ledger", str(ledger), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"] == {"before": 27, "after": 26}
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert all(set(line) == {"row", "check", "action", "reason", "score", "evidence"} for line in lines)
    did = {(line["row"], line["check"]): line["action"] for line in lines}
    assert did == {
        (24, "exact_duplicates"): "drop",
        (4, "contradictions"): "review",
        (25, "contradictions"): "review",
        (26, "encoding"): "fix",
    }
    [duplicate] = [line for line in lines if line["check"] == "exact_duplicates"]
    assert duplicate["evidence"]["duplicate_of"] == 3
    assert "I can’t find my card" in rows_of(folder)[-1].replace("\u00a0", " ")
    page = (folder / "curation.html").read_text()
    assert "Of 27 rows, 1 were dropped and 1 mended; 2 wait" in page and "<script" not in page


def test_the_ledger_is_asked_by_row(folder: Path, capsys) -> None:
    main(["curate", str(folder), *[word for name in CHECKS for word in ("--check", name)]])
    capsys.readouterr()
    assert main(["curate", "ledger", str(folder), "--row", "25", "--json"]) == 0
    [line] = json.loads(capsys.readouterr().out)["decisions"]
    assert (line["row"], line["check"], line["action"]) == (25, "contradictions", "review")
    assert main(["curate", "ledger", str(folder), "--row", "1"]) == 0
    assert "no check had anything against the row 1" in capsys.readouterr().out
    assert main(["curate", "ledger", str(folder), "--row", "27"]) == 2
    assert "no row `27` was read" in capsys.readouterr().err


def test_the_ledger_holds_nothing_of_rows_that_others_have_replaced(folder: Path, tmp_path: Path) -> None:
    project = sartor.open(folder)
    project.curate(["exact_duplicates"])
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(row) + "\n" for row in intents(30)))
    project.add_rows(other)
    with pytest.raises(InputError, match="nothing was curated yet"):
        project.ledger()
    project.undo()
    assert [each["row"] for each in project.ledger()] == [24]


def test_versions_name_rows_as_the_ledger_does(folder: Path, tmp_path: Path) -> None:
    project = sartor.open(folder)
    made = project.curate(["exact_duplicates"])
    assert [example.id for example in project.version(made.before)[2]] == [str(row) for row in range(27)]
    assert main(["data", "export", str(tmp_path / "rows.jsonl"), "--dir", str(folder)]) == 0
    ids = [json.loads(line)["id"] for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert ids == [str(row) for row in range(27) if row != 24]


def test_rows_with_ids_of_their_own_are_not_taken_by_number(folder: Path, tmp_path: Path) -> None:
    spec = (folder / "sartor.yaml").read_text()
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps({"id": f"r{at}", **row}) + "\n" for at, row in enumerate(intents(30))))
    with_id = yaml.safe_load(spec)
    with_id["data"]["id"] = "id"
    (folder / "sartor.yaml").write_text(yaml.safe_dump(with_id))
    sartor.open(folder).add_rows(other)
    (folder / "sartor.yaml").write_text(spec)
    with pytest.raises(InputError, match=r"ids of their own \(`r0`\): name their column as `data.id`"):
        sartor.open(folder).curate(["exact_duplicates"])


def test_undo_restores_the_former_version_and_curating_again_makes_the_same(folder: Path) -> None:
    project = sartor.open(folder)
    made = project.curate(CHECKS)
    assert project.undo().hash == made.before
    assert rows_of(folder) == [row["text"] for row in FLAWED]
    assert project.curate(CHECKS).after == made.after
    assert [entry.step for entry, _ in project.versions()] == ["add", "curate", "undo", "curate"]
    changes = {change.row: change.change for change in project.diff(made.before)}
    assert changes == {"24": "removed", "26": "changed"}, "rows go by the ledger's names"


def test_a_check_that_is_off_and_asked_for_all_the_same_only_shows(base: Path, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "off", base, FLAWED, None, "classification", curate={"exact_duplicates": "off"})
    made = sartor.open(folder).curate(["exact_duplicates"])
    assert [json.loads(line)["action"] for line in made.ledger.splitlines()] == ["review"]
    assert made.after is None


def test_rows_too_few_for_one_check_are_looked_at_by_the_others(base: Path, tmp_path: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in (("hello", "a"), ("hello!", "a"), ("Hello", "b"))]
    project = sartor.open(write_task(tmp_path / "few", base, rows, None, "classification"))
    made = project.curate()
    assert (len(made.left), any("label errors cannot be looked for" in said for said in made.remarks)) == (2, True)
    project.undo()
    with pytest.raises(InputError, match="label errors cannot be looked for"):
        project.curate(["label_errors"])


@pytest.mark.parametrize(
    "verb", [["curate", "run"], ["curate", "select", "--size", "20", "--by", "longest"], ["data", "split"]]
)
def test_a_task_that_names_the_latest_version_may_have_none_yet(
    base: Path, tmp_path: Path, verb: list[str], capsys
) -> None:
    folder = write_task(tmp_path / "new", base, intents(24), None, "classification", data={"version": "latest"})
    assert main(["check", str(folder)]) == 2
    assert "`sartor data add` makes one" in capsys.readouterr().err
    assert main(["data", "list", str(folder)]) == 0
    assert main([*verb, str(folder)]) == 0
    assert main(["data", "add", str(folder / "train.jsonl"), "--dir", str(folder)]) == 0


def test_a_file_that_changed_is_added_anew_and_a_remark_says_so(folder: Path) -> None:
    project = sartor.open(folder)
    assert not project.curate(["exact_duplicates"]).remarks
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps({"text": "one row more", "label": "card"}) + "\n")
    made = project.curate(["exact_duplicates"])
    assert len(made.examples) == 28 and "train.jsonl has changed: its rows were added anew" in made.remarks[0]


def test_a_plan_does_nothing(folder: Path, capsys) -> None:
    assert main(["curate", str(folder), "--check", "exact_duplicates", "--plan"]) == 0
    assert "27 rows would become 26; nothing was done" in capsys.readouterr().out
    assert [entry.step for entry, _ in sartor.open(folder).versions()] == ["add"]


def test_the_tasks_policy_decides(folder: Path) -> None:
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text()) | {
        "curate": {"exact_duplicates": "off", "contradictions": "drop", "encoding": {"action": "review"}}
    }
    path.write_text(json.dumps(spec))
    made = sartor.open(folder).curate(["contradictions", "encoding"])
    assert {(each.row, each.action) for each in made.decisions} == {("4", "drop"), ("25", "drop"), ("26", "review")}
    assert len(made.left) == 25
    path.write_text(json.dumps(spec | {"curate": {"exact_dups": "drop"}}))
    with pytest.raises(InputError, match="no check `exact_dups` for classification; did you mean `exact_duplicates`"):
        sartor.open(folder).curate()


def test_training_reads_the_version_that_the_task_names(folder: Path) -> None:
    made = sartor.open(folder).curate(CHECKS)
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text())
    for version, rows in (("latest", 26), (made.before[:10], 27), (None, 27)):
        path.write_text(json.dumps(spec | {"data": spec["data"] | ({"version": version} if version else {})}))
        assert sum(sartor.open(folder).check().rows[side] for side in ("train", "validation")) == rows
    path.write_text(json.dumps(spec | {"data": spec["data"] | {"version": "0000"}}))
    with pytest.raises(InputError, match="`0000` is no version of small"):
        sartor.open(folder).check()


def curate_and_die(folder: Path, after: int) -> None:
    os.environ["SARTOR_CACHE"] = str(folder.parent / "cache")
    task = open_task(folder)

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        if done >= after:
            die()

    curate(task, Store.open(folder / ".sartor"), CHECKS, progress=progress)


def test_a_kill_in_any_check_loses_nothing_and_repeats_nothing(folder: Path) -> None:
    for after in range(len(CHECKS) + 1):
        assert exit_code(curate_and_die, folder, after) == KILLED
        assert [entry.step for entry, _ in sartor.open(folder).versions()] == ["add"]
    made = sartor.open(folder).curate(CHECKS)
    assert len(made.left) == 26
    with Store.open(folder / ".sartor").records.read() as connection:
        stages: list[Any] = connection.execute(select(runs.c.stage, runs.c.status, runs.c.attempts)).all()
    assert sorted(map(tuple, stages)) == sorted((f"check {name}", "done", 1) for name in CHECKS)


def curate_and_wait(folder: Path) -> None:
    os.environ["SARTOR_CACHE"] = str(folder.parent / "cache")

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        (folder / "begun").touch()
        while not (folder / "go on").exists():
            time.sleep(0.01)

    curate(open_task(folder), Store.open(folder / ".sartor"), CHECKS, progress=progress)


def test_while_another_process_curates_nothing_else_changes_the_rows(folder: Path) -> None:
    project = sartor.open(folder)
    with ThreadPoolExecutor(1) as pool:
        curating = pool.submit(exit_code, curate_and_wait, folder)
        while not (folder / "begun").exists() and not curating.done():
            time.sleep(0.01)
        try:
            for change in (project.undo, lambda: project.add_rows(folder / "train.jsonl")):
                with pytest.raises(SystemFailure, match=r"task small is in use by process \d+"):
                    change()
        finally:
            (folder / "go on").touch()
        assert curating.result() == 0
    assert [entry.step for entry, _ in project.versions()] == ["add", "curate"]
    assert project.undo().step == "undo"


@pytest.mark.slow
def test_a_proof_says_whether_it_paid(base: Path, tmp_path: Path, capsys, cache: Path) -> None:
    rows = [*FLAWED, *({"text": f"question number {n} please", "label": "refund"} for n in (0, 3, 6))]
    spec = {"train": {"epochs": 1, "rank": 4}, "curate": {"contradictions": "drop"}, "generate": {"shots": 0}}
    folder = write_task(tmp_path / "task", base, rows, intents(9, start=500), "classification", **spec)
    named = ["--check", "contradictions", "--prove", "--seeds", "2", "--json"]
    assert main(["curate", str(folder), *named]) == 0
    proof = json.loads(capsys.readouterr().out)["proof"]
    assert proof["rows_of"] == {"raw": 30, "curated": 21, "random": 21}
    assert len(proof["systems"]) == 6
    assert len(proof["sentences"]) == 2
    assert proof["sentences"][0].startswith("Curation ")
    assert proof["test_openings"] == 1
    page = (folder / "curation.html").read_text()
    assert all(sentence in page for sentence in proof["sentences"]) and "all trainings: curated $" in page


def test_rows_that_cannot_be_read_are_set_aside_with_a_reason_and_do_not_stop_curation(folder: Path) -> None:
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"text": "half a row\n')
    made = sartor.open(folder).curate(["exact_duplicates"])
    assert len(made.examples) == 27
    [line] = [json.loads(each) for each in made.ledger.splitlines() if '"unreadable"' in each]
    assert (line["row"], line["action"]) == ("train.jsonl, line 28", "drop")
    assert "not JSON" in line["reason"] and "half a row" not in str(line)
    assert made.remarks[0].startswith("1 row could not be read (first: train.jsonl, line 28: not JSON")


def test_adding_a_file_tells_of_rows_that_cannot_be_read(folder: Path, capsys) -> None:
    file = folder / "more.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in intents(5)) + "half a row\n")
    assert main(["data", "add", str(file), "--dir", str(folder)]) == 0
    said = capsys.readouterr().out
    assert (
        "holds 5 rows of more.jsonl" in said and "1 row could not be read, such as more.jsonl, line 6: not JSON" in said
    )


def test_what_waits_for_review_is_in_the_ledger_though_nothing_changed(folder: Path) -> None:
    project = sartor.open(folder)
    made = project.curate(["contradictions"])
    assert made.after is None
    assert [each["row"] for each in project.ledger()] == [4, 25]
    with pytest.raises(InputError, match="no step to undo"):
        project.undo()


def test_near_duplicates_wait_for_review_and_name_their_representative(folder: Path) -> None:
    rows = [
        {"text": "how can i order a new card for my account", "label": "card"},
        {"text": "How can I odrer a new card for my account?", "label": "card"},
        {"text": "how can i not order a new card for my account", "label": "card"},
    ]
    with (folder / "train.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    made = sartor.open(folder).curate(["near_duplicates"])
    [line] = [json.loads(line) for line in made.ledger.splitlines()]
    assert (line["row"], line["action"], line["evidence"]["duplicate_of"]) == (28, "review", 27)
    assert line["evidence"]["differences"] == {"typo": 1}


def test_the_page_marks_what_the_ledger_only_names_by_its_place(base: Path, tmp_path: Path) -> None:
    said = [{"text": f"Ann takes {n} mg of it", "label": f"There were {n} mg, told Ann."} for n in range(2, 12)]
    wrong = {"text": "Ann takes 5 mg", "label": "There were <b>50</b> mg & 7319 mg, told Zanqox."}
    folder = write_task(tmp_path / "task", base, [*said, wrong], said[:3], "summarization")
    assert (
        main(["curate", str(folder), "--check", "unsupported_target", "--ledger", str(tmp_path / "ledger.jsonl")]) == 0
    )
    [line] = map(json.loads, (tmp_path / "ledger.jsonl").read_text().splitlines())
    places = line["evidence"]["unsupported"]
    assert {what: [wrong["label"][start:end] for start, end in each] for what, each in places.items()} == {
        "number": ["50", "7319 mg"],
        "name": ["Zanqox"],
    }
    assert line["reason"] == "the input does not hold 2 numbers, 1 name of the target"
    page = (folder / "curation.html").read_text()
    assert (
        "There were &lt;b&gt;<mark>50</mark>&lt;/b&gt; mg &amp; <mark>7319 mg</mark>, told <mark>Zanqox</mark>" in page
    )


def test_a_version_is_exported_and_reads_back_the_same(folder: Path, tmp_path: Path, capsys) -> None:
    made = sartor.open(folder).curate(CHECKS)
    file = tmp_path / "clean.jsonl"
    assert main(["data", "export", str(file), "--dir", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"version": made.after, "file": str(file), "rows": 26}
    assert [json.loads(line)["prompt"] for line in file.read_text().splitlines()] == rows_of(folder)
    assert main(["data", "export", str(tmp_path / "clean.doc"), "--dir", str(folder)]) == 2
    assert "there is no format `doc`" in capsys.readouterr().err


def test_rows_of_another_file_stay_and_a_changed_file_is_taken_again(folder: Path) -> None:
    other = folder / "other.jsonl"
    other.write_text("".join(json.dumps(row) + "\n" for row in intents(12, start=700)))
    project = sartor.open(folder)
    project.add_rows(other)
    assert len(project.curate(CHECKS).examples) == 12
    project.add_rows(folder / "train.jsonl")
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps(intents(1, start=900)[0]) + "\n")
    assert len(project.curate(CHECKS).examples) == len(FLAWED) + 1


def test_what_cannot_be_written_is_said_before_the_work(folder: Path, capsys) -> None:
    for option in ("--ledger", "--out"):
        assert main(["curate", str(folder), option, str(folder / "no" / "file")]) == 2
        assert f"{option} {folder}/no/file: the folder" in capsys.readouterr().err
    assert main(["curate", str(folder), "--plan", "--prove"]) == 2
    assert "name one of the two" in capsys.readouterr().err
    assert not (folder / "curation.html").exists()


def test_of_the_copies_of_a_dropped_row_one_stays(folder: Path) -> None:
    """Row 24 repeats row 3, which a check of the task's own drops: dropping both would lose what they say."""
    (folder / "own.py").write_text("def third(example):\n    return example.id == '3'\n")
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text())
    path.write_text(json.dumps(spec | {"curate": {"third": {"function": "own.py:third", "action": "drop"}}}))
    made = sartor.open(folder).curate(["exact_duplicates", "third"])
    did = {(each.row, each.check): each.action for each in made.decisions}
    assert did == {("24", "exact_duplicates"): "review", ("3", "third"): "drop"}
    assert "row 3 is dropped itself" in made.decisions[0].reason
    assert [row.question for row in made.left].count("Question number 3, please!") == 1


def test_a_near_copy_with_another_target_is_never_dropped(folder: Path) -> None:
    rows = [
        {"text": "how can i order a new card for my account", "label": "card"},
        {"text": "How can I odrer a new card for my account?", "label": "balance"},
        {"text": "How can I order a new cadr for my account?", "label": "card"},
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*intents(24), *rows]))
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text())
    path.write_text(json.dumps(spec | {"curate": {"near_duplicates": "drop"}}))
    made = sartor.open(folder).curate(["near_duplicates"])
    assert {each.row: each.action for each in made.decisions} == {"25": "review", "26": "drop"}


def test_a_row_that_breaks_later_is_named_though_the_others_are_the_same(folder: Path) -> None:
    project = sartor.open(folder)
    project.curate(["exact_duplicates"])
    with (folder / "train.jsonl").open("a") as file:
        file.write("{broken\n")
    made = project.curate(["exact_duplicates"])
    assert [each.row for each in made.decisions if each.check == "unreadable"] == ["train.jsonl, line 28"]
    assert [entry.step for entry, _ in project.versions()] == ["add", "curate", "curate"]


def test_a_changed_file_does_not_bring_back_a_test_set_that_the_task_does_not_name(folder: Path) -> None:
    path = folder / "sartor.yaml"
    spec = json.loads(path.read_text())
    path.write_text(json.dumps(spec | {"data": {key: value for key, value in spec["data"].items() if key != "test"}}))
    frozen = sartor.open(folder).split(0.2)
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps({"text": "one more question", "label": "card"}) + "\n")
    with pytest.raises(InputError, match=f"write `test_version: {frozen.test_version[:12]}` under `data`"):
        sartor.open(folder).curate(["exact_duplicates"])


def test_two_files_with_the_same_good_rows_keep_their_own_broken_ones(folder: Path) -> None:
    rows = (folder / "train.jsonl").read_text()
    project = sartor.open(folder)
    for name, broken in (("a.jsonl", "{one\n"), ("b.jsonl", "{two\n{three\n")):
        (folder / name).write_text(rows + broken)
        _, aside = project.add_rows(folder / name)
        assert len(aside) == broken.count("\n")
        made = project.curate(["exact_duplicates"], plan=True)
        assert [each.row for each in made.decisions if each.check == "unreadable"] == [each["place"] for each in aside]
    assert len({entry.hash for entry, _ in project.versions()}) == 1
