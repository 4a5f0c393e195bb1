"""A project's adapters: where they stand, and what may be done with them. `sartor.open(folder).adapters`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sartor.errors import InputError, SystemFailure
from sartor.progress import Progress, silent

# What the verbs need takes seconds to import, so each imports its own.
if TYPE_CHECKING:
    from sartor.adapters import AdapterVersion, Format, Move, Registry
    from sartor.flows.promote import Gated
    from sartor.project import Project


class Adapters:
    """The part of a project that has to do with its registry, with the project's own store, policy and audit trail.

    An adapter is named `NAME@VERSION`, or `NAME`: the version in production, else the latest candidate.
    """

    def __init__(self, project: Project) -> None:
        self._project, self._ask, self._note = project, project._ask, project._note

    def list(self, task: str | None = None) -> tuple[AdapterVersion, ...]:
        """Those of a task, or of all tasks, by task and version."""
        self._ask("list", "adapters")
        if not self._project._path.is_dir():
            return ()
        from sartor.adapters import Registry

        self._note("list", "adapters", {"task": task} if task else {})
        return Registry(self._project._store).list(task)

    def show(self, name: str) -> tuple[AdapterVersion, tuple[Move, ...]]:
        """An adapter, in quarantine or not, and the moves that it made."""
        registry = self._registry("show", name)
        found = registry.find(name)
        return found, _moves(registry, found)

    def verify(self, name: str | None = None) -> tuple[tuple[AdapterVersion, str | None], ...]:
        """Whether the files of an adapter, or of all, are those that were registered; what is wrong, where something is."""
        registry = self._registry("verify", name or "all")
        versions = (registry.find(name),) if name else registry.list()
        return tuple((version, _wrong(registry, version)) for version in versions)

    def promote(
        self, name: str, reason: str = "", override: bool = False, progress: Progress = silent
    ) -> tuple[Gated, AdapterVersion]:
        """Into production, if all gates of its task say PROMOTE; what was there is retired.

        `override`: in spite of them, for a `reason`, which the audit trail keeps. Raises InputError without one.
        """
        if override and not reason.strip():
            raise InputError("who promotes in spite of a gate says why: give a reason")
        registry = self._registry("promote", name)
        candidate = registry.find(name)
        task = self._project._allowed("promote", candidate.task)
        from sartor.flows.promote import gated

        found = gated(task, self._project._store, candidate, progress)
        promoted = found.verdict == "PROMOTE" or override
        detail = {"verdict": found.verdict, "closed": found.closed, "promoted": promoted, "reason": reason}
        self._note("promote", f"adapter {candidate.name}", detail)
        why = reason or f"all gates: {', '.join(gate.name for gate in found.gates)}"
        return found, registry.promote(candidate, self._actor, why) if promoted else candidate

    def roll_back(self, task: str | None = None, reason: str = "") -> AdapterVersion:
        """What was in production before, into production again."""
        name = self._project._task(task).spec.task
        registry = self._registry("roll back", name)
        self._note("roll back", f"task {name}", {"reason": reason})
        return registry.roll_back(name, self._actor, reason or "rolled back")

    def withdraw(self, name: str, stage: Literal["retired", "quarantined"], reason: str = "") -> AdapterVersion:
        """Out of use, but kept; in quarantine nobody can use it by its name either."""
        registry = self._registry("withdraw", name)
        self._note("withdraw", f"adapter {name}", {"stage": stage, "reason": reason})
        return registry.withdraw(registry.find(name), stage, self._actor, reason or stage)

    def tag(self, name: str, *tags: str, remove: bool = False) -> AdapterVersion:
        """With these tags too, or without them. Raises InputError for other than lower-case letters, digits, `.`, `-`, `_`."""
        registry = self._registry("tag", name)
        found = registry.remark(registry.find(name), "untag" if remove else "tag", tags, self._actor)
        self._note("tag", f"adapter {found.name}", {"tags": list(tags), "remove": remove})
        return found

    def note(self, name: str, text: str) -> AdapterVersion:
        """With a note, which stays."""
        registry = self._registry("note", name)
        found = registry.remark(registry.find(name), "note", [text], self._actor)
        self._note("note", f"adapter {found.name}", {"text": text})
        return found

    def export(self, name: str, to: Path, format: Format = "peft", progress: Progress = silent) -> dict[str, Any]:
        """A new folder with a signed statement, which is what comes back.

        `format`: `peft`; `merged` into its base as a model of Transformers, if that answers as the adapter does (else GateError);
        `gguf`, which llama.cpp reads. Raises InputError for a method or a base that the format has no place for.
        """
        registry = self._registry("export", name)
        from sartor.access import SigningKey
        from sartor.adapters import as_peft_has_it, export

        found, store = registry.get(name), self._project._store
        if format == "peft":
            fill = as_peft_has_it(found)
        else:
            task = self._project._allowed("export", found.task)
            from sartor.flows.export import in_format

            fill = in_format(task, store, found, format, progress)
        key = SigningKey.of(store.root)
        self._note("export", f"adapter {found.name}", {"format": format, "signer": key.public})
        return export(found, _moves(registry, found), to, key, fill)

    def import_folder(self, folder: Path, signers: Sequence[str] = ()) -> AdapterVersion:
        """What `export` made as the next version of its task, a candidate; signed by this project or one of `signers`."""
        self._ask("import", "adapters")
        from sartor.access import SigningKey
        from sartor.adapters import Registry, take_in

        store = self._project._store
        found = take_in(folder, Registry(store), [SigningKey.of(store.root).public, *signers])
        self._note("import", f"adapter {found.name}", {"folder": folder.name, "hash": found.hash})
        return found

    @property
    def _actor(self) -> str:
        return self._project._policy[1].name

    def _registry(self, verb: str, name: str) -> Registry:
        self._ask(verb, f"adapter {name}")
        if not self._project._path.is_dir():
            raise InputError(
                f"no adapter is registered in {self._project.root} yet; `sartor run` trains and registers one"
            )
        from sartor.adapters import Registry

        return Registry(self._project._store)


def _moves(registry: Registry, version: AdapterVersion) -> tuple[Move, ...]:
    return tuple(move for move in registry.moves(version.task) if move.version == version.version)


def _wrong(registry: Registry, version: AdapterVersion) -> str | None:
    try:
        registry.verified(version)
    except SystemFailure as error:
        return str(error)
    return None
