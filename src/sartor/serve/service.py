"""What the routes work with, and who asks them for what."""

import ipaddress
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request

from sartor.access.api_keys import NOBODYS, VERBS, ApiKey
from sartor.flows.serving import Offer
from sartor.serve.engine import Engine
from sartor.serve.jobs import Jobs
from sartor.serve.limits import Rates
from sartor.serve.metrics import Metrics
from sartor.serve.refusal import Refusal

logger = logging.getLogger(__name__)
ANYBODY = ApiKey(NOBODYS, ("*",), VERBS, None, "")
"""Who asks where no key is wanted."""


@dataclass(frozen=True)
class Service:
    engine: Engine
    offer: Offer
    unsure: Literal["base", "refuse"] = "base"
    """What becomes of a message that the router finds no task for."""
    alone: bool = False
    """Whether only this machine can reach the server: then whoever is on it may ask, as long as no key was ever made."""
    seconds: float = 600.0
    """That a request may take."""
    rates: Rates = field(default_factory=Rates)
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.offer.store)

    def allows(self, key: ApiKey, verb: str, models: Iterable[str]) -> set[str]:
        """Those of the models with which the key may do that: those that it names, and whatever was trained for it, which a key
        that was made before could not name."""
        models = set(models)
        allowed = {model for model in models if key.may(verb, model)}
        if allowed == models or not key.may(verb):
            return allowed
        own = self.jobs.tasks(key.name)
        return {model for model in models if model in allowed or model.partition("@")[0] in own}


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def who(request: Request) -> ApiKey:
    """Whose key came with the request. Raises Refusal for none, an unknown one, and one that asks too often."""
    service = service_of(request)
    if service.alone and not service.offer.keys.list():
        _from_here(request)
        return ANYBODY
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    found = service.offer.keys.find(key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    if found is None:
        logger.warning("a request without a known API key was refused")
        raise Refusal(
            401,
            "an API key is wanted, as `Authorization: Bearer KEY`: ask the operator for one",
            code="invalid_api_key",
        )
    if found.per_minute:
        service.rates.take(found.name, found.per_minute)
    return found


def _from_here(request: Request) -> None:
    """Raises Refusal where a browser asks for a page of somebody else's, which it would let read the reply (DNS rebinding)."""
    names = [request.url.hostname or ""]
    if (origin := request.headers.get("origin")) is not None:
        names.append(urlsplit(origin).hostname or "")
    if not all(map(own, names)):
        raise Refusal(
            403, "without an API key only this machine is answered, by its own name: make a key", code="foreign"
        )


def own(host: str) -> bool:
    """Whether only this machine can be reached so."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Key = Annotated[ApiKey, Depends(who)]


def need(key: ApiKey, verb: str) -> None:
    """Raises Refusal where the key is not for that."""
    if not key.may(verb):
        raise Refusal(403, f"this API key is not for the verb {verb!r}: ask the operator for one that is", code="verb")
