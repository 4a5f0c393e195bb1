"""Work in a process of its own, which may be killed: forked from a server that imports the heavy modules once."""

import multiprocessing
import os
import signal
from collections.abc import Callable

KILLED = -signal.SIGKILL
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["sartor.flows.run"])


def exit_code(work: Callable[..., object], *arguments: object) -> int | None:
    """How a fresh process that does this work ends: 0, the code that it exits with, or `KILLED`.

    It has the environment of the first such process; `work` is found by its name, so it lies in a module of `tests`.
    """
    process = _context.Process(target=work, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def die() -> None:
    """What `kill -9` does: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
