"""What the engine's process does when it cannot go on."""

from pathlib import Path

import pytest

import sartor
from sartor.generate.scheduler import Scheduler
from sartor.serve.refusal import Refusal
from sartor.serve.wire import Ask, Begun, Said
from sartor.serve.worker import LINE, Worker


def test_a_step_that_breaks_off_gives_up_what_it_was_about_and_nothing_more(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(project / "cache"))
    worker, ask = Worker(sartor.open(project).serving.specialists()), Ask("free", (("user", "hello"),), max_tokens=3)

    def break_off(*_: object) -> None:
        raise RuntimeError("out of memory")

    for id in ("one", "two"):
        assert isinstance(worker.hear((id, ask))[0][1], Begun)
    with monkeypatch.context() as broken:
        broken.setattr(Scheduler, "_start", break_off)
        [(id, refusal)] = worker.step()
    assert isinstance(refusal, Refusal)
    assert (id, refusal.status) == ("one", 500)
    said = [(id, each) for _ in range(4) for id, each in worker.step() if isinstance(each, Said)]
    assert {id for id, _ in said} == {"two"}
    assert said[-1][1].finish
    assert worker.scheduler.idle


def test_who_was_given_up_has_room_for_more(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(project / "cache"))
    monkeypatch.setattr(Scheduler, "_begin", lambda *_: 1 / 0)
    worker, ask = Worker(sartor.open(project).serving.specialists()), Ask("free", (("user", "hello"),), max_tokens=3)
    for at in range(LINE + 1):
        assert isinstance(worker.hear((str(at), ask))[0][1], Begun)
        assert isinstance(worker.step()[0][1], Refusal)
