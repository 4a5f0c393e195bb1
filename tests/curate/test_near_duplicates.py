"""What may merge and what may not, whatever the order of the rows."""

import json
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.curate.pools import pool, row

from sartor.curate.candidates import Banding, banding
from sartor.curate.duplicates import Duplicate, find
from sartor.curate.lexicon import NEGATIONS
from sartor.curate.words import read

TEXTS = [
    "How long does the delivery of a new card take?",
    "I was charged 15 euros twice for the same dinner.",
    "My transfer to Lisbon is still pending since Monday",
    "Is it possible to open an account from abroad",
    "The machine does not return my card after the payment",
]


def merged(*texts: str) -> list[Duplicate]:
    return list(find(texts).duplicates)


@pytest.mark.parametrize(
    ("first", "second", "evidence"),
    [
        ("Where is my card?", "WHERE IS MY  CARD", {}),
        ("When does my top-up arrive?", "when does my top up arrive", {}),
        ("The fee was 1,000 dollars", "the fee was 1000 dollars", {}),
        ("I did not recieve the card", "I did not receive the card", {"typo": [["receive", "recieve"]]}),
        ("Is this posible today?", "Is this possible today?", {"typo": [["possible", "posible"]]}),
        (
            "Where is my card at the moment",
            "Where iss my cardd at the moment",
            {"typo": [["iss", "is"], ["cardd", "card"]]},
        ),
        ("why was my card declined again", "why was card my declined again", {"order": [["card my", "my card"]]}),
        ("The login page is broken", "The log in page is broken", {"spacing": [["log in", "login"]]}),
        (
            "Why is my payment pending",
            "Hello, why is my payment pending? Thanks!",
            {"wrapper": [["hello … thanks", ""]]},
        ),
        ("My card is missing.", "My card is missing. Please help.", {"wrapper": [["… please help", ""]]}),
        ("Is there a fee?", "Hello there, is there a fee?", {"wrapper": [["hello there …", ""]]}),
        ("There is a fee on it", "Hello, there is a fee on it", {"wrapper": [["hello …", ""]]}),
        ("When can I use it", "When can use it", {"typo": [["", "i"]]}),
    ],
)
def test_edits_that_leave_the_meaning_merge_and_are_named(
    first: str, second: str, evidence: dict[str, list[list[str]]]
) -> None:
    (found,) = merged(first, second)
    assert (found.row, found.of, found.evidence) == (1, 0, evidence)
    assert found.kind == ("near" if evidence else "exact")
    assert (found.score == 1) == (not evidence)


def test_a_sentence_may_move_from_one_end_to_the_other() -> None:
    start = "This 82-year-old man presents with a whistling hearing aid."
    rest = "No ear pain or drainage. Wax was removed with a curette. Work forms were filled out."
    for first, second in (
        (f"{start} {rest}", f"{rest} {start}"),
        (f"{rest} {start}", f"{start} {rest}"),
        (f"{start} {rest}", f"{rest.replace('drainage', 'draniage')} {start}"),
    ):
        [found] = merged(first, second)
        assert found.counts["order"] == 1
    for other in (rest.replace("No ", ""), rest.replace("curette", "laser")):
        assert not merged(f"{start} {rest}", f"{other} {start}")
    assert not merged("from Lisbon to Porto I paid ten euros", "from Porto to Lisbon I paid ten euros")
    assert not merged("Anna lent Ben all of the money", "Ben lent Anna all of the money")


