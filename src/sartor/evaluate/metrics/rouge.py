"""ROUGE (Lin 2004): words, pairs of words and subsequences shared with a reference, as rouge-score computes them.

The words are rouge-score's own (a-z and 0-9 in lower case, so a text in another script has none). Counting is ours: the
package's table for the longest common subsequence takes words × words cells, minutes and gigabytes on a long answer.
"""

from collections import Counter
from importlib.metadata import version
from itertools import pairwise

from rouge_score.tokenize import tokenize

from sartor.data.example import Example
from sartor.evaluate.metric import TEXT_KINDS, Mean, register, text_of
from sartor.generate.answer import Answer


@register
class RougeL(Mean):
    """Mean F-measure of the longest common subsequence of words (Lin 2004), as rouge-score computes it."""

    name = "rouge_l"
    general = True
    title = "ROUGE-L"
    kinds = TEXT_KINDS

    @property
    def signature(self) -> str:
        return f"{self.name}|rouge-score {version('rouge-score')}|stemmer:no"

    def score(self, example: Example, answer: Answer) -> float:
        expected, answered = rouge_words(example.target), rouge_words(text_of(answer))
        return _f_measure(_common_subsequence(expected, answered), len(expected), len(answered))


@register
class Rouge1(RougeL):
    """Mean F-measure of the words shared with the reference (Lin 2004), as rouge-score computes it."""

    name = "rouge_1"
    title = "ROUGE-1"
    on_request = True

    def score(self, example: Example, answer: Answer) -> float:
        return _overlap(Counter(rouge_words(example.target)), Counter(rouge_words(text_of(answer))))


@register
class Rouge2(RougeL):
    """Mean F-measure of the pairs of neighbouring words shared with the reference (Lin 2004), as rouge-score computes it."""

    name = "rouge_2"
    title = "ROUGE-2"
    on_request = True

    def score(self, example: Example, answer: Answer) -> float:
        return _overlap(Counter(pairwise(rouge_words(example.target))), Counter(pairwise(rouge_words(text_of(answer)))))


def rouge_words(text: str) -> tuple[str, ...]:
    """rouge-score's words of a text, without stemming."""
    return tuple(tokenize(text, None))


def _overlap(expected: Counter[object], answered: Counter[object]) -> float:
    return _f_measure((expected & answered).total(), expected.total(), answered.total())


def _f_measure(shared: int, expected: int, answered: int) -> float:
    if not shared:
        return 0.0
    precision, recall = shared / answered, shared / expected
    return 2 * precision * recall / (precision + recall)


def _common_subsequence(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Length of the longest common subsequence, a row of the table at a time as the bits of one integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    full = (1 << len(a)) - 1
    column = full
    for word in b:
        met = column & places.get(word, 0)
        if met:
            column = (column + met | column - met) & full
    return len(a) - column.bit_count()
