"""The failing fact is marked: in the answer what is wrong, in the reference what was lost."""

from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.evaluate.marks import marks, pieces


def row(target: str) -> Example:
    return Example("1", (Message("user", "Take your tablets as we discussed."),), target)


def marked(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [piece for piece, wrong in pieces(text, spans) if wrong]


def test_a_dose_and_a_lost_negation():
    target, said = "Take 5 mg of warfarin. You must not take aspirin.", "Take 50 mg of warfarin. You must take aspirin."
    faults, losses = marks(row(target), said, "summarization")
    assert "50 mg" in marked(said, faults)
    assert any("aspirin" in piece for piece in marked(said, faults))
    assert "5 mg" in marked(target, losses)


def test_a_field_of_a_record():
    target, said = '{"drug":"iron","dose":"5 mg"}', '{"drug":"iron","dose":"50 mg"}'
    faults, losses = marks(row(target), said, "extraction")
    assert (marked(said, faults), marked(target, losses)) == (["50 mg"], ["5 mg"])


def test_what_is_not_json_or_has_no_facts_is_left_unmarked():
    assert marks(row('{"a":"b"}'), "no idea", "extraction")[0] == []
    assert marks(row("print(1)"), "print(2)", "code") == ([], [])
    assert marks(row("5 mg"), "x" * 30_000, "summarization") == ([], [])


@given(st.text(), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
def test_pieces_together_are_the_text(text: str, spans: list[tuple[int, int]]):
    spans = [(min(a, b, len(text)), min(max(a, b), len(text))) for a, b in spans]
    found = pieces(text, spans)
    assert "".join(piece for piece, _ in found) == text
    inside = {i for start, end in spans for i in range(start, end)}
    assert sum(len(piece) for piece, wrong in found if wrong) == len(inside)
