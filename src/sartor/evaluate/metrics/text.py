"""Words shared with a reference, up to all of them: what general metrics see, and all that they see."""

import re
import string
from collections import Counter
from typing import get_args

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from sartor.data.example import Example
from sartor.evaluate.fields import UNREADABLE, canonical, parse
from sartor.evaluate.metric import TEXT_KINDS, Array, Mean, Metric, Proportion, Scope, register, text_of
from sartor.evaluate.metrics.labels import answered_labels
from sartor.generate.answer import Answer
from sartor.task import Kind

_DROPPED = str.maketrans("", "", string.punctuation)
_SPACED = str.maketrans(dict.fromkeys(string.punctuation, " "))
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@register
class Bleu(Metric):
    """Corpus BLEU, 0 to 100 (Papineni 2002), as sacrebleu computes it."""

    name = "bleu"
    general = True
    title = "BLEU"
    kinds = TEXT_KINDS
    maximum = 100.0

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._bleu = BLEU()
        self._bleu.corpus_score([""], [[""]])  # its signature wants to have seen the number of references

    @property
    def signature(self) -> str:
        return f"bleu|{self._bleu.get_signature().format()}"

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        """Length of answer and reference, then matching and all n-grams for n = 1 … 4."""
        found = self._bleu.corpus_score([text_of(answer)], [[example.target.strip()]])
        return tuple(map(float, (found.sys_len, found.ref_len, *found.counts, *found.totals)))

    def of_sums(self, sums: Array) -> Array:
        return np.asarray(np.apply_along_axis(_bleu, -1, sums))

    def per_row(self, stats: Array) -> Array:
        """Sentence BLEU: only the orders that the answer is long enough for."""
        return np.asarray(np.apply_along_axis(_bleu, -1, stats, effective_order=True))


def _bleu(sums: Array, effective_order: bool = False) -> float:
    numbers = list(map(round, sums))
    return BLEU.compute_bleu(
        numbers[2:6], numbers[6:], numbers[0], numbers[1], smooth_method="exp", effective_order=effective_order
    ).score


@register
class Chrf(Metric):
    """Corpus chrF, 0 to 100: shared character sequences, so word forms count in part (Popović 2015), as sacrebleu computes it."""

    name = "chrf"
    general = True
    title = "chrF"
    kinds = TEXT_KINDS
    maximum = 100.0
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._chrf = CHRF()
        self._chrf.corpus_score([""], [[""]])  # as for BLEU

    @property
    def signature(self) -> str:
        return f"chrf|{self._chrf.get_signature().format()}"

    def row(self, example: Example, answer: Answer) -> Array:
        """N-grams of the answer, of the reference, and shared, for each n = 1 … 6; sacrebleu's own statistics."""
        (found,) = self._chrf._extract_corpus_statistics([text_of(answer)], [[example.target.strip()]])
        return np.asarray(found, dtype=np.float64)

    def of_sums(self, sums: Array) -> Array:
        """F2 of mean precision and mean recall, over the orders that both sides are long enough for."""
        answered, expected, shared = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
        usable = (answered > 0) & (expected > 0)
        orders = np.maximum(usable.sum(axis=-1), 1)
        precision, recall = (
            np.divide(shared, whole, out=np.zeros_like(whole), where=usable).sum(axis=-1) / orders
            for whole in (answered, expected)
        )
        weight = self._chrf.beta**2
        below = weight * precision + recall
        above = (1 + weight) * precision * recall
        return np.asarray(100 * np.divide(above, below, out=np.zeros_like(below), where=below > 0))


@register
class TokenF1(Mean):
    """Mean F1 of the words that answer and target share (SQuAD: lower case, no punctuation, no articles).

    In JSON, where punctuation stands between the words, it separates them instead.
    """

    name = "token_f1"
    general = True
    title = "token F1"
    kinds = ("extraction", *TEXT_KINDS)

    @property
    def signature(self) -> str:
        punctuation = "separates" if self.scope.kind == "extraction" else "dropped"
        return f"token_f1|squad|case:lower|articles:dropped|punctuation:{punctuation}"

    def score(self, example: Example, answer: Answer) -> float:
        json = self.scope.kind == "extraction"
        expected, answered = Counter(words(example.target, json)), Counter(words(text_of(answer), json))
        if not expected or not answered:
            return float(expected == answered and answer.finish != "error")
        return 2 * (expected & answered).total() / (expected.total() + answered.total())


@register
class ExactMatch(Proportion):
    """Share of answers equal to the target, outer white space aside; the order of labels and of JSON's keys does not count."""

    name = "exact_match"
    title = "exact match"
    kinds = get_args(Kind)

    @property
    def signature(self) -> str:
        if self.scope.multi:
            return "exact_match|labels:order free"
        return f"exact_match|{'json:key order free' if self.scope.kind == 'extraction' else 'strip:yes'}"

    def score(self, example: Example, answer: Answer) -> float:
        if answer.finish == "error":
            return 0.0
        if self.scope.multi:
            return float(answered_labels(answer, self.scope) == frozenset(example.labels))
        if self.scope.kind == "extraction":
            expected, answered = parse(example.target), parse(text_of(answer))
            if expected is not UNREADABLE:
                return float(answered is not UNREADABLE and canonical(expected) == canonical(answered))
        return float(text_of(answer) == example.target.strip())


def words(text: str, json: bool = False) -> list[str]:
    """SQuAD's words of a text; in JSON, punctuation separates words."""
    return _ARTICLES.sub(" ", text.lower().translate(_SPACED if json else _DROPPED)).split()
