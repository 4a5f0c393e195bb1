"""All facts of a text, found by rules: no model, no network, linear in the length of the text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sartor.evaluate.facts.dates import dates
from sartor.evaluate.facts.fact import NOTHING, Fact, FactKind
from sartor.evaluate.facts.negation import CUES, negated
from sartor.evaluate.facts.numerals import Numeral, numerals
from sartor.evaluate.facts.quantities import TIMES_OF_CLOCK_AND_CALENDAR, frequencies, measures
from sartor.evaluate.facts.synonyms import OPPOSITES, concept
from sartor.evaluate.facts.words import STOP, Token, stem, tokens, word_set

_TITLES = word_set("dr mr mrs ms miss mister doctor prof professor")
_SENTENCE_ENDS = frozenset('.!?\n:;•-–*"“(¿¡')
_ITEM_ENDS = frozenset((".", "!", "?", "\n", ";", ",", "and", "or", "then"))
_REACH = 6
"""Within so many words stands what a number is about, unless another number or the next item comes before."""
_SILENT = STOP | CUES | TIMES_OF_CLOCK_AND_CALENDAR | {"contributory"}


@dataclass(frozen=True, slots=True)
class _Span:
    kind: FactKind
    form: str
    unit: str
    first: int
    end: int


def facts(text: str) -> tuple[Fact, ...]:
    """The facts of an English text in order; a fact that is said again is listed once."""
    found = tokens(text)
    numbers = list(_numbers(found, used := bytearray(len(found))))
    words = list(_words(text, found, used))
    content = [""] * len(found)
    for span in words:
        content[span.first] = span.form
    distinct: dict[tuple[FactKind, str, str], Fact] = {}
    for span in sorted(numbers + words, key=lambda span: span.first):
        known = distinct.get((span.kind, span.form, span.unit))
        about = _about(found, content, used, span) if span.unit and span.kind in ("quantity", "number") else frozenset()
        if known is None:
            fact = Fact(span.kind, span.form, found[span.first].start, found[span.end - 1].end, span.unit, about)
            distinct[fact.key] = fact
        elif not about <= known.about:
            distinct[known.key] = replace(known, about=known.about | about)
    return tuple(distinct.values())


def _numbers(found: Sequence[Token], used: bytearray) -> Iterator[_Span]:
    """Dates, frequencies, quantities and counts; marks the tokens that they use."""
    numbers = [numeral for numeral in numerals(found) if not _is_list_mark(found, numeral)]
    for date in dates(found, numbers):
        used[date.first : date.end] = b"\1" * (date.end - date.first)
        yield _Span("date", date.form, "date", date.first, date.end)
    for often in frequencies(found, numbers):
        if not any(used[often.first : often.end]):
            used[often.first : often.end] = b"\1" * (often.end - often.first)
            yield _Span("frequency", often.value, often.unit, often.first, often.end)
    for numeral in numbers:
        if numeral.vague and not used[numeral.first]:
            used[numeral.first] = 2  # `one` is no content word, even where it is no number
    for measure in measures(found, [n for n in numbers if used[n.first] != 1]):
        used[measure.first : measure.end] = b"\1" * (measure.end - measure.first)
        if measure.unit and not measure.counted:
            yield _Span("quantity", measure.value, measure.unit, measure.first, measure.end)
        elif measure.value != "1":
            yield _Span("number", measure.value, measure.unit, measure.first, measure.end)


def _is_list_mark(found: Sequence[Token], numeral: Numeral) -> bool:
    """`1.  Headache. 2.  Nausea`: a number that only counts the items."""
    after = found[numeral.end].low if numeral.end < len(found) else ""
    before = found[numeral.first - 1].low if numeral.first else "\n"
    marks = numeral.digits and after in (".", ")") and before in (".", "\n", ":", ";")
    return marks and numeral.end + 1 < len(found) and found[numeral.end + 1].is_word


def _words(text: str, found: Sequence[Token], used: bytearray) -> Iterator[_Span]:
    """Names, negations and terms, from the tokens that no number uses."""
    marks, nothing = negated(text, found)
    stems = [stem(token.low) for token in found]
    for i in nothing:
        yield _Span("negation", NOTHING, "", i, i + 1)
    i = 0
    while i < len(found):
        token = found[i]
        if used[i] or not token.is_word:
            i += 1
        elif known := concept(stems, i):
            form, length = known
            yield _term(form, i, i + length, bool(marks[i]))
            i += length
        elif (end := _name(found, used, i)) > i:
            if marks[i]:
                yield from (_term(stems[k], k, k + 1, True) for k in range(i, end) if found[k].is_word)
            else:
                yield _Span("name", " ".join(stems[k] for k in range(i, end) if found[k].is_word), "", i, end)
            i = end
        else:
            if inner := _prefixed(token.low):
                yield _term((concept([inner], 0) or (inner, 1))[0], i, i + 1, True)
            elif not _is_silent(token):
                yield _term(stems[i], i, i + 1, bool(marks[i]))
            i += 1


def _prefixed(word: str) -> str:
    """What a word with a negating prefix negates: `nonsmoker`, `unchanged`; `""` for other words."""
    if word in CUES:
        return ""
    if word.startswith("non") and len(word) > 6:
        return stem(word[3:])
    if word.startswith("un") and word.endswith("ed") and len(word) > 7 and not word.startswith(("uni", "under")):
        return stem(word[2:])
    return ""


def _is_silent(token: Token) -> bool:
    base = token.low.replace("’", "'").partition("'")[0]
    return len(base) < 2 or base in _SILENT or token.low.endswith(("n't", "n’t"))


def _term(form: str, first: int, end: int, is_negated: bool) -> _Span:
    if form in OPPOSITES:
        return _Span("term", form, OPPOSITES[form], first, end)
    return _Span("negation" if is_negated else "term", form, "", first, end)


def _name(found: Sequence[Token], used: bytearray, i: int) -> int:
    """The place after the capitalised words from place i; i where no name starts, as at the start of a sentence."""
    titled = _follows_title(found, i)
    if not titled and (i == 0 or found[i - 1].low in _SENTENCE_ENDS):
        return i
    if not titled and _is_silent(found[i]):
        return i
    end = i
    while end < len(found) and not used[end] and _is_capital(found[end], titled):
        end += 1
        if end + 1 < len(found) and found[end].low == "-" and _is_capital(found[end + 1], titled):
            end += 1
    return end


def _is_capital(token: Token, titled: bool) -> bool:
    """A capitalised word; an acronym is a term like any other word, unless a title stands before it (`Dr. XYZ`)."""
    if not token.is_word or not token.text[0].isupper() or token.low in _TITLES:
        return False
    return titled or not token.text.isupper()


def _follows_title(found: Sequence[Token], i: int) -> bool:
    """`Dr. Smith`, `Miss Smith`."""
    before = i - 2 if i and found[i - 1].low == "." else i - 1
    return before >= 0 and found[before].low in _TITLES


def _about(found: Sequence[Token], content: Sequence[str], used: Sequence[int], span: _Span) -> frozenset[str]:
    """The content words on either side of a number."""
    about = set()
    for step in (1, -1):
        i = span.end if step > 0 else span.first - 1
        for _ in range(_REACH):
            if not 0 <= i < len(found) or found[i].low in _ITEM_ENDS or used[i] == 1:
                break
            about.add(content[i])
            i += step
    return frozenset(about - {""})
