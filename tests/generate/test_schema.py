"""The schema inferred from training targets: it covers all of them, and as little else as is sensible."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.errors import InputError
from sartor.generate.schema import infer_schema, literal_pattern


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def schema_of(*values: object) -> dict[str, Any]:
    return infer_schema(compact(value) for value in values)


def valid(value: object, schema: dict[str, Any]) -> bool:
    """A validator for the keywords that `infer_schema` writes."""
    if "anyOf" in schema:
        return any(valid(value, option) for option in schema["anyOf"])
    kinds = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    if isinstance(value, dict):
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for key, item in value.items():
            matching = [known[key]] if key in known else [patterns[p] for p in patterns if re.search(p, key)]
            other = schema.get("additionalProperties", False)
            if not matching and not other:
                return False
            if not all(valid(item, option) for option in matching or [other]):
                return False
        return "object" in kinds and all(key in value for key in schema.get("required", []))
    if isinstance(value, list):
        short = len(value) <= schema.get("maxItems", len(value))
        return "array" in kinds and short and all(valid(item, schema["items"]) for item in value)
    if value is None or isinstance(value, bool | str):
        return {type(None): "null", bool: "boolean", str: "string"}[type(value)] in kinds
    return "number" in kinds or (isinstance(value, int) and "integer" in kinds)


def test_keys_of_all_rows_in_one_order_and_required_where_every_row_has_them() -> None:
    assert schema_of({"code": "J06.9", "dose": 5}, {"code": "I10", "note": "x", "dose": 2}) == {
        "type": "object",
        "properties": {"code": {"type": "string"}, "note": {"type": "string"}, "dose": {"type": "integer"}},
        "required": ["code", "dose"],
        "additionalProperties": False,
    }


def test_scalar_types_are_merged_and_integers_widen_to_numbers() -> None:
    assert schema_of(None, "a", True) == {"type": ["null", "string", "boolean"]}
    assert schema_of(1) == {"type": "integer"}
    assert schema_of(1, 2.5, None) == {"type": ["number", "null"]}


def test_arrays_merge_the_schemas_of_their_items_over_all_rows() -> None:
    assert schema_of([1], [], ["a"]) == {"type": "array", "items": {"type": ["integer", "string"]}}
    assert schema_of([{"a": 1}], [{"a": 1, "b": 2}])["items"]["required"] == ["a"]


def test_an_array_that_was_never_filled_stays_empty() -> None:
    assert schema_of([], []) == {"type": "array", "maxItems": 0}


def test_structures_mixed_with_scalars_become_any_of() -> None:
    assert schema_of("a", [1], None) == {
        "anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "integer"}}]
    }


def test_rows_that_contradict_each_other_free_the_order_of_those_keys_only() -> None:
    schema = schema_of({"id": 1, "from": "a", "to": "b"}, {"id": 2, "to": "b", "from": "a"})
    assert list(schema["properties"]) == schema["required"] == ["id"]
    assert schema["patternProperties"] == {"^from$": {"type": "string"}, "^to$": {"type": "string"}}


def test_new_keys_in_every_row_mean_a_map() -> None:
    assert schema_of(*({f"drug {n}": f"{n} mg"} for n in range(60))) == {
        "type": "object",
        "additionalProperties": {"type": "string"},
    }


def test_more_optional_keys_than_anyone_would_name_mean_a_map() -> None:
    assert "properties" not in schema_of(*({f"k{n % 60}": n} for n in range(600)))


def test_many_required_keys_or_a_few_rare_ones_do_not() -> None:
    wide = {f"k{n}": n for n in range(60)}
    assert len(schema_of(wide, wide)["required"]) == 60
    slots = [{"intent": "pay"} for _ in range(50)] + [{"intent": "pay", "amount": 5}, {"intent": "pay", "date": "May"}]
    assert list(schema_of(*slots)["properties"]) == ["intent", "amount", "date"]


@pytest.mark.parametrize("text", ["", "{'a': 1}", '{"a":NaN}', '{"a":1'])
def test_a_target_that_is_not_json_is_named(text: str) -> None:
    with pytest.raises(InputError, match="training target 2 is not JSON"):
        infer_schema(["{}", text])


def test_no_targets_at_all() -> None:
    with pytest.raises(InputError, match="no rows"):
        infer_schema([])


@given(st.text(), st.text())
def test_a_literal_pattern_matches_its_text_and_nothing_else(text: str, other: str) -> None:
    assert re.fullmatch(literal_pattern(text), text)
    assert bool(re.fullmatch(literal_pattern(text), other)) == (text == other)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdé") | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(json_values, min_size=1, max_size=8))
def test_every_target_satisfies_the_schema(values: list[Any]) -> None:
    schema = schema_of(*values)
    assert all(valid(value, schema) for value in values)


@given(st.lists(st.permutations("abcde").flatmap(lambda keys: st.integers(0, 5).map(lambda n: keys[:n])), max_size=6))
def test_every_row_has_its_ordered_keys_first_and_in_order(rows: list[list[str]]) -> None:
    schema = schema_of({}, *(dict.fromkeys(row, 0) for row in rows))
    order = list(schema["properties"])
    for row in rows:
        ordered = [key for key in row if key in order]
        assert row[: len(ordered)] == ordered == [key for key in order if key in row]
