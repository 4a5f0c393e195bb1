"""What OpenAI's API says: requests that are read strictly, and the documents that answer them.

A field that is not known is refused, and so is one that asks for what is not done here: nothing is ignored in silence.
"""

import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sartor.serve.refusal import Refusal

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "function_call": ("none",),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "web_search_options": (),
    "suffix": ("",),
    "echo": (False,),
    "best_of": (1,),
}
"""What is not done here, and the values that ask for nothing."""
Probability = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(Strict):
    type: Literal["text"]
    text: str


class ChatMessage(Strict):
    """A reply may be handed back as it came, with all that is null in it."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    refusal: None = None

    @model_validator(mode="before")
    @classmethod
    def _said(cls, given: Any) -> Any:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given

    @property
    def turn(self) -> tuple[str, str]:
        """Role, as the chat template knows it, and text."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return ("system" if self.role == "developer" else self.role), text


class JsonSchema(Strict):
    name: str
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("`json_schema` goes with the type json_schema, and with no other")
        return self


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class Completing(Strict):
    """What chat and text completions have in common."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Probability | None = None
    n: Annotated[int | None, Field(ge=1, le=8)] = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_done(cls, given: Any) -> Any:
        for name, values in NEUTRAL.items() if isinstance(given, dict) else ():
            if name in given:
                if given[name] is not None and given[name] not in values:
                    raise Refusal(400, f"`{name}` is not supported: leave it out", name, "unsupported_parameter")
                given = {key: value for key, value in given.items() if key != name}
        return given

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.stream_options and not self.stream:
            raise ValueError("`stream_options` goes with `stream: true`")
        if len(self.stops) > 4 or "" in self.stops:
            raise ValueError("`stop` is one to four strings, none of them empty")
        return self

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def with_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatRequest(Completing):
    messages: list[ChatMessage] = []
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    response_format: ResponseFormat | None = None
    metadata: dict[str, str] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    fields: dict[str, Any] | None = None
    """Ours: the columns of a row, for the task's own prompt, instead of `messages`."""
    regex: str | None = None
    """Ours: what the whole reply is to match."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.messages) == (self.fields is not None):
            raise ValueError("`messages` is to hold one message or more, or else `fields` the columns of a row")
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("`top_logprobs` goes with `logprobs: true`")
        if self.regex is not None and self.response_format is not None:
            raise ValueError("`regex` and `response_format` cannot both say what the reply is to be")
        return self


class TextRequest(Completing):
    prompt: str | Annotated[list[str], Field(min_length=1, max_length=16)]
    logprobs: Annotated[int | None, Field(ge=0, le=5)] = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One reply that is wanted, as it goes to the engine's process."""

    model: str
    turns: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    """The prompt itself, without the chat template."""
    fields: dict[str, Any] | None = None
    max_tokens: int | None = None
    """None: as long as the task's answers may be."""
    temperature: float | None = None
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    form: Literal["task", "text", "json", "regex"] = "task"
    """`task`: what the task's answers are held to."""
    schema: dict[str, Any] | None = None
    regex: str | None = None
    tenant: str = ""
    tasks: frozenset[str] = frozenset()
    """Where the router chooses the model, those that it may choose, the base among them or not."""
    begun: tuple[int, ...] = ()
    """Tokens of the reply that are there already: it is gone on with."""
    counted: bool = True
    """Drift goes by it: it is no further choice of a request, and nobody's own try."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A reply is being made."""

    model: str
    """What answers: a name with its version."""
    fingerprint: str
    prompt_tokens: int
    routing: dict[str, Any] | None = None
    """Where the router chose: what, how likely, and what else."""


@dataclass(frozen=True, slots=True)
class SpelledToken:
    bytes: bytes
    """Which may be a part of a character only."""
    logprob: float
    top: tuple["SpelledToken", ...] = ()

    @property
    def text(self) -> str:
        return self.bytes.decode(errors="replace")

    @property
    def characters(self) -> int:
        """That begin in it."""
        return sum(byte & 0xC0 != 0x80 for byte in self.bytes)


@dataclass(frozen=True, slots=True)
class Said:
    """More of a reply."""

    text: str
    ids: tuple[int, ...]
    """Its new tokens."""
    tokens: int
    """Of the reply so far."""
    cached: int
    """Tokens of the prompt that did not have to be read."""
    finish: Literal["stop", "length"] | None
    logprobs: tuple[SpelledToken, ...] = ()


def chat_asks(request: ChatRequest, tenant: str, tasks: frozenset[str] = frozenset()) -> list[Ask]:
    form: Literal["task", "text", "json", "regex"] = "task"
    schema: dict[str, Any] | None = None
    seed = _seed(request)
    match request.response_format:
        case ResponseFormat(type="text"):
            form = "text"
        case ResponseFormat(json_schema=JsonSchema() as wanted):
            form, schema = "json", wanted.schema_
        case ResponseFormat():
            form, schema = "json", {"type": "object"}
    return [
        Ask(
            model=request.model,
            turns=tuple(message.turn for message in request.messages),
            fields=request.fields,
            max_tokens=request.max_completion_tokens or request.max_tokens,
            temperature=request.temperature,
            top_p=1.0 if request.top_p is None else request.top_p,
            seed=seed + place,
            stop=request.stops,
            top_logprobs=(request.top_logprobs or 0) if request.logprobs else None,
            form="regex" if request.regex is not None else form,
            schema=schema,
            regex=request.regex,
            tenant=tenant,
            tasks=tasks,
            counted=place == 0,
        )
        for place in range(request.n or 1)
    ]


