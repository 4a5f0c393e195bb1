"""The rows that all checks look at, and what they share: texts, the test set, embeddings made once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sartor.curate.duplicates import Found, find
from sartor.data.duplicates import question_key
from sartor.data.example import Example
from sartor.task import TaskSpec

Vectors = npt.NDArray[np.float32]
Embed = Callable[[Sequence[str]], Vectors]
"""Texts → unit vectors [texts, width]; may keep what it has computed."""


@dataclass(frozen=True)
class Pool:
    """Not to be changed once made."""

    examples: Sequence[Example]
    spec: TaskSpec
    test: Sequence[Example] = ()
    """Rows that no training row may repeat."""
    embed: Embed = field(default=lambda _: _no_encoder(), compare=False)

    @cached_property
    def questions(self) -> list[str]:
        """What each row asks: its last user message."""
        return [example.question for example in self.examples]

    @cached_property
    def question_keys(self) -> list[str]:
        """What makes two rows ask the same: the conversation with case, punctuation and white space folded."""
        return [question_key(example) for example in self.examples]

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
        held_out = [example.question for example in self.test]
        return find(list(map(_utf8, self.questions)), held_out=list(map(_utf8, held_out)))

    @cached_property
    def embeddings(self) -> Vectors:
        """Unit vectors of the questions, [n, width]."""
        return self.embed(self.questions)


def _utf8(text: str) -> str:
    """The text with halves of surrogate pairs replaced: Arrow holds none."""
    return text.encode("utf-8", "replace").decode()


def _no_encoder() -> Vectors:
    raise RuntimeError("this pool was made without an encoder")
