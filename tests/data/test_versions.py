"""Dataset versions: known by their content, and thawed as they were frozen."""

import dataclasses
import io

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.data.versions import freeze, thaw
from sartor.errors import SystemFailure

_TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=10)
_NAME = st.none() | _TEXT
_EXAMPLE = st.builds(
    Example,
    id=_TEXT,
    messages=st.lists(st.builds(Message, role=st.sampled_from(["system", "user"]), content=_TEXT)).map(tuple),
    target=_TEXT,
    labels=st.lists(_TEXT, max_size=3).map(tuple),
    group=_NAME,
    subject=_NAME,
    source=_TEXT,
    annotations=st.lists(st.tuples(_TEXT, _TEXT), max_size=3).map(tuple),
)
ROW = Example("1", (Message("user", "q"),), "a", ("a",), "g", "s", "rows.csv:2")


@given(st.lists(_EXAMPLE, max_size=5))
def test_thawing_gives_back_what_was_frozen(examples: list[Example]) -> None:
    data, manifest = freeze(examples, step="split", config={"seed": 0})
    assert thaw(data) == examples
    assert (data, manifest) == freeze(examples, step="split", config={"seed": 0})
    assert manifest.rows == len(examples)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "2"},
        {"messages": (Message("system", "q"),)},
        {"target": "b"},
        {"labels": ()},
        {"group": None},
        {"subject": "t"},
        {"annotations": (("ana", "b"),)},
    ],
)
def test_every_part_of_the_content_counts(change: dict[str, object]) -> None:
    other = dataclasses.replace(ROW, **change)  # type: ignore[arg-type]
    assert freeze([ROW], step="a", config={})[1].sha256 != freeze([other], step="a", config={})[1].sha256


def test_the_file_s_name_and_the_step_do_not_count() -> None:
    moved = dataclasses.replace(ROW, source="moved.csv:2")
    first = freeze([ROW], step="a", config={}, parent=None)[1]
    second = freeze([moved], step="b", config={"x": 1}, parent=first.sha256)[1]
    assert first.sha256 == second.sha256
    assert second.parent == first.sha256


def test_the_hash_is_pinned() -> None:
    """A change here renames every dataset version that anybody has."""
    assert (
        freeze([ROW], step="a", config={})[1].sha256
        == "80efd983f3b37ac8cbee531caddf3da7512ec0d8e80abe1a5b2cfaf0eb4d93b3"
    )


def test_a_manifest_is_one_canonical_document() -> None:
    assert '"step": "a"' in freeze([ROW], step="a", config={"b": 1, "a": 2})[1].to_json()


def test_damaged_bytes_are_a_failure_of_the_system() -> None:
    data, _ = freeze([ROW], step="a", config={})
    with pytest.raises(SystemFailure, match="cannot be read"):
        thaw(data[:-9])


def test_a_version_from_before_there_were_annotations_is_thawed() -> None:
    data, _ = freeze([ROW], step="a", config={})
    old = io.BytesIO()
    polars.read_parquet(io.BytesIO(data)).drop("annotations").write_parquet(old)
    assert thaw(old.getvalue()) == [ROW]
