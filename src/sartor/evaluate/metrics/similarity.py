"""Likeness of meaning, as a small sentence encoder sees it."""

from collections.abc import Sequence

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.metric import TEXT_KINDS, Array, Mean, Scope, register, text_of
from sartor.generate.answer import Answer
from sartor.models.builtin import ENCODER, pulled


@register
class Similarity(Mean):
    """Mean cosine of the sentence embeddings of answer and target; blind to a changed number or a lost "not".

    Of a text longer than 256 tokens the encoder reads the beginning. A cosine below 0, or without an answer, is 0.
    Raises InputError, naming the command that fetches it, when the encoder is not on this machine.
    """

    name = "similarity"
    title = "embedding similarity"
    kinds = TEXT_KINDS
    on_request = True
    general = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        pulled(ENCODER.name)

    @property
    def signature(self) -> str:
        return f"similarity|{ENCODER.name} {ENCODER.sha256[:12]}|cosine|tokens:256"

    def score(self, example: Example, answer: Answer) -> float:
        return float(self.table([example], [answer])[0, 0])

    def table(self, examples: Sequence[Example], answers: Sequence[Answer]) -> Array:
        from sartor.models.encoder import Encoder  # brings torch and transformers: seconds

        texts = [example.target for example in examples] + [text_of(answer) for answer in answers]
        distinct = list(dict.fromkeys(map(_encodable, texts)))
        points = dict(zip(distinct, Encoder.load().encode(distinct), strict=True))
        expected, answered = np.array([points[_encodable(text)] for text in texts]).reshape(2, len(examples), -1)
        cosine = np.clip(np.einsum("nd,nd->n", expected, answered, dtype=np.float64), 0.0, 1.0)
        had = np.array([bool(text_of(answer)) for answer in answers])
        return np.column_stack([np.where(had, cosine, 0.0), np.ones(len(examples))])


def _encodable(text: str) -> str:
    """Half of a surrogate pair, which JSON can hold, has no bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")
