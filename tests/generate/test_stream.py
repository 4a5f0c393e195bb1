"""Pieces of a reply: joined they are its text, and none says what is not sure."""

from hypothesis import given
from hypothesis import strategies as st
from tests.tiny import tiny_tokenizer

from sartor.generate.stream import TextStream

TOKENIZER = tiny_tokenizer()


def decode(ids) -> str:
    return str(TOKENIZER.decode(list(ids), clean_up_tokenization_spaces=False))


@given(text=st.text(max_size=40), steps=st.lists(st.integers(0, 3), max_size=60))
def test_pieces_joined_are_the_text_and_never_half_a_character(text: str, steps: list[int]) -> None:
    ids, stream, pieces = TOKENIZER.encode(text, add_special_tokens=False), TextStream(decode), []
    whole = decode(ids)
    for step in steps:
        pieces.append(stream.push(ids[:step]))
        ids = ids[step:]
        assert whole.startswith("".join(pieces))
    pieces.append(stream.push(ids, last=True))
    assert "".join(pieces) == whole


@given(text=st.text("ab", max_size=30), stop=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
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
