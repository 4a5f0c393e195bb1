"""A reply's text as soon as it is sure: no half character, and nothing that may yet turn out to begin a stop string."""

from collections.abc import Callable, Sequence


class TextStream:
    """All pieces joined are the reply's text, up to the first stop string."""

    stopped = False
    """A stop string has come: nothing follows."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str] = ()) -> None:
        """`decode` spells the tokens of a reply from its first on. Raises ValueError for an empty stop string."""
        if "" in stop:
            raise ValueError("an empty stop string would stop every reply")
        self._decode, self._stop = decode, stop
        self._ids: list[int] = []
        self._sent = 0

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
            sure = next(held, sure)
        new = text[self._sent : sure]
        self._sent = max(self._sent, sure)
        return new

    @property
    def _longest(self) -> int:
        return max(map(len, self._stop), default=0)

    def _may_stop(self, end: str) -> bool:
        return any(stop.startswith(end) for stop in self._stop)
