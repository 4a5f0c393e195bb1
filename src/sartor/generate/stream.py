"""A reply's text as soon as it is sure: no half character, and nothing that may yet turn out to begin a stop string."""

from collections.abc import Callable, Sequence

KEPT = 16
"""Tokens that are spelled once more with those that come: how one is spelled may depend on what is before it."""


class TextStream:
    """All pieces joined are the reply's text, up to the first stop string."""

    stopped = False
    """A stop string has come: nothing follows."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str] = ()) -> None:
        """`decode` spells tokens of a reply; only how the text begins may depend on which is the first of them, such as by white
        space that is left out. Raises ValueError for an empty stop string."""
        if "" in stop:
            raise ValueError("an empty stop string would stop every reply")
        self._decode, self._stop = decode, stop
        self._ids: list[int] = []
        """The last ones."""
        self._sent = 0
        """Characters of their text."""

    def push(self, ids: Sequence[int], last: bool = False) -> str:
        """What is sure after more tokens; of the `last` ones, all the rest."""
        self._ids += ids
        text = self._decode(self._ids)
        ends = [text.find(stop) for stop in self._stop if stop in text]
        if ends:
            self.stopped, last, text = True, True, text[: min(ends)]
        sure = len(text)
        if not last:
            sure = len(text.rstrip("\ufffd"))  # what the bytes so far do not spell, the next ones may
            held = (start for start in range(max(0, sure - self._longest), sure) if self._may_stop(text[start:sure]))
            sure = next(held, sure) if text.strip() else 0  # white space alone may be what is left out at the beginning
        new = text[self._sent : sure]
        self._sent = max(self._sent, sure)
        if len(self._ids) > 2 * KEPT and not last:
            self._forget(text)
        return new

    def _forget(self, text: str) -> None:
        """Spelling the whole reply at every token would take the square of its length."""
        kept, unsent = self._ids[-KEPT:], len(text) - self._sent
        tail = self._decode(kept)
        # Not within a character, nor within white space, of which it would not be known how much is left out at the beginning.
        if tail.strip() and "\ufffd" not in tail and len(tail) >= unsent:
            self._ids, self._sent = kept, len(tail) - unsent

    @property
    def _longest(self) -> int:
        return max(map(len, self._stop), default=0)

    def _may_stop(self, end: str) -> bool:
        return any(stop.startswith(end) for stop in self._stop)
