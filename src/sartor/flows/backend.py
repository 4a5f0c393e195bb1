"""What answers for a project's server, where it is not our own engine: chosen by `serve.backend` of the tasks."""

import math
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

import gguf
import psutil

from sartor.adapters.llama_cpp import write_gguf
from sartor.adapters.registry import AdapterVersion
from sartor.errors import InputError, SystemFailure
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import Task
from sartor.generate.constrain import tokenizing
from sartor.generate.llama_cpp import LlamaCpp
from sartor.generate.relay import Heard, Program, Relay
from sartor.generate.request import Request
from sartor.generate.vllm import Vllm
from sartor.models.methods import is_full
from sartor.models.methods.weights import read_config

GOLDEN = "What is asked here is answered by one adapter only."
"""A prompt that every adapter reads when it is loaded."""
LONG, APART = 16, 0.1
"""Tokens of a reply that runs while the base is asked, and how much of the next token's probability may lie otherwise then."""
SAMPLE = "What a base is, shows in how it reads: naïve 12,345 tokens → done."
"""Bases that read it alike are taken for the same."""
MOST, MOST_OF_VLLM = 8, 64
"""Replies at once."""


class Backend(ABC):
    """A program, and who asks it for a server."""

    mixed = False
    """Whether it was seen to answer for its base by an adapter that ran beside it: then its base is not to be asked."""

    def __init__(self, program: Program, most: int, base: LoadedBase) -> None:
        """`most` replies at once."""
        self.program, self.relay, self._base = program, Relay(program, most), base
        self._golden: list[int] = base.opened.tokenizer(GOLDEN, add_special_tokens=False)["input_ids"]
        self._bare = self._golden_reply(base.opened.hash)

    def load(self, version: AdapterVersion) -> int:
        """An adapter can be asked by its hash from now on; its bytes here.

        Raises InputError for a method that cannot be, SystemFailure where it is not applied, or not finite.
        """
        size = self._load(version)
        alone = self._golden_reply(version.hash)
        if not all(math.isfinite(token.logprob) for heard in alone for token in heard.logprobs):
            raise SystemFailure(f"{version.name} does not answer: its numbers are not finite; train it anew")
        if alone == self._bare:
            raise SystemFailure(
                f"{version.name} changes nothing of its base: it was not applied, or is to be trained anew"
            )
        with self.program.ask(self._asked(version.hash)) as reply:
            next(reply)
            beside = _likeliest(self._golden_reply(self._base.opened.hash))
        bare = _likeliest(self._bare)
        apart = sum(abs(beside.get(token, 0.0) - bare.get(token, 0.0)) for token in beside.keys() | bare.keys()) / 2
        self.mixed = self.mixed or apart > APART
        return size

    @abstractmethod
    def _load(self, version: AdapterVersion) -> int: ...

    def _asked(self, hash: str) -> Request:
        return Request("golden", hash, None, tuple(self._golden), LONG, str, frozenset(), top_logprobs=5)

    def _golden_reply(self, hash: str) -> list[Heard]:
        with self.program.ask(self._asked(hash)) as reply:
            return list(reply)


def _likeliest(reply: Iterable[Heard]) -> dict[int, float]:
    """The first tokens that are told of, and how likely they were."""
    top = next((token.top for heard in reply for token in heard.logprobs), ())
    return {token: math.exp(logprob) for token, logprob in top}


def chosen(tasks: Iterable[Task]) -> Task | None:
    """A task that says what is to answer; None: our own engine. Raises InputError where two say different things."""
    found = [task for task in tasks if task.spec.serve.backend != "sartor"]
    for task in found[1:]:
        if (task.spec.serve, _file(task)) != (found[0].spec.serve, _file(found[0])):
            raise InputError(
                f"{found[0].spec.task} and {task.spec.task} are on one base, and their `serve` differs: make it the same"
            )
    return found[0] if found else None


