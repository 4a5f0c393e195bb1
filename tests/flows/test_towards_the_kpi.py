"""Training towards the KPIs: weights that are found where they belong, pairs of what passes and fails, and a proof."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from safetensors.torch import load_file
from tests.running import note_task, notes, on_a_small_machine  # noqa: F401 (a fixture of every test here)
from tests.tasks import write_task
from tests.tiny import tiny_tokenizer

import sartor
from sartor.cli.main import main
from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.evaluate.metric import Scope, metric
from sartor.flows.base import LoadedBase
from sartor.flows.check import check
from sartor.flows.emphasis import emphasised, fact_places, value_places
from sartor.flows.prefer import Preference, Preferences, asked, draw, encoded, first_kpi, paired, passes
from sartor.flows.prepare import Task, open_task, prepare
from sartor.flows.run import Stages
from sartor.flows.systems import Answering
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.models.template import Renderer
from sartor.store import Store
from sartor.task import KpiSpec, PreferSpec, TaskSpec
from sartor.task_file import load_task
from sartor.train.encode import tokenise

RENDERER = Renderer(tiny_tokenizer(), "tiny")


def spec(kind: str, train: dict[str, Any] | None = None, **data: Any) -> TaskSpec:
    whole = {"task": "t", "kind": kind, "data": {"train": "x", "input": "text", "target": "label", **data}}
    return TaskSpec.model_validate(whole | {"train": train or {}})


def row(target: str, **columns: Any) -> Example:
    return Example("1", (Message("user", "a question"),), target, source="notes.jsonl:1", columns=columns)


def heavy(example: Example, task: TaskSpec) -> tuple[list[float], str]:
    """The weights of an example's tokens, and the text of those that weigh the most."""
    [found] = emphasised([example], tokenise([example], RENDERER), task, RENDERER)
    weights = list(found.weights or [])
    return weights, RENDERER.tokenizer.decode(
        [t for t, w in zip(found.reply, weights, strict=True) if w == max(weights)]
    )


@pytest.mark.parametrize(
    ("target", "kind", "values"),
    [
        (
            r'{"drug":"iron \"x\"","n":-5.2e3,"ok":true,"l":["a"],"o":{"k":null}}',
            "extraction",
            [r'"iron \"x\""', "-5.2e3", "true", '"a"', "null"],
        ),
        ("def add(a):\n    # no x\n    return a + 1.5 if a else 'it'\n", "code", ["add", "a", "a", "1.5", "a", "'it'"]),
        ("SELECT name FROM t WHERE x = 'it''s' AND y > 3 -- c", "sql", ["name", "t", "x", "'it''s'", "y", "3"]),
    ],
)
def test_values_are_found_among_keys_marks_and_keywords(target: str, kind: Any, values: list[str]) -> None:
    assert [target[start:end] for start, end in value_places(target, kind)] == values


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (["5 mg daily"], ["5 mg daily"]),
        ("start  ASPIRIN\n", ["Start aspirin"]),  # one a line, in any case and spacing
        (["5 milligrams"], ["5 mg"]),  # by what it states, where the words are others
        (["50 mg"], []),
        (["mg d"], []),  # no part of a word
        ([], []),
        (None, []),
    ],
)
def test_stated_facts_are_found_in_the_target(facts: Any, found: list[str]) -> None:
    example = row("Start aspirin 5 mg daily.", facts=facts)
    places = fact_places(example, spec("summarization", facts="facts"))
    assert [example.target[start:end] for start, end in places] == found


def test_without_a_column_the_rules_say_what_is_critical() -> None:
    example = row("Give 5 mg of iron to Anna, who has no fever.")
    found = [example.target[start:end] for start, end in fact_places(example, spec("generation"))]
    assert "5 mg" in found
    assert "Anna" in found
    assert not any("iron" in text for text in found)


def test_tokens_of_facts_weigh_more_by_their_characters() -> None:
    example = row("take żółć 500 mg now", facts=["500 mg"])
    weights, text = heavy(example, spec("summarization", {"fact_weight": 4}, facts="facts"))
    assert sorted(set(weights)) == [1.0, 4.0]
    assert text.strip() == "500 mg"
    assert weights[-1] == 1.0  # the end of turn


