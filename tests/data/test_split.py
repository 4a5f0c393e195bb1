"""`split`: a partition by seed, in which rows that belong together stay together and labels keep their proportions."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sartor.data.duplicates import question_key
from sartor.data.example import Example, Message
from sartor.data.split import Splits, split
from sartor.errors import InputError
from sartor.task import TaskSpec


def example(number: int, question: str, label: str | None = None, **more: Any) -> Example:
    labels = (label,) if label else ()
    source = f"rows.csv:{number + 1}"
    return Example(str(number), (Message("user", question),), label or "answer", labels, source=source, **more)


def spec(kind: str = "generation", validation: float = 0.1, **data: Any) -> TaskSpec:
    raw = {
        "task": "t",
        "kind": kind,
        "data": {"train": "rows.csv", "input": "q", "target": "a", **data},
        "train": {"validation": validation},
    }
    return TaskSpec.model_validate(raw)


def asks(row: Example) -> str:
    return question_key(row, "generation")


def sides(splits: Splits) -> list[list[Example]]:
    return [splits.train, splits.validation, splits.test]


def together(splits: Splits, key: Callable[[Example], str | int | None]) -> bool:
    """Whether no value of the key lies on two sides."""
    values = [{value for row in side if (value := key(row)) is not None} for side in sides(splits)]
    return sum(map(len, values)) == len(set().union(*values))


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 40),  # the question: some are asked twice
        st.sampled_from([None, None, None, "g1", "g2", "g3"]),
        st.sampled_from([None, None, "s1", "s2", "s3", "s4"]),
        st.sampled_from([None, None, 1, 2, 3, 4]),  # rows of one number ask nearly the same
    ),
    min_size=2,
    max_size=60,
)


@given(_ROWS, st.integers(0, 5), st.floats(0.05, 0.6))
def test_every_split_is_a_partition_that_keeps_rows_together(rows: Any, seed: int, share: float) -> None:
    examples = [example(i, f"Question {q}?", group=g, subject=s) for i, (q, g, s, _) in enumerate(rows)]
    near = {str(i): number for i, (_, _, _, number) in enumerate(rows) if number}
    try:
        splits = split(examples, None, spec(test_share=share), seed, near)
    except InputError:
        assume(False)
    assert splits.train
    assert splits.test
    numbers = [int(row.id) for side in sides(splits) for row in side]
    assert len(numbers) == len(set(numbers))
    left_out = len(examples) - len(numbers)
    assert (left_out > 0) == any("left out" in note for note in splits.notes)
    assert all([int(row.id) for row in side] == sorted(int(row.id) for row in side) for side in sides(splits))
    for key in (asks, lambda row: row.group, lambda row: row.subject, lambda row: near.get(row.id)):
        assert together(splits, key)
    assert splits == split(examples, None, spec(test_share=share), seed, near)


@given(st.lists(st.integers(1, 4), min_size=30, max_size=60), st.integers(0, 5), st.sampled_from([0.1, 0.2, 0.3, 0.5]))
def test_sizes_are_near_the_share(sizes: list[int], seed: int, share: float) -> None:
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    examples = [example(i, f"Question {i}?", group=str(group)) for i, group in enumerate(groups)]
    splits = split(examples, None, spec(test_share=share, validation=0.2), seed)
    assert abs(len(splits.test) - share * len(examples)) <= max(sizes)
    assert abs(len(splits.validation) - 0.2 * (len(examples) - len(splits.test))) <= max(sizes)


@given(st.lists(st.integers(3, 40), min_size=2, max_size=8), st.integers(0, 5))
def test_labels_keep_their_proportions(sizes: list[int], seed: int) -> None:
    labels = [f"label {label}" for label, size in enumerate(sizes) for _ in range(size)]
    examples = [example(i, f"Question {i}?", label) for i, label in enumerate(labels)]
    splits = split(examples, None, spec("classification"), seed)
    tested, trained = (Counter(row.labels[0] for row in side) for side in (splits.test, splits.train))
    for label, size in enumerate(sizes):
        assert abs(tested[f"label {label}"] - 0.2 * size) <= 2
        assert trained[f"label {label}"] >= 1


def test_another_seed_gives_another_split() -> None:
    examples = [example(i, f"Question {i}?") for i in range(100)]
    assert split(examples, None, spec(), 0).test != split(examples, None, spec(), 1).test


def test_duplicates_in_other_words_stay_together() -> None:
    asked = ["Where is my card?", "where is my card", "  WHERE IS MY CARD!! "]
    examples = [example(i, asked[i % 3] if i < 30 else f"Question {i}?") for i in range(100)]
    assert together(split(examples, None, spec(), 0), asks)


@given(st.lists(st.integers(0, 40), min_size=5, max_size=60), st.integers(0, 5))
def test_rows_that_nothing_is_near_to_are_split_as_if_nobody_had_looked(questions: list[int], seed: int) -> None:
    examples = [example(i, f"Question {q}?") for i, q in enumerate(questions)]
    assume(len(set(questions)) > 1)
    near = {row.id: hash(asks(row)) for row in examples}
    assert split(examples, None, spec(), seed, near) == split(examples, None, spec(), seed)


def test_where_questions_bridge_all_groups_the_groups_decide_and_the_rest_is_counted() -> None:
    """Every caller says yes: the calls are split, and training loses the yes of its calls where the test says it."""
    examples = [example(i, "Yes." if i % 5 == 0 else f"Question {i}?", group=str(i // 5)) for i in range(100)]
    splits = split(examples, None, spec(), 0)
    assert together(splits, lambda row: row.group)
    assert together(splits, asks)
    assert len(splits.test) == 20
    assert (
        "16 rows left out of training: the test set asks the same or nearly the same in another group" in splits.notes
    )


def test_rows_that_are_all_linked_cannot_be_split() -> None:
    examples = [example(i, f"Question {i}?", group="one") for i in range(10)]
    with pytest.raises(
        InputError, match=r"rows.csv cannot be split: too few rows, or too many linked by question, group or subject"
    ):
        split(examples, None, spec(), 0)


def test_a_given_test_set_is_left_as_it_is() -> None:
    train = [example(i, f"Question {i}?") for i in range(50)]
    splits = split(train, train[:10], spec(), 0)
    assert splits.test == train[:10]
    assert len(splits.train) + len(splits.validation) == 50


def test_validation_is_at_most_200_rows_and_can_be_none() -> None:
    train = [example(i, f"Question {i}?") for i in range(3000)]
    assert len(split(train, train[:10], spec(validation=0.1), 0).validation) == 200
    assert split(train, train[:10], spec(validation=0), 0).validation == []
    linked = [example(i, f"Question {i}?", subject="one") for i in range(30)]
    splits = split(linked, train[:10], spec(), 0)
    assert splits.validation == []
    assert splits.notes == [
        "no validation rows: too few training rows, or too many linked by question, group or subject"
    ]


def labelled(counts: dict[str, int]) -> list[Example]:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [example(i, f"Question {i}?", label) for i, label in enumerate(labels)]


def test_samples_are_stratified_nested_and_counted() -> None:
    train = labelled({"common": 80, "usual": 40, "rare": 4})
    test = labelled({"common": 60, "usual": 40})

    def sampled(rows: int) -> Splits:
        return split(train, test, spec("classification", rows=rows, test_rows=10, validation=0), 0)

    small, large = sampled(20), sampled(60)
    assert Counter(row.labels[0] for row in small.train) == {"common": 12, "usual": 6, "rare": 2}
    assert {row.id for row in small.train} < {row.id for row in large.train}
    assert Counter(row.labels[0] for row in small.test) == {"common": 6, "usual": 4}
    assert small.notes[:2] == [
        "20 of 124 training rows sampled (`data.rows`)",
        "10 of 100 test rows sampled (`data.test_rows`)",
    ]


def refusal(train: Sequence[Example], test: Sequence[Example] | None, task: TaskSpec) -> str:
    with pytest.raises(InputError) as caught:
        split(train, test, task, 0)
    return str(caught.value)


def test_classes_that_cannot_be_learnt_are_errors() -> None:
    task = spec("classification")
    one = labelled({"a": 5, "b": 1, "c": 5, "d": 1})
    message = "rows.csv:6: the class `b` has this one row only (and 1 more class); add rows, or merge it"
    assert message in refusal(one, None, task)
    assert message in refusal(one, labelled({"a": 2}), task)
    assert "rows.csv: all rows have the class `a`" in refusal(labelled({"a": 5}), None, task)
    unknown = "the test label `z` never occurs in training (and 1 more rows have such labels); correct it"
    assert unknown in refusal(labelled({"a": 5, "b": 5}), labelled({"a": 2, "z": 2}), task)
    few = "`data.rows: 3` is too few for 2 classes; 4 is the least"
    assert refusal(labelled({"a": 5, "b": 5}), None, spec("classification", rows=3)) == few


def test_an_unknown_label_among_several_is_a_note() -> None:
    def several(*labels: str) -> Example:
        return Example("1", (Message("user", "q"),), "; ".join(labels), labels, source="rows.csv:2")

    train = [several("a", "b"), several("a")] * 5
    splits = split(train, [several("a", "z")], spec("classification", validation=0), 0)
    assert splits.notes == ["rows.csv:2: the test label `z` never occurs in training; no system can answer it"]
