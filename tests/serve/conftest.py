"""A project of three tasks on one tiny base, two of them learned by heart, and a server of it as users start one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import openai
import pytest
import torch
from tests.running import SPEC, Letters, notes, small_machine
from tests.tasks import base, intents, write_task  # noqa: F401 (fixtures)

import sartor
from sartor.models.builtin import ENCODER
from sartor.models.dtype import choose_dtype

ONE_THREAD = "torch.get_num_threads"
RECIPE: dict[str, Any] = SPEC | {"train": SPEC["train"] | {"epochs": 12}}


@pytest.fixture(scope="session")
def project(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """Look, but do not write."""
    root = tmp_path_factory.mktemp("project")
    write_task(root / "tasks/notes", base, notes(48), notes(12, start=500), "extraction", task="notes", **RECIPE)
    rows, test = intents(48), intents(12, start=500)
    write_task(root / "tasks/intents", base, rows, test, "classification", task="intents", **RECIPE)
    system = {"prompt": {"system": "Say it."}}
    write_task(root / "tasks/free", base, rows, test, task="free", **RECIPE | system | {"train": {"epochs": 1}})
    with (
        small_machine(),
        mock.patch.dict(os.environ, SARTOR_CACHE=str(root / "cache")),
        mock.patch("sartor.flows.systems._encoder", Letters),
    ):
        ENCODER.path.mkdir(parents=True)
        exact = (torch.float32, "float32: as the tests say")
        with mock.patch("sartor.models.dtype._measure", return_value=exact), mock.patch(ONE_THREAD, return_value=1):
            choose_dtype()  # which is kept, and found by the server
        for task in ("notes", "intents", "free"):
            sartor.open(root).run(task)
    return root


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    return shutil.copytree(project, tmp_path / "project")


class Server:
    """A `sartor serve` of its own process, begun by the command `by` where one is given."""

    def __init__(self, root: Path, *options: str, by: Sequence[str] = ()) -> None:
        environment = os.environ | {"SARTOR_CACHE": str(root / "cache"), "OMP_NUM_THREADS": "1"}
        command = [*by, sys.executable, "-m", "sartor.cli.main", "serve", str(root), "--port", "0", "--json", *options]
        self.log = root / f"serve-{len(list(root.glob('serve-*')))}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.url: str = json.loads(line)["url"]

    def client(self, key: str = "none", **more: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=key, _strict_response_validation=True, max_retries=0, **more)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


Serve = Callable[..., Server]


@contextmanager
def serving(root: Path, *options: str, by: Sequence[str] = ()) -> Iterator[Server]:
    server = Server(root, *options, by=by)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def server(project: Path) -> Iterator[Server]:
    with serving(project) as found:
        yield found


@pytest.fixture(scope="session")
def client(server: Server) -> openai.OpenAI:
    return server.client()
