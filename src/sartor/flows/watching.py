"""What becomes of a task's requests: counted against a profile of its own rows, a day at a time, and forgotten."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from sartor.flows.prepare import Task, prepare
from sartor.generate.linear import Encoder
from sartor.generate.profile import Profile
from sartor.store import Store
from sartor.store.canonical import digest
from sartor.store.records import now
from sartor.store.tables import profiles, traffic

KIND = "profiles"
OTHER = ""
"""The bucket of what has no other: no label of the task's, no task that was routed to."""
Counts = Mapping[tuple[str, str], int]
"""How often, by kind and bucket."""


def watch(task: Task, store: Store, encoder: Encoder, seed: int = 0) -> Profile:
    """From now on, and from nothing, the task's requests are counted against a profile of its training and validation rows.

    Raises InputError as `Profile.fit` does.
    """
    splits = prepare(task).splits
    profile, at = Profile.fit(encoder, splits.train, splits.validation, seed), now()
    hash = digest([task.spec.task, at])  # each time another, so that nothing is counted on
    store.folders.publish(KIND, hash[:16], profile.save)
    with store.records.write() as connection:
        last: int = connection.execute(select(func.max(profiles.c.seq))).scalar() or 0
        line = {"seq": last + 1, "task": task.spec.task, "hash": hash, "created_at": at}
        connection.execute(insert(profiles).values(line))
    return profile


def watched(store: Store, task: str) -> str | None:
    """The hash of the profile that the task's requests are counted against; None where they are not."""
    with store.records.read() as connection:
        query = select(profiles.c.hash).where(profiles.c.task == task).order_by(profiles.c.seq.desc()).limit(1)
        return connection.execute(query).scalar()


def load_profile(store: Store, hash: str) -> Profile:
    return Profile.load(store.folders.path(KIND, hash[:16]))


def count(store: Store, profile: str, counts: Counts) -> None:
    """More of it today, whoever else counts at the same time."""
    here = {"profile": profile, "day": now()[:10]}
    # In one order, since two that wait for each other's lines would wait forever.
    lines = [here | {"kind": kind, "bucket": bucket, "count": more} for (kind, bucket), more in sorted(counts.items())]
    if lines:
        with store.records.write() as connection:
            connection.execute(adding(connection.dialect.name, lines))


def adding(dialect: str, lines: Sequence[Mapping[str, Any]]) -> Executable:
    """Lines that are there already grow by as much: to look first would let two servers both find none, and the second fail."""
    new = (postgresql if dialect == "postgresql" else sqlite).insert(traffic).values(lines)
    more = {"count": traffic.c.count + new.excluded.count}
    added: Executable = new.on_conflict_do_update(index_elements=list(traffic.primary_key), set_=more)
    return added


def counted(store: Store, profile: str, since: str) -> dict[str, dict[str, int]]:
    """How often, by kind and bucket, from that day on."""
    total = func.sum(traffic.c.count)
    query = select(traffic.c.kind, traffic.c.bucket, total).where(traffic.c.profile == profile, traffic.c.day >= since)
    found: dict[str, dict[str, int]] = {}
    with store.records.read() as connection:
        for kind, bucket, times in connection.execute(query.group_by(traffic.c.kind, traffic.c.bucket)):
            found.setdefault(kind, {})[bucket] = int(times)
    return found
