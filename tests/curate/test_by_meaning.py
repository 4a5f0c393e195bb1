"""Checks that read what rows mean, with the built-in encoder on messages that a person would tell apart at a glance."""

import pytest
from tests.curate.pools import look, pool, row

from sartor.curate.check import make_check
from sartor.errors import InputError
from sartor.models.builtin import ENCODER, pulled

pytestmark = pytest.mark.real
THINGS = ("card", "purse", "wallet", "bank card", "credit card", "debit card", "new card", "business card")
LOST = [f"I have {how} my {thing}" for how in ("lost", "misplaced", "mislaid") for thing in THINGS]
RATE = [f"what is the exchange rate for {money} {when}" for money in ("dollars", "euros", "yen", "pounds")
        for when in ("today", "now", "this week", "at noon", "at the weekend", "please")]  # fmt: skip


@pytest.fixture(autouse=True)
def encoder() -> None:
    try:
        pulled(ENCODER.name)
    except InputError as error:
        pytest.skip(str(error))


def rows(wrong: int = 5):
    found = [row(f"l{n}", text, labels=("lost",)) for n, text in enumerate(LOST)]
    found += [row(f"r{n}", text, labels=("lost" if n == wrong else "rate",)) for n, text in enumerate(RATE)]
    return found


def test_a_planted_label_error_is_found_with_the_label_that_it_should_have() -> None:
    found = look("label_errors", rows(), "classification")
    worst = max(found, key=lambda place: found[place].score)
    assert (worst, found[worst].evidence["suggested"]) == (len(LOST) + 5, "rate")
    assert found[worst].score > 0.5
    assert found[worst].fix.labels == ("rate",)


@pytest.mark.parametrize("name", ["label_errors", "neighbours", "outliers"])
def test_neither_reason_nor_evidence_quotes_a_row(name: str) -> None:
    stranger = row("x", "The lessee shall indemnify the lessor against all claims.", labels=("lost",))
    given = [*rows(), stranger]
    found = look(name, given, "classification")
    assert found
    words = {word for each in given for word in each.question.lower().split() if len(word) > 4}
    assert not any(word in f"{one.reason} {one.evidence}" for one in found.values() for word in words)


def test_a_row_of_another_world_is_an_outlier() -> None:
    stranger = row(
        "x", "The lessee shall indemnify the lessor against all claims arising under this agreement.", labels=("lost",)
    )
    found = look("outliers", [*rows(), stranger], "classification")
    assert max(found, key=lambda place: found[place].score) == len(LOST) + len(RATE)


def test_like_rows_of_other_labels_are_shown_to_each_other() -> None:
    found = look("neighbours", rows(), "classification")
    assert {len(LOST) + 5} <= set(found)
    assert all(found[place].evidence["neighbour"] for place in found)


def test_test_rows_that_no_row_is_like_are_named() -> None:
    questions = [*(each.question for each in rows()[::5]), "Which vaccines does a six-month-old kitten need?"]
    asked = pool(rows(), "classification", [row(f"t{n}", text) for n, text in enumerate(questions)])
    [remark] = make_check("coverage", "classification").remarks(asked)
    assert remark.startswith(f"1 of {len(questions)} test rows") and f"(test rows t{len(questions) - 1})" in remark
