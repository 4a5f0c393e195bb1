"""The difference of two versions says what it takes to get from one to the other."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sartor.data.diff import diff
from sartor.data.example import Example, Message

EXAMPLES = st.lists(
    st.builds(
        lambda id, text, target: Example(str(id), (Message("user", text),), target),
        st.integers(0, 20),
        st.sampled_from("abc"),
        st.sampled_from("xyz"),
    ),
    unique_by=lambda example: example.id,
    max_size=12,
)


@given(EXAMPLES, EXAMPLES)
def test_the_changes_lead_from_one_version_to_the_other(before: list[Example], after: list[Example]) -> None:
    known = {example.id: example for example in after}
    rows = {example.id: example for example in before}
    for change in diff(before, after):
        if change.change == "removed":
            del rows[change.row]
        elif change.change == "added":
            rows[change.row] = known[change.row]
        else:
            parts = {part: new for part, (_, new) in change.parts.items()}
            if "messages" in parts:
                parts["messages"] = tuple(Message(**turn) for turn in parts["messages"])
            rows[change.row] = replace(rows[change.row], **parts)
    assert rows == known


@given(EXAMPLES)
def test_a_version_does_not_differ_from_itself(rows: list[Example]) -> None:
    assert diff(rows, rows[::-1]) == []