def test_tokens_of_values_weigh_more_and_the_rows_weight_is_a_factor() -> None:
    task = spec("extraction", {"field_weight": 3}, weight="w")
    weights, text = heavy(row('{"qq":"zz"}', w="0.5"), task)
    assert sorted(set(weights)) == [0.5, 1.5]
    assert "zz" in text
    assert "qq" not in text


def test_without_settings_there_are_no_weights() -> None:
    rows = tokenise([row("5 mg")], RENDERER)
    assert emphasised([row("5 mg")], rows, spec("generation"), RENDERER) == rows
    assert rows[0].weights is None


def test_places_of_tokens_spell_the_target() -> None:
    target = "naïve 5 mg\n\n — 漢字 <|im_end|> ok"
    places = RENDERER.reply_places(target)
    assert len(places) == len(RENDERER.reply_ids(target))
    covered = {at for start, end in places for at in range(start, end)}
    assert all(at in covered for at, letter in enumerate(target) if not letter.isspace())
    assert places[-1] == (len(target), len(target))
    assert places == sorted(places)


@pytest.mark.parametrize("weight", ["heavy", "", None, -1, "nan", "inf", [1]])
def test_a_weight_that_is_no_number_is_told_with_file_row_and_column(weight: Any, base: Path, tmp_path: Path) -> None:
    rows = [one | {"w": 1} for one in notes(20)]
    rows[6]["w"] = weight
    task = open_task(write_task(tmp_path / "t", base, rows, notes(3, 500), "extraction", data={"weight": "w"}))
    with pytest.raises(InputError, match=r"train\.jsonl, line 7: the weight in the column `w` is .*; write a number"):
        prepare(task)


def test_a_column_of_weights_must_be_there_but_not_of_test_rows(base: Path, tmp_path: Path) -> None:
    rows = [one | {"w": 1} for one in notes(20)]
    weighted = write_task(tmp_path / "t", base, rows, notes(3, 500), "extraction", data={"weight": "w"})
    assert prepare(open_task(weighted)).splits.train[0].columns == {"w": 1}
    missing = write_task(tmp_path / "u", base, notes(20), notes(3, 500), "extraction", data={"weight": "w"})
    with pytest.raises(InputError, match=r"train\.jsonl has no column `w` \(`data.weight`\)"):
        prepare(open_task(missing))


