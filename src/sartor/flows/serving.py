"""What a name means to a server: an adapter or the bare base, in memory, held to what its task's answers are held to."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from sartor.access import ApiKeys
from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.example import Message
from sartor.data.examples import build_questions
from sartor.data.table import make_table
from sartor.errors import InputError, SystemFailure
from sartor.flows.backend import GOLDEN, Backend, begun, chosen
from sartor.flows.base import Bases, LoadedBase
from sartor.flows.predict import adapter_entrant
from sartor.flows.prepare import Task, open_task
from sartor.flows.routing import current_hash, load_router
from sartor.flows.systems import Answering, Held, held
from sartor.generate.forward import FastForward, Forward
from sartor.generate.relay import Relay
from sartor.generate.router import Router
from sartor.generate.running import running
from sartor.generate.scheduler import SLOTS, Scheduler
from sartor.models.encoder import Encoder
from sartor.models.estimate import memory_here
from sartor.store import Store
from sartor.task import TaskSpec, TrainSpec

APART, NOISE = 0.01, 0.05
"""Nats that the next token after it may be apart, alone and in a batch with the base, whose products are in another format: so
many, or that share of what the adapter changes, since what it changes much it also rounds much."""
MOST_BYTES = 2 << 30
"""Of adapters that stay loaded; one always does."""
MEMORY = 0.25
"""Of what is free, for keys and values; a batch that grows may take twice as much for some time."""


@dataclass(frozen=True)
class Served:
    name: str
    """With its version."""
    hash: str
    """Of the adapter's files, or of the base."""
    base: LoadedBase
    forward: Forward | None
    """None where our own engine does not answer."""
    bytes: int
    spec: TaskSpec | None = None
    """The task, with the prompt that the adapter was trained with; None for the bare base."""
    answering: Answering | None = None

    @property
    def fingerprint(self) -> str:
        """Base and adapter, for OpenAI's `system_fingerprint`."""
        return f"fp_{self.base.opened.hash[:8]}_{self.hash[:8]}"

    @cached_property
    def held(self) -> Held:
        """What its answers are held to, as when it was scored."""
        if self.spec is None or self.answering is None:
            return Held()
        return held(self.spec, self.base, self.answering)

    def messages(self, turns: Sequence[Message]) -> tuple[Message, ...]:
        """The conversation as the adapter knows it: a lone message is the input of a task that reads one column, and the
        task's system prompt comes first where there is none."""
        if self.spec is None or any(turn.role == "system" for turn in turns):
            return tuple(turns)
        column = self.spec.data.input
        if column and len(turns) == 1:
            return self.question({column: turns[0].content})
        prompt = self.spec.prompt.system
        return (Message("system", prompt), *turns) if prompt else tuple(turns)

    def question(self, fields: Mapping[str, Any]) -> tuple[Message, ...]:
        """The prompt of a row with these columns. Raises InputError where one is missing, and for the bare base."""
        if self.spec is None:
            raise InputError(f"{self.name} has no task whose columns `fields` could be: send `messages`")
        [example] = build_questions(make_table("the request", "JSON", [dict(fields)], [1], "row"), self.spec)
        return example.messages


class ServedTasks:
    """The tasks whose adapters are served: those on one base.

    One that came after the server's start is found in the folder of its name when it is first asked for. So a model is served
    as soon as it is registered, by the server's process and the engine's alike, with no word between the two: both look at the
    same folder.
    """

    def __init__(self, folder: Path, tasks: Mapping[str, Task]) -> None:
        """`tasks` by name, at least one, all on that base; others lie in `folder`."""
        first = next(iter(tasks.values()))
        self._folder, self._known, self._where = folder, dict(tasks), _where(first.folder, first.spec.base)
        self.base = first.spec.base
        """As the first task names it."""
        self.backend = chosen(tasks.values())

    def base_in(self, name: str) -> str:
        """As a task with a folder of that name is to name it."""
        return self.base if _where(self._folder / name, self.base) == self._where else self._where

    def serves(self, name: str) -> bool:
        """Whether there is such a task on this base."""
        return self.find(name) is not None

    def find(self, name: str) -> Task | None:
        """None for one that is not there, is on another base, or cannot be read."""
        if name not in self._known:
            with suppress(InputError):
                task = open_task(self._folder / name)
                if task.spec.task == name and _where(task.folder, task.spec.base) == self._where:
                    self._known[name] = task
        return self._known.get(name)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server of a project needs to know without loading anything."""

    root: Path
    """The project's folder."""
    store: Store
    tasks: ServedTasks
    registry: Registry
    keys: ApiKeys

    @property
    def base(self) -> str:
        """What clients call the base that is served."""
        return base_name(self.tasks.base)

    @property
    def routed(self) -> bool:
        """Whether there is a router."""
        return current_hash(self.store, self.tasks.serves) is not None


