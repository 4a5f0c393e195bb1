"""The audit trail: who did what to what, each entry bound to the one before it by a hash.

A changed, removed or inserted entry breaks the chain. Cutting off the end does not; whoever must rule that out keeps
the last hash elsewhere.
"""

from typing import Any

from sqlalchemy import Connection, insert, select

from sartor.access.policy import Actor
from sartor.errors import SystemFailure
from sartor.store.canonical import digest
from sartor.store.records import Records, now
from sartor.store.tables import audit

FIRST = "0" * 64


class Audit:
    def __init__(self, records: Records) -> None:
        self._records = records

    def write(self, actor: Actor, verb: str, resource: str, detail: dict[str, Any] | None = None) -> str:
        """Add an entry and return its hash. `detail` is JSON, and names rows by id, never by content."""
        with self._records.write() as connection:
            return enter(connection, actor, verb, resource, detail)

    def verify(self) -> int:
        """The number of entries, all of them as they were written; else SystemFailure, naming the first that is not."""
        previous, count = FIRST, 0
        with self._records.read() as connection:
            for row in connection.execute(select(audit).order_by(audit.c.seq)).mappings():
                count += 1
                entry = dict(row)
                written = entry.pop("hash")
                if entry["seq"] != count or entry["previous"] != previous or digest(entry) != written:
                    raise SystemFailure(
                        f"the audit trail is broken at entry {count}: it was changed after it was written; "
                        "compare it with a backup"
                    )
                previous = written
        return count


def enter(connection: Connection, actor: Actor, verb: str, resource: str, detail: dict[str, Any] | None = None) -> str:
    """`Audit.write` inside a transaction of the caller's: what is done and its entry are there together."""
    last = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).mappings().first()
    entry = {
        "seq": last["seq"] + 1 if last else 1,
        "at": now(),
        "actor": actor.name,
        "verb": verb,
        "resource": resource,
        "detail": detail or {},
        "previous": last["hash"] if last else FIRST,
    }
    entry["hash"] = digest(entry)
    connection.execute(insert(audit).values(entry))
    return str(entry["hash"])
