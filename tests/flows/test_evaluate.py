"""Evaluation by itself: outputs made elsewhere, and systems of a finished project, on the test set or on other rows."""

import json
import math
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select
from tests.running import Finished, headline, notes, on_a_small_machine  # noqa: F401 (a fixture)

import sartor
from sartor.cli.main import main
from sartor.data.read import read_rows
from sartor.errors import InputError
from sartor.flows.evaluate import judge_predictions, predictions_spec
from sartor.flows.scorecard_page import scorecard_page
from sartor.generate.prompted import PromptedSystem
from sartor.store import Store
from sartor.store.tables import test_openings
from sartor.task import KpiSpec

RECORD = '{"drug":"iron","given":true}'
GIVEN = ["--predictions", "made.jsonl", "--kind", "extraction", "--input", "note"]
WRONG = '{"drug":"aspirin","given":true}'


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def outputs(count: int = 20, right: int = 15, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"r{n}", "note": f"note {n}", "target": RECORD, "output": RECORD if n < right else WRONG, **more}
        for n in range(count)
    ]


def judged(path: Path, kind: str = "extraction", target: str | None = "target", **more: Any):
    table = read_rows(path)
    return judge_predictions(table, predictions_spec(table, kind, ["note"], target, None), path.parent, **more)


def test_outputs_made_elsewhere_are_scored_without_a_project(tmp_path: Path, capsys) -> None:
    file = write(tmp_path / "made.jsonl", outputs())
    command = ["evaluate", "--predictions", str(file), "--kind", "extraction", "--input", "note"]
    assert main([*command, "--json", "--out", str(tmp_path / "card.html")]) == 0
    document = json.loads(capsys.readouterr().out)
    found = document["metrics"]["exact_match"]
    assert (found["value"], found["n"]) == (0.75, 20)
    assert found["interval"][0] < 0.75 < found["interval"][1]
    assert found["signature"].startswith("exact_match|")
    assert [row["id"] for row in document["rows"]] == [f"r{n}" for n in range(20)]
    assert [row["scores"]["exact_match"] for row in document["rows"]] == [1.0] * 15 + [0.0] * 5
    page = (tmp_path / "card.html").read_text()
    assert page.startswith("<!doctype html>") and "<script" not in page and "Field F1" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.html", "made.jsonl"]
    assert main(command) == 0
    assert "field F1" in capsys.readouterr().out


def test_several_models_are_compared_on_the_same_rows(tmp_path: Path) -> None:
    rows = [*outputs(model="old"), *outputs(right=20, model="new")]
    found = judged(write(tmp_path / "made.jsonl", rows))
    assert [card.system for card in found.cards] == ["old", "new"]
    [pair] = [c for c in found.comparisons if c.metric == "exact_match"]
    assert (pair.a, pair.b, pair.difference) == ("old", "new", -0.25)
    assert set(found.to_json()["systems"]) == {"old", "new"}
    assert "old less new" in scorecard_page(found)


