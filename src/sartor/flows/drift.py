"""Has what a task is asked moved away from what its specialist was trained on, and is it to be trained anew?"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sartor.errors import InputError
from sartor.evaluate.drift import Measure, Verdict, share, stability, verdict
from sartor.flows.feedback import Ratings, ratings
from sartor.flows.prepare import Task
from sartor.flows.routing import AUTO, current_card
from sartor.flows.watching import OTHER, counted, load_profile, watched
from sartor.store import Store

FEWEST = 100
"""Requests, before anything is said of them."""


@dataclass(frozen=True, slots=True)
class Cluster:
    nearest: str
    """The row at its middle."""
    then: float
    """Share of the task's own rows."""
    now: float
    """Of its requests."""


@dataclass(frozen=True, slots=True)
class Drift:
    task: str
    days: int
    requests: int
    """That were counted."""
    measures: tuple[Measure, ...]
    clusters: tuple[Cluster, ...]
    """Those that have grown most first."""
    ratings: Ratings
    verdict: Verdict
    why: str

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        for line, measure in zip(document["measures"], self.measures, strict=True):
            line["moved"] = measure.moved
        return document


def drift(task: Task, store: Store, days: int = 30) -> Drift:
    """From what was counted in the last days. Raises InputError where the task is not watched."""
    name, since = task.spec.task, (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
    if (hash := watched(store, name)) is None:
        raise InputError(f"the requests of {name} are not counted: `sartor serve watch` begins with it")
    profile, counts = load_profile(store, hash), counted(store, hash, since[:10])
    asked = {bucket: counts.get("cluster", {}).get(bucket, 0) for bucket in map(str, range(len(profile.sizes)))}
    n, measures = sum(asked.values()), list[Measure]()
    if n >= FEWEST:
        sizes = dict(zip(asked, profile.sizes, strict=True))
        measures.append(stability("what is asked, by cluster (PSI)", asked, sizes))
        measures.append(share("questions unlike the task's rows", counts["unlike"].get("yes", 0), n, profile.unlike))
        if ended := counts.get("finish"):
            measures.append(share("replies cut at the limit", ended.get("length", 0), sum(ended.values()), 0.0))
        if said := counts.get("answer"):  # whose errors were there before, too
            measures.append(stability("labels that are answered (PSI)", said, profile.labels, decides=False))
    if routed := _abstained(store, name, since):
        measures.append(routed)
    found, total = verdict(measures) if n >= FEWEST else "INCONCLUSIVE", sum(profile.sizes)
    clusters = [
        Cluster(nearest, size / total, asked[str(place)] / max(1, n))
        for place, (nearest, size) in enumerate(zip(profile.nearest, profile.sizes, strict=True))
    ]
    return Drift(
        task=name,
        days=days,
        requests=n,
        measures=tuple(measures),
        clusters=tuple(sorted(clusters, key=lambda cluster: cluster.then - cluster.now)),
        ratings=ratings(name, store, since),
        verdict=found,
        why=_why(measures, n),
    )


def _abstained(store: Store, task: str, since: str) -> Measure | None:
    """Of all that was asked of the task's router, where there is one and it was asked enough."""
    if (current := current_card(store, lambda name: name == task)) is None:
        return None
    hash, card = current
    routed = counted(store, hash, since[:10]).get(AUTO, {})
    if (n := sum(routed.values())) < FEWEST:
        return None
    then = 1 - card["answered"]["value"]  # of messages that are of a task; those of none come on top
    return share("messages that the router is not sure of", routed.get(OTHER, 0), n, then, decides=False)


def _why(measures: list[Measure], n: int) -> str:
    if n < FEWEST:
        return f"{n:,} requests were counted, and {FEWEST} are wanted before anything is said of them"
    if moved := [measure.what for measure in measures if measure.decides and measure.moved]:
        return f"moved: {'; '.join(moved)}"
    if unsure := [measure.what for measure in measures if measure.decides and measure.moved is None]:
        return f"more requests are needed to tell: {'; '.join(unsure)}"
    return "nothing that is counted has moved"
