"""How far annotators agree: Krippendorff's alpha with an interval over rows."""

import time
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.agreement import agreement, answers
from sartor.data.example import Example, Message

PEOPLE = ("anna", "ben", "carla", "dora")


def row(*given: str | None, labelled: bool = True, people: tuple[str, ...] = PEOPLE) -> Example:
    """A row with the answers of PEOPLE, who leave out what is None."""
    annotations = tuple((who, answer) for who, answer in zip(people, given, strict=False) if answer is not None)
    target = annotations[0][1] if annotations else "x"
    labels = tuple(target.split("; ")) if labelled else ()
    return Example("1", (Message("user", "?"),), target, labels, annotations=annotations)


def rows(*observers: str) -> list[Example]:
    """What each observer said of each unit, a letter a unit; `.`: nothing."""
    return [row(*(None if value == "." else value for value in unit)) for unit in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("observers", "alpha"),
    [
        (("0100000010", "1110010000"), 0.095),
        (("aabbdcccedda", "babbbccceddd"), 0.692),
        (("123321412...", "12332241 25.3".replace(" ", ""), ".33323422 51.".replace(" ", ""), "12332441251."), 0.743),
    ],
)
def test_alpha_is_that_of_krippendorffs_worked_examples(observers: tuple[str, ...], alpha: float) -> None:
    """Computing Krippendorff's Alpha-Reliability, 2011: sections A, B and C."""
    found = agreement(rows(*observers))
    assert found and found.alpha == pytest.approx(alpha, abs=5e-4)
    assert found.low is not None and found.high is not None and found.low < alpha < found.high


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=4, max_size=4), min_size=1, max_size=12))
def test_alpha_and_pairs_are_those_of_all_pairs_counted_one_by_one(units: list[list[str | None]]) -> None:
    answered = [[value for value in unit if value] for unit in units]
    answered = [unit for unit in answered if len(unit) > 1]
    found = agreement([row(*unit) for unit in units])
    if not answered:
        assert found is None
        return
    assert found and found.rows == len(answered)
    values = [value for unit in answered for value in unit]
    observed = sum(a != b for unit in answered for a, b in permutations(unit, 2)) if len(values) else 0
    weighed = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in answered)
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) - 1)
    assert (found.alpha is None) == (expected == 0)
    if found.alpha is not None and found.low is not None and found.high is not None:
        assert found.alpha == pytest.approx(1 - weighed / expected)
        assert found.low <= found.alpha + 1e-9 and found.alpha <= found.high + 1e-9
    pairs = [a == b for unit in answered for a, b in combinations(unit, 2)]
    assert found.pairs == pytest.approx(np.mean(pairs))
    assert (found.pairs == 1) == (observed == 0)


def test_the_interval_covers_the_alpha_of_everybody_who_could_have_been_asked() -> None:
    """Two people, three labels, each right four times in five: alpha is 1 - (1 - .66) / (2 / 3) = .49."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        truth = rng.integers(0, 3, 150)
        said = [np.where(rng.random(150) < 0.8, truth, (truth + rng.integers(1, 3, 150)) % 3) for _ in range(2)]
        found = agreement([row(str(a), str(b)) for a, b in zip(*said, strict=True)])
        assert found and found.low is not None and found.high is not None
        covered += found.low <= 0.49 <= found.high
    assert covered >= 180


def test_a_few_rows_without_disagreement_promise_little_and_many_much() -> None:
    few, many = agreement(rows("ab" * 3, "ab" * 3)), agreement(rows("ab" * 300, "ab" * 300))
    assert few and few.low is not None and few.low < 0.5 and (few.alpha, few.high) == (1, 1)
    assert many and many.low is not None and many.low > 0.98


def test_where_all_answers_are_the_same_alpha_is_not_defined() -> None:
    found = agreement(rows("aaaa", "aaaa"))
    assert found and (found.alpha, found.low, found.high, found.pairs) == (None, None, None, 1)
    assert "alpha is not defined" in str(found)


def test_the_order_of_labels_and_of_keys_is_no_difference() -> None:
    found = agreement(
        [row("a; b", "b; a"), row('{"x":1,"y":[2]}', '{"y": [2], "x": 1}', labelled=False), row("c", "c")]
    )
    assert found and found.pairs == 1


def test_prose_is_not_compared() -> None:
    assert agreement([row("It was late.", "The parcel was late.", labelled=False)]) is None


def test_the_last_answer_of_a_person_counts_and_every_unnamed_one() -> None:
    changed = row("a", "b", "c", people=("anna", "anna", "ben"))
    assert [who for who, _ in answers(changed)] == ["anna", "ben"]
    unnamed = row("a", "b", "b", people=("", "", "ben"))
    found = agreement([changed, unnamed])
    assert found and (found.rows, found.annotators) == (2, 4)


def test_twenty_thousand_records_of_which_no_two_are_alike_take_seconds() -> None:
    began, rng = time.perf_counter(), np.random.default_rng(0)
    unlike: list[Any] = [f'{{"code":{code}}}' for code in rng.integers(0, 10**9, 20_000).tolist()]
    found = agreement([row(a, b, labelled=False) for a, b in zip(unlike, unlike[1:], strict=False)])
    assert found and found.alpha == pytest.approx(0, abs=0.01)
    assert time.perf_counter() - began < 20
