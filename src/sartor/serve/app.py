"""The web application: OpenAI's routes in front of the engine, and what operators ask of a service."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from sartor import __version__
from sartor.access.api_keys import ApiKey
from sartor.adapters.registry import AdapterVersion
from sartor.errors import DiskFull, SartorError
from sartor.flows.routing import AUTO
from sartor.serve import feedback, files, fine_tuning
from sartor.serve.jobs import work
from sartor.serve.limits import BodyLimit
from sartor.serve.metrics import Noted
from sartor.serve.refusal import Refusal, no_model
from sartor.serve.service import Key, Service, own, service_of, who
from sartor.serve.wire import Ask, ChatRequest, Completing, Reply, TextRequest, chat_asks, text_asks

logger = logging.getLogger("sartor.serve")
MOST_BYTES, MOST_FILE_BYTES = 4 << 20, 512 << 20
"""Of a request, and of one that brings a file."""


def create_app(service: Service) -> FastAPI:
    """The application; while it runs, so do the fine-tuning jobs, and it stops the engine."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(files.sweep, service.offer.store)
        working = asyncio.create_task(work(service.offer.root, service.offer.store))
        yield
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await service.engine.stop()

    app = FastAPI(title="Sartor", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.service = service
    app.add_middleware(BodyLimit, most=lambda path: MOST_FILE_BYTES if path == files.PATH else MOST_BYTES)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(SartorError, _failed)
    app.add_exception_handler(Exception, _failed)
    app.get("/v1/models")(list_models)
    app.get("/v1/models/{model:path}")(show_model)
    app.post("/v1/chat/completions")(chat)
    app.post("/v1/completions")(complete)
    app.include_router(files.router)
    app.include_router(fine_tuning.router)
    app.include_router(feedback.router)
    app.get("/healthz", include_in_schema=False)(healthz)
    app.get("/readyz", include_in_schema=False)(readyz)
    app.get("/metrics", include_in_schema=False)(metrics)
    return app


def _model(version: AdapterVersion | None, name: str, service: Service) -> dict[str, Any]:
    made = datetime.fromisoformat(version.created_at).timestamp() if version else 0
    document: dict[str, Any] = {"id": name, "object": "model", "created": int(made), "owned_by": "sartor"}
    return document | ({"root": version.name, "parent": service.offer.base, "stage": version.stage} if version else {})


def _models(service: Service, key: ApiKey) -> dict[str, dict[str, Any]]:
    """Every name that the key may use: the base, each task, and each of its versions."""
    offer = service.offer
    found = {name: _model(None, name, service) for name in (offer.base, *[AUTO] * offer.routed)}
    usable = [each for each in offer.registry.list() if each.stage != "quarantined" and offer.tasks.find(each.task)]
    for version in usable:
        found[version.name] = _model(version, version.name, service)
        if version.stage in ("production", "candidate"):
            current = offer.registry.find(version.task)
            found[version.task] = _model(current, version.task, service)
    allowed = service.allows(key, "chat", found)
    return {name: document for name, document in found.items() if name in allowed}


def _choice(service: Service, key: ApiKey) -> frozenset[str]:
    """What the router may choose for the key."""
    versions = [each for each in service.offer.registry.list() if each.stage in ("production", "candidate")]
    tasks = {each.task for each in versions if service.offer.tasks.find(each.task)}
    base = {service.offer.base} if service.unsure == "base" else set[str]()
    return frozenset(service.allows(key, "chat", tasks | base))


def list_models(request: Request, key: Key) -> dict[str, Any]:
    return {"object": "list", "data": list(_models(service_of(request), key).values()), "has_more": False}


def show_model(model: str, request: Request, key: Key) -> dict[str, Any]:
    models = _models(service_of(request), key)
    if model not in models:
        raise no_model(model)
    return models[model]


async def chat(body: ChatRequest, request: Request, key: Key) -> Response:
    asks = chat_asks(body, key.name, _choice(service_of(request), key) if body.model == AUTO else frozenset())
    return await _reply("chat", body, asks, request, key)


async def complete(body: TextRequest, request: Request, key: Key) -> Response:
    return await _reply("text", body, text_asks(body, key.name), request, key)


async def _reply(
    kind: Literal["chat", "text"], body: Completing, asks: list[Ask], request: Request, key: ApiKey
) -> Response:
    service = service_of(request)
    if not service.allows(key, "chat", (body.model,)):
        raise no_model(body.model)
    reply, noted = Reply(kind, len(asks)), service.metrics.begin(key.name, body.model)
    chunks = _chunks(service, reply, asks, noted)
    if not body.stream:
        try:
            async with aclosing(chunks):
                await _unless_gone(request, _exhaust(chunks))
        except Refusal as refusal:
            noted.end(refusal.status)
            raise
        document = reply.document()
        noted.end(200, document["usage"])
        return JSONResponse(document)
    # What is refused at once is refused with its status; afterwards only the stream can tell.
    try:
        first = await anext(chunks)
    except Refusal as refusal:
        noted.end(refusal.status)
        raise

    async def events() -> AsyncIterator[str]:
        status = 499  # the client has gone, unless it turns out otherwise
        try:
            async with aclosing(chunks):
                yield _event(first)
                async for chunk in chunks:
                    yield _event(chunk)
            if body.with_usage:
                yield _event(reply.usage_chunk())
            yield "data: [DONE]\n\n"
            status = 200
        except Refusal as refusal:
            status = refusal.status
            yield _event(refusal.document)
        finally:
            noted.end(status, reply.usage_chunk()["usage"] if reply.whole else None)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def _chunks(service: Service, reply: Reply, asks: list[Ask], noted: Noted) -> AsyncGenerator[dict[str, Any]]:
    """The chunks of all choices as they come. Raises Refusal, also where they take longer than is allowed."""
    told: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()

    async def follow(place: int, ask: Ask) -> None:
        try:
            async with aclosing(service.engine.ask(ask)) as said:
                async for each in said:
                    told.put_nowait((place, each))
        except Refusal as refusal:
            told.put_nowait((place, refusal))

    tasks = [asyncio.create_task(follow(place, ask)) for place, ask in enumerate(asks)]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + service.seconds
    try:
        while not reply.whole:
            # Not around the loop: a stream is begun in one task and goes on in another.
            async with asyncio.timeout_at(deadline):
                place, each = await told.get()
            if isinstance(each, Refusal):
                raise each
            noted.heard(each)
            for chunk in reply.take(place, each):
                yield chunk
    except TimeoutError:
        raise Refusal(408, f"the reply took longer than {service.seconds:g} s: ask for a shorter one") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _exhaust(chunks: AsyncIterator[Any]) -> None:
    async for _ in chunks:
        pass


async def _unless_gone(request: Request, work: Any) -> None:
    """Until it is done, or the client has gone: then it is broken off."""

    async def gone() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(0.25)

    doing, watching = asyncio.create_task(work), asyncio.create_task(gone())
    try:
        await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Refusal(499, "the client has gone")
        await doing
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


def _event(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n"


def healthz() -> dict[str, str]:
    """The server is there, whatever the engine does."""
    return {"status": "ok"}


def readyz(request: Request) -> JSONResponse:
    """The engine answers."""
    ready = service_of(request).engine.ready
    return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)


def metrics(request: Request) -> Response:
    """For this machine, and whoever has a key: it names models."""
    service = service_of(request)
    if request.client is None or not own(request.client.host):
        who(request)
    text, kind = service.metrics.exposition(service.engine)
    return Response(text, media_type=kind)


def _answer(refusal: Refusal) -> JSONResponse:
    return JSONResponse(refusal.document, refusal.status, headers=refusal.headers)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return _answer(error)


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return _answer(Refusal(400, f"the body is no JSON: {first.get('ctx', {}).get('error', said)}"))
    if first["type"] == "extra_forbidden":
        return _answer(Refusal(400, f"`{where}` is not known here: leave it out", where, "unknown_parameter"))
    return _answer(Refusal(400, f"`{where}`: {said}" if where else said, where or None, "invalid_value"))


async def _no_route(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentences = {404: "there is nothing at this address: `/docs` lists what there is", 405: "not by this method"}
    return _answer(Refusal(error.status_code, sentences.get(error.status_code, str(error.detail))))


async def _failed(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, SartorError):
        logger.error("%s", error)
        if isinstance(error, DiskFull):
            return _answer(
                Refusal(507, "the disk is full here: nothing of this was kept; try again when there is room")
            )
        return _answer(Refusal(503, "this cannot be done now: ask the operator, whose log says why"))
    return _answer(Refusal(500, "something failed here: ask the operator, whose log says what"))
