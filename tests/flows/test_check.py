"""The preflight sees what training would see, and says what a careful person would want to know before paying."""

import json
from pathlib import Path

import pytest
import torch
from tests.tasks import LABELS, intents
from tests.tiny import tiny_gpt2

from sartor.errors import InputError
from sartor.flows.base import LoadedBase
from sartor.flows.check import check
from sartor.flows.cost import workload
from sartor.flows.prepare import prepare
from sartor.models.builtin import ENCODER
from sartor.train.batches import common_prefix, epoch_batches, micro_batches, most_tokens
from sartor.train.encode import encode


def test_shows_files_sides_lengths_and_cost(make_task):
    report = check(make_task(intents(40), intents(10, start=100), "classification"))
    assert report.rows == {"train": 36, "validation": 4, "test": 10}
    assert [(file.role, file.rows) for file in report.files] == [("train", 40), ("test", 10)]
    assert report.files[0].columns == ("text", "label")
    assert report.files[0].format.startswith("JSONL")
    assert len(report.lengths.values) == 40
    assert sum(count for _, _, count in report.lengths.bins) == 40
    assert report.lengths.limit == 512
    assert report.cost.seconds > 0
    assert report.cost.memory_bytes > 0
    assert report.cost.money is None
    assert report.findings == ()
    report.raise_for_errors()


def test_what_was_decided_in_reading_stands_among_the_notes(make_task):
    """Two annotators agree on the label of every row, and on the quality of none but the first."""
    records = [
        {
            "fields": {"text": row["text"]},
            "responses": {
                "quality": [{"value": quality, "user_id": who} for who, quality in (("ana", 1), ("ben", 1 + bool(n)))],
                "label": [{"value": row["label"], "user_id": who} for who in ("ana", "ben")],
            },
        }
        for n, row in enumerate(intents(40))
    ]
    notes = prepare(make_task(records, intents(10, start=100), "classification")).splits.notes
    assert notes[0] == "train.jsonl: 39 rows with a tie between answers to `quality`, so no target"


def test_renders_the_first_examples_with_the_reply_and_its_end_of_turn_supervised(make_task):
    report = check(make_task(intents(40), intents(10, start=100), prompt={"system": "Name the intent."}))
    first = report.rendered[0]
    assert len(report.rendered) == 2
    assert first.source.startswith("train.jsonl:")
    (prompt, no), (reply, yes) = first.spans
    assert (no, yes) == (False, True)
    assert prompt.startswith("<|im_start|>system\nName the intent.<|im_end|>")
    assert prompt.endswith("<|im_start|>assistant\n")
    assert reply in {f"{label}<|im_end|>" for label in LABELS}
    assert report.supervised_tokens > 36


def test_the_document_is_json_and_says_the_same(make_task):
    report = check(make_task(intents(40), intents(10, start=100), "classification"))
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert set(document) == {
        "task", "kind", "base", "files", "rows", "test", "split_notes", "findings", "rendered", "supervised_tokens",
        "longest_target", "lengths", "duplicates", "leakage", "agreement", "parts", "cost",
    }  # fmt: skip
    assert document["rendered"][0]["spans"][1]["supervised"] is True
    assert {part["name"]: part["train"] + part["validation"] for part in document["parts"]} == {
        "card": 14, "refund": 13, "balance": 13,
    }  # fmt: skip


def test_the_table_of_an_extraction_counts_rows_that_fill_a_field(make_task):
    rows = [{"text": f"note {n}", "label": {"dose": "5 mg", "drug": None if n % 2 else "x"}} for n in range(20)]
    report = check(make_task(rows, None, "extraction"))
    table = {part.name: part.train + part.validation + part.test for part in report.parts}
    assert table == {"dose": 20, "drug": 10}


def test_several_labels_a_row(make_task):
    rows = [{"text": f"case {n}", "label": ["a", "b"] if n % 2 else ["c"]} for n in range(30)]
    report = check(make_task(rows, None, "classification"))
    assert {part.name for part in report.parts} == {"a", "b", "c"}
    report.raise_for_errors()


