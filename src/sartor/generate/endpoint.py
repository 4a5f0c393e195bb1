"""A rival behind any OpenAI-compatible chat endpoint.

It is asked what the specialist is asked: the example's messages, the same limit of tokens, temperature 0 unless several
samples are drawn, and nothing beside. Nothing is sent to any address but the one that the task names: no proxies of the
environment, no redirects.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx

from sartor.data.example import Example
from sartor.errors import InputError, SystemFailure
from sartor.generate.answer import Answer
from sartor.progress import Progress, silent
from sartor.task import RivalSpec

WORKERS = 4
ATTEMPTS = 5
PROBE = 8
"""When none of the first rows gets an answer, the rest is not asked."""
LONGEST_WAIT = 60.0


class _NoAnswer(Exception):
    """One row got no answer; the text is the sentence for the user."""


class Endpoint:
    """A system that asks `POST ENDPOINT/chat/completions`, at most four rows at a time.

    429, 5xx, timeouts and broken connections are tried again, up to five times, with doubling waits or as `Retry-After`
    says; other refusals are not. A row that stays without an answer has `finish="error"`, one that got fewer samples than
    were asked for keeps those; `errors` says why.
    """

    def __init__(
        self,
        rival: RivalSpec,
        max_tokens: int,
        temperature: float = 0.0,
        samples: int = 1,
        timeout: float = 120.0,
        backoff: float = 1.0,
    ) -> None:
        """`samples` is how often a row is asked; `timeout` and the first wait `backoff` are in seconds.

        Raises InputError when the address is not an HTTP one, or `key_env` names a variable that is not set.
        """
        self.name = f"endpoint {rival.model}"
        self.errors: dict[str, str] = {}
        """Of the last call of `answer`: why a row got no answer, or too few, by the example's id."""
        self._url = _url(rival.endpoint)
        self._model = rival.model
        self._key = _key(rival.key_env)
        self._max_tokens, self._temperature, self._samples = max_tokens, temperature, samples
        self._timeout = timeout
        self._backoff = backoff

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        """One answer per example, in the same order, white space around the text removed.

        Raises SystemFailure when the first rows all get no answer.
        """
        self.errors = {}
        answers: list[Answer] = []
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        with (
            httpx.Client(headers=headers, timeout=self._timeout, trust_env=False, follow_redirects=False) as client,
            ThreadPoolExecutor(WORKERS) as pool,
        ):
            for batch in (examples[:PROBE], examples[PROBE:]):
                for answer in pool.map(partial(self._answer, client), batch):
                    answers.append(answer)
                    failed = f"{len(self.errors)} not fully answered" if self.errors else ""
                    progress(self.name, len(answers), len(examples), failed)
                if answers and all(answer.finish == "error" for answer in answers):
                    raise SystemFailure(
                        f"{self.name} answered none of the first {len(answers)} rows: {self.errors[answers[0].id]}"
                    )
        return answers

    def _answer(self, client: httpx.Client, example: Example) -> Answer:
        drawn: list[Answer] = []
        began = time.perf_counter()
        try:
            while len(drawn) < self._samples:
                drawn.append(_read(example.id, self._post(client, example)))
        except _NoAnswer as error:
            sentence = str(error).replace(self._key, "***") if self._key else str(error)
            self.errors[example.id] = sentence
        if not drawn:
            return Answer(id=example.id, text="", finish="error", seconds=time.perf_counter() - began)
        return replace(
            drawn[0],
            seconds=time.perf_counter() - began,
            others=tuple(answer.text for answer in drawn[1:]),
            prompt_tokens=sum(answer.prompt_tokens for answer in drawn),
            completion_tokens=sum(answer.completion_tokens for answer in drawn),
        )

    def _post(self, client: httpx.Client, example: Example) -> httpx.Response:
        body = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in example.messages],
            "temperature": self._temperature,
            "max_tokens": self._max_tokens,
        }
        problem = ""
        for attempt in range(ATTEMPTS):
            wait = self._backoff * 2**attempt
            try:
                response = client.post(self._url, json=body)
            except httpx.TimeoutException:
                problem = f"{self._url} did not answer within {self._timeout:g} s"
            except httpx.RequestError as error:
                problem = f"{self._url} cannot be reached ({error}): check the rival's `endpoint` in sartor.yaml"
            else:
                if response.status_code == 200:
                    return response
                status = response.status_code
                problem = f"{self._url} answered {status} for the model {self._model!r}: {_reason(response)}"
                if status != 429 and status < 500:
                    raise _NoAnswer(problem)
                wait = _retry_after(response, wait)
            if attempt < ATTEMPTS - 1:
                time.sleep(min(wait, LONGEST_WAIT))
        raise _NoAnswer(f"{problem} (tried {ATTEMPTS} times)")


def _url(endpoint: str) -> str:
    try:
        address = httpx.URL(endpoint)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise InputError(
            f"the rival's `endpoint` {endpoint!r} is no HTTP address: write it like https://host/v1 in sartor.yaml"
        )
    base = endpoint.rstrip("/")
    return base if base.endswith("/chat/completions") else f"{base}/chat/completions"


def _key(variable: str | None) -> str:
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(f"the environment variable {variable}, named as a rival's `key_env`, is not set: export it")
    return key


def _read(id: str, response: httpx.Response) -> Answer:
    try:
        body: dict[str, Any] = response.json()
        choice = body["choices"][0]
        text = choice["message"]["content"]
        usage = body.get("usage") or {}
        prompt_tokens, completion_tokens = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        if not (isinstance(text, str) and isinstance(prompt_tokens, int) and isinstance(completion_tokens, int)):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError):
        raise _NoAnswer(f"{response.url} sent no chat completion with a text: {_start(response)}") from None
    return Answer(
        id=id,
        text=text.strip(),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        finish="length" if choice.get("finish_reason") == "length" else "stop",
    )


def _reason(response: httpx.Response) -> str:
    """What the endpoint says went wrong: OpenAI's `error.message`, else the start of the body."""
    if response.is_redirect:
        return f"redirects are not followed: name {response.headers.get('location')} itself"
    try:
        message = response.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        message = None
    return message if isinstance(message, str) else _start(response)


def _start(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:200] or "an empty body"


def _retry_after(response: httpx.Response, default: float) -> float:
    """Seconds to wait: the `Retry-After` header gives seconds or a date."""
    value = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return default
