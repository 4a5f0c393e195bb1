"""Dataset versions: an immutable set of examples, known by the hash of its content, at rest as Parquet."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars

from sartor.data.example import Example, Message
from sartor.errors import SystemFailure

_TURN = polars.Struct({"role": polars.String, "content": polars.String})
_SCHEMA: dict[str, polars.DataType | type[polars.DataType]] = {
    "id": polars.String,
    "messages": polars.List(_TURN),
    "target": polars.String,
    "labels": polars.List(polars.String),
    "group": polars.String,
    "subject": polars.String,
    "annotations": polars.List(polars.List(polars.String)),
    "columns": polars.String,
    "source": polars.String,
}


BATCH = 50_000
"""Rows that are turned into a table, or back, at a time: as Python's objects they take ten times the room."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a dataset version is and where it comes from; no time is in it, so that a repeated step gives the same."""

    sha256: str
    """The version's name: a hash of the examples in their order, whatever file they came from."""
    rows: int
    step: str
    """The step that made it, such as `split/train`."""
    config: dict[str, Any]
    """The configuration of that step, as JSON values."""
    parent: str | None
    """The version that it was made from."""

    def to_json(self) -> str:
        """One canonical JSON document, keys sorted."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, indent=2)


def freeze(
    examples: Sequence[Example], *, step: str, config: dict[str, Any], parent: str | None = None
) -> tuple[bytes, Manifest]:
    """The examples as Parquet bytes, and their manifest."""
    frames = [_frame(examples[start : start + BATCH]) for start in range(0, len(examples), BATCH)]
    buffer = io.BytesIO()
    polars.concat(frames or [_frame([])], rechunk=False).write_parquet(buffer, compression="zstd")
    return buffer.getvalue(), Manifest(content_hash(examples), len(examples), step, config, parent)


def _frame(examples: Sequence[Example]) -> polars.DataFrame:
    rows = [
        {"annotations": [], **_content(example), "columns": json.dumps(example.columns), "source": example.source}
        for example in examples
    ]
    return polars.DataFrame(rows, schema=_SCHEMA)


def thaw(data: bytes) -> list[Example]:
    """The examples of a frozen version, equal to those that were frozen. Raises SystemFailure for damaged bytes."""
    try:
        frame = polars.read_parquet(io.BytesIO(data))
        if "annotations" not in frame.columns:  # versions of old have none
            frame = frame.with_columns(annotations=polars.lit([], dtype=_SCHEMA["annotations"]))
        frame = frame.select(*_SCHEMA)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise SystemFailure(f"a dataset version cannot be read ({str(error).splitlines()[0]}); make it again") from None
    return [
        Example(
            **{
                **row,
                "messages": _turns(row),
                "labels": tuple(row["labels"]),
                "annotations": tuple((who, answer) for who, answer in row["annotations"]),
                "columns": json.loads(row["columns"]),
            }
        )
        for batch in frame.iter_slices(BATCH)
        for row in batch.to_dicts()
    ]


def content_hash(examples: Sequence[Example]) -> str:
    """SHA-256 over one line of JSON per example; `source` is provenance and does not count."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(_content(example), sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def asked_hash(examples: Sequence[Example]) -> str:
    """The same without the rows' other columns and annotations: what systems are asked, whatever is judged by."""
    return content_hash([replace(example, annotations=(), columns={}) for example in examples])


def question_hash(example: Example, with_target: bool = False) -> str:
    """SHA-256 of what a system is asked for an example: its messages, and nothing that only judges the answer.

    `with_target`: of what is asked of a system that tells the likelihood of the target, too.
    """
    asked = [[message.role, message.content] for message in example.messages]
    asked += [["target", example.target]] if with_target else []
    return hashlib.sha256(json.dumps(asked, separators=(",", ":")).encode()).hexdigest()


def _content(example: Example) -> dict[str, Any]:
    content: dict[str, Any] = {"columns": example.columns} if example.columns else {}
    if example.annotations:  # so that versions of old keep their hashes
        content["annotations"] = [list(each) for each in example.annotations]
    return content | {
        "id": example.id,
        "messages": [{"role": message.role, "content": message.content} for message in example.messages],
        "target": example.target,
        "labels": list(example.labels),
        "group": example.group,
        "subject": example.subject,
    }


def _turns(row: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(**turn) for turn in row["messages"])
