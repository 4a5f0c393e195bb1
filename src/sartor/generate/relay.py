"""Requests that another program answers, in place of the scheduler: so many at a time, each in a thread of its own.

A reply that is not what it was to be held to is broken off: a program that cannot read a grammar may go on without one, and say
nothing.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal, Protocol

from sartor.generate.lines import Lines
from sartor.generate.request import Piece, Request, TokenLogprob

TICK = 0.05
"""Seconds that a step waits for something to tell."""


@dataclass(frozen=True, slots=True)
class Heard:
    """More of a reply, from the program."""

    text: str
    ids: tuple[int, ...]
    """Tokens that spell it, if not the program's own."""
    tokens: int
    """The program's, so far."""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish: Literal["stop", "length"] | None = None


class Program(Protocol):
    def ask(self, request: Request) -> AbstractContextManager[Iterator[Heard]]:
        """A reply as it comes; left early, it is broken off. Raises SartorError where there is none."""
        ...


class Relay:
    """What a `Scheduler` does, as the server needs it."""

    def __init__(self, program: Program, most: int) -> None:
        """`most` are asked at once."""
        self._program, self._most = program, most
        self._threads = ThreadPoolExecutor(most, "relay")
        self._lines = Lines(most)
        self._asked: dict[str, tuple[Request, threading.Event]] = {}
        self._told: SimpleQueue[tuple[str, Piece | Exception]] = SimpleQueue()

    def add(self, request: Request) -> None:
        self._lines.add(request)

    def cancel(self, id: str) -> None:
        self._lines.remove(id)
        if asked := self._asked.pop(id, None):
            asked[1].set()

    @property
    def waiting(self) -> int:
        return len(self._lines)

    @property
    def running(self) -> int:
        return len(self._asked)

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.running

    @property
    def ids(self) -> set[str]:
        """Of the requests that wait or run."""
        return {*self._asked, *(request.id for request in self._lines)}

    def step(self) -> Iterator[Piece]:
        """Whoever's turn it is is asked; what has been heard since.

        Where an exception comes out of it, the request that it is of is dropped, and the next step goes on with all else.
        """
        while request := self._lines.next([each for each, _ in self._asked.values()], self._fits):
            unwanted = threading.Event()
            self._asked[request.id] = request, unwanted
            self._threads.submit(self._follow, request, unwanted)
        seconds = TICK
        while self._asked:
            try:
                id, told = self._told.get(timeout=seconds)
            except Empty:
                return
            seconds = 0.0
            if id not in self._asked:
                continue  # nobody wants it any more
            if isinstance(told, Exception) or told.finish:
                del self._asked[id]
            if isinstance(told, Exception):
                raise told
            yield told

    def _fits(self, _: Request) -> bool:
        return len(self._asked) < self._most

    def _follow(self, request: Request, unwanted: threading.Event) -> None:
        try:
            for piece in self._pieces(request):
                if unwanted.is_set():
                    return
                self._told.put((request.id, piece))
        except Exception as error:  # a thread's own are seen by nobody
            self._told.put((request.id, error))

    def _pieces(self, request: Request) -> Iterator[Piece]:
        text, told = "", 0
        if request.grammar:  # which begins where a reply begins: one that had begun is made once more
            told = len(request.decode(request.begun))
        constraint = request.constrain() if request.constrain else None
        with self._program.ask(request) as reply:
            for heard in reply:
                if constraint:
                    for token in heard.ids:
                        constraint.advance(token)
                again, text = len(text) < told, text + heard.text
                if request.trie and heard.finish and text not in request.trie.labels:
                    raise ValueError("the reply is none of the labels")
                ids = () if again else heard.ids
                yield Piece(request.id, text[told:], ids, heard.tokens, 0, heard.finish, heard.logprobs)
                told = max(told, len(text))
                if heard.finish:
                    return
        raise ValueError("the reply has no end")