def test_several_edits_may_meet_in_one_pair() -> None:
    (found,) = merged(
        "I have not received the replacement card for my account since last week",
        "Hi! i have not received replacement the card for my acount since last week, thank you",
    )
    assert set(found.evidence) == {"order", "typo", "wrapper"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I moved from Paris to Rome", "I moved from Rome to Paris"),
        ("convert USD EUR for me now", "convert EUR USD for me now"),
        ("Is A greater than B", "Is B greater than A"),
        ("Take 5 mg of it", "Take 50 mg of it"),
        ("Take 5 mg of it", "Take 5 g of it"),
        ("It costs $5.50 a month", "It costs $550 a month"),
        ("It fell by -5 points", "It fell by 5 points"),
        ("Take .5 mg of it", "Take 5 mg of it"),
        ("It fell by 10% at once", "It fell by 10 at once"),
        ("room 12B is free", "room 12C is free"),
        ("version A of the test", "version B of the test"),
        ("take two tablets now", "take ten tablets now"),
        ("I was charged twice today", "I was charged once today"),
        ("I come on 1 June", "I come on 1 July"),
        ("it was 2024-05-01 then", "it was 2024-01-05 then"),
        ("I can pay with it", "I can't pay with it"),
        ("I can pay with it", "I can not pay with it"),
        ("it is legal here", "it is illegal here"),
        ("the patient is symptomatic", "the patient is asymptomatic"),
        ("allergic to aspirin, not penicillin", "allergic not to aspirin, penicillin"),
        ("Ask Anna about it today", "Ask Ana about it today"),
        ("Ask Jon about it today", "Ask John about it today"),
        ("the payer must sign it", "the payee must sign it"),
        ("Where do I pay with it", "Where do I play with it"),
        ("the chief of staff left", "the chef of staff left"),
        ("Do I need my cards", "Do I need my card"),
        ("Does he take insulin", "Does she take insulin"),
        ("turn it on before noon", "turn it off before noon"),
        ("increase my limit now", "decrease my limit now"),
        ("vitamin A deficiency found", "vitamin deficiency found"),
        ("I am able to pay", "I am notable to pay"),
        ("remove the first item", "remove the fist item"),
        ("前往北京", "前往南京"),
        ("??", "!!"),
        ("Thanks", "Hello"),
    ],
)
def test_what_says_something_else_does_not_merge(first: str, second: str) -> None:
    assert merged(first, second) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Return a - b for two numbers", "Return a * b for two numbers"),
        ("Keep the rows where x < y", "Keep the rows where x > y"),
        ("Call f(i + 1) until it ends", "Call f(i - 1) until it ends"),
        ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b <> 'x'"),
        ("SELECT name FROM t ORDER BY a ASC", "SELECT name FROM t ORDER BY a DESC"),
        ("Return not x and a - b of them", "Return not x and - b of them"),
        ("Print the list x[1:] of it", "Print the list x[:1] of it"),
        ("Sum the series 1² + 2² of n", "Sum the series 1³ + 2³ of n"),
        ("Return the List of it", "Return the list of it"),
        ("Return the value of n!", "Return the value of n"),
        ("print('hello')", "print('hi')"),
        ("swap the x y of it", "swap the y x of it"),
        ("take x in t of it", "take x int of it"),
    ],
)
def test_in_code_every_mark_and_capital_counts(first: str, second: str) -> None:
    assert not list(find([first, second], code=True).duplicates)


def test_in_code_a_misspelling_may_merge() -> None:
    (found,) = find(["Write a function that sorts it", "Write a fucntion that sorts it"], code=True).duplicates
    assert found.evidence == {"typo": [["fucntion", "function"]]}


@pytest.mark.real
def test_tasks_of_code_that_nearly_ask_the_same_differ_in_white_space_alone(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "mbpp" / "mbpp.jsonl").read_text(encoding="utf-8").splitlines()]
    for column, count in (("text", 4), ("code", 7)):
        texts = [row[column] for row in rows]
        found = list(find(texts, code=True).duplicates)
        assert len(found) == count
        assert all(texts[one.row].split() == texts[one.of].split() for one in found)


def test_a_shared_template_merges_nothing() -> None:
    frame = "You are reviewing a request from a customer of the bank. Answer with one intent only. Request: {} Answer:"
    asked = [
        f"{a} {b}" for a in ("cancel", "order", "freeze", "renew", "show") for b in ("card", "loan", "limit", "plan")
    ]
    texts = [frame.format(one) for one in asked * 4]
    assert [found.kind for found in merged(*texts)] == ["exact"] * 60
    (typo,) = merged(*texts[:20], frame.format("cancell card"))
    assert typo.of == 0


def test_a_misspelling_of_two_words_joins_only_one_of_them() -> None:
    texts = ["I want a loan for it", "I want a lon for it", "I want a lone for it"]
    found = merged(*texts)
    assert all({one.row, one.of} != {0, 2} for one in found)


def test_all_that_duplicates_lead_to_is_linked_though_its_ends_do_not_merge() -> None:
    """The article wanders on by one word a row."""
    texts = [
        "where is the nearest machine in town",
        "where is nearest the machine in town",
        "where is nearest machine the in town",
        "where is nearest machine in the town",
        "where is my card",
    ]
    found = find(texts, held_out=["where is my cardd"])
    assert 0 not in found.duplicates.of.tolist()
    *machines, card = found.linked.tolist()
    assert len(set(machines)) == 1
    assert card not in machines


def test_folds_keep_together_what_splits_do() -> None:
    rows = [
        row(str(n), question)
        for n, question in enumerate((*TEXTS, "My transfer to Lisbon is still pending sinse Monday"))
    ]
    assert pool(rows).groups.tolist() == [0, 1, 2, 3, 4, 2]


def test_the_first_row_represents() -> None:
    texts = ["Where is my card", "Where is my cardd", "WHERE IS MY CARD"]
    assert find(texts).duplicates.of.tolist() == [0, 0]


def test_a_leak_names_the_likest_held_out_row() -> None:
    held_out = ["Where is my cardd", "where is my card", "Take 5 mg of it"]
    found = find(["Where is my card?", "Where is my crad", "Take 50 mg of it"], held_out=held_out)
    assert [(leak.row, leak.of, leak.kind) for leak in found.leaks] == [(0, 1, "exact"), (1, 1, "near")]
    assert found.duplicates.rows.tolist() == [1]


def test_held_out_rows_are_no_duplicates_of_each_other() -> None:
    assert len(find(["one more text"], held_out=["Where is my card", "where is my card!"]).duplicates) == 0


