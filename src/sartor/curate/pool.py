"""The rows that all checks look at, and what they share: texts, the test set, embeddings made once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sartor.curate.duplicates import Found, conversations, find
from sartor.curate.embeddings import Embeddings, Vectors, embed
from sartor.curate.neighbours import Neighbours, nearest
from sartor.data.carve import near_by_id, units
from sartor.data.duplicates import question_key
from sartor.data.example import Example
from sartor.models.encoder import Encoder
from sartor.task import CODE, TaskSpec


@dataclass(frozen=True)
class Pool:
    """Not to be changed once made."""

    examples: Sequence[Example]
    spec: TaskSpec
    test: Sequence[Example] = ()
    """Rows that no training row may repeat."""
    read: Callable[[Sequence[str], int], Embeddings] | None = None
    """Reads texts, given a seed; without it the encoder does at once, and nothing is kept."""

    @cached_property
    def questions(self) -> list[str]:
        """What each row asks: its last user message."""
        return [example.question for example in self.examples]

    @cached_property
    def question_keys(self) -> list[str]:
        """What makes two rows ask the same: the folded conversation."""
        return [question_key(example, self.spec.kind) for example in self.examples]

    @cached_property
    def same_questions(self) -> list[list[int]]:
        """The places of rows that ask the same under the same instructions, two or more together, in the rows' order."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, (example, key) in enumerate(zip(self.examples, self.question_keys, strict=True)):
            system = (message.content for message in example.messages if message.role == "system")
            groups.setdefault((key, *system), []).append(place)
        return [places for places in groups.values() if len(places) > 1]

    @cached_property
    def duplicates(self) -> Found:
        """Rows that ask the same, exactly or nearly, among each other and with the test rows."""
        code = self.spec.kind in CODE
        return find(conversations(self.examples), held_out=conversations(self.test), code=code)

    @cached_property
    def embeddings(self) -> Embeddings:
        """What the questions mean and how they are spelt."""
        return self._read(self.questions)

    @cached_property
    def test_meaning(self) -> Vectors:
        """What the test rows' questions mean, [test rows, d]."""
        return self._read([example.question for example in self.test]).meaning

    @cached_property
    def neighbours(self) -> Neighbours:
        """The rows nearest in meaning to each."""
        return nearest(self.embeddings.meaning)

    @property
    def one_label(self) -> bool:
        """Whether every row has one label."""
        return all(len(example.labels) == 1 for example in self.examples)

    @cached_property
    def classes(self) -> list[str]:
        """Classification: the labels that there are, sorted."""
        return sorted({label for example in self.examples for label in example.labels})

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Each row's label as its place in `classes`, [n]; for rows with one label each."""
        places = {label: place for place, label in enumerate(self.classes)}
        return np.array([places[example.labels[0]] for example in self.examples], dtype=np.int64)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Rows that a split keeps together have the same number, [n]: they ask the same, exactly or nearly, or share a group
        or a subject, directly or through others."""
        number = np.zeros(len(self.examples), dtype=np.int64)
        near = near_by_id(self.examples, self.duplicates.linked.tolist())
        for at, places in enumerate(units(self.examples, self.spec.kind, near)):
            number[places] = at
        return number

    def _read(self, texts: Sequence[str]) -> Embeddings:
        seed = self.spec.train.seed
        return self.read(texts, seed) if self.read else embed(texts, Encoder.load(), seed)
