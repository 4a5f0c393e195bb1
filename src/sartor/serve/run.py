"""A server, from its start until somebody ends it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import uvicorn

from sartor.errors import InputError
from sartor.flows.serving import MOST_BYTES
from sartor.project import Project
from sartor.serve.app import create_app
from sartor.serve.connections import ImpatientProtocol, allow_many
from sartor.serve.engine import Engine
from sartor.serve.metrics import log_to_stderr
from sartor.serve.service import Service, own

GRACE = 30
"""Seconds that replies have to end in when the server is asked to."""


def serve(
    project: Project,
    host: str,
    port: int,
    base: str | None = None,
    certificate: Path | None = None,
    private_key: Path | None = None,
    seconds: float = 600.0,
    unsure: Literal["base", "refuse"] = "base",
    most_bytes: int = MOST_BYTES,
    began: Callable[[str], None] = print,
) -> None:
    """Until SIGINT or SIGTERM: then nothing more is accepted, and what is being said is said to its end.

    `seconds` is what a request may take, `unsure` what becomes of a message that the router finds no task for, `most_bytes` what
    adapters that stay loaded may take; `began` is told where the server answers. Raises InputError where others could reach it
    without a key, SystemFailure where the engine cannot begin.
    """
    offer = project.serving.offer(base)
    if not own(host) and all(key.revoked_at for key in offer.keys.list()):
        raise InputError(
            f"others can reach {host}, and there is no API key: make one with `sartor serve keys add NAME`"
        )
    if (certificate is None) != (private_key is None):
        raise InputError("TLS wants both --tls-cert and --tls-key")
    for file in filter(None, (certificate, private_key)):
        if not file.is_file():
            raise InputError(f"there is no file {file}")
    log_to_stderr()
    allow_many()
    engine = Engine(project.root, base, most_bytes)
    app = create_app(Service(engine, offer, unsure, own(host), seconds))
    config = uvicorn.Config(
        app,
        host,
        port,
        http=ImpatientProtocol,
        log_config=None,
        log_level="warning",
        access_log=False,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
    )
    asyncio.run(_serve(uvicorn.Server(config), engine, began))


async def _serve(server: uvicorn.Server, engine: Engine, began: Callable[[str], None]) -> None:
    config = server.config
    try:
        config.load()
    except (OSError, ValueError) as error:
        raise InputError(
            f"--tls-cert and --tls-key cannot be used ({error}): give a certificate and its own key, PEM"
        ) from None
    try:
        socket = config.bind_socket()
    except SystemExit:  # which is what uvicorn makes of an address that is in use
        raise InputError(f"{config.host}:{config.port} cannot be listened at: name another --port") from None
    await engine.start()
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        host, port = socket.getsockname()[:2]
        began(f"{'https' if config.is_ssl else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/v1")
    await serving
