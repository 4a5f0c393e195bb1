"""vLLM, which runs already (`vllm serve BASE --enable-lora`): adapters are loaded by the way, from folders that it can read.

Loading wants VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment, and grammars its backend `guidance`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from sartor.errors import InputError, SystemFailure
from sartor.generate.relay import Heard
from sartor.generate.request import Request, TokenLogprob

PATIENCE = 60.0
"""Seconds for anything but a reply."""


class Vllm:
    def __init__(self, url: str, key: str | None = None) -> None:
        """`url`: where it answers, without `/v1`. Raises SystemFailure where it does not."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)
        self._folders: dict[str, Path] = {}
        models = self._call("GET", "/v1/models").json()["data"]
        self._base: str = next(model["id"] for model in models if not model.get("parent"))

    def tokens(self, text: str) -> list[int]:
        """As its base reads a text, without anything before it."""
        asked = {"model": self._base, "prompt": text, "add_special_tokens": False}
        found: list[int] = self._call("POST", "/tokenize", asked).json()["tokens"]
        return found

    def load(self, adapter: str, folder: Path) -> None:
        """The folder of an adapter, as PEFT has it, by its hash."""
        self._folders[adapter] = folder
        self._call("POST", "/v1/load_lora_adapter", {"lora_name": adapter, "lora_path": str(folder)}, known="already")

    @contextmanager
    def ask(self, request: Request) -> Iterator[Iterator[Heard]]:
        adapter = request.adapter if request.adapter in self._folders else None
        body = _body(request) | {"model": adapter or self._base}
        for again in (False, True):
            with self._client.stream("POST", "/v1/completions", json=body, timeout=None) as reply:
                if reply.status_code == 404 and adapter and not again:  # it was begun anew
                    self.load(adapter, self._folders[adapter])
                    continue
                if reply.is_error:
                    raise InputError(f"vLLM refuses it: {reply.read().decode(errors='replace')[:300]}")
                yield _heard(reply, request)
                return

    def _call(self, method: str, path: str, body: Any = None, known: str | None = None) -> httpx.Response:
        """`known`: what its refusal says where there was nothing left to do."""
        try:
            reply = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise SystemFailure(f"vLLM cannot be reached at {self._client.base_url}: {error}") from None
        if reply.is_error and not (known and known in reply.text):
            raise SystemFailure(f"vLLM refuses {path}: {reply.text[:300]}")
        return reply


def _body(request: Request) -> dict[str, Any]:
    begun = () if request.grammar else request.begun
    body = {
        "prompt": [*request.prompt, *begun],
        "max_tokens": request.max_tokens - len(begun),
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "seed": request.sampling.seed % 2**63,
        "stop": list(request.stop),
        "stop_token_ids": sorted(request.stop_ids),
        "logprobs": request.top_logprobs,
        "return_token_ids": True,
        "return_tokens_as_token_ids": True,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    return body | ({"structured_outputs": {"grammar": request.grammar}} if request.grammar else {})


def _heard(reply: httpx.Response, request: Request) -> Iterator[Heard]:
    tokens = 0 if request.grammar else len(request.begun)
    for line in reply.iter_lines():
        kind, _, data = line.partition(": ")
        if kind != "data" or data == "[DONE]":
            continue
        said = json.loads(data)
        if "error" in said:
            raise SystemFailure(f"vLLM broke off: {said['error']}")
        for choice in said["choices"]:
            ids = tuple(id for id in choice.get("token_ids") or () if id not in request.stop_ids)
            tokens += len(ids)
            finish = choice["finish_reason"]
            yield Heard(choice["text"], ids, tokens, _logprobs(choice["logprobs"], request)[: len(ids)], finish)


def _logprobs(said: dict[str, Any] | None, request: Request) -> tuple[TokenLogprob, ...]:
    if not said or request.top_logprobs is None:
        return ()
    found = []
    for token, logprob, top in zip(said["tokens"], said["token_logprobs"], said["top_logprobs"], strict=True):
        likeliest = sorted(((_id(each), p) for each, p in top.items()), key=lambda pair: -pair[1])
        found.append(TokenLogprob(_id(token), logprob, tuple(likeliest[: request.top_logprobs])))
    return tuple(found)


def _id(token: str) -> int:
    return int(token.removeprefix("token_id:"))
