"""The engine writes, token by token, what the model alone would write; company, order and batches change nothing."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from tests.networks import fast_network, plain_model
from tests.tiny import VOCABULARY, tiny_tokenizer
from transformers import PreTrainedModel

from sartor.generate import engine
from sartor.generate.constrain import GrammarConstraint, JsonConstraint
from sartor.generate.engine import Reply, Sampling, choose, chunks, generate
from sartor.generate.forward import FastForward, Forward, PlainForward
from sartor.generate.trie import LEAST, LabelTrie

STOP = frozenset({2, *range(10, 30)})
"""So many that random models meet one sooner or later, and rows stop at different times."""
SHARED = 6


def draw(count: int, seed: int = 0, longest: int = 12) -> list[list[int]]:
    """Prompts of different lengths that begin alike."""
    rng = random.Random(seed)

    def tokens(number: int) -> list[int]:
        return [rng.randrange(30, VOCABULARY) for _ in range(number)]

    shared = tokens(SHARED)
    return [shared + tokens(rng.randint(1, longest)) for _ in range(count)]


PROMPTS = draw(7)


def fast(base: Path) -> Forward:
    return FastForward(fast_network(base).decoder)


def plain(base: Path) -> Forward:
    return PlainForward(plain_model(base), VOCABULARY)


def huggingface(model: PreTrainedModel | PeftModel, prompts: Sequence[list[int]], max_tokens: int) -> list[list[int]]:
    """Greedy replies by Transformers, each prompt alone, without the stop token."""
    replies = []
    for prompt in prompts:
        ids = model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=sorted(STOP),
            pad_token_id=2,
        )[0, len(prompt) :].tolist()
        replies.append(ids[:-1] if ids[-1] in STOP else ids)
    return replies


def test_greedy_replies_are_those_of_transformers(family: Path) -> None:
    wanted = huggingface(plain_model(family), PROMPTS, 15)
    replies = generate(fast(family), PROMPTS, SHARED, STOP, 15)
    assert [reply.ids for reply in replies] == wanted
    assert [reply.finish for reply in replies] == ["length" if len(ids) == 15 else "stop" for ids in wanted]


def test_rows_stop_one_by_one(llama: Path) -> None:
    replies = generate(fast(llama), PROMPTS, SHARED, STOP, 15)
    assert {reply.finish for reply in replies} == {"stop", "length"}
    assert len({len(reply.ids) for reply in replies}) > 2
    assert not any(token in STOP for reply in replies for token in reply.ids)


@pytest.mark.parametrize("prefix", range(SHARED + 1))
def test_sharing_a_prefix_of_any_length_changes_no_reply(prefix: int, llama: Path) -> None:
    assert generate(fast(llama), PROMPTS, prefix, STOP, 15) == generate(fast(llama), PROMPTS, 0, STOP, 15)


def test_the_plain_path_writes_the_same(llama: Path, gpt2: Path) -> None:
    assert generate(plain(llama), PROMPTS, SHARED, STOP, 15) == generate(fast(llama), PROMPTS, SHARED, STOP, 15)
    replies = generate(plain(gpt2), PROMPTS, SHARED, STOP, 8)
    assert [reply.ids for reply in replies] == huggingface(plain_model(gpt2), PROMPTS, 8)


def test_an_adapter_writes_what_it_writes_in_peft(llama: Path, tmp_path: Path) -> None:
    network = fast_network(llama, wide=0.1)
    network.save(tmp_path)
    replies = generate(FastForward(network.decoder, network.weights), PROMPTS, SHARED, STOP, 10)
    wanted = huggingface(PeftModel.from_pretrained(plain_model(llama), str(tmp_path)), PROMPTS, 10)
    assert [reply.ids for reply in replies] == wanted
    assert wanted != huggingface(plain_model(llama), PROMPTS, 10)


def test_a_reply_ends_where_the_base_reads_no_further(gpt2: Path) -> None:
    prompts = [[*prompt, *[40] * (512 - len(prompt) - room)] for prompt, room in zip(PROMPTS, (1, 2, 9), strict=False)]
    replies = generate(plain(gpt2), prompts, SHARED, frozenset(), 5, context=512)
    assert [len(reply.ids) for reply in replies] == [1, 2, 5]
    assert {reply.finish for reply in replies} == {"length"}


def test_company_and_order_change_no_reply(llama: Path) -> None:
    forward = fast(llama)
    together = generate(forward, PROMPTS, SHARED, STOP, 10)
    assert [generate(forward, [prompt], 0, STOP, 10)[0] for prompt in PROMPTS] == together
    assert generate(forward, PROMPTS[::-1], SHARED, STOP, 10) == together[::-1]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_reply_is_cut_at_the_limit_and_says_so(limit: int, llama: Path) -> None:
    whole = generate(fast(llama), PROMPTS, SHARED, STOP, 15)
    for reply, full in zip(generate(fast(llama), PROMPTS, SHARED, STOP, limit), whole, strict=True):
        assert reply.ids == full.ids[:limit]
        assert reply.finish == ("stop" if len(full.ids) < limit else "length")


@given(st.lists(st.integers(1, 400), max_size=120), st.integers(1, 16), st.integers(1, 2000))
def test_chunks_hold_every_prompt_once_within_both_limits(lengths: list[int], rows: int, tokens: int) -> None:
    found = list(chunks(lengths, rows, tokens))
    assert sorted(index for chunk in found for index in chunk) == list(range(len(lengths)))
    for chunk in found:
        assert len(chunk) <= rows
        assert len(chunk) == 1 or len(chunk) * max(lengths[index] for index in chunk) <= tokens
    in_order = [lengths[index] for chunk in found for index in chunk]
    assert in_order == sorted(in_order)


# Sampling


def test_what_is_sampled_depends_on_seed_and_prompt_alone(llama: Path) -> None:
    forward = fast(llama)
    warm = Sampling(temperature=1.0, seed=3)
    together = generate(forward, PROMPTS, SHARED, STOP, 10, sampling=warm)
    assert together == generate(forward, PROMPTS, SHARED, STOP, 10, sampling=warm)
    assert [generate(forward, [p], 0, STOP, 10, sampling=warm)[0] for p in PROMPTS] == together
    assert generate(forward, [PROMPTS[0], PROMPTS[0]], SHARED, STOP, 10, sampling=warm) == [together[0]] * 2
    assert generate(forward, PROMPTS, SHARED, STOP, 10, sampling=Sampling(1.0, seed=4)) != together
    assert generate(forward, PROMPTS, SHARED, STOP, 10) != together


def test_samples_follow_the_models_probabilities(llama: Path) -> None:
    """Over many seeds the first token of a prompt comes as often as the model says."""
    forward = fast(llama)
    with torch.no_grad():
        probs = (plain_model(llama)(torch.tensor([PROMPTS[0]])).logits[0, -1] / 0.5).softmax(-1)
    first = [
        (reply.ids or [-1])[0]
        for seed in range(300)
        for reply in generate(forward, [PROMPTS[0]], SHARED, frozenset(), 1, sampling=Sampling(0.5, seed))
    ]
    for token in probs.topk(3).indices.tolist():
        share, wanted = first.count(token) / len(first), float(probs[token])
        assert abs(share - wanted) < 4 * (wanted * (1 - wanted) / len(first)) ** 0.5


def test_next_to_no_temperature_is_greedy(llama: Path) -> None:
    greedy = generate(fast(llama), PROMPTS, SHARED, STOP, 10)
    assert generate(fast(llama), PROMPTS, SHARED, STOP, 10, sampling=Sampling(1e-4)) == greedy


# Constraints

TOKENIZER = tiny_tokenizer()
SCHEMA = {
    "type": "object",
    "properties": {
        "paid": {"enum": ["not yet", "no", "yes"]},
        "charges": {"type": "array", "items": {"enum": ["card", "balance"]}, "minItems": 1, "maxItems": 3},
        "settled": {"type": "boolean"},
    },
    "required": ["paid", "charges", "settled"],
    "additionalProperties": False,
}
ASKED = [TOKENIZER(f"<|im_start|>note {n * 7} and then {'x' * n}<|im_end|>")["input_ids"] for n in range(8)]


def constrain() -> JsonConstraint:
    return JsonConstraint.factory(TOKENIZER, VOCABULARY, SCHEMA)()


def test_constrained_replies_are_whole_json_of_the_schema(llama: Path) -> None:
    texts = [TOKENIZER.decode(reply.ids) for reply in generate(fast(llama), ASKED, 3, frozenset({2}), 200, constrain)]
    for text in texts:
        record = json.loads(text)
        assert list(record) == ["paid", "charges", "settled"]
        assert record["paid"] in ("not yet", "no", "yes")
        assert 1 <= len(record["charges"]) <= 3
    assert len(set(texts)) > 1


def test_every_token_that_is_not_forced_is_the_models_choice_among_those_allowed(llama: Path) -> None:
    """Forced tokens are appended several at a time, unasked; the model must have read them all the same."""
    model = plain_model(llama)
    replies = generate(fast(llama), ASKED, 3, frozenset({2}), 200, constrain)
    asked = 0
    for prompt, reply in zip(ASKED, replies, strict=True):
        constraint, at = constrain(), 0
        while at < len(reply.ids):
            bitmask = engine.new_bitmask(1, VOCABULARY)
            constraint.fill(bitmask, 0)
            with torch.no_grad():
                logits = model(torch.tensor([prompt + reply.ids[:at]])).logits[:, -1]
            engine.apply_bitmask(logits, bitmask)
            assert reply.ids[at] == int(logits.argmax())
            asked += 1
            constraint.advance(reply.ids[at])
            at += 1
            for token in constraint.forced():
                if token == 2:
                    break
                assert reply.ids[at] == token
                constraint.advance(token)
                at += 1
        assert constraint.finished or constraint.forced() == [2]
        assert reply.finish == "stop"
    assert asked < sum(len(reply.ids) for reply in replies)


class Scripted:
    """A model that wants to write one text, in the tokenizer's own tokens, whatever it is asked."""

    vocabulary = VOCABULARY

    def __init__(self, text: str) -> None:
        self.ids = [*TOKENIZER(text)["input_ids"], 2]
        self.passes = 0

    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> "Scripted":
        self.written = [0] * len(rows)
        return self

    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        self.passes += 1
        self.written = [done + len(new) for done, new in zip(self.written, rows, strict=True)]

    def keep(self, rows: Sequence[int]) -> None:
        self.written = [self.written[row] for row in rows]

    @property
    def logits(self) -> torch.Tensor:
        wanted = torch.zeros(len(self.written), VOCABULARY)
        for row, done in enumerate(self.written):
            wanted[row, self.ids[min(done, len(self.ids) - 1)]] = 5
        return wanted


