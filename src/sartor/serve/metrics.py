"""What a service counts, for Prometheus, and one line of log a request. Neither holds anything of what was said."""

import json
import logging
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sartor.serve.wire import Begun, Said

logger = logging.getLogger("sartor.serve.requests")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Engine(Protocol):
    ready: bool
    restarts: int

    load: Any


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        named: dict[str, Any] = {"registry": self.registry, "namespace": "sartor"}
        self.requests = Counter("requests", "Requests that have ended.", ["model", "status"], **named)
        self.tokens = Counter("tokens", "Tokens of requests.", ["model", "kind"], **named)
        self.seconds = Histogram("request_seconds", "From request to end.", ["model"], buckets=SECONDS, **named)
        self.first = Histogram("first_token_seconds", "To the first text.", ["model"], buckets=SECONDS, **named)
        self._engine = {
            what: Gauge(f"engine_{what}", about, **named)
            for what, about in (
                ("ready", "1 where the engine answers."),
                ("restarts", "How often it had to begin anew."),
                ("running", "Replies that are being made."),
                ("waiting", "Requests that are not yet."),
            )
        }

    def begin(self, key: str, model: str) -> "Noted":
        return Noted(self, key, model)

    def exposition(self, engine: Engine) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its media type."""
        for what, value in (
            ("ready", engine.ready),
            ("restarts", engine.restarts),
            ("running", engine.load.running),
            ("waiting", engine.load.waiting),
        ):
            self._engine[what].set(value)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class Noted:
    """One request, from its beginning to its end."""

    def __init__(self, metrics: Metrics, key: str, model: str) -> None:
        self._metrics, self._key, self._model = metrics, key, model
        self._start, self._first, self._known = time.monotonic(), 0.0, False

    def heard(self, said: Begun | Said) -> None:
        """Of the engine, which knows the model."""
        self._known = True
        if isinstance(said, Said) and said.text:
            self._first = self._first or time.monotonic() - self._start

    def end(self, status: int, usage: Mapping[str, Any] | None = None) -> None:
        seconds = time.monotonic() - self._start
        # A name that means nothing is not made a label of: whoever asks would choose how many there are.
        model = self._model if self._known else "unknown"
        self._metrics.requests.labels(model, str(status)).inc()
        self._metrics.seconds.labels(model).observe(seconds)
        if self._first:
            self._metrics.first.labels(model).observe(self._first)
        for kind in ("prompt", "completion"):
            self._metrics.tokens.labels(model, kind).inc(usage[f"{kind}_tokens"] if usage else 0)
        line = {"id": uuid.uuid4().hex, "key": self._key, "model": self._model, "status": status}
        line |= {"seconds": round(seconds, 3), "first_seconds": round(self._first, 3), "usage": usage}
        logger.info(json.dumps(line))


def log_to_stderr() -> None:
    """One JSON document a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
