"""Exports of Argilla and Label Studio are told by their content, and become a table with the answer of the most."""

import json
from pathlib import Path
from typing import Any

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.annotations import majority
from sartor.data.examples import build_examples
from sartor.data.guess import guess_task
from sartor.data.read import Quarantine, Table, read_rows
from sartor.errors import InputError
from sartor.task import DataSpec, Kind, PromptSpec, TaskSpec


def read(folder: Path, rows: Any, name: str = "export.json") -> Table:
    path = folder / name
    if path.suffix == ".parquet":
        polars.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        path.write_text(json.dumps(rows, indent=1))
    return read_rows(path)


VOTES = [["late", "late", "lost"], ["late", "lost"], ["lost"], []]
"""What ana, ben and cem answered about four rows, in this order."""
PEOPLE = ["ana", "ben", "cem"]


def v2(number: int) -> dict[str, Any]:
    answers = [{"value": value, "user_id": who} for who, value in zip(PEOPLE, VOTES[number], strict=False)]
    return {
        "id": f"r{number}",
        "fields": {"text": f"Parcel {number}?"},
        "metadata": {"customer": f"c{number}"},
        "suggestions": {"label": {"value": "late", "score": 0.9, "agent": "bert"}},
        "responses": {"label": answers} if answers else {},
        "vectors": {},
        "status": "completed",
        "_server_id": "b2f",
    }


def v1(number: int) -> dict[str, Any]:
    return {
        "fields": {"text": f"Parcel {number}?"},
        "metadata": {"customer": f"c{number}"},
        "suggestions": [
            {"question_name": "label", "type": "model", "score": 0.9, "value": "late", "agent": "bert"},
        ],
        "responses": [
            {"user_id": who, "values": {"label": {"value": value}}, "status": "submitted"}
            for who, value in zip(PEOPLE, VOTES[number], strict=False)
        ]
        + [{"user_id": "dan", "values": {"label": {"value": "lost"}}, "status": "draft"}]
        + [{"user_id": "eve", "values": None, "status": "discarded"}],
        "vectors": {},
        "external_id": f"r{number}",
        "id": "93c8",
    }


def flat(number: int) -> dict[str, Any]:
    return {
        "id": f"r{number}",
        "status": "completed",
        "_server_id": "b2f",
        "text": f"Parcel {number}?",
        "customer": f"c{number}",
        "label.responses": VOTES[number] or None,
        "label.responses.users": PEOPLE[: len(VOTES[number])] or None,
        "label.responses.status": ["submitted"] * len(VOTES[number]) or None,
        "label.suggestion": "late",
        "label.suggestion.score": 0.9,
        "label.suggestion.agent": "bert",
    }


def hugging_face_v1(number: int) -> dict[str, Any]:
    return {
        "text": f"Parcel {number}?",
        "label": [
            {"user_id": who, "value": value, "status": "submitted"}
            for who, value in zip(PEOPLE, VOTES[number], strict=False)
        ],
        "label-suggestion": "late",
        "label-suggestion-metadata": {"type": "model", "score": 0.9, "agent": "bert"},
        "external_id": f"r{number}",
        "metadata": json.dumps({"customer": f"c{number}"}),
    }


@pytest.mark.parametrize(
    ("record", "suffix"),
    [(record, suffix) for record in (v2, v1, flat, hugging_face_v1) for suffix in ("json", "jsonl")]
    + [(flat, "parquet"), (hugging_face_v1, "parquet")],
)
def test_every_export_of_argilla_becomes_the_same_table(tmp_path: Path, record: Any, suffix: str) -> None:
    table = read(tmp_path, [record(number) for number in range(4)], f"export.{suffix}")
    assert ", Argilla, " in table.format
    assert table.columns[-1] == "label"
    assert [row["label"] for row in table.rows] == ["late", None, "lost", None]
    assert [(row["id"], row["text"], row["customer"]) for row in table.rows[:2]] == [
        ("r0", "Parcel 0?", "c0"),
        ("r1", "Parcel 1?", "c1"),
    ]
    told = [
        (each["annotator"], each["answers"]["label"])
        for each in table.rows[0]["annotations"]
        if each["status"] == "submitted"
    ]
    assert told == [("ana", "late"), ("ben", "late"), ("cem", "lost")]
    assert table.rows[3]["suggestions"] == [{"annotator": "bert", "score": 0.9, "answers": {"label": "late"}}]
    assert [note.partition(": ")[2] for note in table.notes] == [
        "1 row with a tie between answers to `label`, so no target",
        "1 row without an answer to `label`, so no target",
    ]
    assert "_server_id" not in table.columns


