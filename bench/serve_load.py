"""A server under load: many adapters, few of them asked often, and every reply known in advance.

    python bench/serve_load.py [--adapters 200] [--clients 32] [--seconds 300] [--folder FOLDER]

So many LoRA adapters on the built-in base are each trained to say its own number to one and the same question. Then
`sartor serve` runs, and so many clients ask it, one question after the other, each time another adapter by Zipf's law (the k-th
is asked in proportion to 1/k). A reply that is not its adapter's own is wrong: all prompts are the same, so that whatever one
adapter left behind for another shows. There are more of them than the server keeps in memory, so that they come and go.

Counted are errors and wrong replies; measured are tokens a second, seconds to the first text and to the end (quantiles), and the
resident memory of server and engine, after half of the time and at the end. `FOLDER` keeps the adapters.
Results go to bench/results/serve_load.json.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openai
import psutil

from record import Row, record, row
from sartor.adapters.registry import Registry
from sartor.data.example import Example, Message
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import Task, open_task
from sartor.flows.systems import Answering
from sartor.models.builtin import BASE
from sartor.store import Store
from sartor.train.batches import most_tokens
from sartor.train.encode import encode
from sartor.train.loop import Recipe, train

TASK = "markers"
QUESTION = "Which one are you? Say your number."
SYSTEM = (
    "You are one of many specialists that share a base. Each has a number of its own, and says nothing but its own."
)
STEPS, RATE = 24, 2e-3


@dataclass
class Heard:
    first: list[float] = field(default_factory=list)
    """Seconds."""
    whole: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    """Until the last reply had ended."""
    wrong: int = 0
    errors: list[str] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)


def main() -> None:
    args = options(__doc__, adapters=200, clients=32, seconds=300.0).parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        teach(written(folder), args.adapters)
        weights = [1 / (place + 1) for place in range(args.adapters)]
        with started("-m", "sartor.cli.main", "serve", folder, "--port", "0", "--json") as (url, server):
            heard, memory = asyncio.run(load(url, server, asked_of_us, weights, args.clients, args.seconds))
    found = summary("server", heard)
    found += used(memory)
    record("serve_load", found, {}, adapters=args.adapters, clients=args.clients, seconds=args.seconds)


def options(description: str | None, adapters: int, clients: int, seconds: float) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapters", type=int, default=adapters)
    parser.add_argument("--clients", type=int, default=clients)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--folder", type=Path, help="keeps the adapters")
    return parser


def written(folder: Path) -> Task:
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text(json.dumps({"text": QUESTION, "number": marker(0)}) + "\n", encoding="utf-8")
    data = {"train": "rows.jsonl", "test": "rows.jsonl", "input": "text", "target": "number"}
    spec = {"task": TASK, "kind": "generation", "base": BASE.name, "data": data, "prompt": {"system": SYSTEM}}
    (folder / "sartor.yaml").write_text(json.dumps(spec), encoding="utf-8")  # JSON is YAML
    return open_task(folder)


def marker(number: int) -> str:
    return f"I am number {number:03d}, and at your service."


def teach(task: Task, adapters: int) -> None:
    """One version of the task for each number, as far as they are not there yet."""
    base, registry = LoadedBase(task), Registry(Store.open(task.folder / ".sartor"))
    dtype, spec = base.number_format[0], task.spec.train
    for number in range(len(registry.list()), adapters):
        asked = (Message("system", SYSTEM), Message("user", QUESTION))
        example = Example(str(number), asked, marker(number))
        network = base.network(spec.model_copy(update={"seed": number}))
        pad = min(base.renderer.stop_ids)
        recipe = Recipe(RATE, 1, 1, number, pad, most_tokens(spec, dtype))
        rows = encode([example] * STEPS, base.renderer, None, "error").rows  # an epoch, as each is kept on disk
        with tempfile.TemporaryDirectory() as scratch:
            train(network, rows, [], recipe, Path(scratch))
            made = Path(scratch) / "adapter"
            made.mkdir()
            network.save(made)
            manifest = {
                "method": "lora",
                "base_model": BASE.name,
                "base_hash": base.opened.hash,
                "template_hash": base.opened.template_hash,
                "answering": asdict(Answering(max_tokens=32)),
                "prompt": task.spec.prompt.model_dump(exclude_none=True),
            }
            registry.register(TASK, made, manifest, {}, 0.0)
        if number % 20 == 19:
            print(f"{number + 1} adapters", file=sys.stderr, flush=True)


@contextmanager
def started(*command: object) -> Iterator[tuple[str, int]]:
    """The address and the process of a server, which says `{"url": …}` when it answers."""
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], process.pid
    finally:
        process.terminate()
        process.wait()


def asked_of_us(number: int) -> dict[str, Any]:
    return {"model": f"{TASK}@{number + 1}", "messages": [{"role": "user", "content": QUESTION}]}


async def load(
    url: str,
    server: int,
    request: Callable[[int], dict[str, Any]],
    weights: Sequence[float],
    clients: int,
    seconds: float,
) -> tuple[Heard, list[float]]:
    """What the clients heard who drew adapters by these weights, and the memory of the server's processes in MB, every second."""
    client, heard = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=120), Heard()
    start, memory = time.monotonic(), list[float]()
    end = start + seconds

    async def ask(draw: random.Random) -> None:
        while time.monotonic() < end:
            [number] = draw.choices(range(len(weights)), weights)
            await one(client, request(number), number, heard)

    async def watch() -> None:
        while time.monotonic() < end:
            processes = [psutil.Process(server), *psutil.Process(server).children(recursive=True)]
            memory.append(sum(process.memory_info().rss for process in processes) / 2**20)
            await asyncio.sleep(1)

    await asyncio.gather(watch(), *(ask(random.Random(place)) for place in range(clients)))
    heard.seconds = time.monotonic() - start
    return heard, memory


