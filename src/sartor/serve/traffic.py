"""Requests of tasks that are watched: each is held until its reply is made, counted, and forgotten.

That is done in a thread of its own, with an encoder of its own: replies wait neither for it nor for the records.
"""

import logging
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from queue import Empty, Full, Queue

import numpy as np

from sartor.flows.routing import AUTO
from sartor.flows.serving import Served, Specialists
from sartor.flows.watching import OTHER, count, load_profile, watched
from sartor.generate.profile import Profile
from sartor.generate.request import Piece
from sartor.models.encoder import Encoder
from sartor.serve.wire import Ask
from sartor.store import Store

logger = logging.getLogger(__name__)
BATCH = 16
"""Questions that the encoder reads at once."""
LINE = 1024
"""Replies that may wait to be counted; more than these are not, and the log says so."""
PATIENCE = 5.0
"""Seconds that the last ones have when the engine ends."""


@dataclass(slots=True)
class _Reply:
    profile: str
    question: str
    whole: bool
    """It was to be as long as the task's replies are, and is counted as cut or not."""
    labels: bool
    """It is one of the task's labels, or several."""
    separator: str | None
    pieces: list[str] = field(default_factory=list)
    finish: str = ""


@dataclass(frozen=True, slots=True)
class _Routed:
    router: str
    task: str | None


class Traffic:
    def __init__(self, specialists: Specialists) -> None:
        self._store = specialists.store
        self._open: dict[str, _Reply] = {}
        self._line: Queue[_Reply | _Routed | None] = Queue(LINE)
        self._thread = threading.Thread(target=_Counting(self._store, self._line).run, daemon=True)
        self._thread.start()

    def asked(self, id: str, ask: Ask, served: Served, question: str) -> None:
        """What is asked of a specialist; nothing is held of a task that is not watched, and of asks that do not count."""
        if served.spec is None or served.answering is None or not ask.counted:
            return
        try:
            profile = watched(self._store, served.spec.task)
        except Exception:  # the replies matter more
            logger.exception("a request was not counted")
            return
        if profile is not None:
            own, answering = ask.form == "task" and not ask.stop, served.answering
            labels, separator = own and bool(answering.labels), ";" if answering.multi else None
            self._open[id] = _Reply(profile, question, own and ask.max_tokens is None, labels, separator)

    def routed(self, router: str, task: str | None) -> None:
        """Whom the router chose."""
        self._put(_Routed(router, task))

    def said(self, piece: Piece) -> None:
        if reply := self._open.get(piece.id):
            reply.pieces.append(piece.text)
            if piece.finish:
                reply.finish = piece.finish
                self._put(self._open.pop(piece.id))

    def left(self, id: str) -> None:
        """Nobody wants it any more: it is not counted."""
        self._open.pop(id, None)

    def close(self) -> None:
        """Count what is left, as long as that takes no more than some seconds."""
        self._line.put(None)
        self._thread.join(PATIENCE)

    def _put(self, what: _Reply | _Routed) -> None:
        try:
            self._line.put_nowait(what)
        except Full:
            logger.error("a request was not counted: %d are yet to be", LINE)


class _Counting:
    """The thread's own."""

    def __init__(self, store: Store, line: "Queue[_Reply | _Routed | None]") -> None:
        self._store, self._line = store, line
        self._encoder: Encoder | None = None
        self._profiles: dict[str, Profile] = {}

    def run(self) -> None:
        ended = False
        while not ended:
            batch = [self._line.get()]
            while len(batch) < BATCH:
                try:
                    batch.append(self._line.get_nowait())
                except Empty:
                    break
            ended = None in batch
            replies, routed = defaultdict[str, list[_Reply]](list), defaultdict[str, Counter[tuple[str, str]]](Counter)
            for each in batch:
                if isinstance(each, _Reply):
                    replies[each.profile].append(each)
                elif each is not None:
                    routed[each.router][AUTO, each.task or OTHER] += 1
            for profile, some in replies.items():
                self._count(profile, some)
            for router, counts in routed.items():
                self._count(router, counts)

    def _count(self, hash: str, what: "list[_Reply] | Counter[tuple[str, str]]") -> None:
        """What cannot be counted is dropped, and the log says so."""
        try:
            count(self._store, hash, what if isinstance(what, Counter) else self._look(hash, what))
        except Exception:
            logger.exception("%d requests were not counted", what.total() if isinstance(what, Counter) else len(what))

    def _look(self, hash: str, replies: list[_Reply]) -> "Counter[tuple[str, str]]":
        counts = Counter[tuple[str, str]]()
        self._encoder = self._encoder or Encoder.load()
        profile = self._profiles.get(hash) or self._profiles.setdefault(hash, load_profile(self._store, hash))
        vectors = np.asarray(self._encoder.encode([reply.question for reply in replies]))
        for cluster, unlike, reply in zip(*profile.look(vectors), replies, strict=True):
            counts["cluster", str(cluster)] += 1
            counts["unlike", "yes" if unlike else "no"] += 1
            if reply.whole:
                counts["finish", reply.finish] += 1
            if reply.labels:
                said = "".join(reply.pieces)
                labels = {label.strip() for label in said.split(reply.separator)} if reply.separator else {said}
                counts.update(("answer", label if label in profile.labels else OTHER) for label in labels)
        return counts
