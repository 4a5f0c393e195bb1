"""Keys by which programs ask a server: who each is, what it may ask, of which models, and how often.

A key is shown once, when it is made. Kept is its sha256, which is enough for 256 random bits.
"""

import hashlib
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlalchemy import RowMapping, insert, select, update

from sartor.access.audit import Audit
from sartor.access.policy import Actor
from sartor.errors import InputError
from sartor.store.records import Records, now
from sartor.store.tables import api_keys

PREFIX = "sk-sartor-"
VERBS = ("chat", "files", "fine-tune")
"""What a key may do: ask models, keep files, and train from them."""
NOBODYS = "anybody"
"""The name of whoever asks where no key is wanted."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    name: str
    models: tuple[str, ...]
    """Names, or patterns such as `billing-*`."""
    verbs: tuple[str, ...]
    per_minute: int | None
    """Requests; None: as many as it likes."""
    created_at: str
    revoked_at: str | None = None

    def may(self, verb: str, model: str | None = None) -> bool:
        """Whether it may do that, with a model where one is named; a pattern that a task's name fits stands for its versions."""
        if verb not in self.verbs or model is None:
            return verb in self.verbs
        names = (model, model.partition("@")[0])
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.models)


class ApiKeys:
    def __init__(self, records: Records, actor: Actor) -> None:
        """What `actor` makes and revokes is in the audit trail."""
        self._records, self._actor = records, actor

    def make(self, name: str, models: tuple[str, ...], verbs: tuple[str, ...], per_minute: int | None = None) -> str:
        """The key itself, which cannot be read again. Raises InputError for a name that is taken, and an unknown verb."""
        if odd := sorted(set(verbs) - set(VERBS)):
            raise InputError(f"a key cannot be for {odd[0]!r}: there are {', '.join(VERBS)}")
        if not name.strip() or name == NOBODYS:
            raise InputError(f"a key wants a name that says whose it is, and {NOBODYS} is nobody's")
        if per_minute is not None and per_minute < 1:
            raise InputError(f"{per_minute} requests a minute: allow one or more")
        key = PREFIX + secrets.token_urlsafe(32)
        with self._records.write() as connection:
            if connection.execute(select(api_keys.c.name).where(api_keys.c.name == name)).first():
                raise InputError(f"there is a key named {name!r} already: choose another name")
            connection.execute(
                insert(api_keys).values(
                    name=name,
                    hash=_hash(key),
                    models=list(models),
                    verbs=list(verbs),
                    per_minute=per_minute,
                    created_at=now(),
                )
            )
        detail = {"models": list(models), "verbs": list(verbs), "per_minute": per_minute}
        Audit(self._records).write(self._actor, "make", f"API key {name}", detail)
        return key

    def find(self, key: str) -> ApiKey | None:
        """Whose it is; None for one that is unknown or revoked."""
        with self._records.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.hash == _hash(key))).mappings().first()
        return None if row is None or row["revoked_at"] else _api_key(row)

    def list(self) -> list[ApiKey]:
        with self._records.read() as connection:
            return [_api_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.name)).mappings()]

    def revoke(self, name: str) -> None:
        """It is not accepted any more. Raises InputError where there is no such key in use."""
        here = (api_keys.c.name == name) & api_keys.c.revoked_at.is_(None)
        with self._records.write() as connection:
            if not connection.execute(update(api_keys).where(here).values(revoked_at=now())).rowcount:
                raise InputError(f"there is no key named {name!r} in use: `sartor serve keys list` shows them")
        Audit(self._records).write(self._actor, "revoke", f"API key {name}")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _api_key(row: RowMapping) -> ApiKey:
    return ApiKey(
        row["name"], tuple(row["models"]), tuple(row["verbs"]), row["per_minute"], row["created_at"], row["revoked_at"]
    )
