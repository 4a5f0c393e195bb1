"""Rows whose question is mostly a text that many rows have: a signature, a disclaimer, a template."""

from collections.abc import Sequence

import numpy as np

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool

RUN = 15
"""Words one after the other that are the same text by no chance."""
_SHARE, _FEWEST = 0.001, 5
"""So many of the rows, and never fewer than so many rows, must have it."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Of the rolling hash; any large odd number does."""


@register
class Boilerplate(Check):
    """Finds rows that add little to what they share with many others.

    The score is the share of the question's words that stand in runs of 15 words which a thousandth of the rows has, and 5 rows
    at least; a short template such as `Write a function that` is none. Case and punctuation do not count, but in code. Runs are
    compared by 64-bit hashes.
    """

    name = "boilerplate"
    title = "boilerplate"
    threshold = 0.5

    def look(self, pool: Pool) -> Suspicions:
        count = len(pool.question_keys)
        words, lengths = _words(pool.question_keys)
        row_of = np.repeat(np.arange(count), lengths)
        starts = np.flatnonzero(row_of[: 1 - RUN] == row_of[RUN - 1 :]) if len(words) >= RUN else np.array([], int)
        if not len(starts):
            return {}
        hashes = np.zeros(len(words) - RUN + 1, np.uint64)
        for step in range(RUN):
            hashes = hashes * _BASE + words[step : step + len(hashes)]
        run = np.unique(hashes[starts], return_inverse=True)[1]
        pairs = np.unique(run * count + row_of[starts])  # every run and row that has it, once
        first = np.flatnonzero(np.diff(pairs // count, prepend=-1))
        having = np.diff(first, append=len(pairs))

        shared = having[run] >= max(_FEWEST, _SHARE * count)
        starts, run = starts[shared], run[shared]
        edges = np.zeros(len(words) + 1, int)
        np.add.at(edges, starts, 1)
        np.add.at(edges, starts + RUN, -1)
        covered = np.bincount(row_of, weights=edges[:-1].cumsum() > 0, minlength=count)
        order = np.lexsort((having[run], row_of[starts]))
        last = order[np.flatnonzero(np.diff(row_of[starts][order], append=count))]  # of each row, its most frequent run

        found: Suspicions = {}
        for place, kind in zip(row_of[starts][last].tolist(), run[last].tolist(), strict=True):
            one, two = (pairs[first[kind] : first[kind] + 2] % count).tolist()
            like = pool.examples[two if one == place else one].id
            rows, of, both = int(having[kind]), int(lengths[place]), int(covered[place])
            found[place] = Suspicion(
                both / of,
                f"{both} of the question's {of} words are a text that {rows:,} rows have, such as row {like}",
                {"words": of, "shared": both, "rows": rows, "like": like},
            )
        return found


def _words(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """A random number for every word of the texts, the same for the same word, and the texts' numbers of words."""
    known: dict[str, int] = {}
    places = np.fromiter((known.setdefault(word, len(known)) for text in texts for word in text.split()), np.int64)
    numbers = np.random.default_rng(0).integers(0, 2**64, len(known), dtype=np.uint64)
    return numbers[places], np.array([len(text.split()) for text in texts], np.int64)
