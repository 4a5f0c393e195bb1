"""A router over a project's tasks: fitted on their own rows, judged on their test rows, kept if it passes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from sqlalchemy import func, insert, select

from sartor.data.example import Example
from sartor.data.versions import content_hash
from sartor.evaluate.statistics import wilson
from sartor.flows.prepare import Task, prepare
from sartor.generate.router import Router
from sartor.models.encoder import Encoder
from sartor.store import Store
from sartor.store.canonical import digest
from sartor.store.records import now
from sartor.store.tables import api_jobs, routers

KIND = "routers"
AUTO = "auto"
"""The name of the model that the router stands behind."""
GOAL = 0.9
Serves = Callable[[str], object]
"""True of the name of a task that is served."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of n rows, with its Wilson interval at 95 %."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, yes: Sequence[bool]) -> "Share":
        if not yes:
            return cls(0.0, 0.0, 1.0, 0)
        found = wilson(sum(yes), len(yes))
        return cls(sum(yes) / len(yes), found.low, found.high, len(yes))


@dataclass(frozen=True, slots=True)
class RouterCard:
    hash: str
    accuracy: Share
    """Of the test rows that it routes, those that go to their own task."""
    answered: Share
    """Of the test rows, those that it routes."""
    tasks: dict[str, Share]
    """By task, of its test rows those that go to it."""
    foreign: Share | None
    """Of texts that are of no task, those at which it abstains."""
    calibration: float
    """Expected calibration error of the likeliest task's probability, ten bins."""
    verdict: Literal["PROMOTE", "REJECT"]
    """Whether accuracy reaches the goal with its whole interval."""
    goal: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def fit_router(
    tasks: Mapping[str, Task], store: Store, foreign: Sequence[str] = (), goal: float = GOAL, seed: int = 0
) -> RouterCard:
    """Fitted, judged and, with the verdict PROMOTE, kept as the project's router. Test sets are opened once, and counted.

    Tasks that programs made by fine-tuning jobs are left out: they are for whoever has the key. `foreign`: texts that no
    specialist is for. Raises InputError as `Router.fit` does.
    """
    of_jobs = _of_jobs(store)
    tasks = {name: task for name, task in tasks.items() if name not in of_jobs}
    learn, held, asked = dict[str, list[str]](), dict[str, list[str]](), dict[str, list[str]]()
    for name, task in tasks.items():
        splits = prepare(task).splits
        sides = (learn, splits.train), (held, splits.validation), (asked, splits.test)
        for texts, rows in sides:
            texts[name] = [_as_asked(task, row) for row in rows]
        store.records.open_test(name, content_hash(splits.test))
    encoder = Encoder.load()
    router = Router.fit(encoder, learn, held, seed)
    gold = [task for task, texts in asked.items() for _ in texts]
    routes = router.route([text for texts in asked.values() for text in texts])
    pairs = list(zip(routes, gold, strict=True))
    accuracy = Share.of([route.task == task for route, task in pairs if route.task])
    card = RouterCard(
        hash=digest([learn, held, seed, encoder.name]),
        accuracy=accuracy,
        answered=Share.of([route.task is not None for route, _ in pairs]),
        tasks={name: Share.of([route.task == task for route, task in pairs if task == name]) for name in asked},
        foreign=Share.of([route.task is None for route in router.route(foreign)]) if foreign else None,
        calibration=_calibration([(route.probability, route.alternatives[0][0] == task) for route, task in pairs]),
        verdict="PROMOTE" if accuracy.low >= goal else "REJECT",
        goal=goal,
    )
    if card.verdict == "PROMOTE":
        store.folders.publish(KIND, card.hash[:16], router.save)
        with store.records.write() as connection:
            last: int = connection.execute(select(func.max(routers.c.seq))).scalar() or 0
            line = {"seq": last + 1, "hash": card.hash, "scorecard": card.to_json(), "created_at": now()}
            connection.execute(insert(routers).values(line))
    return card


def load_router(store: Store, hash: str, encoder: Encoder) -> Router:
    return Router.load(store.folders.path(KIND, hash[:16]), encoder)


def current_hash(store: Store, serves: Serves) -> str | None:
    """As `current_card`."""
    current = current_card(store, serves)
    return current[0] if current else None


def current_card(store: Store, serves: Serves) -> tuple[str, dict[str, Any]] | None:
    """Of the router that was kept last the hash, and the scorecard as JSON.

    A router is for the tasks of one base: `serves` says which tasks are meant, and a router of none of them is not."""
    with store.records.read() as connection:
        for found in connection.execute(select(routers.c.hash, routers.c.scorecard).order_by(routers.c.seq.desc())):
            if any(map(serves, found.scorecard["tasks"])):
                return found.hash, found.scorecard
    return None


def _of_jobs(store: Store) -> set[str]:
    with store.records.read() as connection:
        return set(connection.execute(select(api_jobs.c.task)).scalars())


def _as_asked(task: Task, row: Example) -> str:
    """What a client sends: the one column that a template is filled with, else the whole question."""
    before, _, rest = (task.spec.prompt.user or "").partition("{")
    after = rest.partition("}")[2]
    return row.question if "{" in after else row.question.removeprefix(before).removesuffix(after)


def _calibration(told: Sequence[tuple[float, bool]]) -> float:
    probability, right = np.array([p for p, _ in told]), np.array([yes for _, yes in told], dtype=float)
    bins = np.minimum((probability * 10).astype(int), 9)
    return float(sum(abs((probability - right)[bins == each].sum()) for each in range(10)) / max(1, len(told)))