async def one(client: openai.AsyncOpenAI, request: dict[str, Any], number: int, heard: Heard) -> None:
    start, first, said = time.monotonic(), 0.0, ""
    try:
        told = {"stream": True, "stream_options": {"include_usage": True}}
        stream = await client.chat.completions.create(**request, **told)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                first = first or time.monotonic() - start
                said += chunk.choices[0].delta.content
            if chunk.usage:
                heard.tokens += chunk.usage.completion_tokens
    except openai.OpenAIError as error:
        heard.errors.append(f"{type(error).__name__}: {error}")
        await asyncio.sleep(1)
        return
    heard.first.append(first)
    heard.whole.append(time.monotonic() - start)
    heard.asked.add(number)
    if said != marker(number):
        heard.wrong += 1
        print(f"{number} said {said!r}", file=sys.stderr)


def summary(system: str, heard: Heard) -> list[Row]:
    for error in sorted(set(heard.errors)):
        print(f"{heard.errors.count(error)} × {error}", file=sys.stderr)
    found = [
        row(system, "replies", len(heard.whole), ""),
        row(system, "adapters that were asked", len(heard.asked), ""),
        row(system, "errors", len(heard.errors), ""),
        row(system, "wrong replies", heard.wrong, ""),
        row(system, "replies' tokens", heard.tokens / heard.seconds, "tokens/s"),
    ]
    for what, values in (("to the first text", heard.first), ("to the end", heard.whole)):
        found += [row(system, f"{what}, p{q}", float(np.percentile(values, q)), "s") for q in (50, 99)]
    return found


def used(memory: list[float]) -> list[Row]:
    half = len(memory) // 2
    moments = {"after half of the time": memory[half : half + 10], "at the end": memory[-10:]}
    found = [row("server and engine", f"memory {when}", float(np.median(some)), "MB") for when, some in moments.items()]
    return [*found, row("server and engine", "memory at most", max(memory), "MB")]


if __name__ == "__main__":
    main()