def begun(task: Task, base: LoadedBase, scratch: Path, slots: int, most_bytes: int) -> Backend:
    """What the task chose. `slots`: tokens that there is room for here. Raises InputError where it has another base."""
    if task.spec.serve.backend == "vllm":
        return VllmBackend(task, base)
    return LlamaCppBackend(task, base, scratch, slots, most_bytes)


class LlamaCppBackend(Backend):
    def __init__(self, task: Task, base: LoadedBase, scratch: Path, slots: int, most_bytes: int) -> None:
        """Adapters as GGUF files lie in the folder `scratch` as long as this process lives."""
        try:
            import xllamacpp  # noqa: F401
        except ImportError:
            raise InputError("`serve.backend: llama.cpp` needs xllamacpp: install `sartor[llama-cpp]`") from None
        file = _file(task)
        check(file, base)
        context = min(base.context or slots, slots)
        most = max(1, min(MOST, slots // context))
        tokenize = tokenizing(base.opened.tokenizer, base.vocabulary, sorted(base.renderer.stop_ids))
        self._llama = LlamaCpp(file, context, most, most_bytes, tokenize)
        for left in scratch.iterdir():  # by one that was killed
            if not psutil.pid_exists(int(left.name.partition("-")[0])):
                shutil.rmtree(left, ignore_errors=True)
        self._files = tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=scratch)
        super().__init__(self._llama, most, base)

    def _load(self, version: AdapterVersion) -> int:
        file = Path(self._files.name) / f"{version.hash}.gguf"
        write_gguf(version.path, version.name, self._base.opened.config, file)
        self._llama.load(version.hash, file)
        return file.stat().st_size


class VllmBackend(Backend):
    def __init__(self, task: Task, base: LoadedBase) -> None:
        """Raises SystemFailure where it does not answer."""
        spec = task.spec.serve
        assert spec.url is not None
        if spec.key_env and spec.key_env not in os.environ:
            raise InputError(f"`serve.key_env` names {spec.key_env}, which is not set: set it to vLLM's API key")
        self._vllm = Vllm(spec.url, os.environ[spec.key_env] if spec.key_env else None)
        if self._vllm.tokens(SAMPLE) != base.opened.tokenizer(SAMPLE, add_special_tokens=False)["input_ids"]:
            raise InputError(
                f"vLLM at {spec.url} has another base than {base.opened.name}: it reads texts as other tokens"
            )
        super().__init__(self._vllm, MOST_OF_VLLM, base)

    def _load(self, version: AdapterVersion) -> int:
        if is_full(version.path) or read_config(version.path).get("peft_type") != "LORA":
            raise InputError(f"{version.name} is no LoRA, and vLLM loads no other adapters beside its base")
        self._vllm.load(version.hash, version.path)
        return 0


def _file(task: Task) -> Path:
    """The base as llama.cpp reads it."""
    return (task.folder / (task.spec.serve.gguf or task.spec.base)).resolve()


def check(file: Path, base: LoadedBase) -> None:
    """Raises InputError unless the file has the base's tokens and its size."""
    if file.suffix != ".gguf" or not file.is_file():
        raise InputError(f"{file} is no GGUF file: name the base's with `serve.gguf`")
    try:
        fields = gguf.GGUFReader(file).fields
    except ValueError as error:
        raise InputError(f"{file} is no GGUF file ({error}): name the base's with `serve.gguf`") from None
    architecture = fields["general.architecture"].contents()
    tokens = fields["tokenizer.ggml.tokens"].contents()
    sizes = tuple(fields[f"{architecture}.{key}"].contents() for key in ("block_count", "embedding_length"))
    config = base.opened.config.get_text_config()
    own = base.opened.tokenizer.convert_ids_to_tokens(list(range(len(base.opened.tokenizer))))
    if tokens[: len(own)] != own or sizes != (config.num_hidden_layers, config.hidden_size):
        raise InputError(f"{file} is of another base than {base.opened.name}: its tokens or its size differ")
