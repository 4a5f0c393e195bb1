"""What becomes of everybody's requests when the engine dies of one."""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from sartor.serve.engine import DEATHS, Engine
from sartor.serve.refusal import Refusal
from sartor.serve.wire import Ask, Begun, Said
from sartor.serve.worker import Ready

POISON = "poison"


def mortal(pipe: Connection, *_: object) -> None:
    """Answers all that has come once nothing more comes, if none of it is poison."""
    pipe.send(Ready())
    asked: dict[str, Ask] = {}
    while True:
        if asked and not pipe.poll(0.2):
            if any(ask.text == POISON for ask in asked.values()):
                os._exit(1)
            for id, ask in asked.items():
                pipe.send((id, Said(ask.text or "", (), 0, 0, "stop")))
            asked = {}
        if (message := pipe.recv()) is None:
            return
        id, ask = message
        if ask is None:
            asked.pop(id, None)
        else:
            asked[id] = ask
            pipe.send((id, Begun("m", "fp", 1)))


async def said(engine: Engine, text: str) -> str:
    try:
        return "".join([each.text async for each in engine.ask(Ask("m", text=text)) if isinstance(each, Said)])
    except Refusal as refusal:
        return refusal.message


@asynccontextmanager
async def started(engine: Engine) -> AsyncIterator[None]:
    await engine.start()
    try:
        yield
    finally:
        await engine.stop()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr("sartor.serve.engine.multiprocessing.get_context", lambda _: fork)
    monkeypatch.setattr("sartor.serve.engine.work", mortal)
    monkeypatch.setattr("sartor.serve.engine.PAUSE", 0.05)
    return Engine(Path())


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def test_what_the_engine_dies_of_is_given_up_and_its_neighbours_are_answered(engine: Engine) -> None:
    async def run() -> list[str]:
        async with started(engine), asyncio.timeout(30):
            return await asyncio.gather(*(said(engine, text) for text in ("one", POISON, "two", "three")))

    told = asyncio.run(run())
    assert "died 3 times" in told.pop(1)
    assert told == ["one", "two", "three"]
    assert engine.restarts == DEATHS


def test_a_neighbour_that_leaves_while_the_engine_is_dead_holds_up_no_other(engine: Engine) -> None:
    async def run() -> list[str]:
        async with started(engine), asyncio.timeout(30):
            leaves, *others = (asyncio.create_task(said(engine, text)) for text in ("leaves", POISON, "stays"))
            await until(lambda: engine.ready and engine.restarts == 1)
            await until(lambda: not engine.ready)
            leaves.cancel()
            return await asyncio.gather(*others)

    poison, stays = asyncio.run(run())
    assert "died 3 times" in poison
    assert stays == "stays"