def test_drafts_do_not_count_but_stay(tmp_path: Path) -> None:
    table = read(tmp_path, [v1(2)])
    assert table.rows[0]["label"] == "lost"
    assert [each["status"] for each in table.rows[0]["annotations"]] == ["submitted", "draft"]


def test_several_questions_of_several_kinds(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 6, "label": "THING"}, {"start": 7, "end": 8, "label": "N"}]
    record = v2(0)
    record["responses"] = {
        "topics": [{"value": ["a", "b"], "user_id": "ana"}, {"value": ["b", "a"], "user_id": "ben"}],
        "quality": [{"value": 3, "user_id": "ana"}, {"value": 4, "user_id": "ben"}],
        "where": [{"value": spans, "user_id": "ana"}],
    }
    (row,) = read(tmp_path, [record]).rows
    assert (row["topics"], row["quality"], row["where"]) == (["a", "b"], None, spans)
    assert [each["answers"] for each in row["annotations"]] == [
        {"topics": ["a", "b"], "quality": 3, "where": spans},
        {"topics": ["b", "a"], "quality": 4},
    ]


def test_names_that_are_taken_get_a_prefix(tmp_path: Path) -> None:
    record = v2(0)
    record["fields"] = {"id": "f", "label": "shown", "customer": "told"}
    (row,) = read(tmp_path, [record]).rows
    assert (row["id"], row["label"], row["customer"]) == ("f", "shown", "told")
    assert (row["record_id"], row["answer_label"], row["metadata_customer"]) == ("r0", "late", "c0")


def test_a_broken_record_is_refused_or_set_aside(tmp_path: Path) -> None:
    rows = [v2(0), v2(2), {**v2(1), "responses": {"label": [{"value": "late"}]}}, {**v2(3), "fields": "text"}]
    with pytest.raises(InputError, match=r"export.json, row 3: a broken Argilla record .* \(and 1 more row\)"):
        read(tmp_path, rows)
    quarantine: Quarantine = []
    table = read_rows(tmp_path / "export.json", quarantine=quarantine)
    assert [row["id"] for row in table.rows] == ["r0", "r2"]
    assert [aside.place for aside in quarantine] == ["export.json, row 3", "export.json, row 4"]


def task(number: int, *results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "data": {"text": f"Parcel {number}?"},
        "annotations": [
            {"id": 10 * number + at, "completed_by": at + 1, "result": result, "was_cancelled": False, "lead_time": 2.5}
            for at, result in enumerate(results)
        ],
        "predictions": [],
        "file_upload": "x.json",
        "meta": {},
        "created_at": "2024-05-06T07:08:09Z",
        **more,
    }


def choose(*labels: str, name: str = "label") -> list[dict[str, Any]]:
    value = {"choices": list(labels)}
    return [{"id": "a", "from_name": name, "to_name": "text", "type": "choices", "value": value}]


def write(*texts: str) -> list[dict[str, Any]]:
    return [
        {"id": text, "from_name": "summary", "to_name": "text", "type": "textarea", "value": {"text": [text]}}
        for text in texts
    ]