def text_asks(request: TextRequest, tenant: str) -> list[Ask]:
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    seed = _seed(request)
    return [
        Ask(
            model=request.model,
            text=prompt,
            max_tokens=request.max_tokens or 16,
            temperature=request.temperature,
            top_p=1.0 if request.top_p is None else request.top_p,
            seed=seed + place,
            stop=request.stops,
            top_logprobs=request.logprobs,
            form="text",
            tenant=tenant,
        )
        for prompt in prompts
        for place in range(request.n or 1)
    ]


def _seed(request: Completing) -> int:
    """Where none is given each request draws its own."""
    return secrets.randbelow(1 << 31) if request.seed is None else request.seed


class Reply:
    """The documents of one request: `chat.completion` or `text_completion`, whole or in chunks."""

    def __init__(self, kind: Literal["chat", "text"], choices: int) -> None:
        self._chat, self._choices = kind == "chat", choices
        self._head = {
            "id": f"{'chatcmpl' if self._chat else 'cmpl'}-{uuid.uuid4().hex}",
            "created": int(time.time()),
        }
        self._begun: dict[int, Begun] = {}
        self._said: dict[int, list[Said]] = {place: [] for place in range(choices)}
        self._spelled = dict.fromkeys(range(choices), 0)
        """Characters of each choice's tokens that chunks have told of."""

    def take(self, place: int, said: Begun | Said) -> list[dict[str, Any]]:
        """The chunks that open a choice, bring more of it, and end it."""
        if isinstance(said, Begun):
            self._begun[place] = said
            return [self._chunk(place, {"role": "assistant", "content": ""})] if self._chat else []
        self._said[place].append(said)
        chunks = []
        if said.text or said.logprobs:
            logprobs = self._logprobs([said], self._spelled[place])
            self._spelled[place] += sum(token.characters for token in said.logprobs)
            chunks.append(self._chunk(place, {"content": said.text}, logprobs))
        if said.finish:
            chunks.append(self._chunk(place, {}, finish=said.finish))
        return chunks

    @property
    def whole(self) -> bool:
        return all(said and said[-1].finish for said in self._said.values())

    def document(self) -> dict[str, Any]:
        choices = []
        for place, said in self._said.items():
            text, finish = "".join(each.text for each in said), said[-1].finish
            body = (
                {"message": {"role": "assistant", "content": text, "refusal": None}} if self._chat else {"text": text}
            )
            choices.append({"index": place, **body, "logprobs": self._logprobs(said), "finish_reason": finish})
        kind = "chat.completion" if self._chat else "text_completion"
        return self._body(kind) | {"choices": choices, "usage": self._usage()}

    def usage_chunk(self) -> dict[str, Any]:
        return self._body(self._chunk_kind) | {"choices": [], "usage": self._usage()}

    def _chunk(
        self, place: int, delta: dict[str, Any], logprobs: dict[str, Any] | None = None, finish: str | None = None
    ) -> dict[str, Any]:
        body = {"delta": delta} if self._chat else {"text": delta.get("content", "")}
        choice = {"index": place, **body, "logprobs": logprobs, "finish_reason": finish}
        return self._body(self._chunk_kind) | {"choices": [choice]}

    @property
    def _chunk_kind(self) -> str:
        return "chat.completion.chunk" if self._chat else "text_completion"

    def _body(self, kind: str) -> dict[str, Any]:
        begun = next(iter(self._begun.values()))
        body = self._head | {"object": kind, "model": begun.model, "system_fingerprint": begun.fingerprint}
        return body | ({"routing": begun.routing} if begun.routing else {})

    def _usage(self) -> dict[str, Any]:
        # Of several choices of one prompt the prompt counts once, as OpenAI has it.
        prompts = {begun.prompt_tokens for begun in self._begun.values()} if self._chat else None
        read = sum(prompts) if prompts else sum(begun.prompt_tokens for begun in self._begun.values())
        written = sum(said[-1].tokens for said in self._said.values())
        cached = sum(said[0].cached for said in self._said.values()) if not self._chat else self._said[0][0].cached
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": min(cached, read)},
        }

    def _logprobs(self, said: Sequence[Said], offset: int = 0) -> dict[str, Any] | None:
        """`offset`: characters of the reply before."""
        tokens = [token for each in said for token in each.logprobs]
        if not tokens:
            return None
        if self._chat:
            content = [_told(token) | {"top_logprobs": [_told(other) for other in token.top]} for token in tokens]
            return {"content": content, "refusal": None}
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [{other.text: other.logprob for other in token.top} for token in tokens],
            "text_offset": list(accumulate((token.characters for token in tokens[:-1]), initial=offset)),
        }


def _told(token: SpelledToken) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.bytes)}
