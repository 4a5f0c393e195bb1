"""`/v1/feedback`: what was thought of a reply, with the reply and what was asked. Nothing else of what is asked is ever kept."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request
from pydantic import Field, model_validator
from sqlalchemy import insert

from sartor.access.audit import enter
from sartor.data.examples import read_target
from sartor.errors import InputError
from sartor.serve.jobs import user_of
from sartor.serve.lists import new_id, unix
from sartor.serve.refusal import Refusal, no_model
from sartor.serve.service import Key, need, service_of
from sartor.serve.wire import ChatMessage, Strict
from sartor.store.records import now
from sartor.store.tables import feedback

router = APIRouter(prefix="/v1/feedback")


class Feedback(Strict):
    model: Annotated[str, Field(min_length=1, max_length=200)]
    """As the reply names it: with its version."""
    messages: Annotated[list[ChatMessage], Field(default_factory=list)]
    fields: dict[str, Any] | None = None
    answer: str
    rating: Literal["up", "down"] | None = None
    correction: str | None = None
    """What it should have said."""
    comment: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.messages) == (self.fields is not None):
            raise ValueError("`messages` is to hold what was asked, or else `fields` the columns of a row")
        if self.rating is None and self.correction is None:
            raise ValueError("say what you think of it: `rating` (up or down), a `correction`, or both")
        return self


@router.post("")
def give(body: Feedback, request: Request, key: Key) -> dict[str, Any]:
    """Kept for whoever looks after the task. Whoever may ask a model may say what they think of it."""
    need(key, "chat")
    service = service_of(request)
    if not service.allows(key, "chat", (body.model,)):
        raise no_model(body.model)
    try:
        version = service.offer.registry.usable(body.model)
    except InputError:
        raise no_model(body.model) from None
    if (task := service.offer.tasks.find(version.task)) is None:
        raise no_model(body.model)
    if body.correction is not None:
        try:
            read_target(body.correction, task.spec)
        except ValueError as error:
            raise Refusal(400, f"`correction`: {error}", "correction", "invalid_value") from None
    asked = {"fields": body.fields} if body.fields is not None else {"messages": [list(m.turn) for m in body.messages]}
    id, at = new_id("feedback"), now()
    values = {
        "id": id,
        "task": version.task,
        "model": version.name,
        "owner": key.name,
        "asked": asked,
        "created_at": at,
    }
    values |= body.model_dump(include={"answer", "rating", "correction", "comment"})
    try:
        with service.offer.store.records.write() as connection:
            connection.execute(insert(feedback).values(values))
            enter(connection, user_of(key.name), "feedback", version.name, {"id": id})
    except (ValueError, TypeError):
        raise Refusal(400, "`fields` holds what is no JSON value, such as NaN: leave it out", "fields") from None
    return {
        "id": id,
        "object": "feedback",
        "created_at": unix(at),
        "model": version.name,
        "rating": body.rating,
    }