@pytest.mark.parametrize("paid", ["no", "not yet", "yes"])
def test_forced_tokens_save_passes_and_change_no_text(paid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'{{"paid":"{paid}","charges":["balance","card"],"settled":true}}'
    quick, slow = Scripted(text), Scripted(text)
    [reply] = generate(quick, [[5]], 0, frozenset({2}), 200, constrain)
    monkeypatch.setattr(GrammarConstraint, "forced", lambda self: [])
    [asked] = generate(slow, [[5]], 0, frozenset({2}), 200, constrain)
    assert TOKENIZER.decode(reply.ids) == TOKENIZER.decode(asked.ids) == text
    assert reply.finish == asked.finish == "stop"
    assert quick.passes < slow.passes / 2


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
def test_forced_tokens_do_not_pass_the_limit(limit: int, llama: Path) -> None:
    whole = generate(fast(llama), ASKED, 3, frozenset({2}), 200, constrain)
    for cut, full in zip(generate(fast(llama), ASKED, 3, frozenset({2}), limit, constrain), whole, strict=True):
        assert cut == Reply(full.ids[:limit], "length")


# Label choice

LABELS = {"a": [40, 41, 2], "b": [40, 41, 42, 2], "c": [40, 2], "d": [300, 2], "e": [300, 301, 302, 303, 2]}
TRIE = LabelTrie(list(LABELS), LABELS.__getitem__)


@pytest.fixture
def nothing_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every label is read to its end."""
    monkeypatch.setattr("sartor.generate.trie.LEAST", 1e-300)


def scored_alone(model: PreTrainedModel | PeftModel, prompt: list[int]) -> np.ndarray:
    """The labels' probabilities, each read by Transformers as a text of its own, then made to sum to 1."""
    scores = []
    for path in LABELS.values():
        with torch.no_grad():
            logprobs = model(torch.tensor([prompt + path])).logits[0, len(prompt) - 1 : -1].double().log_softmax(-1)
        scores.append(float(logprobs.gather(1, torch.tensor(path)[:, None]).sum()))
    return np.exp(scores) / np.exp(scores).sum()


@pytest.mark.usefixtures("nothing_spared")
def test_a_labels_probability_is_that_of_its_text(family: Path) -> None:
    model = plain_model(family)
    probs = choose(fast(family), PROMPTS, SHARED, TRIE)
    np.testing.assert_allclose(probs, [scored_alone(model, prompt) for prompt in PROMPTS], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-12)


def test_what_is_not_read_is_no_likelier_than_was_known(llama: Path) -> None:
    model, likely = plain_model(llama), 0
    for prompt, row in zip(PROMPTS, choose(fast(llama), PROMPTS, SHARED, TRIE), strict=True):
        exact = scored_alone(model, prompt)
        assert row.argmax() == exact.argmax()
        np.testing.assert_allclose(row[exact > LEAST * exact.max()], exact[exact > LEAST * exact.max()], rtol=0.01)
        assert row[exact <= LEAST * exact.max()].max(initial=0) <= LEAST * row.max()
        likely += int((exact > LEAST * exact.max()).sum())
    assert len(PROMPTS) < likely < len(PROMPTS) * len(TRIE.labels)


@pytest.mark.usefixtures("nothing_spared")
def test_company_prefix_and_path_change_no_probability(llama: Path) -> None:
    probs = choose(fast(llama), PROMPTS, SHARED, TRIE)
    close = {"rtol": 1e-4, "atol": 1e-7}
    for prompt, row in zip(PROMPTS, probs, strict=True):
        np.testing.assert_allclose(choose(fast(llama), [prompt], 0, TRIE)[0], row, **close)
    for prefix in range(SHARED):
        np.testing.assert_allclose(choose(fast(llama), PROMPTS, prefix, TRIE), probs, **close)
    np.testing.assert_allclose(choose(fast(llama), PROMPTS[::-1], SHARED, TRIE), probs[::-1], **close)
    np.testing.assert_allclose(choose(plain(llama), PROMPTS, SHARED, TRIE), probs, **close)


@pytest.mark.usefixtures("nothing_spared")
def test_labels_under_an_adapter_are_those_of_peft(llama: Path, tmp_path: Path) -> None:
    network = fast_network(llama, wide=0.1)
    network.save(tmp_path)
    model = PeftModel.from_pretrained(plain_model(llama), str(tmp_path))
    probs = choose(FastForward(network.decoder, network.weights), PROMPTS, SHARED, TRIE)
    np.testing.assert_allclose(probs, [scored_alone(model, prompt) for prompt in PROMPTS], rtol=1e-3, atol=1e-6)
