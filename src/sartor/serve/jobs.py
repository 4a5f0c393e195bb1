"""The queue of fine-tuning jobs: kept in SQL, worked off one at a time, each in a process of its own.

Keys take turns, and the jobs of one that is revoked are cancelled.

A job is a task of the project, and its process a run of that task. Whatever dies, nothing is lost: a job that was running is run
again by the next server, and what its run had finished is not repeated.
"""

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, update

from sartor.access.audit import enter
from sartor.access.policy import Actor
from sartor.flows.serving import base_name
from sartor.serve.lists import new_id
from sartor.serve.refusal import Refusal
from sartor.store import Store
from sartor.store.canonical import digest
from sartor.store.records import now
from sartor.store.tables import api_events, api_files, api_jobs, api_keys

logger = logging.getLogger(__name__)
UNFINISHED = ("queued", "running")
MOST_UNFINISHED = 50
"""Jobs of one key."""
POLL, PAUSE = 0.5, 30.0
"""Seconds between looks at the queue, and after a fault."""
AGAIN = timedelta(seconds=60)
"""So long the same request, from the same key, is taken for a client's own second try."""


def user_of(key: str) -> Actor:
    """Who acts, for the audit trail, by the name of an API key."""
    return Actor(f"API key {key}")


class Jobs:
    def __init__(self, store: Store) -> None:
        self._records = store.records

    def create(self, owner: str, task: str, base: str, request: dict[str, Any], again: str | None) -> RowMapping:
        """A job in the queue, or the one that this request has made already.

        Clients repeat a request whose reply they did not get. Where they name it by an `Idempotency-Key` (`again`), one job comes
        of all requests with this key, however late. Else the same request from the same owner within a minute is taken for a
        repetition while the job of the first one is queued or running.

        Raises Refusal for a file that is not there, for a key that named another request, and where too many of the owner's wait.
        """
        asked = digest(request)
        mine, at = api_jobs.c.owner == owner, datetime.now(UTC)
        if again is None:
            since = (at - AGAIN).isoformat(timespec="microseconds")
            recent = (api_jobs.c.created_at > since) & api_jobs.c.status.in_(UNFINISHED)
            same = mine & (api_jobs.c.digest == asked) & recent
        else:
            same = mine & (api_jobs.c.idempotency_key == again)
        with self._records.write() as connection:
            found = connection.execute(select(api_jobs).where(same)).mappings().first()
            if found and found["digest"] != asked:
                raise Refusal(400, "this Idempotency-Key came with another request before: choose a new one")
            if found:
                return found
            unfinished = select(func.count()).where(mine, api_jobs.c.status.in_(UNFINISHED))
            if (connection.execute(unfinished).scalar() or 0) >= MOST_UNFINISHED:
                raise Refusal(429, f"{MOST_UNFINISHED} jobs of yours wait or run: let one end", retry_after=60)
            rows = {
                name: _rows(connection, request[name], owner, name)
                for name in ("training_file", "validation_file")
                if request[name] is not None
            }
            id = new_id("ftjob")
            connection.execute(
                insert(api_jobs).values(
                    id=id,
                    owner=owner,
                    task=task,
                    base=base,
                    request=request,
                    digest=asked,
                    idempotency_key=again,
                    status="queued",
                    created_at=now(),
                )
            )
            _tell(connection, id, f"created: the task {task} on the base {base_name(base)}")
            _tell(connection, id, "files validated: " + ", ".join(f"{n:,} rows in {name}" for name, n in rows.items()))
            files = {name: request[name] for name in rows}
            enter(connection, user_of(owner), "fine-tune", f"task {task}", {"job": id, "base": base, **files})
            return connection.execute(select(api_jobs).where(api_jobs.c.id == id)).mappings().one()

    def get(self, id: str, owner: str | None = None) -> RowMapping:
        """A job, where one is named of that owner's. Raises Refusal where there is none."""
        query = select(api_jobs).where(api_jobs.c.id == id)
        with self._records.read() as connection:
            found = connection.execute(query).mappings().first()
        if found is None or owner not in (None, found["owner"]):
            raise Refusal(404, f"there is no job {id!r} of yours: `GET /v1/fine_tuning/jobs` lists them", "job_id")
        return found

    def tasks(self, owner: str) -> set[str]:
        """The names of the tasks that were made for somebody."""
        with self._records.read() as connection:
            return set(connection.execute(select(api_jobs.c.task).where(api_jobs.c.owner == owner)).scalars())

    def needing(self, connection: Connection, file: str) -> str | None:
        """The id of a job that has a file yet to read."""
        names = or_(*(api_jobs.c.request[name].as_string() == file for name in ("training_file", "validation_file")))
        query = select(api_jobs.c.id).where(api_jobs.c.status.in_(UNFINISHED) & names)
        return connection.execute(query).scalar()

    def next(self) -> RowMapping | None:
        """The job to be run now, which is said to be running: the one that was already, else the oldest of whoever has waited
        longest since a job of theirs ended."""
        others = api_jobs.alias()
        served = select(func.max(others.c.finished_at)).where(others.c.owner == api_jobs.c.owner).scalar_subquery()
        query = select(api_jobs).where(api_jobs.c.status.in_(UNFINISHED))
        query = query.order_by(api_jobs.c.status.desc(), func.coalesce(served, ""), api_jobs.c.seq).limit(1)
        with self._records.read() as connection:
            if connection.execute(query).first() is None:
                return None  # which is so most of the time, and locks nobody out
        with self._records.write() as connection:
            job = connection.execute(query).mappings().first()
            if job is not None:
                connection.execute(update(api_jobs).where(api_jobs.c.id == job["id"]).values(status="running"))
                again = "running again: the server was begun anew; what was finished is not repeated"
                _tell(connection, job["id"], "running" if job["status"] == "queued" else again)
        return job

    def tell(self, id: str, message: str, data: dict[str, Any]) -> None:
        """One more event."""
        with self._records.write() as connection:
            _tell(connection, id, message, data=data)

    def succeed(self, id: str, model: str, tokens: int, message: str, data: dict[str, Any]) -> None:
        with self._records.write() as connection:
            if _end(connection, id, "succeeded", model=model, tokens=tokens):
                _tell(connection, id, message, data=data)

    def fail(self, id: str, code: str, message: str) -> None:
        with self._records.write() as connection:
            error = {"code": code, "message": message, "param": None}
            if _end(connection, id, "failed", error=error):
                _tell(connection, id, f"failed: {message}", "error")

    def cancel(self, id: str, actor: Actor) -> bool:
        """Whether it had not ended yet. Its process is ended by whoever began it, who sees it in the records."""
        with self._records.write() as connection:
            ended = _end(connection, id, "cancelled")
            if ended:
                _tell(connection, id, "cancelled", "warn")
                enter(connection, actor, "cancel", f"fine-tuning job {id}")
        return ended

    def cancel_revoked(self) -> None:
        """The jobs of keys that are not accepted any more."""
        revoked = select(api_keys.c.name).where(api_keys.c.revoked_at.is_not(None))
        query = select(api_jobs.c.id).where(api_jobs.c.status.in_(UNFINISHED), api_jobs.c.owner.in_(revoked))
        with self._records.read() as connection:
            ids = list(connection.execute(query).scalars())
        for id in ids:
            with self._records.write() as connection:
                if _end(connection, id, "cancelled"):
                    _tell(connection, id, "cancelled: the API key was revoked", "warn")


