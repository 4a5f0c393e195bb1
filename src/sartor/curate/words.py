"""Texts as rows of numbered words: what every comparison of the duplicates' search works on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import regex

Texts = Sequence[str] | pl.Series | Iterable[pl.Series]
"""Texts, or batches of them; an Arrow array becomes a batch with `pl.Series(array)`."""
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
BATCH = 50_000

_SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_NUMBER = r"\p{Nd}+(?:[.,:/-]\p{Nd}+)*"
_LETTERS = rf"[\p{{L}}\p{{M}}--{_SPACELESS}]+"
_WORD = rf"\B(?:-\.?|\.){_NUMBER}|{_NUMBER}|{_SPACELESS}|{_LETTERS}(?:-{_LETTERS})*|[\p{{S}}%‰]"
"""A number with its sign and inner marks, a letter of a script without spaces, a word (`top-up`), or a symbol."""
_END = r"[.?!:;…\n]"
_TOKEN = r"[\p{L}\p{M}\p{N}_]+|\S"
"""Of code: every mark is a word."""
_THOUSANDS = regex.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of n texts, case folded and without apostrophes; of code, its tokens.

    A text without words is one word: itself.
    """

    ids: npt.NDArray[np.int32]
    """Of all texts, one after the other."""
    starts: Ints
    """(n + 1,): text i has `ids[starts[i]:starts[i + 1]]`."""
    vocabulary: list[str]
    compounds: frozenset[tuple[int, int]]
    """Pairs of words that some text writes with a hyphen: `top-up`."""
    names: Flags
    """Per word of the vocabulary: mostly written with a capital inside a sentence of mixed case, so a name or a code."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, i: int) -> list[int]:
        row: list[int] = self.ids[self.starts[i] : self.starts[i + 1]].tolist()
        return row

    def text(self, i: int) -> list[str]:
        """The words themselves."""
        return [self.vocabulary[word] for word in self.row(i)]

    def take(self, rows: Ints) -> "Words":
        """The named rows alone, with the same vocabulary."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        return replace(self, ids=self.ids[_runs(self.starts[rows], lengths)], starts=starts)

    def where(self, keep: Flags) -> "Words":
        """The same rows with the words kept alone."""
        return replace(self, ids=self.ids[keep], starts=np.concatenate(([0], np.cumsum(keep)))[self.starts])

    def keys(self) -> npt.NDArray[np.uint64]:
        """(n,): a 64-bit hash of each row's words in order; a million rows collide with a chance of 3·10⁻⁸."""
        place = np.arange(len(self.ids)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        return np.add.reduceat(mix(mix(self.ids + 1) + place.astype(np.uint64)), self.starts[:-1])


def mix(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele et al. 2014): every bit of a number reaches every bit of its hash."""
    x = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def read(texts: Texts, code: bool = False) -> Words:
    """Reads batch by batch: beside the numbers of the words, only one batch is held."""
    numbers: dict[str, int] = {}
    spellings: dict[str, tuple[list[int], bool]] = {}
    ids, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
    seen = capital = np.zeros(0, np.int64)
    for batch in batches(texts):
        spelled, row, inside = _split(batch, code)
        distinct = spelled.unique(maintain_order=True)
        for word in distinct.to_list():
            if word not in spellings:
                parts = [word] if code else _fold(word)
                number = [numbers.setdefault(part, len(numbers)) for part in parts]
                spellings[word] = number, word != word.casefold()
        known = [spellings[word] for word in distinct.to_list()]
        table = pl.DataFrame({"word": distinct, "at": np.arange(len(known))})
        at = spelled.to_frame("word").join(table, on="word", how="left", maintain_order="left")["at"].to_numpy()
        size = np.array([len(number) for number, _ in known])
        found = np.array(list(chain.from_iterable(number for number, _ in known)), np.int32)
        found = found[_runs((np.cumsum(size) - size)[at], size[at])]
        inside, upper = np.repeat((inside, inside & np.array([upper for _, upper in known])[at]), size[at], axis=1)
        seen = _add(seen, np.bincount(found[inside], minlength=len(numbers)))
        capital = _add(capital, np.bincount(found[upper], minlength=len(numbers)))
        ids.append(found)
        lengths.append(np.bincount(np.repeat(row, size[at]), minlength=len(batch)))
    compounds = frozenset((number[0], number[1]) for number, _ in spellings.values() if len(number) == 2)
    starts = np.cumsum(np.concatenate(lengths))
    return Words(np.concatenate(ids), starts, list(numbers), compounds, (2 * capital > seen) & (seen > 0))


def batches(texts: Texts) -> Iterable[pl.Series]:
    """The texts in batches of bounded size."""
    if isinstance(texts, pl.Series) or (isinstance(texts, Sequence) and isinstance(next(iter(texts), ""), str)):
        texts = [pl.Series(texts, dtype=pl.String)]
    for series in cast(Iterable[pl.Series], texts):
        yield from (series.slice(at, BATCH) for at in range(0, len(series), BATCH))


def _split(batch: pl.Series, code: bool) -> tuple[pl.Series, Ints, Flags]:
    """The words of a batch as they are written, each one's row, and whether it stands inside a sentence of mixed case."""
    word_form, end = (_TOKEN, r"\n") if code else (_WORD, _END)
    text = (batch if code else batch.str.normalize("NFKC").str.replace_all("['’]", "")).to_frame("text")
    whole = pl.concat_list(" " + pl.col("text").str.strip_chars())  # the space tells it from a sentence's end
    parts = pl.col("text").str.extract_all(f"{word_form}|{end}")
    lists = text.select(pl.when(pl.col("text").str.contains(word_form)).then(parts).otherwise(whole))["text"]
    row = np.repeat(np.arange(len(batch)), lists.list.len().to_numpy())
    spelled = lists.explode()
    word = ~spelled.str.contains(f"^{end}$").to_numpy()
    inside = (batch != batch.str.to_uppercase()).to_numpy()[row]
    inside[1:] &= word[:-1] & (row[1:] == row[:-1])
    inside[:1] = False
    return spelled.filter(pl.Series(word)), row[word], inside[word]


def _fold(word: str) -> list[str]:
    """The word without case; a compound's parts; a number without the commas of its thousands."""
    if word[-1:].isdigit():
        return [word.replace(",", "") if _THOUSANDS.fullmatch(word) else word]
    return [word] if word.startswith(" ") else word.casefold().split("-")


def _runs(begins: Ints, lengths: Ints) -> Ints:
    """The places begin, begin + 1, …, of so many each, one run after the other."""
    ends = np.cumsum(lengths)
    places: Ints = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - (ends - lengths), lengths)
    return places


def _add(total: Ints, more: Ints) -> Ints:
    return more + np.pad(total, (0, len(more) - len(total)))
