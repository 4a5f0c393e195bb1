"""What to label next as a whole: rows of a pool, none that asks what is known, beside random ones; no file is lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tasks import MakeTask, intents, write_task

import sartor
from sartor.cli.main import main
from sartor.errors import InputError
from sartor.models.builtin import ENCODER, pulled

WORDS = {"card": ("card", "debit card", "credit card", "bank card"), "rate": ("dollars", "euros", "yen", "pounds")}
ASKED = [
    (f"{how} my {thing} {when}" if label == "card" else f"the rate of {thing} {how} {when}", label)
    for label, things in WORDS.items()
    for thing in things
    for how in ("where is", "I lost", "please replace", "help with")
    for when in ("today", "now", "at once")
]
ROWS = [{"text": text, "label": label} for text, label in ASKED]
POOL = [
    {"text": f"{text} in {place}", "who": f"c{n}"}
    for n, (text, _) in enumerate(ASKED[::3])
    for place in ("town", "Rome")
]


def write_pool(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "pool.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    try:
        pulled(ENCODER.name)
    except InputError as error:
        pytest.skip(str(error))
    return write_task(tmp_path / "task", base, ROWS, ROWS[::9], "classification")


@pytest.mark.real
def test_rows_are_chosen_written_and_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = write_pool(tmp_path, POOL)
    command = ["curve", "next", str(folder), "--pool", str(pool), "--size", "10"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    lines = (folder / "next.jsonl").read_text().splitlines()
    assert found["file"] == str(folder / "next.jsonl")
    assert len(set(lines)) == 10 == found["chosen"]
    assert all(json.loads(each) in POOL for each in lines), "the pool's own columns, and nothing else"
    labelled, chosen, random = found["choices"]
    assert [each["way"] for each in found["choices"]] == ["labelled", "next", "random"]
    assert chosen["rows"] == random["rows"] == 10 and labelled["uncertainty"] is None
    assert chosen["uncertainty"] > random["uncertainty"]
    assert labelled["reach"] < random["reach"] and labelled["reach"] < chosen["reach"] <= 1
    assert sum(chosen["classes"].values()) == 10 and chosen["classes"].keys() <= {"card", "rate"}
    assert found["trial"]["verdict"] in ("better", "no difference", "worse") and found["trial"]["draws"] == 10
    assert main(command) == 0, "the same rows again are no loss"
    out = " ".join(capsys.readouterr().out.split())
    assert (folder / "next.jsonl").read_text().splitlines() == lines
    assert found["sentences"][0] in out and "expected of next: " in out


@pytest.mark.real
def test_rows_that_ask_what_is_known_are_left_out_and_counted(folder: Path) -> None:
    known = [{"text": ROWS[1]["text"].upper() + "!", "who": ""}, {"text": ROWS[0]["text"], "who": "", "label": "wrong"}]
    again = [{**POOL[0], "text": POOL[0]["text"] + "?"}]
    made = sartor.open(folder).curve_next([*known, *POOL, *again], 5)
    # Row 0 is a test row too.
    assert (made.left_out.labelled, made.left_out.test, made.left_out.repeated) == (1, 1, 1)
    assert (made.rows, made.left) == (len(POOL) + 3, len(POOL))
    everything = sartor.open(folder).curve_next([*known, *POOL, *again], made.left)
    texts = [each["text"] for each in everything.chosen]
    assert sorted(texts) == sorted(each["text"] for each in POOL)
    assert texts[:5] == [each["text"] for each in made.chosen], "a smaller choice begins a larger one"


@pytest.mark.real
def test_what_shares_a_test_rows_group_could_not_be_trained_on(base: Path, tmp_path: Path, folder: Path) -> None:
    rows = [{**each, "who": f"a{n}"} for n, each in enumerate(ROWS[1:])]
    test = [{"text": "an exchange rate in Oslo please", "label": "rate", "who": "c0"}]
    own = write_task(tmp_path / "own", base, rows, test, "classification", data={"group": "who"})
    made = sartor.open(own).curve_next(POOL, 5)
    assert (made.left_out.test, made.left) == (2, len(POOL) - 2)


@pytest.mark.real
def test_kinds_without_a_linear_model_say_what_was_not_measured(base: Path, tmp_path: Path, folder: Path) -> None:
    made = sartor.open(write_task(tmp_path / "notes", base, ROWS, ROWS[::9], "generation")).curve_next(POOL, 5)
    assert len(made.chosen) == 5 and made.trial is None
    assert all(each.uncertainty is None and not each.classes for each in made.choices)
    [note] = made.notes
    assert "no linear model answers generation" in note.lower() and "were not measured" in note


@pytest.mark.real
def test_labels_that_people_gave_are_not_written_over(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = write_pool(tmp_path, POOL)
    command = ["curve", "next", str(folder), "--pool", str(pool), "--size", "3"]
    assert main(command) == 0
    file = folder / "next.jsonl"
    work = [json.loads(each) | {"label": "card"} for each in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(each) + "\n" for each in work))
    before = file.read_text()
    assert main(command) == 2
    assert "next.jsonl exists, and has lines that are not the pool's" in capsys.readouterr().err
    assert main([*command, "--out", str(pool)]) == 2
    assert "is the pool itself" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "more.jsonl")]) == 0
    assert file.read_text() == before and len((tmp_path / "more.jsonl").read_text().splitlines()) == 3


def question(number: int) -> dict[str, str]:
    return {"text": f"something else about number {number} entirely"}


@pytest.mark.parametrize(
    ("rows", "size", "said"),
    [
        ([{"note": "where is it"}], "1", "pool.jsonl has no column `text` (`data.input`)"),
        ([{"text": "where is it"}, {"text": " "}], "1", "pool.jsonl, line 2: the input is empty"),
        ([], "1", "pool.jsonl"),
        ([question(n) for n in range(9)], "10", "pool.jsonl has 9 of 9 rows to choose from, and 10 are wanted"),
        ([*intents(3), question(7)], "2", "has 1 of 4 rows to choose from (3 ask what a labelled row asks"),
        (intents(3), "1", "name another pool"),
        ([question(1)], "0", "--size"),
    ],
    ids=["no-column", "empty-input", "empty-pool", "too-many", "known", "all-known", "size-0"],
)
def test_a_pool_that_cannot_be_chosen_from_is_one_sentence(
    rows: list[dict[str, Any]], size: str, said: str, make_task: MakeTask, tmp_path: Path, capsys
) -> None:
    folder = make_task(intents(40), intents(10, start=100), "classification").folder
    pool = write_pool(tmp_path, rows)
    before = sorted(path.name for path in folder.iterdir())
    assert main(["curve", "next", str(folder), "--pool", str(pool), "--size", size]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("error: ") == 1 and "Traceback" not in err
    assert sorted(path.name for path in folder.iterdir() if path.name != ".sartor") == before


def test_a_size_below_one_and_a_value_that_json_cannot_hold_are_refused(make_task: MakeTask) -> None:
    project = sartor.open(make_task(intents(40), None, "classification").folder)
    with pytest.raises(InputError, match="name a size of 1 or more"):
        project.curve_next([question(1)], 0)
    with pytest.raises(InputError, match="column `image`"):
        project.curve_next([question(1) | {"image": b"\x89PNG"}], 1)


def test_the_bare_verb_is_still_the_curve_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curve", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(["curve", "--sizes", "a,b", "--points", "x.csv"]) == 2
    assert "--points has its sizes" in capsys.readouterr().err
