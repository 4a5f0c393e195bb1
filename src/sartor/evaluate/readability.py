"""How many years of school a text asks for: Flesch–Kincaid grade and SMOG, for English."""

import math
import re
from functools import lru_cache

from pyphen import Pyphen

HIGHEST = 20.0
"""Grades are clipped to 0–20: beyond a doctorate the formulas say nothing."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:[.,]\d+)*")
_VOWELS = re.compile(r"[aeiouyà-öø-ÿ]+")
_HEARD_E = re.compile(r"[^aeiouy]les?$|[scxz]es$|[sc]hes$|ges$|[td]ed$")
_SILENT_E = re.compile(r"(?<=[^aeiouy])(?:es|ed|e)$")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|\n\s*\n|\n(?=\s*[-*•\d])")


def reading_grade(text: str) -> float:
    """Flesch–Kincaid grade (Kincaid et al. 1975): 0.39 words a sentence + 11.8 syllables a word − 15.59.

    0 to 20; 0 for a text without words.
    """
    words = _WORD.findall(text)
    if not words:
        return 0.0
    grade = 0.39 * len(words) / sentences(text) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return min(max(grade, 0.0), HIGHEST)


def smog(text: str) -> float:
    """SMOG grade (McLaughlin 1969): 3.1291 + 1.0430 √(words of three or more syllables · 30 / sentences).

    0 to 20; 0 for a text without words. Made for 30 sentences or more; fewer are scaled up, as usual.
    """
    words = _WORD.findall(text)
    if not words:
        return 0.0
    long = sum(syllables(word) >= 3 for word in words)
    return min(3.1291 + 1.0430 * math.sqrt(30 * long / sentences(text)), HIGHEST)


def sentences(text: str) -> int:
    """At least 1. A sentence ends at a full stop, at an empty line, or before the next item of a list."""
    return max(1, sum(bool(_WORD.search(part)) for part in _SENTENCE_END.split(text)))


@lru_cache(maxsize=1 << 16)
def syllables(word: str) -> int:
    """The larger of pyphen's pieces and the groups of vowels that are heard; a number is one.

    pyphen alone leaves out what a printer would not break (`a-ny`, `tab-lets`), and groups of vowels what stands between
    two of them (`sci-ence`); see the test for how often either is right. Of a long word, 64 letters count.
    """
    if word[0].isdigit():
        return 1
    word = word.lower()[:64]
    heard = word if _HEARD_E.search(word) else _SILENT_E.sub("", word)
    return max(1, len(_hyphenation().positions(word)) + 1, len(_VOWELS.findall(heard)))


@lru_cache(maxsize=1)
def _hyphenation() -> Pyphen:
    return Pyphen(lang="en_US")
