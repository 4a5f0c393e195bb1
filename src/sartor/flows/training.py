"""One training, from rows to a folder of weights: in this process, or in one of its own, whose memory is the training's alone."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, TextIO

import torch

from sartor.data.example import Example
from sartor.errors import InputError, SartorError, SystemFailure
from sartor.flows.base import LoadedBase
from sartor.flows.cost import workload
from sartor.flows.emphasis import emphasised
from sartor.flows.prepare import Task
from sartor.jobs import Usage
from sartor.jobs.here import Here
from sartor.jobs.steps import USAGE_NAME, Heartbeat
from sartor.models.estimate import estimate, memory_here
from sartor.progress import Progress, silent
from sartor.task import TaskSpec, TrainSpec
from sartor.train.batches import common_prefix
from sartor.train.encode import EncodedSet, fit, token_limit, tokenise
from sartor.train.loop import Diverged, Recipe, train, validation_loss
from sartor.train.network import Network

ADAPTER_NAME, OUTCOME_NAME = "adapter", "outcome.json"
log = logging.getLogger("sartor")


@dataclass(frozen=True, slots=True)
class Training:
    """All that a training reads: no test row is among it."""

    task: Task
    train: Sequence[Example]
    validation: Sequence[Example]
    recipe: Recipe
    number_format: tuple[torch.dtype, str]
    threads: int
    trunks: Path
    """Where hidden states below `train.depth` are kept."""
    start: Path | None = None
    """Weights that it goes on from; without them, it starts afresh."""


def learn(training: Training, base: LoadedBase, folder: Path, progress: Progress = silent) -> dict[str, Any]:
    """Train, and leave the weights in `folder`/adapter; what happened, as JSON. `folder` holds the checkpoint.

    Raises as `encode` and `train` do.
    """
    spec = training.task.spec.train
    encoded, validation = (_encoded(side, training.task.spec, base) for side in (training.train, training.validation))
    if not encoded.rows:
        column = training.task.spec.data.weight
        raise InputError(
            f"every training row has the weight 0 in the column `{column}`: give some more, or remove `data.weight`"
        )
    if base.slow_because:
        log.info("training takes the plain path: %s", base.slow_because)
    network = base.network(spec, trunks=training.trunks, adapter=training.start)
    config, dtype = base.opened.config, base.number_format[0]
    work = workload(encoded.rows, validation.rows, training.task.spec, dtype, fast=network.packs)
    network.recompute = estimate(config, work, spec, dtype, memory_here(base.device)).recompute
    if network.recompute:
        log.info("gradient checkpointing: layers are computed once more for the gradient, to keep less in memory")
    history = train(network, encoded.rows, validation.rows, training.recipe, folder, progress)
    saved(network, folder)
    return {
        "history": asdict(history),
        "dropped": len(encoded.dropped),
        "cut": len(encoded.cut),
        "longest": max(map(len, encoded.rows)),
        "trainable": sum(tensor.numel() for tensor in network.trainable),
    }


def saved(network: Network, folder: Path) -> Path:
    """Where in `folder` the network's weights now are."""
    made = folder / ADAPTER_NAME
    made.mkdir(exist_ok=True)
    network.save(made)
    return made


def _encoded(side: Sequence[Example], spec: TaskSpec, base: LoadedBase) -> EncodedSet:
    """The rows as the loss sees them; those that count nothing are left out."""
    rows = emphasised(side, tokenise(side, base.renderer), spec, base.renderer)
    found = fit(side, rows, token_limit(spec.train.max_length, base.opened.config), spec.train.overlong)
    return replace(found, rows=[row for row in found.rows if row.weight])


def held_out_loss(training: Training, base: LoadedBase, spec: TrainSpec, adapter: Path) -> float | None:
    """Mean cross-entropy per supervised token of the validation rows, by its weight, with an adapter that `spec` describes.

    None where there are no such rows.
    """
    rows = _encoded(training.validation, training.task.spec, base).rows
    if not rows:
        return None
    network = base.network(spec, adapter=adapter)
    return validation_loss(network, rows, common_prefix(rows) if network.packs else 0, training.recipe.pad)


