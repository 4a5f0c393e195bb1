"""What has been read before, for prompts that begin alike: of one adapter, never of another."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from sartor.models.template import shared_prefix


class PrefixCache:
    """Keys and values of whole prompts; when there are too many bytes, those that served least recently go."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple[str, tuple[int, ...]], Tensor] = OrderedDict()

    def longest(self, adapter: str, prompt: Sequence[int]) -> tuple[int, Tensor | None]:
        """How many of the prompt's first tokens are known of this adapter (its hash), and of what they are the beginning:
        [2, layers, kv heads, tokens, d], virtual tokens first."""
        known = [(shared_prefix((ids, prompt)), key) for key in self._kept if key[0] == adapter for ids in (key[1],)]
        length, best = max(known, default=(0, None), key=lambda each: each[0])
        if not length or best is None:
            return 0, None
        self._kept.move_to_end(best)
        return length, self._kept[best]

    def put(self, adapter: str, prompt: Sequence[int], known: Tensor) -> None:
        key = (adapter, tuple(prompt))
        if key in self._kept or known.nbytes > self._most:
            return
        self._kept[key] = known
        self._bytes += known.nbytes
        while self._bytes > self._most:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
