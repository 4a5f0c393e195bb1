"""Rows that several people answered, as a labelling tool exports them, become a table with one target per question.

The target is the answer that most annotators gave; where none, or several equally often, it is None. Everybody's answer
stays in the column `annotations`, what models suggested in `suggestions`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from sartor.data.jsontext import NotJsonError, compact, parse_json
from sartor.data.table import Table
from sartor.errors import InputError

SUBMITTED, DECISIVE = "submitted", "ground truth"
"""Statuses of annotations that count. Where there are decisive ones, only these do."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """One row of a labelling tool. Raises ValueError where it holds no objects, or a name that no column can have."""

    fields: dict[str, Any]
    """What annotators see."""
    record: dict[str, Any]
    """What the tool says of the row: its `id`, `status`."""
    metadata: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    """Each `{"annotator": …, "status": …, "answers": {question: value}}`."""
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    """Each `{"annotator": …, "score": …, "answers": {question: value}}`."""

    def __post_init__(self) -> None:
        answers = [opinion["answers"] for opinion in (*self.annotations, *self.suggestions)]
        for group in (self.fields, self.metadata, *answers):
            if not isinstance(group, dict):
                raise ValueError("fields, metadata or answers are no object")
            if not all(isinstance(name, str) and name.strip() for name in group):
                raise ValueError("a field, a question or a key of the metadata has no name")


def annotated_table(table: Table, tool: str, items: Sequence[Annotated]) -> Table:
    """The table with an item a row: fields, id and status, metadata, annotations, suggestions, and the targets last.

    A name that is taken gets a prefix: `record_`, `metadata_` or `answer_`. The notes count rows without a target.
    """
    opinions = [opinion for item in items for opinion in (*item.annotations, *item.suggestions)]
    questions = list(dict.fromkeys(question for opinion in opinions for question in opinion["answers"]))
    for question in questions:
        _as_lists(question, opinions)
    names = distinct_names(
        ("field", [name for item in items for name in item.fields]),
        ("record", [name for item in items for name in item.record]),
        ("metadata", [name for item in items for name in item.metadata]),
        ("record", ["annotations", "suggestions"]),
        ("answer", questions),
    )
    rows, ties, open_ = list[dict[str, Any]](), Counter[str](), Counter[str]()
    for item in items:
        row: dict[str, Any] = dict.fromkeys(names.values())
        for group, values in (("field", item.fields), ("record", item.record), ("metadata", item.metadata)):
            row.update({names[group, name]: value for name, value in values.items()})
        row[names["record", "annotations"]] = item.annotations
        row[names["record", "suggestions"]] = item.suggestions
        for question in questions:
            answers = _answers(item, question)
            row[names["answer", question]] = target = majority(answers)
            ties[question] += target is None and bool(answers)
            open_[question] += not answers
        rows.append(row)
    notes = [
        f"{table.name}: {count:,} row{'s' * (count != 1)} {what} to `{names['answer', question]}`, so no target"
        for question in questions
        for count, what in ((ties[question], "with a tie between answers"), (open_[question], "without an answer"))
        if count
    ]
    description = f"{table.format.rpartition(', ')[0]}, {tool}, {len(names)} columns"
    return replace(table, format=description, columns=tuple(names.values()), rows=rows, notes=(*table.notes, *notes))


def holds_opinions(table: Table, column: str) -> bool:
    """Whether a column is `annotations` or `suggestions` as above, so neither an input nor a target."""
    found = [row[column] for row in table.rows]
    return any(found) and all(opinions(cell) is not None for cell in found)


def opinions(cell: Any) -> list[dict[str, Any]] | None:
    """What a cell of such a column holds, a list or its JSON; None where it is no such cell."""
    if isinstance(cell, str) and cell.startswith("["):
        try:
            cell = parse_json(cell)
        except NotJsonError:
            return None
    if isinstance(cell, list) and all(
        isinstance(each, dict) and isinstance(each.get("answers"), dict) for each in cell
    ):
        return cell
    return None


def people(
    table: Table, columns: Sequence[str], asked: Set[str], read: Callable[[Mapping[str, Any]], Any]
) -> Callable[[Mapping[str, Any]], Iterator[tuple[str, Any]]]:
    """What gives a row's (annotator, answer): drafts and skipped ones are no answers.

    A column of `columns` is a person's, or like `annotations`; where none is named, `annotations` is meant where there is
    such a one. Its answers are to questions: `asked` are the target's, and `read` makes a target of a row in which the
    person's answers stand. A table with none of the columns has no annotations, such as one of test rows. Raises
    InputError for a table with only some of them, and for a named column of answers to questions where the target has none.
    """
    if not columns and asked and "annotations" in table.columns and holds_opinions(table, "annotations"):
        columns = ("annotations",)
    elif not set(columns) & set(table.columns):
        columns = ()
    for column in columns:
        table.require(column, "`data.annotations`")
    opinionated = {column for column in columns if holds_opinions(table, column)}
    if opinionated and not asked:
        problem = (
            f"{table.name}: `{min(opinionated)}` holds answers to questions, and the target is part of a conversation"
        )
        raise InputError(f"{problem}; name columns of whole answers, one a person, as `data.annotations`")

    def answers(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for column in columns:
            if column not in opinionated:
                if row[column] not in (None, []) and str(row[column]).strip():
                    yield column, row[column]
                continue
            for each in opinions(row[column]) or ():
                given = {f"answer_{q}" if f"answer_{q}" in row else q: answer for q, answer in each["answers"].items()}
                stands = each.get("status", SUBMITTED) in (SUBMITTED, DECISIVE)
                if stands and any(given.get(column) is not None for column in asked):
                    yield str(each.get("annotator") or ""), read({**row, **given})

    return answers


def majority(answers: Sequence[Any]) -> Any:
    """The most frequent answer; None where there is none, or several are. The order of a list's items is no difference."""
    counts = Counter(map(_key, answers))
    (first, most), *others = counts.most_common(2) or [("", 0)]
    if not most or (others and others[0][1] == most):
        return None
    return next(answer for answer in answers if _key(answer) == first)


def _answers(item: Annotated, question: str) -> list[Any]:
    """The answers that count: those that were submitted, or of them the decisive ones."""
    by_status: dict[str, list[Any]] = {SUBMITTED: [], DECISIVE: []}
    for annotation in item.annotations:
        if annotation["status"] in by_status and annotation["answers"].get(question) is not None:
            by_status[annotation["status"]].append(annotation["answers"][question])
    return by_status[DECISIVE] or by_status[SUBMITTED]


def _key(answer: Any) -> str:
    return compact(sorted(answer, key=compact) if isinstance(answer, list) else answer)


def _as_lists(question: str, opinions: Iterable[dict[str, Any]]) -> None:
    """Where some answers to a question are lists of texts, and others one text, make them all lists."""
    answers = [opinion["answers"] for opinion in opinions if question in opinion["answers"]]
    texts = [each for each in answers if isinstance(each[question], str)]
    lists = (each[question] for each in answers if isinstance(each[question], list))
    if texts and any(isinstance(item, str) for items in lists for item in items):
        for each in texts:
            each[question] = [each[question]]


def distinct_names(*groups: tuple[str, list[str]]) -> dict[tuple[str, str], str]:
    """A column for every (group, name): the name itself for who comes first, later ones with their group before it."""
    names: dict[tuple[str, str], str] = {}
    taken = set[str]()
    for group, members in groups:
        for name in dict.fromkeys(members):
            column = name
            while column in taken:
                column = f"{group}_{column}"
            taken.add(column)
            names[group, name] = column
    return names
