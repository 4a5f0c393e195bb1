"""The engine's process: asks come through a pipe, and what is said goes back, until it is told to end or the server is gone."""

import math
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from sartor.data.example import Message
from sartor.errors import InputError, SartorError
from sartor.flows.routing import AUTO
from sartor.flows.serving import Served, Specialists
from sartor.flows.systems import Held
from sartor.generate.constrain import JsonConstraint, RegexConstraint
from sartor.generate.engine import Sampling
from sartor.generate.scheduler import Piece, Request, Scheduler, TokenLogprob
from sartor.serve.refusal import Refusal
from sartor.serve.wire import Ask, Begun, Said, SpelledToken

LONGEST = 512
"""Tokens of a reply of the bare base, where nobody says how many."""
LINE = 64
"""Asks of one tenant that may wait."""


@dataclass(frozen=True, slots=True)
class Ready:
    """It answers."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The process cannot begin."""

    message: str


@dataclass(frozen=True, slots=True)
class Load:
    """How much the engine has to do."""

    running: int
    waiting: int


Told = tuple[str, Begun | Said | Refusal]
"""Which ask, and what there is to tell of it."""


def work(pipe: Connection, root: Path, base: str | None) -> None:
    """The whole life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle, which closes the pipe
    import sartor

    try:
        worker = Worker(sartor.open(root).specialists(base))
    except SartorError as error:
        pipe.send(Failed(str(error)))
        return
    pipe.send(Ready())
    load = Load(0, 0)
    try:
        while True:
            if worker.scheduler.idle or pipe.poll():
                if (message := pipe.recv()) is None:
                    return
                heard = worker.hear(message)
            else:
                heard = worker.step()
            for told in heard:
                pipe.send(told)
            if (now := Load(worker.scheduler.running, worker.scheduler.waiting)) != load:
                pipe.send(load := now)
    except (EOFError, BrokenPipeError):
        return  # the server is gone


class Worker:
    """Asks in, what is to be told of them out."""

    def __init__(self, specialists: Specialists) -> None:
        self.specialists, self.scheduler = specialists, Scheduler()
        self._lines: dict[str, int] = {}
        self._tenants: dict[str, str] = {}

    def hear(self, message: tuple[str, Ask | None]) -> list[Told]:
        """An ask with its id, or the id of one that nobody wants any more."""
        id, ask = message
        if ask is None:
            self.scheduler.cancel(id)
            self._leave(id)
            return []
        try:
            if self._lines.get(ask.tenant, 0) >= LINE:
                raise Refusal(429, f"{LINE} requests of yours are waiting: try again later", retry_after=5)
            served, routing = self._route(ask) if ask.model == AUTO else (self._find(ask.model), None)
            request = self._request(id, ask, served)
        except Refusal as refusal:
            return [(id, refusal)]
        self._tenants[id] = ask.tenant
        self._lines[ask.tenant] = self._lines.get(ask.tenant, 0) + 1
        self.scheduler.add(request)
        return [(id, Begun(served.name, served.fingerprint, len(request.prompt), routing))]

    def step(self) -> list[Told]:
        told: list[Told] = []
        for piece in self.scheduler.step():
            told.append((piece.id, self._said(piece)))
            if piece.finish:
                self._leave(piece.id)
        return told

    def _leave(self, id: str) -> None:
        if (tenant := self._tenants.pop(id, None)) is not None:
            self._lines[tenant] -= 1

    def _route(self, ask: Ask) -> tuple[Served, dict[str, Any]]:
        """Whom the router chooses, and what is told of it; where it chooses none, the base, if that may answer."""
        router = self.specialists.router
        if router is None:
            raise Refusal(
                404, "there is no router yet: `sartor serve fit-router` makes one", "model", "model_not_found"
            )
        if not ask.turns:
            raise Refusal(400, "the router reads a message: send `messages`", "messages")
        [route] = router.route([ask.turns[-1][1]])
        base = self.specialists.base.name
        chosen = route.task if route.task in ask.tasks else base if base in ask.tasks else None
        if chosen is None:
            raise Refusal(422, "no specialist is sure that this is its own: let a person look at it", code="abstained")
        return self._find(chosen), {
            "task": route.task if route.task in ask.tasks else None,
            "probability": route.probability,
            "likeness": route.likeness,
            "alternatives": [{"task": task, "probability": p} for task, p in route.alternatives if task in ask.tasks],
        }

    def _find(self, model: str) -> Served:
        try:
            return self.specialists.find(model)
        except InputError as error:
            raise Refusal(404, str(error), "model", "model_not_found") from None
        except SartorError as error:
            raise Refusal(503, str(error), "model") from None

    def _request(self, id: str, ask: Ask, served: Served) -> Request:
        context, renderer = served.base.context, served.base.renderer
        prompt = _prompt(ask, served)
        limit = served.answering.max_tokens if served.answering else LONGEST
        if not prompt:
            raise Refusal(400, "the prompt is empty: ask something", "prompt")
        room = context - len(prompt) if context else limit
        if room < (ask.max_tokens or 1):
            raise Refusal(
                400,
                f"the prompt of {len(prompt):,} tokens and the {ask.max_tokens or 1:,} of the reply do not fit the "
                f"{context:,} that {served.name} reads: shorten one of them",
                "messages",
                "context_length_exceeded",
            )
        held = _held(ask, served)
        temperature = served.spec.generate.temperature if served.spec else 0.0
        return Request(
            id=id,
            adapter=served.hash,
            forward=served.forward,
            prompt=tuple(prompt),
            max_tokens=ask.max_tokens or min(limit, room),
            decode=renderer.text,
            stop_ids=renderer.stop_ids,
            tenant=ask.tenant,
            sampling=Sampling(temperature if ask.temperature is None else ask.temperature, ask.seed, ask.top_p),
            stop=ask.stop,
            constrain=held.constrain,
            trie=held.trie,
            begun=ask.begun,
            top_logprobs=ask.top_logprobs,
        )

    def _said(self, piece: Piece) -> Said:
        spelled = tuple(self._spelled(token) for token in piece.logprobs)
        if piece.labels:  # a label is a single token to whoever asks how likely it is
            likely = tuple((label, math.log(probability)) for label, probability in piece.labels if probability)
            spelled = (SpelledToken(*likely[0], likely),)
        return Said(piece.text, piece.ids, piece.tokens, piece.cached, piece.finish, spelled)

    def _spelled(self, token: TokenLogprob) -> SpelledToken:
        tokenizer = self.specialists.base.base.opened.tokenizer

        def text(id: int) -> str:
            return str(tokenizer.decode([id], clean_up_tokenization_spaces=False))

        top = tuple((text(other), logprob) for other, logprob in token.top)
        return SpelledToken(text(token.token), token.logprob, top)


def _prompt(ask: Ask, served: Served) -> list[int]:
    if ask.text is not None:
        ids: list[int] = served.base.opened.tokenizer(ask.text, add_special_tokens=False)["input_ids"]
        return ids
    turns = [Message(role, text) for role, text in ask.turns]
    try:
        messages = served.messages(turns) if ask.fields is None else served.question(ask.fields)
        return served.base.renderer.prompt_ids(messages)
    except (InputError, TemplateError) as error:
        raise Refusal(400, str(error), "messages" if ask.fields is None else "fields") from None


def _held(ask: Ask, served: Served) -> Held:
    """What the reply is held to: what the request says, else what the task's answers are."""
    tokenizer, vocabulary = served.base.opened.tokenizer, served.base.vocabulary
    stop = sorted(served.base.renderer.stop_ids)
    try:
        match ask:
            case Ask(form="text"):
                return Held()
            case Ask(form="json", schema=dict() as schema):
                return Held(constrain=JsonConstraint.factory(tokenizer, vocabulary, schema, stop=stop))
            case Ask(form="regex", regex=str() as pattern):
                return Held(constrain=RegexConstraint.factory(tokenizer, vocabulary, pattern, stop=stop))
        return served.held
    except InputError as error:
        said = str(error).partition(": set `generate")[0]
        raise Refusal(400, said, "response_format" if ask.form == "json" else "regex") from None
