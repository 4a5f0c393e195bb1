"""Examples as tokens: nothing is cut or left out unless the task says so, and then it is counted with its place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny import tiny_tokenizer
from transformers import GPT2Config, LlamaConfig

from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.models.template import Renderer
from sartor.train.batches import Encoded
from sartor.train.encode import encode, fit, token_limit, tokenise

RENDERER = Renderer(tiny_tokenizer(), "tiny")


def example(row: int, words: int = 1, target: str = "card") -> Example:
    return Example(str(row), (Message("user", "money " * words),), target, source=f"notes.jsonl:{row}")


EXAMPLES = [example(1), example(2, words=30), example(3), example(4, words=40, target="refund")]
LENGTHS = [len(row) for row in tokenise(EXAMPLES, RENDERER)]
LIMIT = 40


def test_prompt_and_reply_are_the_renderers_with_the_end_of_turn_last() -> None:
    [row] = encode([EXAMPLES[0]], RENDERER, None, "error").rows
    assert (row.id, list(row.prompt)) == ("1", RENDERER.prompt_ids(EXAMPLES[0].messages))
    assert list(row.reply) == RENDERER.reply_ids("card")
    assert row.reply[-1] == RENDERER.end_id


def test_without_a_limit_everything_is_kept() -> None:
    kept = encode(EXAMPLES, RENDERER, None, "error")
    assert [row.id for row in kept.rows] == ["1", "2", "3", "4"]
    assert (kept.dropped, kept.cut) == ([], [])
    assert kept.longest_target == max(len(RENDERER.reply_ids(e.target)) for e in EXAMPLES)


def test_a_row_that_is_too_long_is_an_error_with_its_place_and_the_ways_out() -> None:
    with pytest.raises(InputError) as error:
        encode(EXAMPLES, RENDERER, LIMIT, "error")
    assert str(error.value).startswith(f"notes.jsonl:2: {LENGTHS[1]} tokens, prompt and answer together, and the limit")
    assert "(and 1 more row)" in str(error.value)
    assert "`drop`" in str(error.value)
    assert "`cut`" in str(error.value)


def test_dropped_rows_are_named() -> None:
    kept = encode(EXAMPLES, RENDERER, LIMIT, "drop")
    assert [row.id for row in kept.rows] == ["1", "3"]
    assert (kept.dropped, kept.cut) == (["notes.jsonl:2", "notes.jsonl:4"], [])


def test_cut_rows_lose_the_beginning_of_the_prompt_and_nothing_of_the_reply() -> None:
    whole, kept = tokenise(EXAMPLES, RENDERER), encode(EXAMPLES, RENDERER, LIMIT, "cut")
    assert kept.cut == ["notes.jsonl:2", "notes.jsonl:4"]
    assert [len(row) for row in kept.rows] == [min(length, LIMIT) for length in LENGTHS]
    for before, after in zip(whole, kept.rows, strict=True):
        assert after.reply == before.reply
        assert before.prompt[-len(after.prompt) :] == after.prompt


@pytest.mark.parametrize("policy", ["error", "cut"])
def test_a_reply_that_leaves_no_room_for_a_prompt_is_an_error_unless_it_is_dropped(policy: Any) -> None:
    rows = [example(1), example(2, target="refund " * 60), example(3, target="refund " * 60)]
    with pytest.raises(InputError, match=r"notes\.jsonl:2: the answer alone has [\d,]+ tokens.*and 1 more row\)"):
        encode(rows, RENDERER, LIMIT, policy)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 9)), max_size=20), st.integers(10, 40))
def test_what_is_kept_fits_and_what_is_not_is_counted(sizes: list[tuple[int, int]], limit: int) -> None:
    rows = [Encoded(str(at), tuple(range(prompt)), tuple(range(reply))) for at, (prompt, reply) in enumerate(sizes)]
    places = [example(at) for at in range(len(rows))]
    for policy in ("drop", "cut"):
        kept = fit(places, rows, limit, policy)
        assert all(len(row) <= limit and row.prompt for row in kept.rows)
        assert len(kept.rows) + len(kept.dropped) == len(rows)
        assert len(kept.dropped) + len(kept.cut) == sum(len(row) > limit for row in rows)


def test_the_limit_is_the_tasks_else_the_bases() -> None:
    config = LlamaConfig(max_position_embeddings=512)
    assert token_limit(None, config) == 512
    assert token_limit(100, config) == 100
    assert token_limit(None, GPT2Config(n_positions=77)) == 77
    with pytest.raises(InputError, match=r"`train.max_length` is 513, and the base reads 512 tokens"):
        token_limit(513, config)


def test_a_conversation_that_the_template_refuses_is_an_error(tmp_path: Path) -> None:
    template = "{% if messages[0].role != 'user' %}{{ raise_exception('no') }}{% endif %}"
    strict = Renderer(tiny_tokenizer(template + str(tiny_tokenizer().chat_template)), "tiny")
    odd = Example("1", (Message("assistant", "hi"), Message("user", "x")), "card")
    with pytest.raises(InputError, match="refuses a conversation of assistant, user"):
        encode([odd], strict, None, "error")
