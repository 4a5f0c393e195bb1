"""How long work tells of itself: a callback, so that no stage knows whether a terminal, a log or nobody listens."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then with what is done of a total; `detail` is a short text such as `loss 0.41 · 18 ex/s`."""

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None: ...


def silent(what: str, done: int, total: int, detail: str = "") -> None:
    """The progress of a caller who does not listen."""
