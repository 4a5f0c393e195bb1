"""A system answers new rows as it answered the test set; what is not the same system any more is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.running import (
    Finished,
    notes,
    on_a_small_machine,  # noqa: F401 (a fixture)
)
from tests.tasks import LABELS, intents
from tests.tiny import CHAT_TEMPLATE, tiny_llama

from sartor.data.read import read_rows
from sartor.data.table import Table, make_table
from sartor.errors import InputError, SystemFailure
from sartor.flows.predict import predict
from sartor.flows.prepare import Task
from sartor.store import Store

pytestmark = pytest.mark.usefixtures("cache")


def table(rows: list[dict[str, Any]]) -> Table:
    return make_table("rows", "Python", rows, range(1, len(rows) + 1), "row")


def scored(finished: Finished, system: str) -> list[str]:
    """What a system answered to the test set in the run."""
    [card] = [card for card in finished.result.scorecards if card.system == system]
    return [row.text for row in card.rows]


@pytest.mark.parametrize(
    ("asked", "system"),
    [("small", "specialist"), ("small@1", "specialist"), ("zero-shot", "zero-shot"), ("2-shot", "2-shot")],
)
def test_a_system_answers_the_test_rows_as_it_did_in_the_run(asked: str, system: str, finished: Finished) -> None:
    test = read_rows(finished.task.folder / "test.jsonl")
    answers = predict(finished.task, finished.store, asked, test)
    assert [answer.answer for answer in answers] == scored(finished, system)


def test_rows_need_no_target_and_keep_their_order(finished: Finished) -> None:
    rows = [{"text": row["text"]} for row in notes(7, start=300)]
    answers = predict(finished.task, finished.store, "small", table(rows))
    assert [answer.id for answer in answers] == [str(n) for n in range(1, 8)]
    backwards = predict(finished.task, finished.store, "small", table(rows[::-1]))
    assert [answer.answer for answer in backwards[::-1]] == [answer.answer for answer in answers]
    for answer in answers:
        document = answer.to_json()
        assert set(document) == {"id", "answer", "others", "probability", "finish"}
        assert (document["others"], document["probability"]) == ((), None)
        if document["finish"] == "stop":  # else it ends where the room for an answer does
            assert set(json.loads(document["answer"])) == {"drug", "given"}
    assert "stop" in {answer.finish for answer in answers}


def test_an_adapter_keeps_the_prompt_that_it_was_trained_with(finished: Finished) -> None:
    prompt = finished.task.spec.prompt.model_copy(update={"system": "Say nothing."})
    changed = Task(finished.task.folder, finished.task.spec.model_copy(update={"prompt": prompt}))
    rows = table(notes(4, start=300))
    assert predict(changed, finished.store, "small", rows) == predict(finished.task, finished.store, "small", rows)
    assert predict(changed, finished.store, "zero-shot", rows) != predict(
        finished.task, finished.store, "zero-shot", rows
    )


def test_a_classifier_gives_the_probability_of_its_answer(make_task) -> None:
    task = make_task(intents(30), intents(6, start=100), "generation", train={"epochs": 1, "rank": 2})
    classifier = Task(task.folder, task.spec.model_copy(update={"kind": "classification"}))
    store = Store.open(task.folder / ".sartor")
    for answer in predict(classifier, store, "zero-shot", table(intents(5, start=200))):
        assert answer.answer in LABELS
        assert answer.probability is not None
        assert 1 / 3 < answer.probability <= 1


@pytest.mark.usefixtures("letters")
def test_of_several_labels_a_probability_stands_beside_an_answer_of_one(make_task) -> None:
    rows = [{"text": "case " + "ab" * n + "yz" * m, "label": ["early"] * (n > 1) + ["late"] * (m > 1) or ["none"]}
            for n in range(6) for m in range(6)]  # fmt: skip
    task = make_task(rows, rows[:4], "classification", data={"labels": "multi"})
    given = predict(task, Store.open(task.folder / ".sartor"), "encoder + linear", table(rows))
    one, several = ([each for each in given if ("; " in each.answer) == many] for many in (False, True))
    assert one and all(0.3 < each.probability < 1 for each in one)
    assert several and all(each.probability is None for each in several)


def with_base(finished: Finished, base: Path) -> Task:
    return Task(finished.task.folder, finished.task.spec.model_copy(update={"base": str(base)}))


def test_another_base_is_refused_with_both_hashes_and_the_ways_out(finished: Finished, tmp_path: Path) -> None:
    other = with_base(finished, tiny_llama(tmp_path, seed=1))
    with pytest.raises(InputError) as error:
        predict(other, finished.store, "small", table(notes(2)))
    trained_on = finished.result.adapter.manifest["base_hash"][:12]
    assert f"small@1 was trained on another base ({trained_on}) than `base: {other.spec.base}` has" in str(error.value)
    assert "train anew with `sartor run`" in str(error.value)


def test_the_same_weights_with_another_template_are_another_base(finished: Finished, tmp_path: Path) -> None:
    base = tiny_llama(tmp_path)
    (base / "chat_template.jinja").write_text(CHAT_TEMPLATE.replace("assistant", "helper"))
    with pytest.raises(InputError, match="was trained on another base"):
        predict(with_base(finished, base), finished.store, "small", table(notes(2)))


def test_the_same_base_elsewhere_is_the_same_base(finished: Finished, tmp_path: Path) -> None:
    rows = table(notes(2, start=300))
    moved = predict(with_base(finished, tiny_llama(tmp_path)), finished.store, "small", rows)
    assert moved == predict(finished.task, finished.store, "small", rows)


def test_an_unknown_system_is_answered_with_those_that_there_are(finished: Finished) -> None:
    with pytest.raises(InputError, match="^no system 'smal': there are small, zero-shot, 2-shot$"):
        predict(finished.task, finished.store, "smal", table(notes(2)))
    with pytest.raises(InputError, match="no adapter 'small@7': there are small@1"):
        predict(finished.task, finished.store, "small@7", table(notes(2)))
    with pytest.raises(InputError, match="no adapter named 'other'"):
        predict(finished.task, finished.store, "other@1", table(notes(2)))


def test_a_column_that_is_missing_is_named(finished: Finished) -> None:
    with pytest.raises(InputError, match=r"rows has no column `text` \(`data\.input`\)"):
        predict(finished.task, finished.store, "small", table([{"note": "3 mg of iron"}]))


def test_a_damaged_adapter_is_refused(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.store.root, tmp_path / "store")
    [weights] = (tmp_path / "store").glob("folders/adapters/*/adapter_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(SystemFailure, match="the files of small@1 are damaged"):
        predict(finished.task, Store.open(tmp_path / "store"), "small", table(notes(2)))
