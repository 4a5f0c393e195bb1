"""Which specialist a text is for: an encoder with logistic regression over the tasks' own questions, which may also say none.

    p(task | text) = softmax(logits / T)          T calibrated on held rows (Guo et al. 2017, 1706.04599)
    likeness       = mean cosine with the three nearest texts of any task

It abstains where the likeliest task is not likely enough, and where the text is unlike all that it knows: probabilities are over
the tasks only, so that a text of none gets one of them all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.generate.linear import Encoder, LinearSystem

NEAREST = 3
UNLIKE = 0.05
"""Of the tasks' own held rows so many are taken to be unlike what is known."""
RIGHT = 0.98
"""Of the held rows that it routes so many are right, where a threshold can be had at which they are."""
KNOWN = 2000
"""Texts of each task that are kept at most."""


@dataclass(frozen=True, slots=True)
class Route:
    task: str | None
    """None: it abstains."""
    probability: float
    """Of the likeliest task."""
    likeness: float
    alternatives: tuple[tuple[str, float], ...]
    """The likeliest tasks and their probabilities, five at most."""


class Router:
    def __init__(
        self,
        linear: LinearSystem,
        encoder: Encoder,
        known: NDArray[np.floating],
        temperature: float = 1.0,
        least_probability: float = 0.0,
        least_likeness: float = -1.0,
    ) -> None:
        """`known` [texts, dimensions]: of length 1."""
        self._linear, self._encoder, self._known = linear, encoder, known
        self.temperature, self.least_probability, self.least_likeness = temperature, least_probability, least_likeness

    @property
    def tasks(self) -> tuple[str, ...]:
        return self._linear.labels

    @classmethod
    def fit(
        cls, encoder: Encoder, learn: Mapping[str, Sequence[str]], held: Mapping[str, Sequence[str]], seed: int = 0
    ) -> Self:
        """From texts by task, and others on which temperature and thresholds are chosen.

        Raises InputError for fewer than two tasks, and where nothing is held.
        """
        if len(learn) < 2:
            raise InputError(f"a router wants two tasks or more to choose from, and there are {len(learn)}")
        if not any(held.values()):
            raise InputError("a router wants rows of validation, and no task has any")
        rows = [_question(text, task) for task, texts in learn.items() for text in texts]
        draw = np.random.default_rng(seed)
        kept = [text for texts in learn.values() for text in draw.permutation(np.array(texts, dtype=object))[:KNOWN]]
        found = cls(LinearSystem.fit(encoder, rows, seed), encoder, np.asarray(encoder.encode(kept)))
        gold = np.array([found.tasks.index(task) for task, texts in held.items() for _ in texts])
        logits, likeness = found._read([text for texts in held.values() for text in texts])

        def loss(log_temperature: float) -> float:
            scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
            return float(-scaled[np.arange(len(gold)), gold].mean())

        found.temperature = float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
        found.least_likeness = float(np.quantile(likeness, UNLIKE))
        probs = softmax(logits / found.temperature, axis=1)
        right, best = probs.argmax(1) == gold, probs.max(1)
        thresholds = [0.5, *sorted(best[best > 0.5])]
        found.least_probability = float(
            next((p for p in thresholds if right[best >= p].mean() >= RIGHT), max(thresholds))
        )
        return found

    def route(self, texts: Sequence[str]) -> list[Route]:
        logits, likeness = self._read(texts)
        return [
            self._route(probs, float(like))
            for probs, like in zip(softmax(logits / self.temperature, axis=1), likeness, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Everything but the encoder, without pickle."""
        self._linear.save(folder / "linear.npz")
        settings = np.array([self.temperature, self.least_probability, self.least_likeness])
        with (folder / "router.npz").open("wb") as file:
            np.savez(file, known=self._known.astype(np.float16), settings=settings)

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> Self:
        """What `save` wrote, with the encoder that it was fitted on."""
        with np.load(folder / "router.npz", allow_pickle=False) as saved:
            known, settings = saved["known"].astype(np.float32), saved["settings"].tolist()
        return cls(LinearSystem.load(folder / "linear.npz", encoder), encoder, known, *settings)

    def _read(self, texts: Sequence[str]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Logits [texts, tasks] and likeness [texts]."""
        vectors = np.asarray(self._encoder.encode(list(texts)))
        nearest = np.sort(vectors @ self._known.T, axis=1)[:, -NEAREST:]
        return np.log(self._linear.probabilities(vectors).clip(1e-30)), nearest.mean(axis=1)

    def _route(self, probs: NDArray[np.floating], likeness: float) -> Route:
        order = probs.argsort()[::-1]
        best = float(probs[order[0]])
        sure = best >= self.least_probability and likeness >= self.least_likeness
        likeliest = tuple((self.tasks[at], float(probs[at])) for at in order[:5])
        return Route(likeliest[0][0] if sure else None, best, likeness, likeliest)


def _question(text: str, task: str) -> Example:
    return Example(task, (Message("user", text),), task, (task,))