def test_names_and_slices_are_shown_as_they_are_written(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rows = [row | {"model": m, "ward": "[red]"} for m in ("GPT-4o [/v2]", "[bold]") for row in outputs()]
    file = write(tmp_path / "made.jsonl", rows)
    assert (
        main(["evaluate", "--predictions", str(file), "--kind", "extraction", "--input", "note", "--by", "ward"]) == 0
    )
    said = capsys.readouterr().out
    assert said.startswith("GPT-4o [/v2], best of 2 systems: ")
    assert "[bold]  " in said and "[red]  " in said


def test_in_a_narrow_terminal_no_interval_is_cut(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    file = write(tmp_path / "made.jsonl", [row | {"model": f"model {m}"} for m in range(9) for row in outputs()])
    assert main(["evaluate", "--predictions", str(file), "--kind", "extraction", "--input", "note"]) == 0
    assert "…" not in capsys.readouterr().out


def seeded(model: str, *right: int) -> list[dict[str, Any]]:
    """Outputs of a model with several seeds, each of which has so many rows right."""
    return [row for seed, count in enumerate(right) for row in outputs(right=count, model=model, seed=seed)]


def test_seeds_of_a_model_are_judged_as_one_recipe(tmp_path: Path, capsys) -> None:
    file = write(tmp_path / "made.jsonl", [*seeded("new", 19, 17, 18), *seeded("old", 9, 13), *outputs(model="base")])
    found = judged(file)
    seeds = ["new, seed 0", "new, seed 1", "new, seed 2"]
    assert [card.system for card in found.cards] == [*seeds, "old, seed 0", "old, seed 1", "base"]
    new, old = (score for score in found.recipes if score.name == "exact_match")
    assert (new.recipe, list(new.systems), new.value, new.n) == ("new", seeds, pytest.approx(0.9), 20)
    assert (old.recipe, old.value) == ("old", pytest.approx(0.55))
    assert old.between > new.between and old.high - old.low > new.high - new.low
    assert {score.name for score in found.recipes} == {"usable", *(kpi.name for kpi in found.spec.kpi_list)}
    pairs = [(c.a, c.b, round(c.difference, 9)) for c in found.recipe_comparisons if c.metric == "exact_match"]
    assert pairs == [("new", "old", 0.35), ("new", "base", 0.15), ("old", "base", -0.2)]
    assert found.headline.startswith("New over 3 seeds, best of 3 recipes and systems: usable .90 (")
    document = found.to_json()
    assert [each["recipe"] for each in document["seeds"]["recipes"][:2]] == ["new", "old"]
    assert document["seeds"]["recipes"][0]["interval"] == [found.recipes[0].low, found.recipes[0].high]
    assert len(document["seeds"]["comparisons"]) == len(found.recipe_comparisons)
    assert "new less base" in (page := scorecard_page(found)) and "Over training seeds" in page
    assert main(["evaluate", "--predictions", str(file), "--kind", "extraction", "--input", "note"]) == 0
    said = capsys.readouterr().out
    assert "Over training seeds" in said and "two seeds show little of how seeds differ" in said


def test_two_seeds_of_one_recipe_are_no_rivals(tmp_path: Path) -> None:
    found = judged(write(tmp_path / "made.jsonl", [*seeded("new", 19, 9), *outputs(model="base")]))
    compared = {("new, seed 0", "base"), ("new, seed 1", "base")}
    assert {(c.a, c.b) for c in found.comparisons} == compared
    assert {frozenset((each.candidate, each.incumbent)) for each in found.promotions} == set(map(frozenset, compared))


def test_the_headline_is_not_the_luckiest_seeds(tmp_path: Path) -> None:
    found = judged(write(tmp_path / "made.jsonl", [*seeded("new", 20, 10, 9), *outputs(right=14, model="base")]))
    assert found.headline.startswith("Base, best of 2 recipes and systems: usable .70 (")


def test_one_seed_is_a_system_like_any_other(tmp_path: Path) -> None:
    found = judged(write(tmp_path / "made.jsonl", [*seeded("new", 19), *outputs(model="base")]))
    assert [card.system for card in found.cards] == ["new", "base"]
    assert found.recipes == found.recipe_comparisons == []
    assert found.to_json()["seeds"] == {"recipes": [], "comparisons": []}


def test_a_model_with_seeds_in_some_rows_only_is_refused(tmp_path: Path) -> None:
    rows = [*seeded("new", 19), *outputs(model="new")]
    with pytest.raises(InputError, match="line 21: new has a `seed` in other rows and none here; fill it in"):
        judged(write(tmp_path / "made.jsonl", rows))


def test_seeds_that_answered_other_rows_are_refused(tmp_path: Path) -> None:
    rows = [*seeded("new", 19), *outputs(count=19, model="new", seed=1)]
    with pytest.raises(InputError, match="only one of new, seed 0 and new, seed 1 answered the row `r19`"):
        judged(write(tmp_path / "made.jsonl", rows))


def test_seeds_are_judged_where_no_kpi_can_be_measured(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("id", "note", "output", "model", "seed")} for row in seeded("new", 19, 9)]
    found = judged(write(tmp_path / "made.jsonl", rows), "generation", target=None)
    assert [score.name for score in found.recipes] == [found.cards[0].primary.name]


def test_a_row_that_one_model_did_not_answer_is_refused(tmp_path: Path) -> None:
    rows = [*outputs(model="old"), *outputs(count=19, model="new")]
    with pytest.raises(InputError, match="only one of old and new answered the row `r19`"):
        judged(write(tmp_path / "made.jsonl", rows))
    with pytest.raises(InputError, match="line 21: predictions answered the row `r0` before"):
        judged(write(tmp_path / "made.jsonl", [*outputs(), *outputs()]))


@pytest.mark.parametrize("changed", [{"note": "another"}, {"target": WRONG}])
def test_a_row_that_two_models_were_asked_otherwise_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    rows = [*outputs(2, model="old"), *outputs(2, model="new")]
    rows[3] |= changed
    with pytest.raises(InputError, match=r"line 4: new has another input or reference in the row `r1` than old"):
        judged(write(tmp_path / "made.jsonl", rows))


def test_rows_that_only_their_number_tells_apart_are_not_mixed_up(tmp_path: Path) -> None:
    rows = [*outputs(2, model="old"), *reversed(outputs(2, model="new"))]
    for row in rows:
        del row["id"]
    with pytest.raises(InputError, match="or tell rows apart by a column `id`"):
        judged(write(tmp_path / "made.jsonl", rows))


def test_rows_of_a_group_depend_without_references_too(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("id", "note", "output")} | {"ward": n % 4} for n, row in enumerate(outputs())]
    table = read_rows(write(tmp_path / "made.jsonl", rows))
    spec = predictions_spec(table, "extraction", ["note"], None, group="ward")
    assert judge_predictions(table, spec, tmp_path).cards[0].scores["json_valid"].method == "Wilson, by group"


