"""The engine's process: asks come through a pipe, and what is said goes back, until it is told to end or the server is gone."""

import logging
import math
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from sartor.data.example import Message
from sartor.errors import InputError, SartorError
from sartor.flows.routing import AUTO
from sartor.flows.serving import Served, Specialists
from sartor.flows.systems import Held
from sartor.generate.constrain import (
    ConstraintFactory,
    JsonConstraint,
    RegexConstraint,
    json_grammar,
    regex_grammar,
    spelling,
)
from sartor.generate.engine import Sampling
from sartor.generate.request import Piece, Request, TokenLogprob
from sartor.serve.refusal import Refusal, no_model
from sartor.serve.traffic import Traffic
from sartor.serve.wire import Ask, Begun, Said, SpelledToken

logger = logging.getLogger(__name__)
LONGEST = 512
"""Tokens of a reply of the bare base, where nobody says how many."""
LONGEST_TOKEN = 16
"""Characters that a token spells at most on average."""
LINE = 64
"""Asks of one tenant that may wait or run."""


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


def work(pipe: Connection, root: Path, base: str | None, most_bytes: int) -> None:
    """The whole life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle, which closes the pipe
    import sartor

    try:
        worker = Worker(sartor.open(root).serving.specialists(base, most_bytes))
    except SartorError as error:
        pipe.send(Failed(str(error)))
        return
    pipe.send(Ready())
    load = Load(0, 0)
    try:
        while True:
            heard: list[Told] = []
            if worker.scheduler.idle or pipe.poll():
                if (message := pipe.recv()) is None:
                    worker.traffic.close()
                    return
                heard = worker.hear(message)
            for told in (*heard, *worker.step()):  # in turns, so that those who ask hold nobody up for long
                pipe.send(told)
            if (now := Load(worker.scheduler.running, worker.scheduler.waiting)) != load:
                pipe.send(load := now)
    except (EOFError, BrokenPipeError):
        return  # the server is gone


class Worker:
    """Asks in, what is to be told of them out."""

    def __init__(self, specialists: Specialists) -> None:
        self.specialists = specialists
        self.scheduler = specialists.scheduler
        self.traffic = Traffic(specialists)
        self._lines: dict[str, int] = {}
        self._tenants: dict[str, str] = {}

    def hear(self, message: tuple[str, Ask | None]) -> list[Told]:
        """An ask with its id, or the id of one that nobody wants any more."""
        id, ask = message
        if ask is None:
            self.scheduler.cancel(id)
            self.traffic.left(id)
            self._leave(id)
            return []
        try:
            if self._lines.get(ask.tenant, 0) >= LINE:
                raise Refusal(429, f"{LINE} requests of yours wait or run: try again later", retry_after=5)
            served, routing = self._route(ask) if ask.model == AUTO else (self._find(ask.model), None)
            turns = _turns(ask, served)
            request = self._request(id, ask, served, turns)
        except Refusal as refusal:
            return [(id, refusal)]
        except (ValueError, TypeError, RecursionError) as error:
            # A tokenizer's or a grammar's, such as of half a character.
            return [
                (
                    id,
                    Refusal(
                        400,
                        f"the request cannot be read ({type(error).__name__}): send whole characters, and a schema that is one",
                    ),
                )
            ]
        except Exception:
            logger.exception("a request was too much")
            return [
                (
                    id,
                    Refusal(
                        500,
                        "this request was too much for the engine: shorten it, or ask the operator, whose log says why",
                    ),
                )
            ]
        self._tenants[id] = ask.tenant
        self._lines[ask.tenant] = self._lines.get(ask.tenant, 0) + 1
        self.scheduler.add(request)
        if turns and not ask.begun:
            self.traffic.asked(id, ask, served, turns[-1].content)
        return [(id, Begun(served.name, served.fingerprint, len(request.prompt), routing))]

    def step(self) -> list[Told]:
        told: list[Told] = []
        pieces: list[Piece] = []
        try:
            for piece in self.scheduler.step():
                pieces.append(piece)
        except Exception:
            logger.exception("a step of the engine was broken off")
            told += self._give_up({piece.id for piece in pieces})
        for piece in pieces:
            told.append((piece.id, self._said(piece)))
            self.traffic.said(piece)
            if piece.finish:
                self._leave(piece.id)
        return told

    def _give_up(self, said: set[str]) -> list[Told]:
        """What the scheduler could not go on with: all that it has no more, but for what it has just said."""
        refusal = Refusal(
            500,
            "the engine could not go on with what it was asked: ask again, or ask the operator, whose log says why",
        )
        lost = self._tenants.keys() - self.scheduler.ids - said
        for id in lost:
            self.traffic.left(id)
            self._leave(id)
        return [(id, refusal) for id in lost]

    def _leave(self, id: str) -> None:
        if (tenant := self._tenants.pop(id, None)) is not None:
            self._lines[tenant] -= 1

    def _route(self, ask: Ask) -> tuple[Served, dict[str, Any]]:
        """Whom the router chooses, and what is told of it; where it chooses none, the base, if that may answer."""
        try:
            router = self.specialists.router
        except SartorError as error:
            raise Refusal(503, f"the router cannot be used: {error}", "model") from None
        if router is None:
            raise Refusal(
                404, "there is no router yet: `sartor serve fit-router` makes one", "model", "model_not_found"
            )
        if not ask.turns:
            raise Refusal(400, "the router reads a message: send `messages`", "messages")
        hash, chooser = router
        [route] = chooser.route([ask.turns[-1][1]])
        if ask.counted:
            self.traffic.routed(hash, route.task)
        base, task = self.specialists.base.name, route.task if route.task in ask.tasks else None
        if task is None and base not in ask.tasks:
            raise Refusal(422, "no specialist is sure that this is its own: let a person look at it", code="abstained")
        return self._find(task or base), {
            "task": task,
            "probability": route.probability if route.alternatives[0][0] in ask.tasks else None,
            "likeness": route.likeness,
            "alternatives": [{"task": task, "probability": p} for task, p in route.alternatives if task in ask.tasks],
        }

    def _find(self, model: str) -> Served:
        try:
            return self.specialists.find(model)
        except InputError as error:  # which names what a client need not know of
            logger.warning("%s", error)
            raise no_model(model) from None
        except Exception:  # such as a fault of ours, which the client's request is not to be blamed for
            logger.exception("%s cannot be used", model)
            raise Refusal(503, f"{model} cannot be used: ask the operator, whose log says why", "model") from None

    def _request(self, id: str, ask: Ask, served: Served, turns: tuple[Message, ...]) -> Request:
        context, renderer = served.base.context, served.base.renderer
        prompt = _prompt(ask, served, turns)
        limit = served.answering.max_tokens if served.answering else LONGEST
        if not prompt:
            raise Refusal(400, "the prompt is empty: ask something", "prompt")
        held = _held(ask, served)
        least = int(held.trie.depth.max()) + 1 if held.trie else ask.max_tokens or 1
        if context and len(prompt) + least > context:
            raise Refusal(
                400,
                f"the prompt of {len(prompt):,} tokens and the {least:,} of the reply do not fit the {context:,} that "
                f"{served.name} reads: shorten one of them",
                "messages",
                "context_length_exceeded",
            )
        temperature = served.spec.generate.temperature if served.spec else 0.0
        return Request(
            id=id,
            adapter=served.hash,
            forward=served.forward,
            prompt=tuple(prompt),
            max_tokens=ask.max_tokens or (min(limit, context - len(prompt)) if context else limit),
            decode=renderer.text,
            stop_ids=renderer.stop_ids,
            tenant=ask.tenant,
            sampling=Sampling(temperature if ask.temperature is None else ask.temperature, ask.seed, ask.top_p),
            stop=ask.stop,
            constrain=held.constrain,
            trie=held.trie,
            grammar=held.grammar,
            begun=ask.begun,
            top_logprobs=ask.top_logprobs,
        )

    def _said(self, piece: Piece) -> Said:
        spelled = tuple(self._spelled(token) for token in piece.logprobs)
        if piece.labels:  # a label is a single token to whoever asks how likely it is
            likely = tuple(SpelledToken(label.encode(), math.log(p)) for label, p in piece.labels if p)
            spelled = (replace(likely[0], top=likely),)
        return Said(piece.text, piece.ids, piece.tokens, piece.cached, piece.finish, spelled)

    def _spelled(self, token: TokenLogprob) -> SpelledToken:
        top = tuple(SpelledToken(self._spell([other]), logprob) for other, logprob in token.top)
        return SpelledToken(self._spell([token.token]), token.logprob, top)

    @cached_property
    def _spell(self) -> Callable[[list[int]], bytes]:
        base = self.specialists.base.base
        return spelling(base.opened.tokenizer, base.vocabulary, sorted(base.renderer.stop_ids))


def _turns(ask: Ask, served: Served) -> tuple[Message, ...]:
    """The conversation as the adapter reads it; none where the prompt comes as a text."""
    said = len(ask.text or "") + sum(len(text) for _, text in ask.turns) + len(str(ask.fields or ""))
    if served.base.context and said > LONGEST_TOKEN * served.base.context:
        message = f"the prompt of {said:,} characters is longer than {served.name} reads: shorten it"
        raise Refusal(
            400, message, "messages", "context_length_exceeded"
        )  # before it takes seconds to find out by how much
    if ask.text is not None:
        return ()
    try:
        if ask.fields is not None:
            return served.question(ask.fields)
        return served.messages([Message(role, text) for role, text in ask.turns])
    except InputError as error:
        raise Refusal(400, str(error), "messages" if ask.fields is None else "fields") from None


def _prompt(ask: Ask, served: Served, turns: tuple[Message, ...]) -> list[int]:
    if ask.text is not None:
        ids: list[int] = served.base.opened.tokenizer(ask.text, add_special_tokens=False)["input_ids"]
        return ids
    try:
        return served.base.renderer.prompt_ids(turns)
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
                constrain: ConstraintFactory = JsonConstraint.factory(tokenizer, vocabulary, schema, stop=stop)
                return Held(constrain=constrain, grammar=json_grammar(schema))
            case Ask(form="regex", regex=str() as pattern):
                constrain = RegexConstraint.factory(tokenizer, vocabulary, pattern, stop=stop)
                return Held(constrain=constrain, grammar=regex_grammar(pattern))
        return served.held
    except InputError as error:
        said = str(error).partition(": set `generate")[0]
        raise Refusal(400, said, "response_format" if ask.form == "json" else "regex") from None
