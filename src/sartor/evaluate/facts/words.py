"""English text as words with their places: the tokens, the light stemmer and the stop words that all fact rules share."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

# No part can fail after a long match, so the time is linear in the text whatever it holds.
_TOKEN = re.compile(
    r"(?P<number>(?:\d{1,3}(?!\d)(?:,\d{3}(?!\d))+|\d+)(?:\.\d+)?)"
    r"|(?P<dotted>(?:[^\W\d_]\.){2,})"
    r"|(?P<word>[^\W\d_][^\W_]*(?:['’][^\W\d_]+)?)"
    r"|\n(?:\s*\n)*|(?P<mark>[^\w\s])(?P=mark)*"
)


def word_set(words: str) -> frozenset[str]:
    """The words of a text, white space between them."""
    return frozenset(words.split())


def phrase_set(phrases: str) -> frozenset[str]:
    """The phrases of a text, commas between them."""
    return frozenset(phrase.strip() for phrase in phrases.split(","))


STOP = word_set(
    """
    a able about above actually addition after again ago all almost along already also although always am an and
    another any anyone anything apart apparently are around as aside at away back be became because become been before
    being below besides between both but by came can come comes coming could currently dear despite did do does doing
    done down during each else etc even ever every everything exception excluding feel feels felt few find for found
    from further gave get gets getting give given gives go goes going gone good got had happen has have having he
    hello her here hers hi him his hm hmm how however i if in instead into is it its itself just keep kind know last
    let like little long longer look lot lots made make makes many may maybe me mean might more most much must my
    myself need needs nevertheless next nonetheless now of off often oh ok okay on once only onto or other otherwise
    our out over own per perhaps please put quite rather really regarding same saw see seem seems seen several shall
    she should show shows since so some someone something sometimes somewhat soon sort spite still such sure take
    taken takes taking than thank thanks that the their them then there these they thing things think this those
    though through thus time to today together told too took toward tried try trying uh um under unless until up upon
    us use used uses using usually very via want wants was way we well went were what when where whereas whether which
    while who whom whose why will wish with within would yeah yes yet you your yours yourself

    according age aged answer answered appear appeared appears approximately area areas ask asked aspect associated
    began begin begins begun believe believed believes bit bring brings brought clinic clinician complain complained
    complaining complains complaint complaints concern concerned concerns continue continued continues course
    current describe described describes develop developed different discuss discussed doctor doctors dr due
    evaluate evaluation except experience experienced experiencing explain explained finds follow followed follows
    general generally guest herself himself history include includes including initial initially known mention
    mentioned mentions miss mister mr mrs ms multiple note noted notes notice noticed nurse occasionally occur
    occurred occurs office onset past patient patients perform performed pertinent physician place placed plan
    planned point points possible possibly post present presentation presented presenting presently presents
    previous previously prior probable probably problem problems prof professor provider question questions receive
    received recently regard regards relevant remarkable report reported reporting reports return returned returns
    review reviewed said say saying says secondary significant start started starts state stated states stating
    status subsequent subsequently system systems themselves thinks thought times type types undergo undergoes
    underwent visit
    """
)
"""Words that state nothing by themselves: function words, light verbs, and how notes report (`the patient states`)."""

_NEVER_STEMMED = word_set("pus gas bus bias diabetes herpes series species lens feces rabies scabies bed red")


class Token(NamedTuple):
    """A tuple, as there are hundreds of thousands of them in a long text."""

    text: str
    low: str
    """Lower case; `b.i.d.` and the spelled `B I D` are `bid`."""
    start: int
    end: int
    number: bool = False

    @property
    def is_word(self) -> bool:
        return not self.number and self.text[0].isalpha()


def tokens(text: str) -> list[Token]:
    """Words, numbers, punctuation marks and line ends in order; letters spelled one by one (`M R I`) are one word,
    and a mark or line end that is repeated is one."""
    return list(_joined(_tokens(text)))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The lower-case word without plural, -ing, -ed, -ly and -ness: enough that `denies pains` meets `denied pain`."""
    word = word.removesuffix("'s").removesuffix("’s")
    if word in _NEVER_STEMMED or len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ness", "ing", "ed", "ly"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            if suffix in ("ing", "ed") and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 3 and word[-1] == "e":
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word[-1] == "y" else word


def _tokens(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        piece, kind = found[0], found.lastgroup
        low = piece.lower()
        if kind == "dotted":
            low = low.replace(".", "")
        if kind == "mark" or low[0] == "\n":
            piece = low = low[0]
        yield Token(piece, low, found.start(), found.end(), kind == "number")


def _joined(found: Iterator[Token]) -> Iterator[Token]:
    spelled: list[Token] = []
    for token in found:
        if len(token.text) == 1 and token.text.isupper() and (not spelled or token.start == spelled[-1].end + 1):
            spelled.append(token)
            continue
        yield from _word_of(spelled)
        spelled = []
        if len(token.text) == 1 and token.text.isupper():
            spelled.append(token)
        else:
            yield token
    yield from _word_of(spelled)


def _word_of(letters: list[Token]) -> list[Token]:
    if len(letters) < 2:
        return letters
    text = "".join(letter.text for letter in letters)
    return [Token(text, text.lower(), letters[0].start, letters[-1].end)]
