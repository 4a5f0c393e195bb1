"""A learning curve of a tiny base: nested parts, the test set asked once at the end, killed and gone on with."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from tests.tasks import LABELS, intents, write_task

import sartor
from sartor.cli.main import main
from sartor.curve.forecast import Forecast
from sartor.curve.points import Curve, Goodness
from sartor.curve.stop import Prices, decide
from sartor.errors import InputError
from sartor.flows.curve import LearningCurve, Point, learning_curve
from sartor.flows.curve_page import curve_data, curve_page
from sartor.flows.elsewhere import flagged_labels
from sartor.flows.prepare import open_task, prepare
from sartor.flows.run import Stages
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.models.builtin import ENCODER
from sartor.scale import SHARE
from sartor.store import Store
from sartor.store.tables import books

SPEC: dict[str, Any] = {
    "train": {"rank": 4, "epochs": 1},
    "costs": {"label": 2.0, "hour": 10.0},
    "curve": {"sizes": [12, 24, 48], "point": 1.0, "rows": 20},
    "kpis": [{"name": "accuracy", "goal": 0.9}],
}


@pytest.fixture
def folder(base: Path, cache: Path, tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", base, intents(80), intents(12, start=500), "classification", **SPEC)


def test_parts_are_nested_hold_every_class_and_share_no_row_with_those_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[tuple[int, set[str], set[str]]]()
    train = Stages.train

    def watched(self: Stages, *given: Any) -> Any:
        rows = self.prepared.splits.train
        seen.append((self.spec.train.seed, {row.id for row in rows}, {row.labels[0] for row in rows}))
        return train(self, *given)

    monkeypatch.setattr(Stages, "train", watched)
    drawn = sartor.open(folder).curve()
    assert [point.size for point in drawn.points] == [12, 24, 48]
    for seed in (0, 1):
        small, middle, large = [ids for s, ids, _ in seen if s == seed]
        assert small < middle < large
        assert (len(small), len(middle), len(large)) == (12, 24, 48)
    assert all(labels == set(LABELS) for _, _, labels in seen)
    first, second = (next(ids for s, ids, _ in seen if s == seed) for seed in (0, 1))
    assert first != second, "seeds differ in their rows, too"
    assert drawn.experiment is not None
    assert drawn.experiment.asked + drawn.experiment.available <= 80


def test_the_curve_is_told_as_page_table_and_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curve", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [point["size"] for point in found["points"]] == [12, 24, 48]
    assert all(len(point["by_seed"]) == 2 for point in found["points"])
    assert found["experiment"]["test_openings"] == 1
    assert found["experiment"]["test"]["n"] == 12
    page = Path(found["page"]).read_text()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert main(["curve", str(folder)]) == 0
    told = capsys.readouterr().out
    assert found["verdict"] in ("STOP", "CONTINUE", "INCONCLUSIVE")
    assert found["verdict"] in told
    assert "12" in told


def test_a_second_call_trains_nothing_and_labels_are_not_booked_by_parts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sartor.open(folder).curve()
    monkeypatch.setattr("sartor.flows.run.learn", lambda *_: pytest.fail("trained again"))
    again = sartor.open(folder).curve()
    assert [point.by_seed for point in again.points] == [point.by_seed for point in first.points]
    with Store.open(folder / ".sartor").records.read() as connection:
        items = set(connection.execute(select(books.c.item)).scalars())
    assert "compute" in items
    assert "labels" not in items


def test_broken_off_after_any_training_it_goes_on_to_the_same_curve(
    folder: Path, base: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sartor.open(folder).curve()
    other = write_task(tmp_path / "other", base, intents(80), intents(12, start=500), "classification", **SPEC)
    train, left = Stages.train, iter(range(3))

    def fails(self: Stages, *given: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return train(self, *given)

    monkeypatch.setattr(Stages, "train", fails)
    with pytest.raises(KeyboardInterrupt):
        sartor.open(other).curve()
    monkeypatch.setattr(Stages, "train", train)
    resumed = sartor.open(other).curve()
    assert [point.by_seed for point in resumed.points] == [point.by_seed for point in whole.points]


def test_stop_ends_the_trainings(folder: Path) -> None:
    spec = json.loads((folder / "sartor.yaml").read_text())
    spec["curve"] |= {"sizes": [8, 12, 16, 24, 48], "point": 1e-9}
    (folder / "sartor.yaml").write_text(json.dumps(spec))
    drawn = sartor.open(folder).curve()
    assert drawn.experiment is not None
    assert drawn.decision is not None
    assert drawn.decision.word == "STOP"
    assert [*(point.size for point in drawn.points), *drawn.experiment.untried] == [8, 12, 16, 24, 48]
    assert drawn.experiment.untried


@pytest.mark.parametrize(
    ("sizes", "said"),
    [([12, 24], "fitted to 2 sizes"), ([2, 24, 48], "would disappear"), ([12, 24, 4_000], "4,000 are asked for")],
)
def test_sizes_that_cannot_be_are_refused_before_anything_is_trained(
    folder: Path, sizes: list[int], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sartor.flows.run.learn", lambda *_: pytest.fail("trained"))
    with pytest.raises(InputError, match=said):
        sartor.open(folder).curve(sizes)


POINTS = "size,value,low,high\n125,.71,.68,.74\n250,.79,.765,.815\n500,.845,.82,.87\n1000,.88,.86,.90\n"


def test_a_curve_measured_elsewhere_is_judged_by_the_same_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "points.csv"
    file.write_text(POINTS)
    given = ["curve", "--points", str(file), "--label", "1.5", "--labels", "20000", "--point", "500", "--json"]
    assert main([*given, "--out", str(tmp_path / "page.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "STOP"
    assert found["decisions"]["1000"]["all"]["cost"] == 28_500
    assert "STOP at 1,000 training rows" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("size,value,low,high\n125,.71,.68,.74\n250,.79,.76,.82\n", [], "fitted to 2 sizes"),
        (POINTS.replace(".68,.74", ","), [], "line 2: the KPI has no interval, `low` is empty"),
        ("size,value\n125,.71\n", [], "no column `low`"),
        (POINTS.replace(".68,.74", ".71,.71"), [], "line 2: the KPI has no interval"),
        (POINTS.replace(".71", "71"), [], "line 2: 0.68 ≤ 71 ≤ 0.74 does not hold"),
        (POINTS.replace("125", "12.5"), [], "line 2: `size` is 12.5"),
        (POINTS.replace("125", "many"), [], "line 2: `size` is 'many'"),
        (POINTS, ["--label", "-1"], "--label -1 is negative"),
        (POINTS, ["--point", "-1"], "--point -1 is negative"),
        (POINTS, ["--sizes", "1,2,3"], "leave out DIR, --sizes"),
        (POINTS, ["--min-gain", "0"], "--min-gain 0: name a number above 0"),
        (POINTS, ["--goal", "85"], "--goal 85 is no share"),
        (POINTS.replace("125", "nan"), [], "line 2: `size` is 'nan'"),
    ],
)
def test_a_bad_file_of_points_gets_one_sentence(
    text: str, more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "points.csv"
    file.write_text(text)
    assert main(["curve", "--points", str(file), *more]) == 2
    assert said in capsys.readouterr().err


def test_what_else_the_money_could_be_spent_on_is_measured_and_ranked(base: Path, cache: Path, tmp_path: Path) -> None:
    spec = SPEC | {"curve": SPEC["curve"] | {"point": 1e-9, "bases": [str(base)]}}
    rows = [row | {"label": "refund"} if n % 9 == 0 else row for n, row in enumerate(intents(80))]
    folder = write_task(tmp_path / "task", base, rows, intents(12, start=500), "classification", **spec)
    ENCODER.path.rmdir()  # without it, labels cannot be checked
    found = learning_curve(open_task(folder), Store.open(folder / ".sartor"), elsewhere=True).to_json()
    ways = {each["what"]: each for each in found["elsewhere"]}
    assert "rank 16" in ways
    assert f"base {base}" in ways
    same = ways[f"base {base}"]
    assert same["gain"]["value"] == 0, "the same base, trained the same way, is no gain"
    assert same["cost"] > 0
    assert ways["rank 16"]["how"] == "measured"
    worths = [each["gain"]["value"] / each["cost"] for each in found["elsewhere"]]
    assert worths == sorted(worths, reverse=True)
    assert any("labels were not checked" in note for note in found["experiment"]["notes"])
    assert found["verdict"] == "STOP"
    assert any("at random" in what for what in ways)


def test_a_base_that_is_not_there_is_refused_before_anything_is_trained(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = json.loads((folder / "sartor.yaml").read_text())
    spec["curve"]["bases"] = ["no-such-base"]
    (folder / "sartor.yaml").write_text(json.dumps(spec))
    monkeypatch.setattr("sartor.flows.run.learn", lambda *_: pytest.fail("trained"))
    with pytest.raises(InputError, match="no-such-base"):
        sartor.open(folder).curve(elsewhere=True)


def test_an_average_of_seeds_books_no_labels_of_parts_and_shares_the_budget(
    base: Path, cache: Path, tmp_path: Path
) -> None:
    spec = SPEC | {"train": SPEC["train"] | {"seeds": 2, "budget": 1000.0}, "costs": {"label": 2.0, "hour": 3600.0}}
    folder = write_task(tmp_path / "task", base, intents(60), intents(12, start=500), "classification", **spec)
    drawn = sartor.open(folder).curve([6, 12, 24])
    assert len(drawn.points) == 3
    with Store.open(folder / ".sartor").records.read() as connection:
        assert "labels" not in set(connection.execute(select(books.c.item)).scalars())


def test_the_budget_is_for_all_trainings_together(folder: Path) -> None:
    spec = json.loads((folder / "sartor.yaml").read_text())
    spec["costs"]["hour"] = 3600.0
    (folder / "sartor.yaml").write_text(json.dumps(spec))
    spent = sartor.open(folder).curve().points[0].money
    spec["train"] |= {"budget": spent / 2, "rank": 2}  # enough for one of the first size's two trainings at most
    (folder / "sartor.yaml").write_text(json.dumps(spec))
    with pytest.raises(InputError, match=r"`train\.budget`"):
        sartor.open(folder).curve()


def test_how_long_it_will_take_at_most_is_said_before_and_while_it_trains(folder: Path) -> None:
    said = list[str]()
    sartor.open(folder).curve(progress=lambda what, done, total, detail="": what == "curve" and said.append(detail))
    assert [what.partition(" rows")[0] for what in said[:6]] == ["12", "12", "24", "24", "48", "48"]
    assert all(re.search(r"at most [\d.]+ m?s of training$", what) for what in said[:6])


def test_what_the_preflight_forbids_is_refused_before_anything_is_trained(
    base: Path, cache: Path, tmp_path: Path
) -> None:
    rows = intents(80)
    folder = write_task(tmp_path / "task", base, rows, rows[:20], "classification", **SPEC)
    with pytest.raises(InputError, match="such a test measures memory"):
        sartor.open(folder).curve()
    assert not (folder / ".sartor").exists()


def test_of_a_large_validation_set_no_more_rows_are_asked_than_the_task_says(
    base: Path, cache: Path, tmp_path: Path
) -> None:
    spec = SPEC | {"train": SPEC["train"] | {"validation": 0.3}}
    folder = write_task(tmp_path / "task", base, intents(100), intents(12, start=500), "classification", **spec)
    made = sartor.open(folder).curve().experiment
    assert made is not None
    assert (made.asked, made.available) == (20, 70)


def test_a_kpi_that_a_model_judges_costs_the_curve_nothing(base: Path, cache: Path, tmp_path: Path) -> None:
    judge = {"endpoint": "http://127.0.0.1:9/v1", "model": "m", "question": "Which is kinder?"}
    spec = SPEC | {"kpis": [*SPEC["kpis"], {"name": "tone", "judge": judge}]}
    folder = write_task(tmp_path / "task", base, intents(60), intents(12, start=500), "classification", **spec)
    drawn = sartor.open(folder).curve([6, 12, 24])
    assert drawn.experiment is not None
    assert drawn.experiment.test.name == "accuracy"


def test_where_less_is_better_the_page_says_worse_and_a_gain_is_a_minus() -> None:
    sizes, rates = np.array([250.0, 500, 1_000]), np.array([0.3, 0.2, 0.12])
    scale = Goodness(0.0, higher=False)
    noise = 0.005 * np.random.default_rng(0).standard_normal((500, 3))

    def told(rates: Any) -> tuple[str, str]:
        forecast = Forecast(Curve(sizes, rates, rates + noise, scale, row_error=0.007))
        prices = Prices(label=1.0, worth=100_000.0)
        decided = {1_000: decide(forecast, 4_000, 500, prices)} if forecast.curve.fall is None else {}
        points = [Point(int(size), rate, rate - 0.01, rate + 0.01) for size, rate in zip(sizes, rates, strict=True)]
        drawn = LearningCurve("t", "refusal rate", SHARE, points, forecast, prices, "USD", 4_000, decided, 0.02)
        page = curve_page(drawn)
        return curve_data(drawn).headline, page

    headline, page = told(rates)
    assert "CONTINUE" in headline
    assert "bring −" in page
    headline, page = told(np.array([0.3, 0.12, 0.25]))
    assert headline == "No forecast: with more rows the refusal rate gets worse."
    assert "At 1,000 rows the refusal rate is worse than at 500" in page


@pytest.mark.real
def test_labels_that_look_wrong_are_found_among_training_rows_alone(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "support-intents"
    task = open_task(example)
    rows = prepare(task).splits.train[:700]
    store = Store.open(tmp_path)
    with Steps(store, task.spec.task, Here()) as steps:
        flagged = flagged_labels(steps, store, task.spec, rows, lambda *_: None)
    key = [json.loads(line) for line in (example / "key.jsonl").read_text().splitlines()]
    wrong = {each["row"] for each in key if each["defect"] == "wrong-label"} & {row.id for row in rows}
    assert len(flagged & wrong) > 0.6 * len(wrong)
    assert len(flagged & wrong) > 0.5 * len(flagged)
