"""Pieces of a reply: joined they are its text, and none says what is not sure."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.tiny import tiny_sentencepiece, tiny_tokenizer

from sartor.generate.stream import TextStream

BYTES, PIECES = tiny_tokenizer(), tiny_sentencepiece()


def decode(ids: Sequence[int]) -> str:
    return str(BYTES.decode(list(ids), clean_up_tokenization_spaces=False))


def decode_pieces(ids: Sequence[int]) -> str:
    return str(PIECES.decode(list(ids), clean_up_tokenization_spaces=False))


def decode_after_lead(ids: Sequence[int]) -> str:
    """As where a template writes empty lines before every reply."""
    return decode(ids).removeprefix("\n\n")


SPELLED = st.lists(st.sampled_from(["a", " ", "\n", "\n\n", "bc ", "é", "€ ", "\U0001f9f5", "fox"]), max_size=120).map(
    "".join
)
STEPS = st.lists(st.integers(0, 9), max_size=60)
STOP = st.lists(SPELLED.map(lambda text: text[:5]).filter(bool), max_size=1)
"""One at most: of several, which is the first depends on how the reply comes."""


def split(ids: Sequence[int], steps: Sequence[int]) -> list[Sequence[int]]:
    ends = [sum(steps[:at]) for at in range(len(steps) + 1)]
    return [ids[start:end] for start, end in zip(ends, [*ends[1:], len(ids)], strict=True)]


def told(decode: Callable[[Sequence[int]], str], parts: list[Sequence[int]], stop: Sequence[str] = ()) -> list[str]:
    stream, pieces = TextStream(decode, stop), list[str]()
    for at, ids in enumerate(parts):
        if not stream.stopped:
            pieces.append(stream.push(ids, last=at == len(parts) - 1))
    return pieces


def until_stop(text: str, stop: Sequence[str]) -> str:
    return text[: min((text.index(each) for each in stop if each in text), default=len(text))]


@pytest.mark.parametrize(
    ("tokenizer", "decode"), [(BYTES, decode), (BYTES, decode_after_lead), (PIECES, decode_pieces)]
)
@given(text=SPELLED, steps=STEPS, stop=STOP)
@example(text="\n\n", steps=[1], stop=[])
def test_however_it_comes_a_reply_is_told_as_it_is_spelled_as_a_whole(tokenizer, decode, text, steps, stop) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    pieces = told(decode, split(ids, steps), stop)
    assert "".join(pieces) == until_stop(decode(ids), stop)
    assert not any("\ufffd" in piece for piece in pieces)


@given(ids=st.lists(st.integers(3, len(BYTES) - 1), max_size=120), steps=STEPS)
def test_bytes_that_spell_no_character_are_told_as_such_once_that_is_sure(ids: list[int], steps: list[int]) -> None:
    whole, so_far = decode(ids), ""
    for piece in told(decode, split(ids, steps)):
        so_far += piece
        assert whole.startswith(so_far)
    assert so_far == whole


def test_a_long_reply_is_spelled_in_time_in_proportion_to_its_length() -> None:
    spelled = 0

    def counted(ids: Sequence[int]) -> str:
        nonlocal spelled
        spelled += len(ids)
        return decode(ids)

    ids = BYTES.encode("The quick brown € fox. " * 200, add_special_tokens=False)
    pieces = told(counted, [[id] for id in ids], ["stop here"])
    assert "".join(pieces) == decode(ids)
    assert spelled < 40 * len(ids)


@given(text=st.text("ab", max_size=90), stop=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_reply_ends_before_the_first_stop_string_and_nothing_of_it_is_told(text: str, stop: list[str]) -> None:
    def spelled(ids) -> str:
        return "".join(map(chr, ids))

    stream, told = TextStream(spelled, stop), ""
    for at, character in enumerate(text):
        told += stream.push([ord(character)], last=at == len(text) - 1)
        if stream.stopped:
            break
    came = text[: at + 1] if text else ""
    ends = [came.find(each) for each in stop if each in came]
    assert stream.stopped == bool(ends) == any(each in text for each in stop)
    assert told == text[: min(ends)] if ends else told == text
