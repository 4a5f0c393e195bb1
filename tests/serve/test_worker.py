"""What the engine's process does when it cannot go on."""

from pathlib import Path

import pytest

import sartor
from sartor.generate.scheduler import Scheduler
from sartor.serve.refusal import Refusal
from sartor.serve.wire import Ask, Begun, Said
from sartor.serve.worker import Worker


def test_a_step_that_breaks_off_gives_up_what_was_asked_and_nothing_more(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(project / "cache"))
    worker, ask = Worker(sartor.open(project).serving.specialists()), Ask("free", (("user", "hello"),), max_tokens=3)

    def break_off(*_: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(Scheduler, "_start", break_off)
        for id in ("one", "two"):
            assert isinstance(worker.hear((id, ask))[0][1], Begun)
        told = worker.step()
    assert {id: each.status for id, each in told if isinstance(each, Refusal)} == {"one": 500, "two": 500}
    assert worker.scheduler.idle
    worker.hear(("three", ask))
    said = [each for _ in range(4) for _, each in worker.step() if isinstance(each, Said)]
    assert said[-1].finish
