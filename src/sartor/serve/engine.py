"""The engine as the server sees it: a process of its own, begun anew when it dies, and what everybody waits for of it.

Whatever was accepted is asked once more of the new process, and a reply that had begun is gone on with. Requests that the engine
had at two deaths may be what it dies of: they are asked one after another, and one that it has at the third is given up.
"""

import asyncio
import logging
import multiprocessing
import pickle
import threading
import uuid
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from sartor.errors import SystemFailure
from sartor.flows.serving import MOST_BYTES
from sartor.serve.refusal import Refusal
from sartor.serve.wire import Ask, Begun, Said
from sartor.serve.worker import Failed, Load, Ready, work

logger = logging.getLogger(__name__)
PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the process is begun anew, twice as many each time that it could not begin."""
DEATHS = 3
"""Of the engine, after which a request is given up."""
PATIENCE = 10.0
"""Seconds that it has to end by itself."""


@dataclass(eq=False, slots=True)
class _Waiter:
    ask: Ask
    told: asyncio.Queue[Begun | Said | Refusal] = field(default_factory=asyncio.Queue)
    begun: bool = False
    ids: list[int] = field(default_factory=list)
    """The reply's tokens so far."""
    deaths: int = 0
    """Of the engine, while it had this."""
    asked: bool = False
    """The engine has it."""

    @property
    def suspect(self) -> bool:
        return self.deaths == DEATHS - 1


class Engine:
    load = Load(0, 0)
    restarts = 0
    ready = False
    """Whether it answers."""

    def __init__(self, root: Path, base: str | None = None, most_bytes: int = MOST_BYTES) -> None:
        """The project in `root`, which base of its tasks is served, and how many bytes of adapters stay loaded."""
        self._served = root, base, most_bytes
        self._waiters: dict[str, _Waiter] = {}
        self._closing, self._failures = False, 0

    async def start(self) -> None:
        """Raises SystemFailure where the process cannot begin."""
        self._loop = asyncio.get_running_loop()
        self._first: asyncio.Future[None] = self._loop.create_future()
        self._begin()
        await self._first

    async def stop(self) -> None:
        self._closing = True
        self._outbox.put(None)
        await asyncio.to_thread(self.process.join, PATIENCE)
        if self.process.is_alive():
            self.process.kill()

    async def ask(self, ask: Ask) -> AsyncGenerator[Begun | Said]:
        """What begins, and then what is said, up to the end of the reply. Raises Refusal. Left early, it is cancelled."""
        id, waiter, ended = uuid.uuid4().hex, _Waiter(ask, asked=True), False
        message = _packed(id, ask)
        self._waiters[id] = waiter
        self._outbox.put(message)
        try:
            while not ended:
                told = await waiter.told.get()
                ended = isinstance(told, Refusal) or (isinstance(told, Said) and told.finish is not None)
                if isinstance(told, Refusal):
                    raise told
                yield told
        finally:
            del self._waiters[id]
            if not ended:
                self._outbox.put(_packed(id, None))
            if waiter.suspect:
                self._ask_suspect()

    def _begin(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        self.process = spawn.Process(target=work, args=(theirs, *self._served), daemon=True)
        self.process.start()
        theirs.close()
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        for target in (self._write, self._read):
            threading.Thread(target=target, args=(ours, self._outbox), daemon=True).start()

    def _write(self, pipe: Connection, outbox: "SimpleQueue[bytes | None]") -> None:
        with suppress(OSError):  # the reader sees it end
            while (message := outbox.get()) is not None:
                pipe.send_bytes(message)
            pipe.send(None)

    def _read(self, pipe: Connection, outbox: "SimpleQueue[bytes | None]") -> None:
        try:
            while True:
                self._loop.call_soon_threadsafe(self._hear, pipe.recv())
        except (EOFError, OSError):
            outbox.put(None)
            with suppress(RuntimeError):  # the loop has ended too
                self._loop.call_soon_threadsafe(self._ended)

    def _hear(self, message: Ready | Failed | Load | tuple[str, Begun | Said | Refusal]) -> None:
        match message:
            case Ready():
                self.ready, self._failures = True, 0
                if not self._first.done():
                    self._first.set_result(None)
            case Failed() if not self._first.done():
                self._first.set_exception(SystemFailure(message.message))
            case Failed():
                logger.error("the engine cannot begin: %s", message.message)
            case Load():
                self.load = message
            case (str(id), told) if waiter := self._waiters.get(id):
                if isinstance(told, Said):
                    waiter.ids += told.ids
                if isinstance(told, Begun) and waiter.begun:
                    return  # once more, after a death
                if isinstance(told, Begun):
                    waiter.begun, waiter.ask = True, replace(waiter.ask, model=told.model)  # and no later version
                waiter.told.put_nowait(told)

    def _ended(self) -> None:
        self.load, was_ready, self.ready = Load(0, 0), self.ready, False
        if self._closing:
            for waiter in self._waiters.values():
                waiter.told.put_nowait(Refusal(503, "the server is shutting down: try again later", retry_after=10))
        elif not self._first.done():
            self._first.set_exception(SystemFailure("the engine died while it began; its last words are above"))
        elif not self._first.exception():
            self._failures += not was_ready
            for waiter in self._waiters.values():
                waiter.deaths += was_ready and waiter.asked
            pause = min(LONGEST_PAUSE, PAUSE * 2**self._failures)
            logger.error("the engine died (exit code %s); it begins anew in %.1f s", self.process.exitcode, pause)
            self._loop.call_later(pause, self._revive)

    def _revive(self) -> None:
        if self._closing:
            return
        self.restarts += 1
        try:
            self._begin()
        except OSError:
            logger.exception("the engine's process cannot be begun")
            self._loop.call_later(LONGEST_PAUSE, self._revive)
            return
        for id, waiter in self._waiters.items():
            waiter.asked = False
            if waiter.deaths >= DEATHS:
                waiter.told.put_nowait(
                    Refusal(500, f"the engine died {DEATHS} times while it had this request: it was given up")
                )
            elif not waiter.suspect:
                self._ask_again(id, waiter)
        self._ask_suspect()

    def _ask_suspect(self) -> None:
        """The next one, when it has none: so that a death shows which it was."""
        suspects = [(id, waiter) for id, waiter in self._waiters.items() if waiter.suspect]
        if suspects and not any(waiter.asked for _, waiter in suspects):
            self._ask_again(*suspects[0])

    def _ask_again(self, id: str, waiter: _Waiter) -> None:
        waiter.asked = True
        self._outbox.put(_packed(id, replace(waiter.ask, begun=tuple(waiter.ids))))


def _packed(id: str, ask: Ask | None) -> bytes:
    """As the pipe has it. Raises Refusal for what is nested too deeply to be sent."""
    try:
        return pickle.dumps((id, ask))
    except RecursionError:
        raise Refusal(400, "the request is nested too deeply: send something flatter") from None
