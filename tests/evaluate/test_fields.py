"""Two JSON answers side by side."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sartor.evaluate.fields import UNREADABLE, Pair, canonical, pairs, parse

leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("ab 1", max_size=3)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner), max_leaves=8
)


def wrong(expected, answered):
    return [(pair.field, pair.expected, pair.answered) for pair in pairs(expected, answered) if not pair.equal]


def test_a_dose_under_the_wrong_drug_is_wrong():
    expected = {"medications": [{"name": "A", "dose": "5 mg"}, {"name": "B", "dose": "10 mg"}]}
    swapped = {"medications": [{"name": "A", "dose": "10 mg"}, {"name": "B", "dose": "5 mg"}]}
    assert len(wrong(expected, swapped)) == 2
    reordered = {"medications": expected["medications"][::-1]}
    assert wrong(expected, reordered) == []


def test_a_list_is_a_multiset():
    assert wrong({"codes": ["a", "a", "b"]}, {"codes": ["b", "a", "c"]}) == [("codes", "a", None), ("codes", None, "c")]


def test_a_wrong_shape_misses_what_was_expected_and_adds_what_was_said():
    assert wrong({"dose": {"value": 5}}, {"dose": "5 mg"}) == [("dose.value", "5", None), ("dose", None, "5 mg")]


def test_null_and_empty_state_nothing():
    assert pairs({"a": None, "b": "", "c": [], "d": {}}, {"a": " ", "e": None}) == []
    assert wrong({"a": None}, {"a": "x"}) == [("a", None, "x")]


def test_values_are_compared_after_light_normalisation():
    same = [("Aspirin ", "aspirin"), (5, 5.0), (5, "5"), (True, "true"), ("10.50", "10.50")]
    different = [("250.10", "250.1"), ("010", 10), (5, 50), (True, 1)]
    assert all(wrong({"x": a}, {"x": b}) == [] for a, b in same)
    assert all(len(wrong({"x": a}, {"x": b})) == 1 for a, b in different)


def test_an_answer_that_is_no_object_still_has_a_field():
    assert pairs(5, 6) == [Pair("answer", "5", "6")]


def test_what_is_nested_too_deep_is_unreadable():
    assert parse("[" * 60 + "]" * 60) is not UNREADABLE
    assert parse("[" * 900 + "]" * 900) is UNREADABLE


@given(values)
def test_every_value_equals_itself(value):
    assert all(pair.equal for pair in pairs(value, value))
    assert canonical(parse(json.dumps(value))) == canonical(value)


@given(values, values)
def test_swapping_the_sides_swaps_missed_and_extra(a, b):
    there, back = pairs(a, b), pairs(b, a)
    assert sum(p.equal for p in there) == sum(p.equal for p in back)
    assert sum(p.expected is not None for p in there) == sum(p.answered is not None for p in back)


@given(values, values)
def test_unequal_canonical_text_means_unequal_json(a, b):
    if canonical(a) == canonical(b):
        assert all(pair.equal for pair in pairs(a, b))
