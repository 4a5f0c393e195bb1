"""Requests of tasks that are watched: each is held until its reply is made, counted, and forgotten."""

import logging
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from sartor.flows.routing import AUTO
from sartor.flows.serving import Served, Specialists
from sartor.flows.watching import OTHER, count
from sartor.generate.scheduler import Piece

logger = logging.getLogger(__name__)
BATCH = 16
"""Questions that the encoder reads at once."""


@dataclass(slots=True)
class _Reply:
    profile: str
    question: str
    labels: bool
    separator: str
    pieces: list[str] = field(default_factory=list)
    finish: str = ""


class Traffic:
    def __init__(self, specialists: Specialists) -> None:
        self._specialists = specialists
        self._open: dict[str, _Reply] = {}
        self._ended: list[_Reply] = []
        self._routed: Counter[tuple[str, str, str]] = Counter()

    @property
    def due(self) -> bool:
        """Whether there are so many that they are to be counted now, whoever waits."""
        return len(self._ended) >= BATCH

    def asked(self, id: str, served: Served, question: str) -> None:
        """What is asked of a specialist; nothing is held of a task that is not watched."""
        if served.spec is not None and (profile := self._specialists.watched(served.spec.task)):
            labels = served.answering is not None and bool(served.answering.labels)
            separator = "; " if served.answering and served.answering.multi else ""
            self._open[id] = _Reply(profile, question, labels, separator)

    def routed(self, router: str, task: str | None) -> None:
        """Whom the router chose."""
        self._routed[router, AUTO, task or OTHER] += 1

    def said(self, piece: Piece) -> None:
        if reply := self._open.get(piece.id):
            reply.pieces.append(piece.text)
            if piece.finish:
                reply.finish = piece.finish
                self._ended.append(self._open.pop(piece.id))

    def left(self, id: str) -> None:
        """Nobody wants it any more: it is not counted."""
        self._open.pop(id, None)

    def count(self) -> bool:
        """Count some of what has ended, and say whether there was any. What cannot be counted is dropped, and the log says so."""
        batch, self._ended = self._ended[:BATCH], self._ended[BATCH:]
        routed, self._routed = self._routed, Counter()
        if not batch and not routed:
            return False
        found: dict[str, Counter[tuple[str, str]]] = {}
        for (router, kind, bucket), times in routed.items():
            found.setdefault(router, Counter())[kind, bucket] += times
        try:
            for profile in {reply.profile for reply in batch}:
                self._look(profile, [reply for reply in batch if reply.profile == profile], found)
            for profile, counts in found.items():
                count(self._specialists.store, profile, counts)
        except Exception:  # the replies matter more
            logger.exception("%d requests were not counted", len(batch) + routed.total())
        return True

    def _look(self, hash: str, replies: list[_Reply], found: dict[str, Counter[tuple[str, str]]]) -> None:
        profile, counts = self._specialists.profile(hash), found.setdefault(hash, Counter())
        vectors = np.asarray(self._specialists.encoder.encode([reply.question for reply in replies]))
        for cluster, unlike, reply in zip(*profile.look(vectors), replies, strict=True):
            counts["cluster", str(cluster)] += 1
            counts["unlike", "yes" if unlike else "no"] += 1
            counts["finish", reply.finish] += 1
            if reply.labels:
                said = "".join(reply.pieces)
                for label in said.split(reply.separator) if reply.separator else [said]:
                    counts["answer", label if label in profile.labels else OTHER] += 1
