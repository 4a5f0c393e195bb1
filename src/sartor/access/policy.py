"""The one policy that every verb asks."""

import getpass
import os
from dataclasses import dataclass

from sartor.errors import InputError


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something."""

    name: str

    @classmethod
    def local(cls) -> "Actor":
        """Who runs this process, by the operating system."""
        try:
            return cls(getpass.getuser())
        except (KeyError, OSError):  # a container's user need not have a name
            return cls(f"uid-{os.getuid()}")


@dataclass(frozen=True, slots=True)
class Policy:
    """A project on one machine: who could open its folder owns it and may do everything, nobody else anything."""

    owner: Actor

    @classmethod
    def local(cls) -> "Policy":
        return cls(Actor.local())

    def require(self, actor: Actor, verb: str, resource: str) -> None:
        """Raises InputError when `actor` may not do that, such as `run` on `task billing-notes`."""
        if actor != self.owner:
            raise InputError(
                f"{actor.name} may not {verb} {resource}: ask {self.owner.name}, who owns this project, to do it"
            )
