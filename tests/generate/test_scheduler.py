"""Requests that come and go at any time are answered as if each had the model for itself."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.generate.test_engine import STOP, TRIE, constrain, draw
from tests.networks import plain_model
from tests.tiny import VOCABULARY, tiny_tokenizer

from sartor.generate.engine import Sampling, choose, generate
from sartor.generate.forward import FastForward, PlainForward
from sartor.generate.prefixes import PrefixCache
from sartor.generate.request import Piece, Request
from sartor.generate.scheduler import Scheduler
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec

TOKENIZER = tiny_tokenizer()


def decode(ids) -> str:
    return str(TOKENIZER.decode(list(ids), clean_up_tokenization_spaces=False))


def request(id: str, forward, prompt, **more) -> Request:
    defaults = {"adapter": str(id_of(forward)), "max_tokens": 10, "decode": decode, "stop_ids": STOP}
    return Request(id, forward=forward, prompt=tuple(prompt), **(defaults | more))


def id_of(forward) -> int:
    return id(forward)


def run(scheduler: Scheduler, coming: dict[int, list[Request]] | None = None) -> dict[str, list[Piece]]:
    """Steps to the end, requests coming before the steps that they are named by."""
    told, step, coming = dict[str, list[Piece]](), 0, dict(coming or {})
    while coming or not scheduler.idle:
        for each in coming.pop(step, []):
            scheduler.add(each)
        for piece in scheduler.step():
            told.setdefault(piece.id, []).append(piece)
        step += 1
        assert step < 10_000
    return told


def text(pieces: list[Piece]) -> str:
    assert [piece.finish is not None for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return "".join(piece.text for piece in pieces)


@pytest.fixture
def forwards(llama: Path) -> list[FastForward]:
    """The base, two LoRA adapters that run with it, and methods that run by themselves."""
    decoder = Decoder(plain_model(llama))
    found = [FastForward(decoder)]
    for spec in (
        TrainSpec(seed=1),
        TrainSpec(seed=2, rank=4),
        TrainSpec(dora=True),
        TrainSpec(method="prefix"),
        TrainSpec(method="full"),
    ):
        weights = fresh(decoder, spec)
        with torch.no_grad():
            weights.flat.add_(torch.randn(weights.flat.shape, generator=torch.Generator().manual_seed(3)), alpha=0.05)
        found.append(FastForward(decoder, weights))
    return found


@pytest.mark.parametrize("piece", [3, 512])
@pytest.mark.parametrize("cache_bytes", [0, 1 << 20])
def test_every_reply_is_that_of_the_model_alone(forwards, piece: int, cache_bytes: int) -> None:
    rng, coming, wanted = random.Random(0), dict[int, list[Request]](), dict[str, str]()
    for at, prompt in enumerate(draw(40, seed=5)):
        forward = rng.choice(forwards)
        sampling = rng.choice([Sampling(), Sampling(0.8, at), Sampling(1.5, at, 0.6)])
        [alone] = generate(forward, [prompt], 0, STOP, 10, sampling=sampling)
        wanted[str(at)] = decode(alone.ids)
        coming.setdefault(rng.randrange(30), []).append(
            request(str(at), forward, prompt, sampling=sampling, tenant=rng.choice("ab"))
        )
    told = run(Scheduler(rows=6, piece=piece, cache_bytes=cache_bytes), coming)
    assert {id: text(pieces) for id, pieces in told.items()} == wanted
    assert (max(pieces[0].cached for pieces in told.values()) > 0) == (cache_bytes > 0)


def test_a_prompt_is_known_of_the_same_adapter_only(forwards) -> None:
    scheduler, [prompt] = Scheduler(), draw(1)
    for forward, cached in (
        (forwards[1], 0),
        (forwards[2], 0),
        (forwards[1], len(prompt) - 1),
        (forwards[4], 0),
        (forwards[4], len(prompt) - 1),
    ):
        [alone] = generate(forward, [prompt], 0, STOP, 10)
        scheduler.add(request("x", forward, prompt))
        [pieces] = run(scheduler).values()
        assert text(pieces) == decode(alone.ids)
        assert pieces[-1].cached == cached


def test_labels_are_chosen_and_json_is_whole_among_other_replies(forwards) -> None:
    prompts, scheduler = draw(6), Scheduler()
    for at, prompt in enumerate(prompts):
        scheduler.add(request(f"label {at}", forwards[at % 3], prompt, trie=TRIE, top_logprobs=0))
        scheduler.add(
            request(
                f"json {at}", forwards[at % 3], prompt, constrain=constrain, max_tokens=200, stop_ids=frozenset({2})
            )
        )
        scheduler.add(request(f"free {at}", forwards[at % 3], prompt))
    told = run(scheduler)
    for at, prompt in enumerate(prompts):
        [probs] = choose(forwards[at % 3], [prompt], 0, TRIE)
        [piece] = told[f"label {at}"]
        assert piece.text == TRIE.labels[int(np.argmax(probs))]
        assert piece.labels == ((piece.text, pytest.approx(probs.max(), abs=1e-4)),)
        assert set(json.loads(text(told[f"json {at}"]))) == {"paid", "charges", "settled"}


def test_logprobs_are_those_of_the_model(forwards) -> None:
    forward, [prompt] = forwards[1], draw(1)
    scheduler = Scheduler()
    scheduler.add(request("x", forward, prompt, top_logprobs=3, stop_ids=frozenset(), max_tokens=5))
    scheduler.add(request("y", forward, prompt, stop_ids=frozenset(), max_tokens=5))
    told = run(scheduler)
    row = list(prompt)
    for found in [each for piece in told["x"] for each in piece.logprobs]:
        expected = forward.read([], [row], 0).logits[0].log_softmax(-1)
        assert found.token == int(expected.argmax())
        assert found.logprob == pytest.approx(float(expected.max()), abs=1e-4)
        assert [token for token, _ in found.top] == expected.topk(3).indices.tolist()
        row.append(found.token)
    assert len(row) == len(prompt) + 5
    assert not any(piece.logprobs for piece in told["y"])


def test_a_stop_string_ends_a_reply(forwards) -> None:
    forward, [prompt] = forwards[0], draw(1)
    [alone] = generate(forward, [prompt], 0, frozenset(), 30)
    whole = decode(alone.ids)
    stop = whole[len(whole) // 2 :][:2]
    scheduler = Scheduler()
    scheduler.add(request("x", forward, prompt, stop=(stop,), stop_ids=frozenset(), max_tokens=30))
    [pieces] = run(scheduler).values()
    assert text(pieces) == whole[: whole.index(stop)]
    assert pieces[-1].finish == "stop"
    assert pieces[-1].tokens < 30


def test_what_is_cancelled_says_nothing_more_and_moves_nobody(forwards) -> None:
    prompts = draw(8)
    scheduler, told = Scheduler(rows=4, piece=4), dict[str, list[Piece]]()
    for at, prompt in enumerate(prompts):
        scheduler.add(request(str(at), forwards[at % 3], prompt, stop_ids=frozenset(), max_tokens=12))
    for step in range(10_000):
        if scheduler.idle:
            break
        for piece in scheduler.step():
            told.setdefault(piece.id, []).append(piece)
        if step in (0, 5, 9):
            scheduler.cancel(str({0: 0, 5: 1, 9: 6}[step]))
            scheduler.cancel("never was")
    for at in (2, 3, 4, 5, 7):
        [alone] = generate(forwards[at % 3], [prompts[at]], 0, frozenset(), 12)
        assert text(told[str(at)]) == decode(alone.ids)
    assert all(piece.finish is None for at in (0, 1, 6) for piece in told.get(str(at), []))


def test_tenants_take_turns(forwards) -> None:
    scheduler, [prompt] = Scheduler(rows=1), draw(1)
    for at in range(5):
        scheduler.add(request(f"busy {at}", forwards[0], prompt, tenant="busy", max_tokens=2))
    scheduler.add(request("quiet", forwards[0], prompt, tenant="quiet", max_tokens=2))
    ends = [id for id, pieces in run(scheduler).items()]
    assert ends.index("quiet") <= 1


def test_one_that_fills_all_places_runs_by_itself(forwards) -> None:
    scheduler, prompts = Scheduler(slots=40), draw(4)
    for at, prompt in enumerate(prompts):
        scheduler.add(request(str(at), forwards[0], prompt, max_tokens=30, stop_ids=frozenset()))
    most = 0
    while not scheduler.idle:
        list(scheduler.step())
        most = max(most, scheduler.running)
    assert most == 1


class Poison:
    """A constraint that allows everything, and breaks where a token is taken."""

    finished = False

    def fill(self, *_: object) -> None:
        pass

    def advance(self, _: int) -> None:
        raise RuntimeError("out of memory")


def poisoned() -> Poison:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(("poison", "lost"), [(poisoned, {"bad"}), (Poison, {"bad", "first", "beside"})])
def test_what_breaks_a_step_takes_along_only_what_it_is_computed_with(forwards, poison, lost: set[str]) -> None:
    prompts = dict(zip(("first", "beside", "bad", "apart", "waits"), draw(5), strict=True))
    whose = {
        "first": forwards[0],
        "beside": forwards[1],
        "bad": forwards[2],
        "apart": forwards[3],
        "waits": forwards[0],
    }
    scheduler, told, broken = Scheduler(rows=4), dict[str, list[Piece]](), 0
    for id, prompt in prompts.items():
        scheduler.add(request(id, whose[id], prompt, constrain=poison if id == "bad" else None, stop_ids=frozenset()))
    while not scheduler.idle:
        try:
            for piece in scheduler.step():
                told.setdefault(piece.id, []).append(piece)
        except RuntimeError:
            broken += 1
            assert scheduler.ids == prompts.keys() - lost
    assert broken == 1
    for id in prompts.keys() - lost:
        [alone] = generate(whose[id], [prompts[id]], 0, frozenset(), 10)
        assert text(told[id]) == decode(alone.ids)


def test_the_plain_path_is_scheduled_too(gpt2: Path) -> None:
    forward, prompts = PlainForward(plain_model(gpt2), VOCABULARY), draw(4)
    scheduler = Scheduler(piece=5)
    for at, prompt in enumerate(prompts):
        scheduler.add(request(str(at), forward, prompt))
    told = run(scheduler)
    for at, prompt in enumerate(prompts):
        [alone] = generate(forward, [prompt], 0, STOP, 10)
        assert text(told[str(at)]) == decode(alone.ids)


def test_what_served_least_recently_makes_room() -> None:
    cache, known = PrefixCache(3 * 64), torch.zeros(16)
    for ids in ([1, 2], [1, 3], [4]):
        cache.put("a", ids, known)
    assert cache.longest("a", [1, 2, 9])[0] == 2
    cache.put("a", [5], known)
    assert cache.longest("a", [1, 3, 9])[0] == 1  # of [1, 2]
    assert cache.longest("a", [4])[0] == 1
    assert cache.longest("b", [4])[0] == 0
    cache.put("a", [6], torch.zeros(1000))
    assert cache.longest("a", [6]) == (0, None)


@pytest.mark.parametrize("held", [False, True])
def test_a_reply_that_had_begun_is_gone_on_with(forwards, held: bool) -> None:
    more = {"constrain": constrain, "stop_ids": frozenset({2}), "max_tokens": 200} if held else {"max_tokens": 20}
    [prompt], scheduler = draw(1), Scheduler()
    scheduler.add(request("whole", forwards[1], prompt, **more))
    [pieces] = run(scheduler).values()
    ids = [token for piece in pieces for token in piece.ids]
    for cut in range(len(ids)):
        scheduler.add(request("rest", forwards[1], prompt, begun=tuple(ids[:cut]), **more))
        [rest] = run(scheduler).values()
        assert [token for piece in rest for token in piece.ids] == ids[cut:]
        before = "".join(piece.text for piece in pieces if piece.tokens <= cut)
        assert text(pieces).startswith(before)
        assert text(pieces).endswith(text(rest))
        assert rest[-1].tokens == pieces[-1].tokens