def _rows(connection: Connection, file: str, owner: str, name: str) -> int:
    query = select(api_files.c.rows).where(api_files.c.id == file, api_files.c.owner == owner)
    rows: int | None = connection.execute(query).scalar()
    if rows is None:
        raise Refusal(400, f"there is no file {file!r} of yours: upload it first", name, "file_not_found")
    return rows


def _tell(
    connection: Connection,
    id: str,
    message: str,
    level: Literal["info", "warn", "error"] = "info",
    data: dict[str, Any] | None = None,
) -> None:
    values = {"id": new_id("ftevent"), "job": id, "level": level, "message": message, "data": data or {}}
    connection.execute(insert(api_events).values(values | {"created_at": now()}))


def _end(connection: Connection, id: str, status: str, **values: Any) -> bool:
    """Whether it had not ended yet."""
    here = (api_jobs.c.id == id) & api_jobs.c.status.in_(UNFINISHED)
    return (
        connection.execute(update(api_jobs).where(here).values(status=status, finished_at=now(), **values)).rowcount > 0
    )


async def work(root: Path, store: Store) -> None:
    """Run the jobs of the project in `root`, one after the other, until this is cancelled; one server of a project does it."""
    jobs, lock = Jobs(store), store.lock("fine-tuning")
    try:
        while not lock.acquire():
            await asyncio.sleep(POLL)
        while True:
            try:
                await asyncio.to_thread(jobs.cancel_revoked)
                job = await asyncio.to_thread(jobs.next)
                if job is None:
                    await asyncio.sleep(POLL)
                else:
                    await _run(root, jobs, job["id"])
            except Exception:  # whatever it is, jobs that wait are not to wait for ever
                logger.exception("the fine-tuning jobs go on in %g s", PAUSE)
                await asyncio.sleep(PAUSE)
    finally:
        lock.release()


async def _run(root: Path, jobs: Jobs, id: str) -> None:
    """The job's process, from its beginning to its end, which comes at once where the job is cancelled or this is."""
    command = (sys.executable, "-m", "sartor.serve.training", str(root), id)
    # A group of its own, so that it is ended with all that it began; a pipe, so that it ends with the server however that does.
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, process_group=0
    )
    try:
        while process.returncode is None and (await asyncio.to_thread(jobs.get, id))["status"] != "cancelled":
            await asyncio.to_thread(jobs.cancel_revoked)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), POLL)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    # Unless it has said itself how it ended.
    said = f"its process ended with exit code {process.returncode}: see the server's log, and create the job again"
    await asyncio.to_thread(jobs.fail, id, "process_died", said)
