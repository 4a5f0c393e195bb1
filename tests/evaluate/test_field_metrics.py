"""Extraction beyond exact fields: one spelling for one value, nothing invented, a schema kept, spans in their place."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Message
from sartor.errors import InputError
from sartor.evaluate.fields import _leaf_pairs, _list_pairs
from sartor.evaluate.metric import Scope, metric
from sartor.evaluate.metrics.spans import shared_characters, spans
from sartor.task import KpiSpec

SCOPE = Scope("extraction")


def value(name, examples, answers, scope=SCOPE):
    judge = metric(name, scope)
    return judge.aggregate(judge.table(examples, answers))


def test_normalised_field_f1_sees_through_spelling_and_no_further(examples, answers):
    rows = examples(['{"when":"2024-05-03","due":"1200 USD","code":"E11.9","who":"Jane Doe","tags":["José","B-12"]}'])
    same = '{"when":"3 May 2024","due":"$1,200.00","code":"e119","who":"Doe, Dr. Jane","tags":["b12","jose"]}'
    other = '{"when":"4 May 2024","due":"1,200 EUR","code":"E11.8","who":"Jane Dow","tags":["B-13"]}'
    assert value("field_f1_normalised", rows, answers([same])) == 1.0
    assert value("field_f1", rows, answers([same])) == 0.0
    assert value("field_f1_normalised", rows, answers([other])) == 0.0
    assert value("field_f1_normalised", rows, answers(["no idea"])) == 0.0


@given(*[st.lists(st.sampled_from(["a", "A", "b", 1, 1.0, "1", True]), max_size=6)] * 2)
def test_lists_of_leaves_are_matched_as_any_lists_are(expected, answered):
    fast = _leaf_pairs(expected, answered, "x", str.casefold)
    slow = _list_pairs(expected, answered, "x", str.casefold)
    for pick in (lambda pair: pair.equal, lambda pair: pair.answered is None, lambda pair: pair.expected is None):
        assert sum(map(pick, fast)) == sum(map(pick, slow))


def test_a_stated_value_that_neither_source_nor_target_holds_is_hallucinated(examples, answers):
    row = replace(examples(["{}"])[0], messages=(Message("user", "Jane Doe owes $1,200.00 since 3 May 2024."),))
    assert value("hallucinated_fields", [row], answers(['{"who":"Doe, Jane","due":1200,"since":"2024-05-03"}'])) == 0.0
    invented = '{"who":"John Doe","due":1200,"since":"2024-05-04","code":"E11.9","late":true,"note":null}'
    assert value("hallucinated_fields", [row], answers([invented])) == 3 / 4
    inferred = replace(row, target='{"code":"E11.9"}')
    assert value("hallucinated_fields", [inferred], answers([invented])) == 2 / 4
    assert value("hallucinated_fields", [row], answers(["{}"])) == 0.0
    assert value("hallucinated_fields", [row], answers([None])) == 1.0


# --- schema


def with_schema(schema):
    return Scope(
        "extraction", options={"schema_valid": KpiSpec.model_construct(name="schema_valid", json_schema=schema)}
    )


def test_answers_are_valid_by_the_tasks_schema(examples, answers):
    schema = {
        "type": "object",
        "properties": {"dose": {"$ref": "#/$defs/dose"}},
        "required": ["dose"],
        "$defs": {"dose": {"type": "integer", "minimum": 1}},
    }
    given = answers(['{"dose":5}', '{"dose":"5"}', "{}", '{"dose":0}', "no idea", None])
    assert value("schema_valid", examples(["{}"] * 6), given, with_schema(schema)) == pytest.approx(1 / 6)
    assert metric("schema_valid", with_schema(schema)).signature == "schema_valid|Draft202012|formats:not checked"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (None, "has no schema: add `json_schema: FILE.json`"),
        ({"type": "objekt"}, r"not valid at \$\.type: 'objekt'"),
        ({"$ref": "https://example.com/schema.json"}, "refers to what it does not hold"),
        ({"$ref": "#/$defs/none"}, "refers to what it does not hold"),
        ({"$ref": "#"}, "refers to itself without end"),
    ],
)
def test_a_schema_that_is_none_is_refused_and_nothing_is_fetched(examples, answers, schema, words):
    with pytest.raises(InputError, match=words):
        value("schema_valid", examples(["{}"]), answers(["{}"]), with_schema(schema))


# --- spans

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), max_size=6)


def test_span_f1_counts_shared_characters(examples, answers):
    rows = examples(['{"party":[{"start":0,"end":10},{"start":20,"end":30}]}'])
    assert value("span_f1", rows, answers([rows[0].target])) == 1.0
    # 5 + 10 of 20 expected characters, 10 + 15 stated
    given = answers(['{"party":[{"start":5,"end":15},{"start":18,"end":33}]}'])
    assert value("span_f1", rows, given) == pytest.approx(2 * 15 / (20 + 25))
    assert value("span_f1", rows, answers(['{"date":[{"start":0,"end":10}]}'])) == 0.0
    assert value("span_f1", rows, answers(['{"party":[{"start":0,"end":10,"label":"buyer"}]}'])) == 0.0
    assert value("span_f1", examples(["{}"]), answers(["{}"])) == 1.0
    assert value("span_f1", examples(["{}"]), answers(["no idea"])) == 0.0


@given(SPANS, SPANS)
def test_spans_are_sets_of_characters(expected, answered):
    joined, other = (spans([{"start": start, "end": end} for start, end in pieces]) for pieces in (expected, answered))
    a, b = ({place for start, end in pieces for place in range(start, end)} for pieces in (expected, answered))
    assert {place for start, end in joined.get(("", ""), []) for place in range(start, end)} == a
    assert shared_characters(joined.get(("", ""), []), other.get(("", ""), [])) == len(a & b)
