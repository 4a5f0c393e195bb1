"""Token constraints: what they allow is what the grammar says, by a real byte-level BPE tokenizer."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny import tiny_sentencepiece, tiny_tokenizer
from transformers import PreTrainedTokenizerBase

from sartor.errors import InputError
from sartor.generate.constrain import (
    Constraint,
    JsonConstraint,
    LabelsConstraint,
    apply_bitmask,
    new_bitmask,
    spelling,
)
from sartor.generate.schema import infer_schema

LABELS = ["card", "card lost", "top_up", "PIN (new)", "why?; how", "späti"]


TOKENIZER = tiny_tokenizer()
EOS = TOKENIZER.eos_token_id
VOCAB = len(TOKENIZER) + 13
"""Wider than the tokenizer, as models pad their embeddings."""


def json_constraint(schema: dict[str, Any]) -> JsonConstraint:
    return JsonConstraint.factory(TOKENIZER, VOCAB, schema)()


def labels_constraint(labels: list[str]) -> LabelsConstraint:
    return LabelsConstraint.factory(TOKENIZER, VOCAB, labels)()


def encode(text: str) -> list[int]:
    return TOKENIZER(text)["input_ids"]


def allowed(constraint: Constraint) -> set[int]:
    bitmask, logits = new_bitmask(1, VOCAB), torch.zeros(1, VOCAB)
    constraint.fill(bitmask, 0)
    apply_bitmask(logits, bitmask)
    return set(logits[0].isfinite().nonzero().flatten().tolist())


def accepts(constraint: Constraint, text: str) -> bool:
    """The model can write the text, token by token, and stop."""
    for token in [*encode(text), EOS]:
        if token not in allowed(constraint):
            return False
        constraint.advance(token)
    return constraint.finished


def write(constraint: Constraint, logits: Callable[[], torch.Tensor]) -> str:
    """What a model with these logits writes greedily."""
    reply: list[int] = []
    while not constraint.finished and len(reply) < 2000:
        bitmask, row = new_bitmask(1, VOCAB), logits()[None]
        constraint.fill(bitmask, 0)
        apply_bitmask(row, bitmask)
        token = int(row.argmax())
        constraint.advance(token)
        reply += [token] if token != EOS else []
    return TOKENIZER.decode(reply)


RECORD = {
    "type": "object",
    "properties": {"intents": {"type": "array", "items": {"type": "string"}}, "n": {"type": ["integer", "null"]}},
    "required": ["intents"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ('{"intents":["card"]}', True),
        ('{"intents":[],"n":null}', True),
        ('{"intents":["caf\\u00e9 café \\n \\" \\\\"],"n":-12}', True),
        ('{"intents": []}', False),
        ('{"n":1,"intents":[]}', False),
        ('{"intents":[],"n":1.5}', False),
        ('{"intents":[],"other":1}', False),
        ('{"n":1}', False),
        ('{"intents":["card"]', False),
        ('{"intents":[]} ', False),
        ("card", False),
    ],
)
def test_json_is_compact_and_satisfies_the_schema(text: str, ok: bool) -> None:
    assert accepts(json_constraint(RECORD), text) is ok


def test_a_whole_json_value_is_finished_before_the_stop_token() -> None:
    constraint = json_constraint(RECORD)
    for token in encode('{"intents":[]}'):
        assert not constraint.finished
        constraint.advance(token)
    assert constraint.finished
    assert allowed(constraint) == {EOS}


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_any_model_writes_valid_json(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    closing = torch.zeros(VOCAB)
    closing[encode('"')] = closing[encode('"}')] = closing[encode("]")] = 2.0
    text = write(json_constraint(RECORD), lambda: torch.randn(VOCAB, generator=generator) + closing)
    value = json.loads(text)
    assert isinstance(value["intents"], list)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":")) or "\\" in text


json_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | json_text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdé") | json_text, inner, max_size=4)
    ),
    max_leaves=8,
)


def compact(values: Iterable[object]) -> list[str]:
    return [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]


@given(st.lists(json_values, min_size=1, max_size=6).map(compact))
def test_every_training_target_can_be_written_under_the_schema_inferred_from_all(targets: list[str]) -> None:
    factory = JsonConstraint.factory(TOKENIZER, VOCAB, infer_schema(targets))
    for target in targets:
        assert accepts(factory(), target), target


@given(st.lists(json_values, min_size=1, max_size=6).map(compact))
def test_forced_tokens_are_those_the_tokenizer_would_have_written(targets: list[str]) -> None:
    factory = JsonConstraint.factory(TOKENIZER, VOCAB, infer_schema(targets))
    for target in targets:
        constraint, ids = factory(), [*encode(target), EOS]
        for position, token in enumerate(ids):
            forced = constraint.forced()
            assert ids[position : position + len(forced)] == forced
            constraint.advance(token)


def test_fixed_keys_are_forced() -> None:
    forced = json_constraint(RECORD).forced()
    assert '{"intents":["card"]}'.startswith(TOKENIZER.decode(forced))
    assert len(forced) > 1


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        *((label, True) for label in LABELS),
        ("; ".join(LABELS), True),
        ("top_up; card", True),
        ("top_up; ", False),
        ("top_up;card", False),
        ("car", False),
        ("PIN new", False),
        ("", False),
        ("; ".join(["card"] * (len(LABELS) + 1)), False),
    ],
)
def test_labels_joined_by_the_separator(text: str, ok: bool) -> None:
    assert accepts(labels_constraint(LABELS), text) is ok


def test_a_label_that_begins_another_may_end_or_go_on() -> None:
    constraint = labels_constraint(LABELS)
    for token in encode("card"):
        constraint.advance(token)
    assert not constraint.finished
    assert {EOS, encode("card lost")[len(encode("card"))]} <= allowed(constraint)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_any_model_writes_labels(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = ["card", "card lost", "top_up"]
    text = write(labels_constraint(labels), lambda: torch.randn(VOCAB, generator=generator))
    assert set(text.split("; ")) <= set(labels)


def test_the_model_may_stop_with_any_token_named_and_special_tokens_are_never_text() -> None:
    stops = TOKENIZER.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    constraint = LabelsConstraint.factory(TOKENIZER, VOCAB, ["card"], stop=stops)()
    assert not allowed(constraint) & set(TOKENIZER.all_special_ids)
    for token in encode("card"):
        constraint.advance(token)
    assert allowed(constraint) == set(stops)


def test_sequences_of_one_factory_do_not_share_state() -> None:
    factory = LabelsConstraint.factory(TOKENIZER, VOCAB, LABELS)
    first, second = factory(), factory()
    before = allowed(second)
    first.advance(encode("top_up")[0])
    assert allowed(second) == before != allowed(first)


def test_a_batch_leaves_rows_without_a_constraint_alone() -> None:
    bitmask, logits = new_bitmask(3, VOCAB), torch.randn(3, VOCAB)
    before = logits.clone()
    labels_constraint(LABELS).fill(bitmask, 1)
    apply_bitmask(logits, bitmask)
    assert torch.equal(logits[[0, 2]], before[[0, 2]])
    assert set(logits[1].isfinite().nonzero().flatten().tolist()) == allowed(labels_constraint(LABELS))


def test_a_token_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        labels_constraint(LABELS).advance(encode("{")[0])


def test_a_schema_that_cannot_be_enforced_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"JSON schema cannot be enforced \(.+\): set `generate.constrained"):
        json_constraint({"type": "no such type"})


def test_no_labels_are_an_input_error() -> None:
    with pytest.raises(InputError, match="no label"):
        labels_constraint([])


class Unreadable(PreTrainedTokenizerBase):
    """A tokenizer that is no fast one."""

    def decode(self, ids: list[int], **_: object) -> str:
        return "".join(map(chr, ids))


@pytest.mark.parametrize("text", ["a bc", "a € bé", "\U0001f9f5 a\ufffd"])
def test_tokens_are_spelled_in_the_bytes_of_the_text_also_where_one_is_a_part_of_a_character(text: str) -> None:
    for tokenizer, lead in ((TOKENIZER, ""), (tiny_sentencepiece(), " ")):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        spell = spelling(tokenizer, len(tokenizer), [2])
        assert b"".join(spell([id]) for id in ids) == (lead + text).encode()


def test_tokens_are_spelled_as_they_are_decoded_where_nothing_else_is_known() -> None:
    assert spelling(Unreadable(), 400, [2])([233]) == "é".encode()
