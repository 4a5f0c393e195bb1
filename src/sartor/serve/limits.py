"""What nobody may do to a server: send too much, or ask too often."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sartor.serve.refusal import Refusal

LINGER_SECONDS = 30
"""For so long what still comes of a refused request is thrown away."""


class BodyLimit:
    """Requests whose body is longer than allowed are refused, whatever their headers say."""

    def __init__(self, app: ASGIApp, most: Callable[[str], int]) -> None:
        """`most` bytes, by the path."""
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most, read = self._most(scope["path"]), 0
        refusal = Refusal(
            413, f"the request is longer than {most:,} bytes: send less at once", code="request_too_large"
        )
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > most:
            await _refuse(refusal, scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise refusal
            return message

        async def answered(message: Message) -> None:
            if read <= most:  # what the application makes of a body that broke off is of no interest
                await send(message)

        with suppress(Refusal):
            await self._app(scope, counted, answered)
        if read > most:
            await _refuse(refusal, scope, receive, send)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Hung up on at once, a client that is still sending would lose the answer (nginx: lingering_close)."""

    async def unended(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    answer = JSONResponse(refusal.document, refusal.status, headers={"Connection": "close"})
    await answer(scope, receive, unended)
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body"})


class Rates:
    """How many requests each key may yet make: a bucket that fills evenly (token bucket)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._buckets = clock, dict[str, tuple[float, float]]()

    def take(self, name: str, per_minute: int) -> None:
        """Raises Refusal, saying when to try again, where there have been more."""
        at = self._clock()
        left, before = self._buckets.get(name, (float(per_minute), at))
        left = min(per_minute, left + (at - before) * per_minute / 60)
        if left < 1:
            self._buckets[name] = (left, at)
            wait = int((1 - left) * 60 / per_minute) + 1
            raise Refusal(429, f"more than {per_minute:,} requests a minute: try again in {wait} s", retry_after=wait)
        self._buckets[name] = (left - 1, at)