class Apart:
    """Trainings, each in a fresh process. Use it as `with Apart() as apart:`; what it starts ends with this process.

    The processes are forked from one that imports what they need once, and computes nothing.
    """

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.__exit__(None, None, None)  # closes its input, which tells it to end, and waits
            self._server = None

    def learn(self, training: Training, folder: Path, progress: Progress = silent) -> dict[str, Any]:
        """As `learn` does, and beside what happened the `usage` of the process, over all attempts.

        Its memory is the most that was resident at one time, Python and PyTorch included; on a GPU, the most that was
        allocated there. A training that diverges is told as `diverged`. Raises as `learn` does otherwise, and SystemFailure
        when the process dies.
        """
        outcome = folder / OUTCOME_NAME
        outcome.unlink(missing_ok=True)
        told = self._told(pickle.dumps((training, folder)), progress)
        if not outcome.exists():
            raise SystemFailure(f"the process of a training {told}; run again to go on from there")
        happened: dict[str, Any] = json.loads(outcome.read_text())
        if failed := happened.get("error"):
            raise (InputError if failed["input"] else SystemFailure)(failed["message"])
        return happened

    def _told(self, request: bytes, progress: Progress) -> str:
        """Hand the request over and pass progress on, to the end of the process; how it ended."""
        if self._server is None:
            command = [sys.executable, "-m", "sartor.flows.training"]
            found = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # what this process imports, in any folder
            self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=found)
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(request)
        self._server.stdin.flush()
        for line in self._server.stdout:
            told = json.loads(line)
            if isinstance(told, int):
                smaller = "free memory, or set a smaller `train.pass_tokens`, which changes no result"
                killed = f"was killed, as where memory runs out: {smaller}"
                return killed if told < 0 else f"ended with exit code {told}, for the reason above"
            progress(*told)
        self.__exit__()
        return "could not be started, for the reason above"


def _serve() -> None:
    """The process that others are forked from: a request on standard input, progress and an exit code on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks, and this one ends with it
    told, sys.stdout = sys.stdout, sys.stderr
    with suppress(EOFError, BrokenPipeError):
        while True:
            training, folder = pickle.load(sys.stdin.buffer)
            child = os.fork()
            if child == 0:
                _learn_here(training, folder, told)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=told, flush=True)
    os._exit(0)  # without a last flush to a pipe that nobody reads


def _learn_here(training: Training, folder: Path, told: TextIO) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(training.threads)

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        print(json.dumps([what, done, total, detail]), file=told, flush=True)

    def work() -> dict[str, Any]:
        try:
            base = LoadedBase(training.task, progress)
            base.number_format = training.number_format
            return learn(training, base, folder, progress)
        except Diverged as error:
            return {"diverged": str(error)}
        except SartorError as error:
            return {"error": {"input": isinstance(error, InputError), "message": str(error)}}
        except Exception as error:
            traceback.print_exc()
            return {"error": {"input": False, "message": f"unexpected {type(error).__name__} in a training: {error}"}}

    meter = Heartbeat(folder / USAGE_NAME)

    def beat(usage: Usage) -> None:
        if torch.cuda.is_available():
            usage = replace(usage, peak_memory_bytes=torch.cuda.max_memory_allocated())
        meter.beat(usage)

    happened, _ = Here().run(work, beat)
    happened |= {"usage": asdict(meter.usage)}
    partial = folder / f"{OUTCOME_NAME}.partial"
    partial.write_text(json.dumps(happened))
    partial.replace(folder / OUTCOME_NAME)


def _die_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is sent: it ends when the process that asked has ended
    os._exit(1)


if __name__ == "__main__":
    _serve()