def test_batches_and_whole_series_read_alike() -> None:
    batches = [pl.Series(TEXTS[:2]), pl.Series(TEXTS[2:] + TEXTS[:1])]
    assert list(find(batches).duplicates) == list(find([*TEXTS, TEXTS[0]]).duplicates)


def test_nothing_to_compare_is_no_mistake() -> None:
    assert len(find([]).duplicates) == 0
    assert len(find([], held_out=["a"]).leaks) == 0
    assert [found.of for found in merged("", "  ", "??", "?? ")] == [0, 2]


def test_a_compound_moves_as_one_word() -> None:
    assert merged("why is my top-up not there yet", "why is top-up my not there yet")


@st.composite
def edited(draw: st.DrawFn) -> list[str]:
    """Rows with many copies, each with a letter dropped, two words swapped, a number changed, or a `not` put in."""
    rows = []
    for text in draw(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=12)):
        words = text.split()
        at = draw(st.integers(0, len(words) - 2))
        kind = draw(st.sampled_from(["same", "letter", "double", "swap", "number", "not"]))
        if kind in ("letter", "double"):
            k = draw(st.integers(0, len(words[at]) - 1))
            words[at] = words[at][:k] + words[at][k] * 2 * (kind == "double") + words[at][k + 1 :] or "x"
        elif kind == "swap":
            words[at], words[at + 1] = words[at + 1], words[at]
        elif kind != "same":
            words.insert(
                at, str(draw(st.integers(1, 99))) if kind == "number" else draw(st.sampled_from(["not", "never"]))
            )
        rows.append(" ".join(words))
    return rows


def groups(texts: list[str]) -> set[frozenset[str]]:
    of = {row: row for row in range(len(texts))} | {found.row: found.of for found in find(texts).duplicates}
    return {frozenset(texts[row] for row in of if of[row] == head) for head in set(of.values())}


@settings(max_examples=40, deadline=None)
@given(edited(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_cluster(texts: list[str], dice: random.Random) -> None:
    assert groups(texts) == groups(dice.sample(texts, len(texts)))


@settings(max_examples=40, deadline=None)
@given(edited())
def test_every_duplicate_is_explained_and_no_exact_one_is_left(texts: list[str]) -> None:
    found = list(find(texts).duplicates)
    assert all((one.kind == "exact") == (not one.evidence) and 0 <= one.score <= 1 for one in found)
    rest = [text for row, text in enumerate(texts) if row not in {one.row for one in found}]
    assert not any(one.kind == "exact" for one in find(rest).duplicates)


@settings(max_examples=40, deadline=None)
@given(edited())
def test_the_same_rows_give_the_same_answer_and_a_repetition_changes_no_cluster(texts: list[str]) -> None:
    assert list(find(texts).duplicates) == list(find(texts).duplicates)
    twice = find([*texts, *texts]).duplicates
    assert {row for row in twice.rows.tolist() if row >= len(texts)} == set(range(len(texts), 2 * len(texts)))


@settings(max_examples=60, deadline=None)
@given(edited())
def test_a_merged_pair_never_differs_in_its_numbers_or_negations(texts: list[str]) -> None:
    def facts(text: str) -> list[str]:
        words = text.casefold().replace("'", "").split()
        bare = ["".join(c for k, c in enumerate(word) if k == 0 or c != word[k - 1]) for word in words]
        return sorted(word for word, once in zip(words, bare, strict=True) if word.isdigit() or once in NEGATIONS)

    for found in find(texts).duplicates:
        numbers, others = facts(texts[found.row]), facts(texts[found.of])
        assert [w for w in numbers if w.isdigit()] == [w for w in others if w.isdigit()]
        assert len(numbers) == len(others), (texts[found.row], texts[found.of])


def test_the_s_curve_is_what_the_bands_promise() -> None:
    assert Banding(32, 4).recall(0.8) == pytest.approx(1 - (1 - 0.8**4) ** 32)
    chosen = banding(read(TEXTS * 3))
    assert chosen.recall(0.5) >= 0.99
    assert chosen.recall(0.1) < 0.2


def test_ten_thousand_rows_with_planted_copies_are_found() -> None:
    dice = random.Random(1)
    words = [
        "".join(dice.choices("bdfgklmnprst", k=2) + dice.choices("aeiou", k=2) + dice.choices("lmnrst", k=3))
        for _ in range(3000)
    ]
    texts = [" ".join(dice.choices(words, k=20)) for _ in range(10_000)]
    planted = {i: dice.randrange(5000) for i in range(9000, 10_000)}
    for i, source in planted.items():
        said = texts[source].split()
        at = dice.randrange(len(said) - 1)
        said[at], said[at + 1] = said[at + 1], said[at]
        texts[i] = " ".join(said)
    found = find(texts).duplicates
    of = dict(zip(found.rows.tolist(), found.of.tolist(), strict=True))
    assert sum(of.get(i) == source for i, source in planted.items()) >= 985
    assert len(of) <= len(planted)
