"""llama.cpp in this process, through xllamacpp: a GGUF file of the base, and LoRA adapters beside it.

It takes its adapters when it begins, so a new one wants a new server (about a second; the file of the base is shared). The old
one ends when its last reply has. Two things of its own are kept out: a request that names no adapter would get all of them, and
a prompt that one adapter has read would be taken for what another has (llama.cpp#26207), so that no prompt is kept.
"""

import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from sartor.errors import InputError, SystemFailure
from sartor.generate.relay import Heard
from sartor.generate.request import Request, TokenLogprob

QUIET = -1


class LlamaCpp:
    def __init__(
        self, gguf: Path, context: int, most: int, most_bytes: int, tokenize: Callable[[str], tuple[int, ...]]
    ) -> None:
        """`most` replies at once, each with its prompt in `context` tokens; adapters of `most_bytes`, those that were asked last;
        `tokenize` makes tokens of a part of a text."""
        self._gguf, self._context, self._most, self._most_bytes = gguf, context, most, most_bytes
        self._tokenize = tokenize
        self._key = secrets.token_urlsafe()  # others on this machine can reach its port too
        self._files: OrderedDict[str, Path] = OrderedDict()
        self._lock, self._server, self._places = threading.Lock(), None, dict[str, int]()

    def load(self, adapter: str, file: Path) -> None:
        """The GGUF file of an adapter, by its hash; it is read when the adapter is asked."""
        with self._lock:
            self._files[adapter] = file

    @contextmanager
    def ask(self, request: Request) -> Iterator[Iterator[Heard]]:
        server, places = self._serving(request.adapter)
        scales = [{"id": place, "scale": float(hash == request.adapter)} for hash, place in places.items()]
        body = _body(request) | {"lora": scales}
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.stream(
            "POST", f"{server.listening_address}/completion", json=body, headers=headers, timeout=None, trust_env=False
        ) as reply:
            if reply.is_error:
                reply.read()
                raise InputError(f"llama.cpp refuses it: {reply.json()['error']['message']}")
            yield self._heard(reply, request)

    def _heard(self, reply: httpx.Response, request: Request) -> Iterator[Heard]:
        before = 0 if request.grammar else len(request.begun)
        for line in reply.iter_lines():
            kind, _, data = line.partition(": ")
            if not data:
                continue
            said = json.loads(data)
            if kind == "error" or "error" in said:
                raise SystemFailure(f"llama.cpp broke off: {said}")
            # A part of a character comes with what completes it, and then only with the tokens of that.
            ids, tokens = self._tokenize(said["content"]), before + said["tokens_predicted"]
            ended = said["stop"] or not request.stop_ids.isdisjoint(said["tokens"])
            if ended:
                limit = said.get("stop_type") == "limit"
                yield Heard(said["content"], ids, tokens - (not limit), (), "length" if limit else "stop")
                return
            likely = said.get("completion_probabilities", ()) if said["content"] else ()
            yield Heard(
                said["content"], ids, tokens, tuple(_logprob(each, request.top_logprobs or 0) for each in likely)
            )

    def _serving(self, adapter: str) -> tuple[Any, dict[str, int]]:
        """A server, and the places of its adapters by hash. One that was never loaded is the base."""
        with self._lock:
            known = adapter in self._files
            if known:
                self._files.move_to_end(adapter)
            if self._server is None or (known and adapter not in self._places):
                self._server, self._places = self._begun()
            return self._server, self._places

    def _begun(self) -> tuple[Any, dict[str, int]]:
        chosen, size = list[str](), 0
        for hash, file in reversed(self._files.items()):
            size += file.stat().st_size
            if chosen and size > self._most_bytes:
                break
            chosen.append(hash)
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path, params.verbosity, params.warmup = str(self._gguf), QUIET, False
        params.api_keys, params.ui, params.endpoint_slots = [self._key], False, False
        params.n_parallel, params.n_ctx = self._most, self._most * self._context
        params.cache_prompt, params.cache_ram_mib = False, 0
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(self._files[hash]), 1.0) for hash in chosen]
        params.lora_init_without_apply = True
        try:
            return xllamacpp.Server(params), {hash: place for place, hash in enumerate(chosen)}
        except Exception as error:
            raise SystemFailure(f"llama.cpp cannot begin with {self._gguf}: {error}") from error


def _body(request: Request) -> dict[str, Any]:
    begun = () if request.grammar else request.begun
    return {
        "prompt": [*request.prompt, *begun],
        "n_predict": request.max_tokens - len(begun),
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "seed": request.sampling.seed % 2**32,
        "samplers": ["temperature", "top_p"],
        "grammar": "%llguidance {}\n" + request.grammar if request.grammar else "",
        "n_probs": 0 if request.top_logprobs is None else max(1, request.top_logprobs),
        "cache_prompt": False,
        "stop": request.stop,
        "return_tokens": True,
        "stream": True,
    }


def _logprob(said: dict[str, Any], top: int) -> TokenLogprob:
    likeliest = tuple((each["id"], each["logprob"]) for each in said["top_logprobs"][:top])
    return TokenLogprob(said["id"], said["logprob"], likeliest)