def mark(start: int, end: int, label: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": "Parcel"[start:end], "labels": [label]}
    return {"id": "m", "from_name": "ner", "to_name": "text", "type": "labels", "value": value}


def test_label_studio_tasks(tmp_path: Path) -> None:
    relation = {"type": "relation", "from_id": "m", "to_id": "n", "direction": "right"}
    table = read(
        tmp_path,
        [
            task(1, choose("late"), choose("late"), choose("lost")),
            task(2, choose("late"), choose("lost")),
            task(3, [*choose("lost"), *write("Where is it?"), mark(0, 3, "THING"), relation]),
            task(4),
        ],
    )
    assert ", Label Studio, " in table.format
    assert [row["label"] for row in table.rows] == ["late", None, "lost", None]
    assert [row["id"] for row in table.rows] == [1, 2, 3, 4]
    assert table.rows[2]["summary"] == "Where is it?"
    assert table.rows[2]["ner"] == [{"start": 0, "end": 3, "text": "Par", "label": "THING"}]
    assert [each["annotator"] for each in table.rows[0]["annotations"]] == ["1", "2", "3"]
    assert any("1 row with a tie between answers to `label`" in note for note in table.notes)


def test_ground_truth_decides_and_skipped_tasks_do_not_count(tmp_path: Path) -> None:
    truth, skipped = task(1, choose("late"), choose("late"), choose("lost")), task(2, choose("late"), choose("lost"))
    truth["annotations"][2]["ground_truth"] = True
    skipped["annotations"][0]["was_cancelled"] = True
    truth["annotations"][0]["completed_by"] = {"id": 7, "email": "ana@example.com"}
    table = read(tmp_path, [truth, skipped])
    assert [row["label"] for row in table.rows] == ["lost", "lost"]
    assert table.rows[0]["annotations"][0]["annotator"] == "ana@example.com"


def test_choices_are_lists_where_one_row_has_several(tmp_path: Path) -> None:
    table = read(tmp_path, [task(1, choose("late", "rude")), task(2, choose("lost"))])
    assert [row["label"] for row in table.rows] == [["late", "rude"], ["lost"]]


def test_predictions_are_suggestions(tmp_path: Path) -> None:
    guess = {"model_version": "m1", "score": 0.4, "result": choose("late")}
    (row,) = read(tmp_path, [task(1, predictions=[guess])]).rows
    assert row["suggestions"] == [{"annotator": "m1", "score": 0.4, "answers": {"label": "late"}}]
    assert row["label"] is None


def minimal(number: int, who: int, **answers: Any) -> dict[str, Any]:
    times = {"created_at": "2024-05-06T07:08:09Z", "updated_at": "2024-05-06T07:08:09Z", "lead_time": 2.5}
    return {"text": f"Parcel {number}?", "id": number, **answers, "annotator": who, "annotation_id": who, **times}


def test_json_min_has_a_row_per_annotation(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 3, "text": "Par", "labels": ["THING"]}]
    table = read(
        tmp_path,
        [
            minimal(1, 1, label="late"),
            minimal(1, 2, label="late"),
            minimal(2, 1, label="lost"),
            minimal(1, 3, label="lost"),
            minimal(2, 2, label="late"),
            minimal(3, 1, label="lost", ner=spans, stars=[{"rating": 4}]),
        ],
    )
    assert [(row["id"], row["text"], row["label"]) for row in table.rows] == [
        (1, "Parcel 1?", "late"),
        (2, "Parcel 2?", None),
        (3, "Parcel 3?", "lost"),
    ]
    assert table.rows[2]["ner"] == [{"start": 0, "end": 3, "text": "Par", "label": "THING"}]
    assert table.rows[2]["stars"] == 4
    assert [each["annotator"] for each in table.rows[0]["annotations"]] == ["1", "2", "3"]
    assert [table.place(row) for row in range(3)] == ["export.json, row 1", "export.json, row 3", "export.json, row 6"]


def test_a_broken_task_is_set_aside(tmp_path: Path) -> None:
    nameless = choose("late", name=" ")
    broken = [{**task(2), "data": "text"}, task(3, [{"from_name": "label"}]), task(5, meta=[1]), task(6, nameless)]
    rows = [task(1, choose("late")), *broken, task(4)]
    (tmp_path / "export.json").write_text(json.dumps(rows))
    quarantine: Quarantine = []
    table = read_rows(tmp_path / "export.json", quarantine=quarantine)
    assert [row["id"] for row in table.rows] == [1, 4]
    assert [aside.place for aside in quarantine] == [f"export.json, row {number}" for number in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    "row",
    [
        {"fields": "a,b", "responses": 3},
        {"data": "x", "annotations": "y"},
        {"data": {"x": 1}, "annotations": [{"bbox": [1, 2]}]},
        {"text": "x", "annotator": "ana", "label": "y"},
        {"text": "x", "responses": ["y"]},
    ],
)
def test_plain_columns_are_no_export(tmp_path: Path, row: dict[str, Any]) -> None:
    assert read(tmp_path, [row]).rows == [row]


def test_the_guess_takes_the_fields_and_the_answer(tmp_path: Path) -> None:
    guess = guess_task(read(tmp_path, [v2(number) for number in range(4)]))
    assert (guess.input, guess.target, guess.id) == ("text", "label", "id")
    assert guess_task(read(tmp_path, [task(n, choose(f"{n % 2}")) for n in range(9)])).input == "text"


VALUE = st.one_of(st.sampled_from(["a", "b"]), st.lists(st.sampled_from(["a", "b"]), max_size=2), st.integers(0, 1))


@given(st.lists(VALUE, max_size=7), st.randoms())
def test_a_majority_does_not_depend_on_the_order_of_answers(answers: list[Any], random: Any) -> None:
    def key(answer: Any) -> str:
        return json.dumps(sorted(answer) if isinstance(answer, list) else answer)

    counts = sorted((sum(key(each) == one for each in answers), one) for one in set(map(key, answers)))
    shuffled = list(answers)
    random.shuffle(shuffled)
    found = majority(shuffled)
    if not counts or (len(counts) > 1 and counts[-1][0] == counts[-2][0]):
        assert found is None
    else:
        assert key(found) == counts[-1][1]


