"""Whose request is next: each tenant's wait in a line of their own, and the lines take turns."""

import itertools
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence

from sartor.generate.request import Request


class Lines:
    def __init__(self, most: int) -> None:
        """`most` run at once."""
        self._most = most
        self._waiting: OrderedDict[str, deque[Request]] = OrderedDict()

    def add(self, request: Request) -> None:
        self._waiting.setdefault(request.tenant, deque()).append(request)

    def remove(self, id: str) -> None:
        """One that does not wait is no error."""
        for line in self._waiting.values():
            for request in [each for each in line if each.id == id]:
                line.remove(request)

    def __iter__(self) -> Iterator[Request]:
        return itertools.chain(*self._waiting.values())

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def next(self, running: Sequence[Request], fits: Callable[[Request], bool]) -> Request | None:
        """The first of the line whose turn it is, if there is room for it; while others wait, nobody has more than half of it."""
        tenants = Counter(each.tenant for each in running)
        for tenant, line in list(self._waiting.items()):
            if not line:
                del self._waiting[tenant]
            elif tenants[tenant] >= max(1, self._most // 2) and any(
                self._waiting[other] for other in self._waiting if other != tenant
            ):
                continue
            elif not fits(line[0]):
                return None  # it keeps its turn: a long one would wait forever
            else:
                self._waiting.move_to_end(tenant)
                return line.popleft()
        return None
