"""Rows unlike the others of their set: in length, language, by what they share, in the size of their class."""

import pytest
from tests.curate.pools import flagged, look, pool, row

from sartor.curate.check import make_check

ASKED = [
    "Where is my card?", "I want to close my account", "How do I change my PIN?", "My card has not arrived yet",
    "Can you tell me the exchange rate?", "Why was my payment declined?", "I need a refund for this purchase",
    "Is there a fee for transfers?", "Please block my card, it was stolen", "What is the limit for cash?",
]  # fmt: skip
ENGLISH = [row(f"e{n}", question) for n, question in enumerate(ASKED * 3)]


@pytest.mark.parametrize(
    ("question", "is_flagged"),
    [
        ("Wo ist meine Karte geblieben?", True),
        ("Ma carte n'est pas encore arrivée", True),
        ("¿Dónde está mi tarjeta?", True),
        ("Моя карта не пришла", True),
        ("我的卡还没有到", True),
        ("لم تصل بطاقتي بعد", True),
        ("My card is not here yet", False),
        ("Report stolen card", False),
        ("Visa or Mastercard?", False),
        ("no", False),
        ("40", False),
        ("Jodie Bienaimé", False),
        ("4 00 12:30 #9", False),
        ("👍👍", False),
        ("", False),
    ],
)
def test_rows_in_another_language_are_flagged(question: str, is_flagged: bool) -> None:
    assert flagged("language", [*ENGLISH, row("a", question)]) == (["a"] if is_flagged else [])


def test_a_set_in_two_languages_is_in_two_languages_on_purpose() -> None:
    german = [row(f"d{n}", f"Wo ist meine Karte, bitte, und das seit {n} Tagen?") for n in range(10)]
    assert flagged("language", [*ENGLISH, *german]) == []


def test_a_written_target_has_its_own_language() -> None:
    rows = [row(str(n), question, "Das ist die Antwort auf die Frage.") for n, question in enumerate(ASKED)]
    rows.append(row("a", "What is the fee?", "Ce n'est pas possible pour le moment."))
    found = look("language", rows)
    assert {place: dict(one.evidence) for place, one in found.items()} == {
        10: {"part": "target", "language": "fr", "main": "de"}
    }


@pytest.mark.parametrize(("characters", "how"), [(1, "short"), (45, ""), (60, ""), (5000, "long")])
def test_a_length_is_unusual_by_that_of_the_others(characters: int, how: str) -> None:
    rows = [row(str(n), "x" * (40 + n % 11 * 3), "fine") for n in range(33)]
    found = look("length", [*rows, row("a", "x" * characters, "fine")])
    assert set(found) == ({33} if how else set())
    if how:
        assert f"unusually {how}: {characters:,} characters, where 55 are usual" in found[33].reason
        assert found[33].evidence == {"part": "question", "characters": characters, "median": 55}
        assert flagged("length", [*rows, row("a", "x" * characters, "fine")]) == ["a"]


def test_a_target_has_a_length_too_but_not_a_label() -> None:
    rows = [row(str(n), "x" * (40 + n), "fine") for n in range(30)]
    assert flagged("length", [*rows, row("a", "x" * 50, "y" * 900)]) == ["a"]
    assert flagged("length", [*rows, row("a", "x" * 50, "y" * 900)], "classification") == []


def test_of_few_rows_nothing_is_usual() -> None:
    assert look("length", [row("a", "x"), row("b", "x" * 9000)]) == {}


FOOTER = "This message is confidential and meant for the addressee alone; if you are not, delete it now."


def test_rows_that_are_mostly_a_shared_text_are_flagged_with_the_share() -> None:
    rows = [row(str(n), f"{question * 6} {FOOTER}") for n, question in enumerate(ASKED)]
    rows.append(row("a", f"Hello. {FOOTER.upper()}"))
    assert flagged("boilerplate", rows) == ["a"]
    found = look("boilerplate", rows)[10]
    assert found.evidence == {"words": 18, "shared": 17, "rows": 11, "like": "0"}
    assert found.score == 17 / 18
    assert found.reason == "17 of the question's 18 words are a text that 11 rows have, such as row 0"


def test_what_few_rows_share_is_no_boilerplate() -> None:
    assert look("boilerplate", [row(str(n), FOOTER) for n in range(4)]) == {}
    assert len(look("boilerplate", [row(str(n), FOOTER) for n in range(5)])) == 5


def test_a_run_does_not_reach_over_the_end_of_a_row() -> None:
    rows = [
        row(str(n), text)
        for n in range(6)
        for text in ("one two three four five six seven eight", "nine ten eleven twelve thirteen fourteen fifteen")
    ]
    assert look("boilerplate", rows) == {}


def test_rows_of_tiny_classes_are_flagged_and_remarks_are_about_the_set() -> None:
    rows = [row(f"a{n}", f"a{n}", labels=("big",)) for n in range(200)]
    rows += [row(f"b{n}", f"b{n}", labels=("small",)) for n in range(12)]
    rows += [row(f"c{n}", f"c{n}", labels=("tiny",)) for n in range(4)]
    test = [row("t", "t", labels=("new",))]
    found = look("balance", rows, "classification", test)
    assert [rows[place].id for place in found] == ["c0", "c1", "c2", "c3"]
    assert found[212].score == 0.6 and found[212].evidence == {"label": "tiny", "rows": 4}
    assert found[212].reason == "the class `tiny` has 4 rows; 10 are enough to learn and to test"
    assert make_check("balance", "classification").remarks(pool(rows, "classification", test)) == [
        "1 of 3 classes have fewer than 10 rows: `tiny` (4)",
        "the class `big` has 200 rows, the median of the others 8",
        "the test set has labels that no row has: `new`",
    ]


def test_a_row_of_several_labels_is_flagged_for_the_rarest() -> None:
    rows = [row(f"a{n}", f"a{n}", labels=("big",)) for n in range(20)] + [row("b", "b", labels=("big", "rare"))]
    assert look("balance", rows, "classification")[20].evidence == {"label": "rare", "rows": 1}


def test_a_balanced_set_has_no_remarks() -> None:
    rows = [row(f"{label}{n}", f"{label}{n}", labels=(label,)) for n in range(20) for label in "ab"]
    assert look("balance", rows, "classification") == {}
    assert make_check("balance", "classification").remarks(pool(rows, "classification")) == []