def learning(kind: Kind = "classification", target: str | None = "label", **more: Any) -> TaskSpec:
    prompt = PromptSpec(target=more.pop("template", None))
    return TaskSpec(task="t", kind=kind, data=DataSpec(train="-", input="text", target=target, **more), prompt=prompt)


@pytest.mark.parametrize("record", [v2, v1, flat])
def test_what_people_answered_goes_with_the_examples(tmp_path: Path, record: Any) -> None:
    examples = build_examples(read(tmp_path, [record(0), record(2)]), learning())
    assert [example.annotations for example in examples] == [
        (("ana", "late"), ("ben", "late"), ("cem", "lost")),
        (("ana", "lost"),),
    ]


def test_so_they_do_from_columns_that_each_belong_to_a_person(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label,ana,ben\nIs it late?,late,late,lost\nIs it lost?,lost,lost,\n")
    examples = build_examples(read_rows(file), learning(annotations=("ana", "ben")))
    assert [example.annotations for example in examples] == [(("ana", "late"), ("ben", "lost")), (("ana", "lost"),)]
    with pytest.raises(InputError, match="did you mean `ben`"):
        build_examples(read_rows(file), learning(annotations=("ana", "bene")))
    assert build_examples(read_rows(file), learning(annotations=("cem",)))[0].annotations == ()


def test_a_table_may_hold_them_as_an_export_does_as_json_or_its_text(tmp_path: Path) -> None:
    said = [{"annotator": "ana", "answers": {"label": "late"}}, {"annotator": "ben", "answers": {"label": "lost"}}]
    skipped = {"annotator": "cem", "status": "skipped", "answers": {"label": "lost"}}
    other = {"annotator": "dan", "answers": {"mood": "angry"}}
    row = {"text": "Is it late?", "label": "late"}
    for annotations in ([*said, skipped, other], json.dumps([*said, skipped, other])):
        [example] = build_examples(read(tmp_path, [row | {"annotations": annotations}], "rows.jsonl"), learning())
        assert example.annotations == (("ana", "late"), ("ben", "lost"))
    [example] = build_examples(read(tmp_path, [row | {"annotations": "none yet"}], "rows.jsonl"), learning())
    assert example.annotations == ()


def test_an_answer_is_written_as_a_target_would_be(tmp_path: Path) -> None:
    votes = [
        {"annotator": "ana", "answers": {"labels": ["late", "lost"]}},
        {"annotator": "ben", "answers": {"labels": "lost"}},
    ]
    rows = [{"text": "Where is it?", "labels": ["late"], "annotations": votes}]
    [example] = build_examples(read(tmp_path, rows, "rows.jsonl"), learning(target="labels"))
    assert example.annotations == (("ana", "late; lost"), ("ben", "lost"))
    doses = [
        {"annotator": "ana", "answers": {"drug": "aspirin", "dose": 5}},
        {"annotator": "ben", "answers": {"dose": 50}},
    ]
    rows = [{"text": "Aspirin 5", "drug": "aspirin", "dose": 5, "annotations": doses}]
    spec = learning("extraction", None, template='{"drug": "{drug}", "dose": {dose}}')
    [example] = build_examples(read(tmp_path, rows, "rows.jsonl"), spec)
    assert example.annotations == (("ana", '{"drug":"aspirin","dose":5}'), ("ben", '{"drug":"aspirin","dose":50}'))


def test_an_answer_that_can_be_no_target_is_named_with_its_person(tmp_path: Path) -> None:
    rows = [{"text": "Aspirin 5", "record": {"dose": 5}, "ana": "5 mg"}]
    with pytest.raises(InputError, match="line 1.* in the answer of `ana`, the target is not JSON"):
        build_examples(read(tmp_path, rows, "rows.jsonl"), learning("extraction", "record", annotations=("ana",)))


def test_answers_to_questions_are_none_where_the_target_is_in_a_conversation(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows = [{"messages": chat, "annotations": [{"annotator": "ana", "answers": {"label": "late"}}], "ana": "Hey"}]
    spec = {"task": "t", "kind": "generation", "prompt": {"messages": "messages"}}
    table = read(tmp_path, rows, "rows.jsonl")
    assert build_examples(table, TaskSpec(**spec, data=DataSpec(train="-")))[0].annotations == ()
    [example] = build_examples(table, TaskSpec(**spec, data=DataSpec(train="-", annotations=("ana",))))
    assert example.annotations == (("ana", "Hey"),)
    with pytest.raises(InputError, match="`annotations` holds answers to questions"):
        build_examples(table, TaskSpec(**spec, data=DataSpec(train="-", annotations=("annotations",))))
