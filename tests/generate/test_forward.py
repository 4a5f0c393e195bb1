"""What is kept between steps gives the logits that Transformers gives when it reads the whole row anew."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from tests.networks import fast_network, plain_model
from tests.tiny import VOCABULARY
from torch import Tensor, nn

from sartor.generate.forward import FastForward, Forward, PlainForward
from sartor.generate.trie import LabelTrie

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
LABELS = {"a": [7, 8, 2], "b": [7, 8, 9, 2], "c": [7, 2], "d": [300, 2], "e": [300, 301, 302, 303, 2]}


def draw(*lengths: int, seed: int = 0) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(3, VOCABULARY) for _ in range(length)] for length in lengths]


def logits_of(model: nn.Module, rows: Sequence[Sequence[int]]) -> Tensor:
    """Next-token logits of rows that are read alone."""
    with torch.no_grad():
        return torch.stack([model(torch.tensor([list(row)])).logits[0, -1] for row in rows])


def fast(base: Path) -> Forward:
    return FastForward(fast_network(base).decoder)


def plain(base: Path) -> Forward:
    return PlainForward(plain_model(base), VOCABULARY)


@pytest.mark.parametrize("prefix", [0, 1, 8])
def test_rows_of_any_length_are_read_and_read_on(family: Path, prefix: int) -> None:
    model = plain_model(family)
    [shared] = draw(prefix)
    rows = draw(1, 11, 3, 6, seed=1)
    reading = fast(family).read(shared, rows, room=12)
    torch.testing.assert_close(reading.logits, logits_of(model, [shared + row for row in rows]), **CLOSE)
    for seed, lengths in enumerate([(1, 1, 1, 1), (4, 1, 2, 3), (1, 1, 5, 1)], start=2):
        new = draw(*lengths, seed=seed)
        reading.extend(new)
        rows = [row + more for row, more in zip(rows, new, strict=True)]
        torch.testing.assert_close(reading.logits, logits_of(model, [shared + row for row in rows]), **CLOSE)


@pytest.mark.parametrize("make", [fast, plain])
def test_rows_that_are_kept_go_on_without_the_others(make, llama: Path) -> None:
    [shared], rows = draw(5), draw(2, 9, 4, 4, seed=1)
    reading = make(llama).read(shared, rows, room=8)
    reading.keep([1, 3])
    kept = [shared + rows[1], shared + rows[3]]
    model = plain_model(llama)
    torch.testing.assert_close(reading.logits, logits_of(model, kept), **CLOSE)
    new = draw(1, 3, seed=2)
    reading.extend(new)
    reading.keep([1])
    reading.extend([[5, 6]])
    torch.testing.assert_close(reading.logits, logits_of(model, [kept[1] + new[1] + [5, 6]]), **CLOSE)


def test_a_reading_leaves_the_rows_it_was_given_as_they_were(llama: Path, gpt2: Path) -> None:
    for forward in (fast(llama), plain(gpt2)):
        rows = draw(2, 3)
        reading = forward.read([4, 5], rows, room=2)
        reading.extend([[1], [1]])
        assert rows == draw(2, 3)


def test_any_architecture_reads_by_the_plain_path(gpt2: Path) -> None:
    [shared], rows = draw(4), draw(1, 7, 3, seed=1)
    reading = plain(gpt2).read(shared, rows, room=4)
    reading.extend([[9], [10, 11], [12]])
    wanted = logits_of(
        plain_model(gpt2), [shared + row + new for row, new in zip(rows, ([9], [10, 11], [12]), strict=True)]
    )
    torch.testing.assert_close(reading.logits, wanted, **CLOSE)


def test_a_tokens_of_another_row_move_no_logit(llama: Path) -> None:
    [shared], rows = draw(5), draw(4, 9, 4, seed=1)
    changed = [rows[0], draw(9, seed=3)[0], rows[2]]
    before, after = (fast(llama).read(shared, some, room=4).logits for some in (rows, changed))
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_an_adapter_reads_as_in_peft(family: Path, tmp_path: Path) -> None:
    network = fast_network(family, wide=0.05)
    network.save(tmp_path)
    [shared], rows = draw(5), draw(4, 9, seed=1)
    reading = FastForward(network.decoder, network.weights).read(shared, rows, room=4)
    reading.extend([[9, 10], [11]])
    model = PeftModel.from_pretrained(plain_model(family), str(tmp_path))
    wanted = logits_of(model, [shared + rows[0] + [9, 10], shared + rows[1] + [11]])
    torch.testing.assert_close(reading.logits, wanted, **CLOSE)
    assert (
        wanted - logits_of(plain_model(family), [shared + rows[0] + [9, 10], shared + rows[1] + [11]])
    ).abs().max() > 0.1


@pytest.mark.parametrize("make", [fast, plain])
@pytest.mark.parametrize("prefix", [0, 5])
def test_every_node_of_a_trie_is_the_model_reading_its_path(
    make, prefix: int, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sartor.generate.trie.LEAST", 1e-300)  # every node is read
    model = plain_model(llama)
    [shared], rows = draw(prefix), draw(3, 8, 1, seed=1)
    trie = LabelTrie(list(LABELS), LABELS.__getitem__)
    found = make(llama).read(shared, rows, trie.n_inner).trie_logprobs(trie)
    assert found.shape == (3, len(trie))
    for label, path in zip(trie.labels, trie.paths, strict=True):
        for at, node in enumerate(path):
            read = logits_of(model, [shared + row + LABELS[label][:at] for row in rows]).log_softmax(-1)
            torch.testing.assert_close(torch.from_numpy(found[:, node]).float(), read[:, LABELS[label][at]], **CLOSE)


def test_reading_a_trie_appends_nothing(llama: Path) -> None:
    trie = LabelTrie(list(LABELS), LABELS.__getitem__)
    rows = draw(3, 8)
    reading = fast(llama).read([], rows, room=trie.n_inner)
    first = reading.trie_logprobs(trie)
    assert (reading.trie_logprobs(trie) == first).all()
    reading.extend([[5], [6]])
    torch.testing.assert_close(reading.logits, logits_of(plain_model(llama), [rows[0] + [5], rows[1] + [6]]), **CLOSE)


@pytest.mark.parametrize("make", [fast, plain])
@pytest.mark.parametrize("prefix", [0, 5])
def test_the_likelihood_of_what_would_follow_is_the_models(make, prefix: int, family: Path) -> None:
    [shared], rows, replies = draw(prefix), draw(2, 9, 4, seed=1), draw(1, 6, 3, seed=2)
    reading = make(family).read(shared, rows, room=6)
    before = reading.logits.clone()
    found = reading.logprobs(replies)
    for row, reply, logprob in zip(rows, replies, found, strict=True):
        with torch.no_grad():
            whole = plain_model(family)(torch.tensor([[*shared, *row, *reply]])).logits[0].log_softmax(-1)
        start = len(shared) + len(row) - 1
        expected = sum(float(whole[start + k, token]) for k, token in enumerate(reply))
        assert logprob == pytest.approx(expected, rel=1e-4, abs=1e-3)
    assert torch.equal(reading.logits, before)
    torch.testing.assert_close(torch.tensor(reading.logprobs(replies)), torch.tensor(found))
