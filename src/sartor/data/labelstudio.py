"""Label Studio's exports: tasks as JSON, and JSON-MIN, which has one row per annotation."""

from collections.abc import Mapping
from typing import Any

from sartor.data.annotations import DECISIVE, SUBMITTED, Annotated, annotated_table
from sartor.data.quarantine import Quarantine
from sartor.data.table import Table, without

Row = Mapping[str, Any]
_MIN = ("annotator", "annotation_id", "lead_time")
_BOOKKEEPING = (*_MIN, "id", "created_at", "updated_at", "agreement")


def read_label_studio(table: Table, quarantine: Quarantine | None = None) -> Table | None:
    """The tasks as a plain table; None where the table is no export of Label Studio's. Broken tasks are set aside."""
    if set(_MIN) <= set(table.columns):
        return _read_min(table)
    if not {"data", "annotations"} <= set(table.columns):
        return None
    if sum(map(_is_task, table.rows)) <= len(table.rows) / 2:
        return None
    items, problems = list[Annotated](), list[tuple[int, str]]()
    for index, row in enumerate(table.rows):
        try:
            items.append(_task(row))
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append((index, "not a task as Label Studio writes it; export it again"))
    table.refuse(problems, quarantine)
    return annotated_table(without(table, {index for index, _ in problems}, quarantine), "Label Studio", items)


def _is_task(row: Row) -> bool:
    annotations = row["annotations"]
    lists = isinstance(annotations, list) and all(isinstance(each, dict) and "result" in each for each in annotations)
    return isinstance(row["data"], dict) and lists


def _task(row: Row) -> Annotated:
    if not _is_task(row):
        raise ValueError
    annotations = [
        {
            "annotator": _person(each.get("completed_by")),
            "status": _status(each),
            "answers": _answers(each["result"] or []),
        }
        for each in row["annotations"]
    ]
    suggestions = [
        {
            "annotator": each.get("model_version") or "",
            "score": each.get("score"),
            "answers": _answers(each["result"] or []),
        }
        for each in row.get("predictions") or []
        if isinstance(each, dict)  # some exports hold their ids only
    ]
    record = {} if row.get("id") is None else {"id": row["id"]}
    return Annotated(row["data"], record, row.get("meta") or {}, annotations, suggestions)


def _status(annotation: Row) -> str:
    if annotation.get("was_cancelled"):
        return "skipped"
    return DECISIVE if annotation.get("ground_truth") else SUBMITTED


def _person(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return "" if completed_by is None else str(completed_by)


def _answers(result: list[Row]) -> dict[str, Any]:
    """By question, what a result says. Relations between regions belong to no question, and are not read."""
    values: dict[str, list[dict[str, Any]]] = {}
    for each in result:
        if "from_name" in each:
            values.setdefault(each["from_name"], []).append(dict(each["value"]))
    return {question: _answer(several) for question, several in values.items()}


def _answer(values: list[dict[str, Any]]) -> Any:
    """Choices and texts: one as text, several as a list. Regions: a list of them, the label of each under `label`."""
    if any(len(value) > 1 for value in values):
        return [_region(value) for value in values]
    items: list[Any] = []
    for value in values:
        for item in value.values():
            items += item if isinstance(item, list) else [item]
    return items[0] if len(items) == 1 else items or None


def _region(value: dict[str, Any]) -> dict[str, Any]:
    kind = next((key for key, item in value.items() if key.endswith("labels") and isinstance(item, list)), None)
    if kind is None or len(value[kind]) != 1:
        return value
    return {**{key: item for key, item in value.items() if key != kind}, "label": value[kind][0]}


def _read_min(table: Table) -> Table:
    """Rows of one `id` are one task. What comes before `id` is the task's data, what comes after are answers."""
    columns = list(table.columns)
    begin = columns.index("id") if "id" in columns else columns.index("annotator")
    questions = [column for column in columns[begin:] if column not in _BOOKKEEPING]
    firsts, tasks = list[int](), dict[Any, Annotated]()
    for index, row in enumerate(table.rows):
        key = index if row.get("id") is None else str(row["id"])
        if key not in tasks:
            record = {"id": row["id"]} if "id" in row else {}
            tasks[key] = Annotated({column: row[column] for column in columns[:begin]}, record)
            firsts.append(index)
        answers = {column: _min_answer(row[column]) for column in questions if row[column] is not None}
        who = _person(row["annotator"])
        tasks[key].annotations.append({"annotator": who, "status": SUBMITTED, "answers": answers})
    merged = without(table, set(range(len(table.rows))) - set(firsts), None)
    return annotated_table(merged, "Label Studio", list(tasks.values()))


def _min_answer(value: Any) -> Any:
    if isinstance(value, dict):
        return _answer([value])
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return _answer(value)
    return value
