"""`/v1/feedback`: what was thought of a reply, with the reply and what was asked. Nothing else of what is asked is ever kept."""

import json
import re
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request
from pydantic import Field, model_validator
from sqlalchemy import func, insert, select

from sartor.access.audit import enter
from sartor.data.examples import build_questions
from sartor.data.table import make_table
from sartor.errors import InputError
from sartor.flows.feedback import check_correction
from sartor.flows.routing import AUTO
from sartor.serve.jobs import user_of
from sartor.serve.lists import new_id, unix
from sartor.serve.refusal import Refusal, no_model
from sartor.serve.service import Key, need, service_of
from sartor.serve.wire import ChatMessage, Strict
from sartor.store.records import now
from sartor.store.tables import feedback

MOST, MOST_BYTES = 10_000, 64 << 10
"""Lines of one key that are kept, and bytes of a line."""
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
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
    if body.model in (service.offer.base, AUTO):
        raise Refusal(400, f"{body.model} is of no task: name the specialist that replied", "model")
    try:
        version = service.offer.registry.find(body.model)  # in quarantine or not: whoever had it may say why
    except InputError:
        raise no_model(body.model) from None
    if (task := service.offer.tasks.find(version.task)) is None:
        raise no_model(body.model)
    if body.fields is not None:
        try:
            build_questions(make_table("the request", "JSON", [body.fields], [1], "row"), task.spec)
        except InputError as error:
            raise Refusal(400, str(error), "fields", "invalid_value") from None
    if body.correction is not None:
        try:
            check_correction(version, task, body.correction)
        except ValueError as error:
            raise Refusal(400, f"`correction`: {error}", "correction", "invalid_value") from None
    asked = {"fields": body.fields} if body.fields is not None else {"messages": [list(m.turn) for m in body.messages]}
    said = body.model_dump(include={"answer", "rating", "correction", "comment"})
    _check(asked | said)
    id, at = new_id("feedback"), now()
    values = {
        "id": id,
        "task": version.task,
        "model": version.name,
        "owner": key.name,
        "asked": asked,
        "created_at": at,
    }
    with service.offer.store.records.write() as connection:
        own = select(func.count()).select_from(feedback).where(feedback.c.owner == key.name)
        if (connection.execute(own).scalar() or 0) >= MOST:
            raise Refusal(
                429, f"{MOST:,} pieces of your feedback wait to be looked at: come back later", retry_after=3600
            )
        connection.execute(insert(feedback).values(values | said))
        enter(connection, user_of(key.name), "feedback", version.name, {"id": id})
    return {"id": id, "object": "feedback", "created_at": unix(at), "model": version.name, "rating": body.rating}


def _check(content: dict[str, Any]) -> None:
    """Raises Refusal for what no file of JSON Lines, or no database, would take."""
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (ValueError, RecursionError):
        raise Refusal(400, "it holds NaN or half a character, or is nested too deeply: send plain JSON") from None
    if _NUL.search(text):
        raise Refusal(400, "it holds the character NUL: leave it out")
    if size > MOST_BYTES:
        raise Refusal(413, f"it is longer than {MOST_BYTES >> 10} KiB: shorten it")
