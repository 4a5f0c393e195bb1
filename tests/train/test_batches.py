"""Batches are a pure function of data, seed and sizes, and supervise the reply and nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny import tiny_tokenizer

from sartor.data.example import Example, Message
from sartor.models.template import Renderer
from sartor.task import TrainSpec
from sartor.train.batches import (
    TOKENS_STEP,
    Batch,
    Encoded,
    collate,
    common_prefix,
    epoch_batches,
    micro_batches,
    most_tokens,
    pass_tokens,
    passes,
    positions,
    step_rows,
)
from sartor.train.encode import tokenise

PAD = 2
lengths_lists = st.lists(st.integers(1, 300), min_size=1, max_size=200)
sizes = st.integers(1, 20)
seeds = st.integers(0, 3)


@st.composite
def example_sets(draw: st.DrawFn) -> list[Encoded]:
    """Rows with a shared beginning; pad and end of turn occur inside them too."""
    token = st.integers(0, 5)
    shared = tuple(draw(st.lists(token, max_size=6)))
    rows = draw(
        st.lists(
            st.tuples(st.lists(token, min_size=1, max_size=30), st.lists(token, min_size=1, max_size=20)),
            min_size=1,
            max_size=12,
        )
    )
    return [Encoded(str(at), (*shared, *own), (*reply, PAD)) for at, (own, reply) in enumerate(rows)]


@given(lengths_lists, sizes, seeds, st.integers(0, 5))
def test_every_example_comes_exactly_once_an_epoch(lengths: list[int], size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(lengths, size, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert all(1 <= len(batch) <= size for batch in batches)
    assert batches == epoch_batches(lengths, size, seed, epoch)


def test_batches_differ_by_seed_and_by_epoch() -> None:
    lengths = [n % 37 + 1 for n in range(200)]
    drawn = [epoch_batches(lengths, 8, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(batches) for batches in drawn}) == 4


@given(lengths_lists, sizes, seeds)
def test_the_longest_rows_come_first_of_all(lengths: list[int], size: int, seed: int) -> None:
    first, *others = epoch_batches(lengths, size, seed, 0)
    assert len(first) == min(size, len(lengths))
    assert all(lengths[place] <= min(lengths[one] for one in first) for batch in others for place in batch)


def test_examples_of_like_length_come_together_yet_not_in_order_of_length() -> None:
    lengths = [n % 97 + 1 for n in range(640)]
    batches = epoch_batches(lengths, 16, 0, 1)
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    assert sum(spread) / len(spread) < 20
    means = [sum(lengths[i] for i in batch) for batch in batches]
    assert means not in (sorted(means), sorted(means, reverse=True))


@given(example_sets(), st.integers(1, 200))
def test_micro_batches_hold_every_example_once_within_the_budget(rows: list[Encoded], budget: int) -> None:
    prefix = common_prefix(rows)
    batches = micro_batches(rows, prefix, PAD, budget)
    assert all(batch.tokens <= budget or len(batch.lengths) == 1 for batch in batches)
    assert sum(len(batch.lengths) for batch in batches) == len(rows)
    read = sorted(tokens for batch in batches for tokens in whole_rows(batch))
    assert read == sorted(row.prompt + row.reply for row in rows)


def whole_rows(batch: Batch) -> list[tuple[int, ...]]:
    shared = tuple(batch.prefix.tolist())
    rows = batch.ids[: batch.lengths.sum()].split(batch.lengths.tolist())
    return [shared + tuple(row.tolist()) for row in rows]


@given(example_sets())
def test_a_prefix_is_common_and_leaves_every_example_a_prompt_token(rows: list[Encoded]) -> None:
    prefix = common_prefix(rows)
    assert len({row.prompt[:prefix] for row in rows}) == 1
    assert all(len(row.prompt) > prefix for row in rows)
    assert any(len(row.prompt) == prefix + 1 for row in rows) or len({row.prompt[: prefix + 1] for row in rows}) > 1


@given(example_sets(), st.data())
def test_a_batch_supervises_every_reply_token_from_the_token_before_it(
    rows: list[Encoded], data: st.DataObject
) -> None:
    prefix = data.draw(st.integers(0, common_prefix(rows)))
    batch = collate(rows, prefix, PAD)
    assert whole_rows(batch) == [row.prompt + row.reply for row in rows]
    real = prefix + int(batch.lengths.sum())
    assert real <= batch.tokens < real + TOKENS_STEP
    assert batch.tokens % TOKENS_STEP == 0
    assert batch.tokens == prefix + sum(batch.extents) == pass_tokens(rows, prefix)
    assert [place for place, row in enumerate(rows) for _ in row.reply] == batch.owners.tolist()
    flat, start = batch.ids.tolist(), 0
    targets = batch.targets.tolist()
    assert targets == [token for row in rows for token in row.reply]
    spots, at = batch.predicts.tolist(), 0
    for row in rows:
        last_of_prompt = start + len(row.prompt) - prefix - 1
        assert spots[at : at + len(row.reply)] == [last_of_prompt + n for n in range(len(row.reply))]
        assert flat[last_of_prompt] == row.prompt[-1]
        assert flat[last_of_prompt + 1 : last_of_prompt + 1 + len(row.reply)] == list(row.reply)
        at += len(row.reply)
        start += len(row) - prefix


def test_what_is_supervised_reads_as_the_reply_and_its_end_of_turn() -> None:
    tokenizer = tiny_tokenizer()
    renderer = Renderer(tokenizer, "tiny")
    examples = [
        Example(str(n), (Message("system", "Name the intent."), Message("user", f"question {n}")), f"label {n * 11}")
        for n in range(5)
    ]
    rows = tokenise(examples, renderer)
    prefix = common_prefix(rows)
    assert tokenizer.decode(rows[0].prompt[:prefix]).startswith("<|im_start|>system\nName the intent.<|im_end|>")
    batch = collate(rows, prefix, PAD)
    assert tokenizer.decode(batch.targets) == "".join(f"label {n * 11}<|im_end|>" for n in range(5))
    spelled = torch.cat((batch.prefix, batch.ids[: batch.lengths[0]]))
    assert tokenizer.decode(spelled).endswith(
        "<|im_start|>user\nquestion 0<|im_end|>\n<|im_start|>assistant\nlabel 0<|im_end|>"
    )


@given(example_sets(), st.integers(1, 200))
def test_a_pass_that_is_padded_later_is_counted_with_its_padding(rows: list[Encoded], budget: int) -> None:
    for group in passes(rows, 0, budget, packed=False):
        padded = len(group) * max(len(row) for row in group)
        assert pass_tokens(group, 0, packed=False) == padded
        assert padded <= budget or len(group) == 1


def test_a_pass_takes_about_as_many_bytes_whatever_the_number_format() -> None:
    narrow, wide = (most_tokens(TrainSpec(), dtype) for dtype in (torch.bfloat16, torch.float32))
    assert narrow == 2 * wide
    assert most_tokens(TrainSpec(pass_tokens=100), torch.float32) == 100


@pytest.mark.parametrize(("rows", "size"), [(3, 4), (399, 4), (400, 8), (799, 8), (800, 16), (10**6, 16)])
def test_a_small_set_is_learned_in_smaller_steps(rows: int, size: int) -> None:
    assert step_rows("auto", rows) == size
    assert step_rows(5, rows) == 5


def test_positions_begin_anew_with_every_example() -> None:
    assert positions(2, [3, 1]).tolist() == [0, 1, 2, 3, 4, 2]
