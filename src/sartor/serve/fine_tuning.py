"""`/v1/fine_tuning/jobs`: training that programs ask for. A key sees its own jobs only."""

import re
import secrets
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Header, Query, Request
from pydantic import BeforeValidator, Field, model_validator
from sqlalchemy import RowMapping

from sartor.errors import InputError
from sartor.flows.serving import base_name
from sartor.serve.jobs import user_of
from sartor.serve.lists import Page, listed, unix
from sartor.serve.refusal import Refusal, no_model
from sartor.serve.service import Key, Service, need, service_of
from sartor.serve.wire import Strict
from sartor.store.tables import api_events, api_jobs

VERB = "fine-tune"
router = APIRouter(prefix="/v1/fine_tuning/jobs")
Auto = BeforeValidator(lambda value: None if value == "auto" else value)


class Hyperparameters(Strict):
    """None: as Sartor chooses, which is what `auto` says."""

    n_epochs: Annotated[int | None, Field(ge=1, le=100), Auto] = None
    batch_size: Annotated[int | None, Field(ge=1, le=1024), Auto] = None
    learning_rate_multiplier: Annotated[float | None, Field(gt=0, le=100), Auto] = None
    """Of the rate that `auto` stands for."""


class Supervised(Strict):
    hyperparameters: Hyperparameters | None = None


class Method(Strict):
    type: Literal["supervised"]
    supervised: Supervised | None = None


class JobRequest(Strict):
    model: Annotated[str, Field(min_length=1)]
    training_file: str
    validation_file: str | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: Annotated[str | None, Field(max_length=64)] = None
    seed: Annotated[int | None, Field(ge=0, lt=1 << 31)] = None
    metadata: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None, Field(max_length=16)
    ] = None
    integrations: Annotated[list[Any] | None, Field(max_length=0)] = None
    """None is done."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        if self.hyperparameters and self.method:
            raise ValueError("`hyperparameters` and `method` both say how to train: leave `hyperparameters` out")
        return self

    @property
    def wanted(self) -> dict[str, Any]:
        """What is asked for, however it was written."""
        supervised = self.method.supervised if self.method else None
        given = self.hyperparameters or (supervised and supervised.hyperparameters) or Hyperparameters()
        kept = self.model_dump(include={"model", "training_file", "validation_file", "suffix", "metadata"})
        return kept | {"hyperparameters": given.model_dump(), "seed": self.seed or 0}


@router.post("")
def create(
    body: JobRequest, request: Request, key: Key, idempotency_key: Annotated[str | None, Header(max_length=255)] = None
) -> dict[str, Any]:
    need(key, VERB)
    service = service_of(request)
    if not service.allows(key, VERB, (body.model,)) or not _known(service, body.model):
        raise no_model(body.model)
    task = _task_name(body.suffix)
    base = service.offer.tasks.base_in(task)
    return document(service.jobs.create(key.name, task, base, body.wanted, idempotency_key))


@router.get("")
def list_jobs(request: Request, key: Key, page: Annotated[Page, Query()]) -> dict[str, Any]:
    need(key, VERB)
    return listed(service_of(request).offer.store.records, api_jobs, api_jobs.c.owner == key.name, page, document)


@router.get("/{id}")
def show(id: str, request: Request, key: Key) -> dict[str, Any]:
    return document(_mine(id, request, key))


@router.post("/{id}/cancel")
def cancel(id: str, request: Request, key: Key) -> dict[str, Any]:
    job = _mine(id, request, key)
    if not service_of(request).jobs.cancel(id, user_of(key.name)):
        raise Refusal(400, f"the job {id} has ended ({job['status']}): there is nothing to cancel", "job_id")
    return document(_mine(id, request, key))


@router.post("/{id}/pause")
@router.post("/{id}/resume")
def pause(id: str, request: Request, key: Key) -> None:
    _mine(id, request, key)
    raise Refusal(400, "jobs are not paused here: cancel it, and create it again later", code="unsupported")


@router.get("/{id}/events")
def events(id: str, request: Request, key: Key, page: Annotated[Page, Query()]) -> dict[str, Any]:
    _mine(id, request, key)
    return listed(service_of(request).offer.store.records, api_events, api_events.c.job == id, page, _event)


@router.get("/{id}/checkpoints")
def checkpoints(id: str, request: Request, key: Key, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """None: the best epoch, by the loss on rows that are held back, is the model itself, and the others are not kept."""
    _mine(id, request, key)
    return {"object": "list", "data": [], "has_more": False}


def document(row: RowMapping) -> dict[str, Any]:
    asked, finished = row["request"], row["finished_at"]
    hyperparameters = {name: "auto" if value is None else value for name, value in asked["hyperparameters"].items()}
    return {
        "id": row["id"],
        "object": "fine_tuning.job",
        "created_at": unix(row["created_at"]),
        "finished_at": finished and unix(finished),
        "model": base_name(row["base"]),
        "fine_tuned_model": row["model"],
        "organization_id": "sartor",
        "status": row["status"],
        "error": row["error"],
        "hyperparameters": hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "training_file": asked["training_file"],
        "validation_file": asked["validation_file"],
        "result_files": [],
        "seed": asked["seed"],
        "metadata": asked["metadata"],
        "integrations": [],
        "trained_tokens": row["tokens"],
        "estimated_finish": None,
    }


def _event(row: RowMapping) -> dict[str, Any]:
    names = ("id", "level", "message", "data")
    told = {name: row[name] for name in names}
    return told | {"object": "fine_tuning.job.event", "type": "message", "created_at": unix(row["created_at"])}


def _mine(id: str, request: Request, key: Key) -> RowMapping:
    need(key, VERB)
    return service_of(request).jobs.get(id, key.name)


def _known(service: Service, model: str) -> bool:
    """Whether it is the served base or an adapter on it, whose base is then trained on."""
    offer = service.offer
    if model == offer.base:
        return True
    try:
        return offer.tasks.find(offer.registry.usable(model).task) is not None
    except InputError:
        return False


def _task_name(suffix: str | None) -> str:
    """A task of its own for each job: `ft-SUFFIX-1a2b3c4d`, the suffix as far as a task's name can hold it."""
    said = re.sub(r"[^a-z0-9._-]+", "-", (suffix or "").lower())[:48].strip("-._")
    return "-".join(filter(None, ("ft", said, secrets.token_hex(4))))