def test_the_document_has_every_label_and_confusion(tmp_path: Path) -> None:
    rows = [{"id": n, "note": "n", "target": "a" if n < 3 else "b", "output": "a"} for n in range(4)]
    found = judged(write(tmp_path / "made.jsonl", rows), "classification").to_json()["systems"]["predictions"]
    assert found["details"][0] == {"name": "a", "support": 3, "precision": 0.75, "recall": 1.0, "f1": 6 / 7}
    assert {"expected": "b", "answered": "a", "rows": 1} in found["confusions"]


def test_every_reason_why_rows_were_not_scored_is_told_with_its_count(tmp_path: Path) -> None:
    (tmp_path / "kpis.py").write_text(
        "def odd(example, output):\n    return [None, 7, True, True][int(example.id[1:]) % 4]\n"
    )
    table = read_rows(write(tmp_path / "made.jsonl", outputs()))
    spec = predictions_spec(table, "extraction", ["note"], "target")
    spec = spec.model_copy(update={"kpis": (KpiSpec(name="odd", function="kpis.py:odd"),)})
    told = [note for note in judge_predictions(table, spec, tmp_path).notes if "not scored" in note]
    assert [note.partition(", counted")[0] for note in told] == ["predictions: 5 not scored by odd"] * 2
    assert "gave None" in told[0] and "gave 7" in told[1]


def test_what_is_no_amount_was_not_measured(tmp_path: Path) -> None:
    rows = [row | {"seconds": seconds} for row, seconds in zip(outputs(4), (-1, True, "2", 3), strict=True)]
    found = judged(write(tmp_path / "made.jsonl", rows)).cards[0].scores["seconds"]
    assert (found.value, sorted(found.unscored)) == (3, ["r0", "r1", "r2"])


def test_slices_have_scores_of_their_own(tmp_path: Path) -> None:
    rows = [row | {"ward": "A" if n < 15 else "B", "bed": str(n)} for n, row in enumerate(outputs(count=30, right=15))]
    file = write(tmp_path / "made.jsonl", rows)
    found = judged(file, by="ward").slices["predictions"]
    assert {value: (card.n, card.scores["exact_match"].value) for value, card in found.items()} == {
        "A": (15, 1.0),
        "B": (15, 0.0),
    }
    assert list(judged(file, by="bed").slices["predictions"]) == ["(other values)"]
    with pytest.raises(InputError, match="no column `wardd` to slice by; did you mean `ward`?"):
        judged(file, by="wardd")


def test_missing_outputs_are_errors_that_stay_in_the_count(tmp_path: Path) -> None:
    rows = [row | ({"output": None} if n < 5 else {}) for n, row in enumerate(outputs(right=20))]
    card = judged(write(tmp_path / "made.jsonl", rows)).cards[0]
    assert (card.counts["errors"], card.scores["exact_match"].value, card.n) == (5, 0.75, 20)


def test_an_output_may_be_a_list_the_answer_first_and_then_further_samples(tmp_path: Path) -> None:
    rows = [row | {"output": [row["output"], WRONG, RECORD][: 3 - n % 2]} for n, row in enumerate(outputs(right=20))]
    found = judged(write(tmp_path / "made.jsonl", rows))
    assert found.cards[0].scores["exact_match"].value == 1
    assert found.cards[0].counts["with fewer than 3 outputs"] == 10
    assert "predictions: 10 with fewer than 3 outputs" in found.notes


