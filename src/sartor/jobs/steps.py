"""Steps that are done once: the same stage on the same inputs is not repeated; a killed one goes on where it was."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from sartor.errors import SystemFailure
from sartor.jobs import Runner, Usage
from sartor.jobs.versions import versions
from sartor.store import Store, disk_errors
from sartor.store.canonical import canonical, digest
from sartor.store.records import enter, now
from sartor.store.tables import runs

USAGE_NAME = "usage.json"


@dataclass(frozen=True, slots=True)
class StepResult:
    outputs: dict[str, Any]
    usage: Usage
    """Of every attempt together; of the original run where it was reused."""
    money: float
    """What the time cost."""
    reused: bool
    run: int
    """The id of the run in the records."""


class Steps:
    """The steps of one task, recorded in a store.

    Only one process works on a task at a time: use it as `with Steps(…) as steps:` to keep others out from the first
    step to the last. A killed process keeps nobody out.
    """

    def __init__(self, store: Store, task: str, runner: Runner, hour: float = 0.0, currency: str = "USD") -> None:
        """`hour` is what an hour of the runner's machine costs, in `currency`."""
        self._store = store
        self._task = task
        self._runner = runner
        self._hour = hour
        self._currency = currency
        self._lock = store.lock(task)
        self._depth = 0

    def __enter__(self) -> Self:
        """Raises SystemFailure, naming the process, when another one works on this task."""
        if self._depth == 0:
            with disk_errors():
                taken = self._lock.acquire()
            if not taken:
                pid = self._lock.holder()
                raise SystemFailure(
                    f"task {self._task} is in use by {f'process {pid}' if pid else 'another process'}: "
                    "wait until it has finished, or stop it, and run the same command again"
                )
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._lock.release()

    def run(
        self,
        stage: str,
        inputs: dict[str, Any],
        work: Callable[[Path], dict[str, Any]],
        whole: Callable[[dict[str, Any]], bool] = lambda _: True,
    ) -> StepResult:
        """Do `work`, unless this stage was done on these inputs and all that it made is still there, and `whole`.

        `inputs` is JSON and holds everything that the result depends on: hashes of data and models, settings, seed.
        `work` receives a folder for its checkpoints, which it finds again after a kill or a failure, and returns JSON;
        what it put into the store it names there under `objects` and `folders`, as `Store.holds` reads them. It must
        bear being started again after its last line, since a kill may come before the result is recorded.

        What `work` raises passes through, a full disk as SystemFailure; the run is then recorded as failed.
        """
        fingerprint = digest([self._task, stage, inputs])
        with self:
            last = self._last(fingerprint)
            if last and last["status"] == "done" and self._store.holds(last["outputs"]) and whole(last["outputs"]):
                self._store.clear_scratch(fingerprint)  # left if the kill came just after the last transaction
                return _result(last, reused=True)
            with disk_errors():
                run = self._begin(stage, fingerprint, inputs, last)
                return self._attempt(run, stage, fingerprint, work)

    def _attempt(self, run: int, stage: str, fingerprint: str, work: Callable[[Path], dict[str, Any]]) -> StepResult:
        scratch = self._store.scratch(fingerprint)
        folder = scratch / "work"
        folder.mkdir(exist_ok=True)
        meter = Heartbeat(scratch / USAGE_NAME)
        try:
            made, _ = self._runner.run(lambda: work(folder), meter.beat)
            outputs: dict[str, Any] = json.loads(canonical(made))  # a reused step gives the very same
            if not self._store.holds(outputs):
                raise ValueError(f"stage {stage} names outputs that it did not put into the store")
        except BaseException as error:
            # The error itself matters more than the record of it, which may fail on the same full disk.
            with suppress(SystemFailure, SQLAlchemyError), self._store.records.write() as connection:
                message = str(error) or type(error).__name__
                self._update(connection, run, meter.usage, status="failed", message=message)
            raise
        with self._store.records.write() as connection:
            money = enter(
                connection, run, "compute", meter.usage.seconds / 3600, "hour", self._hour, "measured", self._currency
            )
            self._update(connection, run, meter.usage, status="done", outputs=outputs, money=money)
        self._store.clear_scratch(fingerprint)
        return StepResult(outputs, meter.usage, money, reused=False, run=run)

    def _last(self, fingerprint: str) -> RowMapping | None:
        """The latest run of a fingerprint."""
        query = select(runs).where(runs.c.fingerprint == fingerprint).order_by(runs.c.id.desc()).limit(1)
        with self._store.records.read() as connection:
            return connection.execute(query).mappings().first()

    def _begin(self, stage: str, fingerprint: str, inputs: dict[str, Any], last: RowMapping | None) -> int:
        """The id of a new run, or of the unfinished one, which goes on."""
        with self._store.records.write() as connection:
            if last and last["status"] != "done":
                values = {"status": "running", "message": None, "finished_at": None, "attempts": last["attempts"] + 1}
                connection.execute(update(runs).where(runs.c.id == last["id"]).values(values))
                return int(last["id"])
            started = insert(runs).values(
                task=self._task,
                stage=stage,
                fingerprint=fingerprint,
                status="running",
                inputs=inputs,
                started_at=now(),
                versions=versions(),
            )
            run: int = connection.execute(started.returning(runs.c.id)).scalar_one()
            return run

    def _update(self, connection: Connection, run: int, usage: Usage, **values: Any) -> None:
        values |= asdict(usage)
        connection.execute(update(runs).where(runs.c.id == run).values(finished_at=now(), **values))


class Heartbeat:
    """The usage of work over all its attempts, kept in a file so that a killed attempt is counted too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._before = Usage(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # after a power cut it may be torn
            self._before = Usage()
        self.usage = self._before

    def beat(self, usage: Usage) -> None:
        self.usage = self._before + usage
        partial = self._path.with_suffix(".partial")
        with suppress(OSError):  # a full disk is the step's to report, not its meter's
            partial.write_text(json.dumps(asdict(self.usage)))
            os.replace(partial, self._path)


def _result(row: RowMapping, reused: bool) -> StepResult:
    usage = Usage(row["seconds"], row["cpu_seconds"], row["peak_memory_bytes"])
    return StepResult(row["outputs"], usage, row["money"], reused=reused, run=row["id"])
