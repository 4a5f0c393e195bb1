"""Argilla's exports: records as its versions 1 and 2 write them, nested (JSON) or flat (Hugging Face datasets)."""

from collections.abc import Callable, Mapping
from typing import Any

from sartor.data.annotations import SUBMITTED, Annotated, annotated_table
from sartor.data.jsontext import NotJsonError, parse_json
from sartor.data.quarantine import Quarantine
from sartor.data.table import Table, without

Row = Mapping[str, Any]
_BOOKKEEPING = ("_server_id", "vectors", "inserted_at", "updated_at")


def read_argilla(table: Table, quarantine: Quarantine | None = None) -> Table | None:
    """The records as a plain table; None where the table is no export of Argilla's. Broken records are set aside."""
    read = _reader(table)
    if read is None:
        return None
    items, problems = list[Annotated](), list[tuple[int, str]]()
    for index, row in enumerate(table.rows):
        try:
            items.append(read(row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = str(error) if isinstance(error, ValueError) else "not as Argilla writes it"
            problems.append((index, f"a broken Argilla record ({problem}); export it again"))
    table.refuse(problems, quarantine)
    return annotated_table(without(table, {index for index, _ in problems}, quarantine), "Argilla", items)


def _reader(table: Table) -> Callable[[Row], Annotated] | None:
    """How to read a row, by the columns that only such an export has."""
    has = set(table.columns)
    if "fields" in has and has & {"responses", "suggestions"}:
        objects = sum(isinstance(row["fields"], dict) for row in table.rows)
        return _nested if objects > len(table.rows) / 2 else None
    suffixes = (".responses.users", ".suggestion.agent")
    stems = [column.removesuffix(end) for column in table.columns for end in suffixes if column.endswith(end)]
    if questions := list(dict.fromkeys(stems)):
        return lambda row: _flat(row, questions)
    older = [column for column in table.columns if {f"{column}-suggestion", f"{column}-suggestion-metadata"} <= has]
    return (lambda row: _flat_v1(row, older)) if older else None


def _nested(row: Row) -> Annotated:
    if not isinstance(row["fields"], dict):
        raise ValueError("`fields` is no object")
    given, suggested = row.get("responses") or [], row.get("suggestions") or []
    if isinstance(given, dict):  # version 2: by question
        answers = [(question, each) for question, several in given.items() for each in several or []]
        annotations = _by_person(
            (question, each["user_id"], each.get("status"), each["value"]) for question, each in answers
        )
    else:  # version 1: by person
        annotations = _by_person(
            (question, each["user_id"], each.get("status"), value["value"])
            for each in given
            for question, value in (each.get("values") or {}).items()
            if value
        )
    if isinstance(suggested, dict):
        suggested = [{"question_name": question, **each} for question, each in suggested.items() if each]
    suggestions = [
        _suggestion(each["question_name"], each["value"], each.get("score"), each.get("agent")) for each in suggested
    ]
    record = _record(row, {"fields", "responses", "suggestions", "metadata", "external_id"})
    record["id"] = row.get("id") if row.get("external_id") is None else row["external_id"]
    return Annotated(row["fields"], record, _object(row.get("metadata")), annotations, suggestions)


def _flat(row: Row, questions: list[str]) -> Annotated:
    """Version 2: columns `label.responses`, `.responses.users`, `.responses.status`, `label.suggestion`, …"""
    used, answers, suggestions = set[str](), [], []
    for question in questions:
        stem = f"{question}.responses"
        values = row.get(stem) or []
        people, statuses = (row.get(f"{stem}.{what}") or [None] * len(values) for what in ("users", "status"))
        answers += [(question, *each) for each in zip(people, statuses, values, strict=True)]
        hint = f"{question}.suggestion"
        if row.get(hint) is not None:
            suggestions.append(_suggestion(question, row[hint], row.get(f"{hint}.score"), row.get(f"{hint}.agent")))
        used |= {stem, f"{stem}.users", f"{stem}.status", hint, f"{hint}.score", f"{hint}.agent"}
    record = {name: row[name] for name in ("id", "status") if name in row}
    fields = _record(row, {*used, *record})
    return Annotated(fields, record, {}, _by_person(answers), suggestions)


def _flat_v1(row: Row, questions: list[str]) -> Annotated:
    """Version 1: columns `label` (a list of responses), `label-suggestion`, `label-suggestion-metadata`."""
    used, answers, suggestions = set[str](), [], []
    for question in questions:
        answers += [(question, each["user_id"], each.get("status"), each["value"]) for each in row.get(question) or []]
        hint = f"{question}-suggestion"
        if row.get(hint) is not None:
            told = row.get(f"{hint}-metadata") or {}
            suggestions.append(_suggestion(question, row[hint], told.get("score"), told.get("agent")))
        used |= {question, hint, f"{hint}-metadata"}
    fields = _record(row, {*used, "external_id", "metadata"})
    record = {"id": row["external_id"]} if row.get("external_id") is not None else {}
    return Annotated(fields, record, _object(row.get("metadata")), _by_person(answers), suggestions)


def _by_person(answers: Any) -> list[dict[str, Any]]:
    """One annotation for each person (and status) of (question, person, status, value). Old exports have no status."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for question, person, status, value in answers:
        who = "" if person is None else str(person)
        status = status or SUBMITTED
        annotation = found.setdefault((who, status), {"annotator": who, "status": status, "answers": {}})
        annotation["answers"][question] = value
    return list(found.values())


def _suggestion(question: str, value: Any, score: Any, agent: Any) -> dict[str, Any]:
    return {"annotator": agent or "", "score": score, "answers": {question: value}}


def _record(row: Row, but: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in but and name not in _BOOKKEEPING}


def _object(value: Any) -> dict[str, Any]:
    """Metadata, which some exports hold as JSON text."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except NotJsonError:
            raise ValueError("`metadata` is no JSON") from None
    if value is not None and not isinstance(value, dict):
        raise ValueError("`metadata` is no object")
    return value or {}
