"""Damaged text: what is mended, what is only reported, and what is no damage."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.curate.pools import flagged, look, row

from sartor.curate.checks.encoding import mend
from sartor.data.example import Example
from sartor.task import Kind

MENDED = [
    ("donâ€™t", "don’t", "mojibake"),
    ("cafÃ© for Â£5", "café for £5", "mojibake"),
    ("Itâ€™s 20 Â°C", "It’s 20 °C", "mojibake"),
    ("it\x92s", "it’s", "mojibake"),
    ("a\x00b\x07", "ab", "control characters"),
    ("\x1b[31mred\x1b[0m", "red", "control characters"),
    ("page\x0cpage", "page\npage", "control characters"),
    ("\ufeffhello", "hello", "odd spaces"),
    ("$1\u00a0charge", "$1 charge", "odd spaces"),
    ("on\u00adgoing Section\u200b", "ongoing Section", "odd spaces"),
    ("Q&amp;A", "Q&A", "HTML entities"),
    ("it&#39;s &quot;fine&quot;", 'it\'s "fine"', "HTML entities"),
    ("twice &amp;amp; more", "twice & more", "HTML entities"),
    ("\ud83d\ude00", "😀", "surrogates"),
]
SOUND = [
    "Plain text, with 'quotes' & ampersands; AT&T.",
    "“Curly” – and ‘so on’… ﬁne",
    "Ça coûte 5 € à São Paulo, Ærøskøbing, Łódź",
    "👩‍👩‍👧 family 🇩🇪",
    "שלום \u200f(עולם)",
    "می\u200cخواهم",
    "नमस्ते",
    "全角　スペース ＡＢＣ",
    "ภาษา\u200bไทย",
    "line\r\nline\ttab",
    "Is <b>bold &amp; new</b> right?",
    "What does &nbsp; mean in HTML?",
    "",
]


@pytest.mark.parametrize(("damaged", "sound", "name"), MENDED)
def test_what_is_certain_is_mended_in_question_and_target(damaged: str, sound: str, name: str) -> None:
    rows = [row("a", f"Say {damaged} twice", f"I say {damaged}", system=f"{damaged} first")]
    found = look("encoding", rows, "summarization")[0]
    assert found.fix == row("a", f"Say {sound} twice", f"I say {sound}", system=f"{sound} first")
    assert found.evidence == {"input": [name], "target": [name]}
    assert found.reason == f"{name} in the input; {name} in the target: mended"


@pytest.mark.parametrize("text", SOUND)
def test_sound_text_is_left_alone(text: str) -> None:
    assert look("encoding", [row("a", f"{text} ?", text)]) == {}


@pytest.mark.parametrize("text", ["doctor\ufffds", "half \ud800", "\x81"])
def test_what_is_lost_is_reported(text: str) -> None:
    found = look("encoding", [row("a", text)])[0]
    assert "lost characters" in found.evidence["input"]
    assert found.fix is None or "\ufffd" in found.fix.question


def test_a_row_that_is_mended_but_for_what_is_lost_says_so() -> None:
    found = look("encoding", [row("a", "\ufeffdoctor\ufffds")])[0]
    assert found.fix == row("a", "doctor\ufffds")
    assert found.reason == "lost characters and odd spaces in the input: mended but for what is lost"


@pytest.mark.parametrize("kind", ["code", "sql"])
def test_entities_are_content_in_code(kind: Kind) -> None:
    assert flagged("encoding", [row("a", "Unescape it", "s.replace('&amp;', '&')")], kind) == []


def test_json_stays_json_and_keeps_its_keys() -> None:
    rows = [row("a", "q", '{"na me":["itâ€™s","a&quot;b"],"n":1,"none":null}')]
    fix = look("encoding", rows, "extraction")[0].fix
    assert fix is not None and fix.target == '{"na me":["it’s","a\\"b"],"n":1,"none":null}'


def test_a_damaged_label_is_mended_only_into_one_that_other_rows_have() -> None:
    known, single = row("a", "q", labels=("café",)), row("b", "r", labels=("cafÃ©",))
    assert look("encoding", [known, single], "classification")[1].fix == replace(
        single, labels=("café",), target="café"
    )
    alone = look("encoding", [single], "classification")[0]
    assert alone.fix is None and alone.reason == "mojibake in the target: cannot be mended for certain"
    both = row("c", "s", labels=("cafÃ©", "café"))
    assert look("encoding", [known, both], "classification")[1].fix == replace(both, labels=("café",), target="café")


def test_the_question_is_mended_where_the_label_cannot_be() -> None:
    rows = [row("a", "donâ€™t", labels=("cafÃ©",))]
    fix = look("encoding", rows, "classification")[0].fix
    assert fix == row("a", "don’t", labels=("cafÃ©",))


def test_a_text_of_nothing_but_damage_is_reported_not_emptied() -> None:
    assert look("encoding", [row("a", "\ufeff\x00")])[0].fix is None


@given(st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="&\x7f")))
def test_ascii_prose_is_never_flagged(text: str) -> None:
    assert look("encoding", [row("a", text, text)]) == {}


@given(st.text() | st.text(st.sampled_from("âÃÂ€™\x80\x9d\u00a0\ufeff\x00\x1b[31m&amp;#39;<\ufffd\ud800\udc00 éa")))
@example("&amp;amp;amp;lt;")
@example("Ã\u00a0 Ã ")
def test_mending_twice_changes_nothing(text: str) -> None:
    for entities in (True, False):
        once, _ = mend(text, entities)
        assert mend(once, entities) == (once, set())


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_fix_has_nothing_left_to_fix(question: str, target: str) -> None:
    found = look("encoding", [row("a", question, target)])
    if found and isinstance(found[0].fix, Example):
        again = look("encoding", [found[0].fix])
        assert not again or again[0].fix is None