def test_systems_that_drew_more_and_fewer_samples_stand_side_by_side(tmp_path: Path) -> None:
    row = {"note": "Square a number.", "target": "def f(x): return x ** 2", "output": "def f(x): return x * x"}
    row |= {"tests": "assert f(2) == 4"}
    one = [row | {"id": str(n), "model": "one"} for n in range(4)]
    two = [row | {"id": str(n), "model": "two", "output": [row["output"]] * 2} for n in range(4)]
    table = read_rows(write(tmp_path / "made.jsonl", [*one, *two]))
    found = judge_predictions(table, predictions_spec(table, "code", ["note"], "target", tests="tests"), tmp_path)
    assert all("pass_at_k" in card.scores for card in found.cards)
    assert found.cards[0].counts["with fewer than 2 outputs"] == 4
    assert "pass@1" in scorecard_page(found)


@pytest.mark.parametrize("output", [[], [None], [RECORD, 7], [{"drug": "iron"}], [[RECORD]]])
def test_a_list_of_what_is_no_text_is_refused_with_its_place(tmp_path: Path, output: list[Any]) -> None:
    rows = [*outputs(2), {**outputs(1)[0], "id": "r9", "output": output}]
    with pytest.raises(
        InputError, match="made.jsonl, line 3, column `output`: a list holds one text or more, the answer"
    ):
        judged(write(tmp_path / "made.jsonl", rows))


def test_in_a_classification_a_list_is_the_labels_of_one_answer(tmp_path: Path) -> None:
    rows = [{"id": str(n), "note": f"note {n}", "target": ["a", "b"], "output": ["b", "a"]} for n in range(4)]
    [card] = judged(write(tmp_path / "made.jsonl", rows), "classification").cards
    assert card.scores["accuracy"].value == card.scores["exact_match"].value == 1


