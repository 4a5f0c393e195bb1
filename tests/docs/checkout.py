"""A reader's checkout in a folder of its own: small files to work on, a shell, and models that answer at once.

`sartor` in the shell is a client of this process: starting Python with PyTorch for every command of every page would
take minutes. `make` only says what it would do.
"""

import io
import os
import shutil
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout, suppress
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any
from unittest import mock

from tests.docs.pages import ROOT

from sartor.cli.main import main

ROWS = {"notes.jsonl": 36, "held_out.jsonl": 8, "messages.csv": 60, "held_out.csv": 10}
"""Lines of the examples' files that are copied: enough to run, too few to learn."""
INTENTS = ("track_order", "request_refund", "cancel_subscription")
"""Of support-intents, only these: every class must have some of the few rows."""

_CLIENT = f"""#!{sys.executable}
import os, sys
from multiprocessing.connection import Client
with Client(os.environ["SARTOR_TEST_SERVER"], authkey=b"docs") as server:
    server.send((sys.argv[1:], os.getcwd(), dict(os.environ), sys.stdin.buffer.read()))
    code, out, err = server.recv()
sys.stdout.buffer.write(out)
sys.stderr.buffer.write(err)
sys.exit(code)
"""
_PYTHON = f"""#!/bin/sh
exec "{sys.executable}" "$@"
"""
_MAKE = f"""#!/bin/sh
exec "{shutil.which("make")}" --dry-run --directory "{ROOT}" "$@"
"""


class Checkout:
    """The folder, and the shell in it. Use it as `with Checkout(folder) as checkout:`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        _write_files(self.folder)
        self._tools = folder / "bin"
        self._tools.mkdir()
        for name, script in (("sartor", _CLIENT), ("python", _PYTHON), ("make", _MAKE)):
            (self._tools / name).write_text(script)
            (self._tools / name).chmod(0o755)

    def __enter__(self) -> "Checkout":
        self._listener = Listener(family="AF_UNIX", authkey=b"docs")
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        with Client(self._listener.address, authkey=b"docs") as client:
            client.send(None)
        self._server.join()
        self._listener.close()

    def bash(self, text: str) -> str:
        """What the commands print. Raises AssertionError with all of it where one of them fails."""
        search = os.pathsep.join((str(self._tools), os.environ["PATH"]))
        environment = os.environ | {"PATH": search, "SARTOR_TEST_SERVER": str(self._listener.address)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def _serve(self) -> None:
        while True:
            with self._listener.accept() as connection, suppress(EOFError, BrokenPipeError):  # a client that was killed
                request = connection.recv()
                if request is None:
                    return
                connection.send(_run(*request))


def _run(arguments: list[str], folder: str, environment: dict[str, str], given: bytes) -> tuple[int, bytes, bytes]:
    """One `sartor` command: exit code, standard output, standard error."""
    here = Path.cwd()
    streams: list[Any] = [io.TextIOWrapper(io.BytesIO(content), "utf-8") for content in (given, b"", b"")]
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch("sys.stdin", streams[0]),
        redirect_stdout(streams[1]),
        redirect_stderr(streams[2]),
    ):
        os.chdir(folder)
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            os.chdir(here)
    for stream in streams[1:]:
        stream.flush()
    return code, streams[1].buffer.getvalue(), streams[2].buffer.getvalue()


def _write_files(folder: Path) -> None:
    """The examples, and the files that pages call the reader's own."""
    for name in ("billing-notes", "support-intents", "discharge-advice"):
        (folder / "examples" / name).mkdir(parents=True)
        for source in (ROOT / "examples" / name).iterdir():
            if source.suffix in (".jsonl", ".csv", ".yaml"):
                header, *lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
                if source.suffix == ".csv":
                    lines = [line for line in lines if any(f",{intent}," in line for intent in INTENTS)]
                kept = "".join((header, *lines[: ROWS.get(source.name)]))
                (folder / "examples" / name / source.name).write_text(kept, encoding="utf-8")
    activate = folder / ".venv" / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    activate.touch()
    asked = {
        "delivery": "Where is parcel {n}? It should have come on day {n}.",
        "refund": "Please send back the money for order {n}.",
        "login": "My code {n} is refused when I sign in.",
    }
    tickets = [(text.format(n=n), label) for n in range(1, 21) for label, text in asked.items()]
    rows = [f'"{text}",{label},c{n % 15}\n' for n, (text, label) in enumerate(tickets)]
    (folder / "tickets.csv").write_text("".join(("text,intent,customer\n", *rows)))
    (folder / "new.csv").write_text('text\n"Where is my parcel?"\n"I cannot sign in."\n')