class Specialists:
    """Loaded when they are first asked; those that were asked least recently go when there are too many bytes."""

    def __init__(self, tasks: ServedTasks, store: Store, bases: Bases, most_bytes: int = MOST_BYTES) -> None:
        self._tasks, self._registry, self._bases = tasks, Registry(store), bases
        self.store, self._most = store, most_bytes
        self._loaded: OrderedDict[str, Served] = OrderedDict()
        self._golden: set[str] = set()
        self._router: tuple[str, Router] | None = None

    @cached_property
    def base(self) -> Served:
        base = self._bases.of(TrainSpec())
        forward = None if self._backend else base.forward()
        return Served(base_name(base.opened.name), base.opened.hash, base, forward, 0)

    @cached_property
    def _backend(self) -> Backend | None:
        task = self._tasks.backend
        if task is None:
            return None
        return begun(task, self._bases.of(TrainSpec()), self.store.scratch("llama.cpp"), self._slots, self._most)

    @cached_property
    def scheduler(self) -> Scheduler | Relay:
        """What they are asked by."""
        return self._backend.relay if self._backend else Scheduler(slots=self._slots)

    @property
    def _slots(self) -> int:
        """Places for keys and values that there is memory for."""
        base = self._bases.of(TrainSpec())
        return min(SLOTS, int(MEMORY * memory_here(base.device) / base.bytes_per_token))

    @property
    def router(self) -> tuple[str, Router] | None:
        """The project's, with its hash; loaded anew where it is another one."""
        hash = current_hash(self.store, self._tasks.serves)
        if hash is not None and (self._router is None or self._router[0] != hash):
            self._router = hash, load_router(self.store, hash, Encoder.load())
        return self._router

    def find(self, name: str) -> Served:
        """What answers for a name: the base's own, `TASK`, `TASK@VERSION`.

        Raises InputError for a name that means none, one in quarantine and one of another base; SystemFailure for an adapter
        whose files are damaged, or that does not answer as it should.
        """
        if name == self.base.name:
            if self._backend and self._backend.mixed:
                raise SystemFailure(
                    f"what serves {name} answers for it by an adapter that runs beside it: it is not to be asked"
                )
            return self.base
        version = self._registry.usable(name)
        if version.name not in self._loaded:
            self._loaded[version.name] = self._load(version)
            while len(self._loaded) > 1 and sum(each.bytes for each in self._loaded.values()) > self._most:
                self._loaded.popitem(last=False)  # replies that it is making hold it until they end
        self._loaded.move_to_end(version.name)
        return self._loaded[version.name]

    def _load(self, version: AdapterVersion) -> Served:
        task = self._tasks.find(version.task)
        if task is None:
            raise InputError(f"{version.name} is of no task on the base {self.base.name}, which is served here")
        version, manifest = self._registry.verified(version), version.manifest
        base = self._bases.of(task.spec.train.model_copy(update={"method": manifest["method"]}))
        entrant = adapter_entrant(task, base, version)
        if self._backend:
            forward, size = None, self._backend.load(version)
        else:
            forward = base.forward(version.path)
            size = sum(file.stat().st_size for file in version.path.rglob("*.safetensors"))
        answering = Answering.from_json(manifest["answering"])
        found = Served(version.name, version.hash, base, forward, size, entrant.spec, answering)
        if version.hash not in self._golden:
            self._try(found)
            self._golden.add(version.hash)
        return found

    def _try(self, served: Served) -> None:
        """Applied at all, finite, and the same beside the base as alone."""
        first, forward = self.base, served.forward  # whose weights need not be loaded once more
        if forward is None:
            return  # which the backend has seen to
        bare_base = first.forward if served.base is first.base and first.forward else served.base.forward()
        prompt = served.base.opened.tokenizer(GOLDEN, add_special_tokens=False)["input_ids"]
        bare, alone = (each.read([], [prompt], 0).logits[0] for each in (bare_base, forward))
        if not bool(torch.isfinite(alone).all()):
            raise SystemFailure(f"{served.name} does not answer: its numbers are not finite; train it anew")
        if torch.equal(bare, alone):
            raise SystemFailure(f"{served.name} changes nothing of its base: train it anew")
        if isinstance(forward, FastForward):
            batch = running(forward)
            others = [bare_base] if bare_base.together == forward.together else []
            for each in (*others, forward):
                batch.join(each.read([], [prompt[:-1]], 0), each, 1)
            batch.extend([prompt[-1:]] * (len(others) + 1))
            apart, changed = _divergence(alone, batch.logits[-1]), _divergence(alone, bare)
            if not apart <= max(APART, NOISE * changed):
                raise SystemFailure(
                    f"{served.name} answers otherwise among others than alone, by {apart:.2g} nats: "
                    "this is a fault of Sartor; please report it"
                )


def _divergence(logits: torch.Tensor, other: torch.Tensor) -> float:
    """Nats (Kullback-Leibler) of the first's next token from the other's."""
    p, q = (each.double().log_softmax(-1) for each in (logits, other))
    return float((p.exp() * (p - q)).sum())


def base_name(base: str) -> str:
    """What clients call a base, whose folder is no business of theirs."""
    return Path(base).name


def _where(folder: Path, base: str) -> str:
    """The name of a base that a task in `folder` is on, or where it lies: the same for every task on it."""
    path = (folder / Path(base).expanduser()).resolve()
    return str(path) if path.exists() else base


def one_base(tasks: Mapping[str, Task], wanted: str | None) -> dict[str, Task]:
    """The tasks on one base, which is what a server serves: on the named one, or on the one that all have.

    Raises InputError where that is none or several.
    """
    if not tasks:
        raise InputError("there is no task to serve yet: `sartor init DIR --data FILE` makes one")
    where = {name: _where(task.folder, task.spec.base) for name, task in tasks.items()}
    named = {where[name]: task.spec.base for name, task in tasks.items()}
    if wanted is None and len(named) > 1:
        raise InputError(
            f"the tasks are on several bases ({', '.join(sorted(named.values()))}): name the one to serve with --base"
        )
    chosen = {where[name] for name, task in tasks.items() if wanted in (None, where[name], task.spec.base)}
    if not chosen:
        raise InputError(f"no task is on the base {wanted}: there are {', '.join(sorted(named.values()))}")
    return {name: task for name, task in tasks.items() if where[name] in chosen}