def test_without_references_only_what_needs_none_is_measured(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("id", "note", "output")} for row in outputs()]
    card = judged(write(tmp_path / "made.jsonl", rows), target=None).cards[0]
    assert "json_valid" in card.scores
    assert not {"field_f1", "exact_match", "token_f1"} & set(card.scores)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a system to evaluate, or a file of outputs"),
        (["--predictions", "made.jsonl", "--kind", "code"], "--predictions goes with --kind and --input"),
        (["--predictions", "made.jsonl"], "no sartor.yaml in . or above"),
        (["--predictions", "made.jsonl", "--kind", "code", "--input", "nte"], "did you mean `note`?"),
        (["--predictions", "none.jsonl", "--kind", "code", "--input", "note"], "none.jsonl"),
        ([*GIVEN, "--target", "targt"], "made.jsonl has no column `targt` (--target); did you mean `target`?"),
        ([*GIVEN, "--tests", "tsts"], "made.jsonl has no column `tsts` (--tests)"),
        ([*GIVEN, "--facts", "fcts"], "made.jsonl has no column `fcts` (--facts)"),
        ([*GIVEN, "--group", "grp"], "made.jsonl has no column `grp` (--group)"),
        ([*GIVEN, "--data", "made.jsonl"], "--data is rows to be answered"),
        ([*GIVEN, "--out", "nowhere/card.html"], "the folder nowhere does not exist"),
        ([*GIVEN, "--out", "."], "--out . is a folder"),
        (["--predictions", "made.jsonl", "--target", "note"], "--predictions goes with --kind and --input"),
        (["some-system", "--kind", "code"], "--kind says what a file of outputs holds"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(tmp_path: Path, monkeypatch, capsys, arguments, said) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "made.jsonl", outputs())
    assert main(["evaluate", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def project(finished: Finished, tmp_path: Path, cache: Path) -> Path:
    """A copy of a finished project."""
    shutil.copytree(finished.task.folder, tmp_path / "task")
    return tmp_path / "task"


def openings(folder: Path) -> int:
    with Store.open(folder / ".sartor").records.read() as connection:
        return connection.execute(select(test_openings.c.count)).scalar_one()


def test_systems_of_a_project_are_scored_as_the_run_scored_them(finished: Finished, project: Path) -> None:
    found = sartor.open(project).evaluate("small", "zero-shot")
    for card, system in zip(found.cards, ("specialist", "zero-shot"), strict=True):
        [wanted] = [each for each in finished.result.scorecards if each.system == system]
        assert {n: s.value for n, s in card.scores.items()} == {n: s.value for n, s in wanted.scores.items()}
    [pair] = [c for c in found.comparisons if c.metric == found.spec.kpi_list[0].name]
    assert (pair.a, pair.b, pair.verdict) == ("small@1", "zero-shot", "better")


def test_what_the_run_has_asked_is_not_asked_again_and_openings_are_counted(project: Path) -> None:
    before = openings(project)
    with mock.patch.object(PromptedSystem, "answer", side_effect=AssertionError("asked again")):
        first = sartor.open(project).evaluate("small", "zero-shot", "2-shot")
        again = sartor.open(project).evaluate("small")
    assert (first.test_openings, again.test_openings) == (before + 1, before + 2) == (before + 1, openings(project))
    assert f"test set opened {before + 2} times" in again.notes[0]


def test_one_system_under_two_names_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match=r"`small@1` is named twice; name each system once"):
        sartor.open(project).evaluate("small", "small@1")


def test_other_rows_open_no_test_set(project: Path, capsys) -> None:
    before = openings(project)
    rows = write(project.parent / "other.jsonl", notes(6, start=700))
    assert main(["compare", "small", "zero-shot", "--dir", str(project), "--data", str(rows), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["n"] == 6
    assert document["comparisons"][0]["n"] == 6
    assert openings(project) == before


def run_again(folder: Path, **changed: Any) -> None:
    """Run the task with what is changed under `train`, and without a page."""
    spec = json.loads((folder / "sartor.yaml").read_text())
    (folder / "sartor.yaml").write_text(json.dumps(spec | {"train": spec["train"] | changed}))
    with mock.patch("sartor.flows.run.render", headline):
        sartor.open(folder).run()


def test_adapters_that_differ_in_their_seed_are_one_recipe(project: Path) -> None:
    run_again(project, seed=1)
    found = sartor.open(project).evaluate("small@1", "small@2", "zero-shot")
    primary = found.spec.kpi_list[0].name
    [score] = [score for score in found.recipes if score.name == primary]
    assert (score.recipe, score.systems) == ("small@1, @2", ("small@1", "small@2"))
    assert score.value == pytest.approx(sum(card.scores[primary].value for card in found.cards[:2]) / 2)
    assert {(c.a, c.b) for c in found.recipe_comparisons} == {("small@1, @2", "zero-shot")}
    assert {(c.a, c.b) for c in found.comparisons} == {("small@1", "zero-shot"), ("small@2", "zero-shot")}


def test_seeds_that_drew_their_own_test_sets_are_not_judged_on_one_of_them(project: Path) -> None:
    spec = json.loads((project / "sartor.yaml").read_text())
    del spec["data"]["test"]
    (project / "sartor.yaml").write_text(json.dumps(spec))
    run_again(project, seed=0, epochs=1)
    run_again(project, seed=1, epochs=1)
    with pytest.raises(
        InputError, match="small@2 and small@3 are seeds of one recipe, and each seed drew its own test"
    ):
        sartor.open(project).evaluate("small@2", "small@3")
    fresh = read_rows(write(project.parent / "other.jsonl", notes(6, start=700)))
    assert sartor.open(project).evaluate("small@2", "small@3", rows=fresh).recipes[0].recipe == "small@2, @3"


@pytest.mark.parametrize("name", ["made.jsonl", "made.json"])
def test_nan_is_no_answer_and_stays_in_the_count(tmp_path: Path, capsys, name: str) -> None:
    rows = outputs()
    rows[0]["output"], rows[1]["output"], rows[2]["seconds"] = math.nan, math.inf, math.nan
    (tmp_path / name).write_text(
        json.dumps(rows) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
    )
    command = ["--predictions", str(tmp_path / name), "--kind", "extraction", "--input", "note", "--json"]
    assert main(["evaluate", *command]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"]["exact_match"]["value"] == 13 / 20
    assert document["systems"]["predictions"]["counts"]["errors"] == 2
    with pytest.raises(InputError, match="NaN is not a JSON value"):
        read_rows(tmp_path / name)


def test_an_output_may_be_whatever_a_model_writes(tmp_path: Path) -> None:
    strange = ["", "x" * 1_000_000, "a\0b", "مرحبا", "😀" * 1000, '{"drug": NaN}', None]
    rows = [row | {"output": text} for row, text in zip(outputs(len(strange)), strange, strict=True)]
    file = write(tmp_path / "made.jsonl", rows)
    table = read_rows(file, outputs=["output"])
    card = judge_predictions(table, predictions_spec(table, "extraction", ["note"], "target"), tmp_path).cards[0]
    assert {score.n for score in card.scores.values()} == {len(strange)}
    assert card.scores["exact_match"].value == card.scores["field_f1"].value == 0
    with pytest.raises(InputError, match="line 2, column `output`: a cell of 1,000,000 characters"):
        read_rows(file)