def test_chat_rows_without_a_test_file(make_task):
    chat = [
        {"messages": [{"role": "user", "content": f"say {n}"}, {"role": "assistant", "content": f"{n}!"}]}
        for n in range(30)
    ]
    report = check(make_task(chat, data={"input": None, "target": None}, prompt={"messages": "messages"}))
    assert sum(report.rows.values()) == 30
    assert report.rows["test"] == 6
    report.raise_for_errors()


def test_duplicates_and_contradictions_are_counted_with_their_places(make_task):
    rows = [*intents(30), {"text": "Question number 0, please!", "label": "refund"}, intents(2)[1]]
    report = check(make_task(rows, intents(5, start=100)))
    assert report.repeated == 2
    assert report.contradictions == 1
    assert report.to_json()["duplicates"]["evidence"][0] == {
        "places": ["train.jsonl:1", "train.jsonl:31"], "same_target": False,
    }  # fmt: skip
    assert any("different answers" in text and "train.jsonl:31" in text for text in report.of_level("warning"))


def test_a_leak_is_a_warning_with_its_count_and_evidence(make_task):
    report = check(make_task(intents(30), [*intents(3), *intents(7, start=100)]))
    assert report.leaked == 3
    [warning] = report.of_level("warning")
    assert "3 of 10 test rows" in warning
    assert "train.jsonl:1 = test.jsonl:1" in warning
    report.raise_for_errors()


def test_a_question_with_another_answer_in_the_test_set_is_a_warning(make_task):
    report = check(make_task(intents(30), [{"text": "question number 1 PLEASE", "label": "card"}, *intents(9, 100)]))
    [warning] = report.of_level("warning")
    assert "1 test row with a question of training" in warning
    assert "1 of them with another answer" in warning


@pytest.mark.parametrize("data", [{}, {"rows": 10}, {"test_rows": 5}])
def test_a_test_file_that_is_the_training_file_is_an_error(make_task, data):
    report = check(make_task(intents(30), list(reversed(intents(30))), data=data))
    with pytest.raises(InputError, match=r"every test row of test\.jsonl is also in train\.jsonl"):
        report.raise_for_errors()


def test_a_patient_on_both_sides_is_a_warning(make_task):
    train, test = intents(20), intents(5, start=100)
    for row in (*train, *test):
        row["patient"] = "p" + row["label"]
    [warning] = check(make_task(train, test, data={"subject": "patient"})).of_level("warning")
    assert "`data.subject`" in warning


def test_a_row_that_is_too_long_is_an_error_unless_a_policy_is_named(make_task):
    rows = [*intents(30), {"text": "long " * 400, "label": "card"}]
    report = check(make_task(rows, intents(5, start=100)))
    with pytest.raises(InputError, match=r"train\.jsonl:31: [\d,]+ tokens.*limit is 512.*train\.overlong"):
        report.raise_for_errors()
    assert max(report.lengths.values) > 512
    for policy, what in (("drop", "left out"), ("cut", "cut from the left")):
        report = check(make_task(rows, intents(5, start=100), train={"overlong": policy}))
        report.raise_for_errors()
        assert any("1 row " + what in text for text in report.of_level("warning"))
        assert (report.lengths.dropped, report.lengths.cut) == ((1, 0) if policy == "drop" else (0, 1))


def test_every_row_too_long_leaves_nothing_to_train_on(make_task):
    train = {"max_length": 24, "overlong": "drop"}
    report = check(make_task(intents(30), intents(5, start=100), train=train))
    with pytest.raises(InputError, match=r"all 27 rows.* longer than 24 tokens"):
        report.raise_for_errors()


def test_an_answer_longer_than_the_limit_is_an_error_under_any_policy(make_task):
    rows = [*intents(30), {"text": "short", "label": "card " * 400}]
    report = check(make_task(rows, intents(5, start=100), train={"overlong": "cut"}))
    with pytest.raises(InputError, match=r"train\.jsonl:31: the answer alone"):
        report.raise_for_errors()


def test_a_test_row_that_the_base_cannot_read_is_named(make_task):
    report = check(make_task(intents(30), [*intents(4, start=100), {"text": "long " * 400, "label": "card"}]))
    with pytest.raises(InputError, match=r"1 test row longer than the 512 tokens.*test\.jsonl:5"):
        report.raise_for_errors()


