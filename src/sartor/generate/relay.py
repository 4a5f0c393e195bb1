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

from sartor.errors import SartorError
from sartor.generate.lines import Lines
from sartor.generate.request import Broken, Piece, Request, TokenLogprob

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
        self._told: SimpleQueue[Piece | Broken] = SimpleQueue()

    def clear(self) -> None:
        self._lines = Lines(self._most)
        for id in list(self._asked):
            self.cancel(id)

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

    def step(self) -> list[Piece | Broken]:
        """Whoever's turn it is is asked; what has been heard since."""
        while request := self._lines.next([each for each, _ in self._asked.values()], self._fits):
            unwanted = threading.Event()
            self._asked[request.id] = request, unwanted
            self._threads.submit(self._follow, request, unwanted, self._told)
        told, seconds = list[Piece | Broken](), TICK
        while self._asked:
            try:
                piece = self._told.get(timeout=seconds)
            except Empty:
                break
            seconds = 0.0
            if piece.id in self._asked:  # else nobody wants it any more
                told.append(piece)
                if isinstance(piece, Broken) or piece.finish:
                    del self._asked[piece.id]
        return told

    def _fits(self, _: Request) -> bool:
        return len(self._asked) < self._most

    def _follow(self, request: Request, unwanted: threading.Event, told: "SimpleQueue[Piece | Broken]") -> None:
        try:
            for piece in self._pieces(request):
                if unwanted.is_set():
                    return
                told.put(piece)
        except SartorError as error:
            told.put(Broken(request.id, str(error)))
        except Exception as error:  # a thread's own exceptions are seen by nobody
            told.put(Broken(request.id, f"{type(error).__name__}: {error}"))

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