@pytest.mark.parametrize(
    ("kind", "train", "fault"),
    [
        ("extraction", {"fact_weight": 2}, "`train.fact_weight` is for the kinds summarization and generation"),
        ("generation", {"field_weight": 2}, "`train.field_weight` is for the kinds extraction, code, sql"),
        ("generation", {"fact_weight": 0.5}, "`fact_weight`"),
        ("generation", {"label_smoothing": 1}, "`label_smoothing` under `train` must be below 1, not 1"),
        ("generation", {"label_smoothing": -0.1}, "`label_smoothing` under `train` must be at least 0, not -0.1"),
        ("classification", {"prefer": {}}, "not for `kind: classification`"),
        ("generation", {"prefer": {}}, "no measured KPI is hard"),
        ("extraction", {"prefer": {}, "method": "full"}, "set `prefer.reference: start`"),
        ("extraction", {"prefer": {"beta": 0}}, "`beta` under `prefer` of `train` must be above 0, not 0"),
        (
            "extraction",
            {"prefer": {"pairs": 3}},
            "unknown key `pairs` under `prefer` of `train`; known are `rows`, `samples`",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(kind: str, train: Any, fault: str, tmp_path: Path) -> None:
    task = {"task": "t", "kind": kind, "data": {"train": "x", "input": "a", "target": "b"}, "train": train}
    (tmp_path / "sartor.yaml").write_text(json.dumps(task))
    with pytest.raises(InputError) as error:
        load_task(tmp_path)
    assert fault in str(error.value)


def test_what_fails_is_paired_with_what_passes_else_with_the_target() -> None:
    mixed = {"a": False, "b": True, "c": False, "d": True, "e": False}
    assert paired(3, "t", mixed) == [Preference(3, "b", "a"), Preference(3, "d", "c"), Preference(3, "b", "e")]
    assert paired(0, "t", {"a": False, "t": False}) == [Preference(0, "t", "a")]  # nothing is preferred to itself
    assert paired(0, "t", {"a": True}) == paired(0, "t", {}) == []


def test_outputs_are_judged_by_the_measured_hard_kpis_alone() -> None:
    whole = spec("extraction")
    said = [(row('{"a":1,"b":2}'), text) for text in ('{"b": 2, "a": 1}', '{"a":1}', "no JSON")]
    assert passes(whole, said, {}) == [True, False, False]
    valid = whole.model_copy(update={"kpis": (KpiSpec(name="json_valid", hard=True),)})
    assert passes(valid, said, {}) == [True, True, False]
    assert passes(valid, [], {}) == []


def test_pairs_end_where_the_model_would_and_those_that_are_too_long_are_left_out() -> None:
    rows = [row("card")]
    found = [Preference(0, "card", "refund"), Preference(0, "card", "balance " * 30)]
    longest = len(RENDERER.reply_ids("refund")) + 5
    first, second = encoded(found, rows, RENDERER, longest, None)
    assert first.chosen.reply[-1] == first.rejected.reply[-1] == RENDERER.end_id
    assert second.rejected.reply[-1] != RENDERER.end_id  # it was cut
    assert len(encoded(found, rows, RENDERER, longest, len(first))) == 1


PREFER = {"rows": 12, "samples": 3, "epochs": 2, "learning_rate": 2e-3, "beta": 0.2}


def lora_b(folder: Path) -> list[torch.Tensor]:
    tensors = load_file(folder / "adapter_model.safetensors")
    return [tensor.flatten() for name, tensor in sorted(tensors.items()) if ".lora_B." in name]


def stages(task: Task, store: Store) -> tuple[Stages, Steps]:
    steps = Steps(store, task.spec.task, Here())
    return Stages(task, prepare(task), LoadedBase(task), store, steps, lambda *_: None), steps


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "plain"])
def test_preferences_go_on_from_the_supervised_adapter(plain: bool, base: Path, gpt2: Path, tmp_path: Path) -> None:
    train = {"epochs": 6, "rank": 4, "learning_rate": 0.01, "validation": 0}
    base = gpt2 if plain else base
    task = note_task(tmp_path / "task", base, train=train | {"prefer": PREFER}, generate={"shots": 0, "max_tokens": 24})
    store = Store.open(tmp_path / "store")
    made, steps = stages(task, store)
    with steps:
        preferred = made.train()
        again = made.train()
    assert again.step.reused
    assert again.folder == preferred.folder
    told = preferred.manifest["prefer"]
    assert told["pairs"] > 0
    assert told["outputs"] >= told["pairs"]
    assert (told["beta"], told["reference"]) == (0.2, "base")
    without, steps = stages(
        note_task(tmp_path / "plain", base, train=train, generate={"shots": 0, "max_tokens": 24}), store
    )
    with steps:
        supervised = without.train()
    assert supervised.step.reused  # the supervised part is the same
    assert supervised.manifest["hash"] != preferred.manifest["hash"]
    before, after = (torch.cat(lora_b(each.folder)) for each in (supervised, preferred))
    assert torch.cosine_similarity(before, after, dim=0) > 0.9  # a fresh adapter's would be zero
    assert supervised.manifest["recipe"] != preferred.manifest["recipe"]
    assert preferred.manifest["cost"] >= supervised.manifest["cost"]
    for item in ("computed_tokens", "supervised_tokens", "flops", "seconds", "energy_kwh"):
        assert preferred.manifest["meter"][item] > supervised.manifest["meter"][item]
    assert {path.name for path in preferred.folder.iterdir()} == {path.name for path in supervised.folder.iterdir()}


def test_drawn_pairs_are_the_same_again_and_kept(base: Path, tmp_path: Path) -> None:
    task = note_task(tmp_path / "task", base, train={"epochs": 4, "rank": 4, "learning_rate": 0.01, "prefer": PREFER})
    made, steps = stages(task, Store.open(tmp_path / "store"))
    prefer = task.spec.train.prefer
    assert prefer
    with steps:
        trained = made._supervise()
    rows = asked(made.prepared.learned, prefer, seed=0)
    assert len(rows) == 12
    ways = (task.spec, prefer, made.base, made.answering, trained.folder, rows, {}, lambda *_: None)
    found, again = draw(*ways), draw(*ways)
    assert found == again
    found.save(tmp_path / "pairs.json")
    assert Preferences.load(tmp_path / "pairs.json") == found


def test_where_all_outputs_pass_the_specialist_stays_as_it_is(base: Path, tmp_path: Path) -> None:
    kpis = [{"name": "json_valid", "hard": True}]  # which the constraint sees to
    train = {"epochs": 1, "rank": 4, "prefer": PREFER}
    made, steps = stages(note_task(tmp_path / "t", base, train=train, kpis=kpis), Store.open(tmp_path / "store"))
    with mock.patch("sartor.flows.run.draw", return_value=Preferences([], 5, 5)), steps:
        preferred, supervised = made.train(), made._supervise()
    assert preferred.manifest["prefer"]["pairs"] == 0
    assert preferred.manifest["hash"] == supervised.manifest["hash"]


TWICE = {"epochs": 2, "rank": 4, "learning_rate": 0.01, "prefer": PREFER | {"epochs": 1}}


@pytest.mark.parametrize(("scores", "kept"), [([0.5, 0.6], True), ([0.5, 0.5], False), ([0.6, 0.5], False)])
def test_what_pairs_teach_is_kept_only_where_validation_rows_are_answered_better(
    scores: list[float], kept: bool, base: Path, tmp_path: Path
) -> None:
    made, steps = stages(note_task(tmp_path / "t", base, train=TWICE), Store.open(tmp_path / "store"))
    with mock.patch("sartor.flows.run.first_kpi", side_effect=scores) as scored, steps:
        supervised, found = made._supervise(), made.train()
    assert scored.call_args_list[0].args[3] == supervised.folder
    assert {row.id for row in scored.call_args.args[4]} == {row.id for row in made.prepared.splits.validation}
    assert found.manifest["prefer"]["validation"] == scores
    assert found.manifest["prefer"]["kept"] == kept
    assert (found.manifest["hash"] == supervised.manifest["hash"]) == (not kept)


def test_the_first_kpi_is_scored_on_answers_that_the_specialist_would_give(base: Path, tmp_path: Path) -> None:
    made, steps = stages(note_task(tmp_path / "t", base, train=TWICE), Store.open(tmp_path / "store"))
    with steps:
        trained = made._supervise()
        answers = made.answer(made.specialist(trained)).answers
    test = made.prepared.splits.test
    judge = metric(made.spec.kpi_list[0].name, Scope.of(made.spec, test))
    ways = (made.spec, made.base, made.answering, trained.folder)
    assert first_kpi(*ways, test, {}, lambda *_: None) == judge.aggregate(judge.table(test, answers))
    less = made.spec.model_copy(update={"kpis": (KpiSpec(name="hallucinated_fields"),)})
    assert first_kpi(less, *ways[1:], test, {}, lambda *_: None) <= 0, "turned, so that more is better"


def test_label_smoothing_makes_another_adapter_of_another_recipe(base: Path, tmp_path: Path) -> None:
    found = []
    for place, smoothing in enumerate(({}, {"label_smoothing": 0.0}, {"label_smoothing": 0.2})):
        task = note_task(tmp_path / str(place), base, train={"epochs": 1, "rank": 4, **smoothing})
        made, steps = stages(task, Store.open(tmp_path / "store"))
        with steps:
            found.append(made.train())
    plain, zero, smooth = found
    assert zero.step.reused
    assert not smooth.step.reused
    assert "label_smoothing" not in plain.manifest
    assert smooth.manifest["label_smoothing"] == 0.2
    assert smooth.manifest["recipe"] != plain.manifest["recipe"]
    assert smooth.manifest["hash"] != plain.manifest["hash"]


def test_rows_of_weight_0_teach_nothing(base: Path, tmp_path: Path) -> None:
    rows = [one | {"w": n % 2} for n, one in enumerate(notes(24))]
    folder = write_task(
        tmp_path / "t", base, rows, notes(3, 500), "extraction", data={"weight": "w"}, train={"epochs": 1, "rank": 4}
    )
    made, steps = stages(open_task(folder), Store.open(tmp_path / "store"))
    with steps:
        trained = made.train()
    light = sum(example.columns["w"] == 0 for example in made.prepared.splits.train)
    assert trained.history.examples == len(made.prepared.splits.train) - light
    assert light > 0
    assert trained.manifest["weight"] == "w"
    none = replace(made.prepared.splits, train=[replace(e, columns={"w": 0}) for e in made.prepared.splits.train])
    made.prepared = replace(made.prepared, splits=none)
    made.versions = {"train": "other", "validation": "other", "test": "other"}
    with pytest.raises(InputError, match="every training row has the weight 0 in the column `w`"), steps:
        made.train()


def test_the_preflight_tells_what_the_weights_come_to(base: Path, tmp_path: Path, cache: Path) -> None:
    def said(name: str, rows: list[dict[str, Any]], kind: str = "extraction", **more: Any) -> dict[str, str]:
        folder = write_task(tmp_path / name, base, rows, notes(3, 500), kind, **more)
        return {
            one.text: one.level
            for one in check(open_task(folder)).findings
            if "weight" in one.text or "column" in one.text
        }

    weighted = [one | {"w": int(n > 1)} for n, one in enumerate(notes(24))]
    by = {"data": {"weight": "w"}, "train": {"validation": 0}}
    assert said("some", weighted, **by) == {"2 rows of weight 0 not trained on (first: train.jsonl:1)": "note"}
    [(text, level)] = said("none", [one | {"w": 0} for one in notes(24)], **by).items()
    assert (text, level) == ("every training row has the weight 0 in the column `w`", "error")
    texts = [{"text": f"{n} mg", "label": f"{n} mg", "f": ["9 ml"] if n == 3 else [f"{n} mg"]} for n in range(2, 30)]
    facts = {"data": {"facts": "f"}, "train": {"validation": 0, "fact_weight": 2}}
    assert said("facts", texts, "summarization", **facts) == {
        "1 row in whose answer nothing is found for `train.fact_weight` (first: train.jsonl:2)": "warning"
    }
    [(text, level)] = said("odd", [one | {"f": 5} for one in texts], "summarization", **facts).items()
    assert level == "error"
    assert "train.jsonl:1: the column `f` must hold a list of texts" in text


def test_the_page_says_what_the_preferences_were_made_of(base: Path, tmp_path: Path) -> None:
    train = {"epochs": 2, "rank": 4, "learning_rate": 0.01, "field_weight": 2, "prefer": PREFER}
    folder = note_task(tmp_path / "task", base, train=train, generate={"shots": 0, "max_tokens": 24}).folder
    result = sartor.open(folder).run()
    told = result.adapter.manifest["prefer"]
    page = result.report.read_text()
    assert f"field_weight 2.0; then {told['pairs']} pairs of preference, learning rate 0.002" in page
    assert f"({told['passed']} of {told['outputs']} outputs passed)" in page


def test_the_proof_says_of_every_kpi_whether_it_moved(base: Path, tmp_path: Path, capsys: Any) -> None:
    train = {"epochs": 1, "rank": 4, "field_weight": 3}
    folder = write_task(
        tmp_path / "t",
        base,
        notes(24),
        notes(8, 500),
        "extraction",
        train=train,
        generate={"shots": 0, "max_tokens": 16},
    )
    assert main(["run", str(folder), "--prove", "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    for title in ("field F1", "valid JSON", "exact match"):
        assert f"Training with field_weight showed no difference, with it against without: {title}" in said
    proof = sartor.open(folder).prove_training(2)
    assert proof.rows == {"with it": 24, "without": 24}
    assert {one.metric for one in proof.decisive} == {"field_f1", "json_valid", "exact_match"}


def test_there_is_nothing_to_prove_without_a_setting(base: Path, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "t", base, notes(24), notes(8, 500), "extraction")
    with pytest.raises(InputError, match="nothing to prove: the task sets none of data.weight, fact_weight"):
        sartor.open(folder).prove_training(2)


def test_a_sample_of_rows_is_asked() -> None:
    rows = [replace(row("x"), id=str(n)) for n in range(10)]
    assert len(asked(rows, PreferSpec(rows=4), 0)) == 4
    assert asked(rows, PreferSpec(), 0) == rows
    assert asked(rows, PreferSpec(rows=4), 0) != asked(rows, PreferSpec(rows=4), 1)


def test_what_is_learned_of_a_row_decides_whether_it_is_trained_again(base: Path, tmp_path: Path) -> None:
    rows = [one | {"w": 1, "other": 1} for one in notes(20)]
    task = open_task(write_task(tmp_path / "t", base, rows, notes(3, 500), "extraction", data={"weight": "w"}))
    before = prepare(task).splits.train
    other = [one | {"other": 2} for one in rows]
    assert (
        prepare(
            open_task(write_task(tmp_path / "u", base, other, notes(3, 500), "extraction", data={"weight": "w"}))
        ).splits.train
        == before
    )
    assert Answering.learn(task.spec, LoadedBase(task), before).schema