def test_a_limit_above_the_base_is_refused(make_task):
    with pytest.raises(InputError, match="the base reads 512 tokens"):
        check(make_task(intents(30), train={"max_length": 4096}))


def test_a_budget_below_the_estimate_is_an_error_with_both_numbers(make_task):
    task = make_task(intents(30), train={"budget": 1e-9}, costs={"hour": 2.0, "currency": "EUR"})
    with pytest.raises(InputError, match=r"estimated at €.*`train\.budget` is €"):
        check(task).raise_for_errors()


def test_a_budget_without_a_price_is_a_warning(make_task):
    [warning] = check(make_task(intents(30), train={"budget": 1})).of_level("warning")
    assert "costs.hour" in warning


def test_the_workload_is_what_the_loop_computes(make_task):
    task = make_task(intents(70), train={"epochs": 2, "validation": 0.0})
    base = LoadedBase(task)
    rows = encode(prepare(task).splits.train, base.renderer, None, "error").rows
    work = workload(rows, [], task.spec, torch.float32, fast=True)
    prefix, most = common_prefix(rows), most_tokens(task.spec.train, torch.float32)
    batches = [
        batch
        for indices in epoch_batches([len(row) for row in rows], 4, task.spec.train.seed, 0)
        for batch in micro_batches([rows[index] for index in indices], prefix, 0, most)
    ]
    assert work.tokens == 2 * sum(batch.tokens for batch in batches)
    assert work.supervised == 2 * sum(len(batch.targets) for batch in batches)
    assert work.batch_tokens >= max(batch.tokens for batch in batches)
    assert workload(rows, [], task.spec, torch.float32, fast=False).tokens > work.tokens


def test_a_base_beyond_the_fast_path_is_announced(make_task, tmp_path):
    report = check(make_task(intents(30), base=str(tiny_gpt2(tmp_path))))
    assert any("plain path" in text and "gpt2" in text for text in report.of_level("note"))
    assert any("no chat template" in text for text in report.template_notes)
    report.raise_for_errors()


def test_a_named_gpu_at_a_price(make_task):
    report = check(make_task(intents(30), costs={"hour": 9.0}), gpu="A10 24GB", price=1.2)
    assert report.cost.machine == "A10 24GB"
    assert report.cost.money == pytest.approx(report.cost.seconds / 3600 * 1.2)
    assert check(make_task(intents(30), costs={"hour": 9.0}), gpu="A10 24GB").cost.money is None


def test_memory_beyond_the_machine_is_an_error(make_task, monkeypatch):
    monkeypatch.setattr("sartor.models.estimate.memory_here", lambda device: 1_000_000)
    report = check(make_task(intents(30)))
    assert any("layers are computed once more for the gradient" in finding.text for finding in report.findings)
    with pytest.raises(InputError, match=r"needs about .* of memory, and this machine \(cpu\) has 1 MB"):
        report.raise_for_errors()


def test_a_base_or_an_encoder_that_is_not_here_names_the_command(make_task):
    with pytest.raises(InputError, match="sartor models pull smollm2-135m-q4"):
        check(make_task(intents(30), base="smollm2-135m-q4"))
    ENCODER.path.rmdir()
    with pytest.raises(InputError, match="sartor models pull all-minilm-l6-v2"):
        check(make_task(intents(30), None, "classification")).raise_for_errors()


def test_an_endpoint_without_its_key_is_an_error(make_task, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    rival = {"endpoint": "http://127.0.0.1:9/v1", "model": "m", "key_env": "NO_SUCH_KEY"}
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        check(make_task(intents(30), rivals=[rival])).raise_for_errors()


def test_several_errors_are_one_sentence_that_counts_the_others(make_task):
    report = check(make_task(intents(30), intents(30), train={"budget": 1e-9}, costs={"hour": 2.0}))
    with pytest.raises(InputError, match=r"\(and 1 more problem\)$"):
        report.raise_for_errors()


def test_nothing_is_written(make_task):
    task = make_task(intents(30))
    before = sorted(Path(task.folder).rglob("*"))
    check(task)
    assert sorted(Path(task.folder).rglob("*")) == before
