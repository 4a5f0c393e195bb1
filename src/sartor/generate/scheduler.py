"""Continuous batching (Orca, Yu et al. 2022): requests of any adapters come at any time, and each step reads what has come, a
bounded piece of it, and gives every running reply its next token.

A request waits for its tenant's turn. It is read under its own adapter up to its last tokens, which
are read along with the others' next ones, and leaves when it ends, so that nobody waits for the longest reply.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from sartor.generate.engine import Row, mask, sample
from sartor.generate.forward import FastForward, FastReading, Forward, Reading
from sartor.generate.lines import Lines
from sartor.generate.prefixes import PrefixCache
from sartor.generate.request import Piece, Request, TokenLogprob
from sartor.generate.running import FastRunning, Running, running
from sartor.generate.stream import TextStream
from sartor.generate.trie import LabelTrie

PIECE = 512
"""Tokens of prompts that one step reads at most."""
ROWS = 32
"""Replies that run at once at most."""
SLOTS = 1 << 18
"""Places for keys and values: running replies, times the longest of them with its prompt."""
CACHE_BYTES = 256 << 20


@dataclass(eq=False, slots=True)
class _Live:
    request: Request
    row: Row
    stream: TextStream
    cached: int
    told: int
    """Tokens that have been."""
    next: Sequence[int]
    """What the model has to read."""
    known: bool
    """Whether the prompt was known before, or has become so."""


@dataclass(slots=True)
class _Batch:
    rows: Running
    live: list[_Live] = field(default_factory=list)


@dataclass(slots=True)
class _Prompt:
    """A prompt that is being read, piece by piece."""

    request: Request
    forward: Forward
    reading: Reading
    done: int
    cached: int

    @property
    def ids(self) -> tuple[int, ...]:
        return self.request.prompt + self.request.begun


class Scheduler:
    def __init__(
        self, rows: int = ROWS, piece: int = PIECE, slots: int = SLOTS, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._rows, self._piece, self._slots = rows, piece, slots
        self._lines = Lines(rows)
        self._batches: dict[Hashable, _Batch] = {}
        self._prompt: _Prompt | None = None
        self._prefixes = PrefixCache(cache_bytes)

    def add(self, request: Request) -> None:
        self._lines.add(request)

    def cancel(self, id: str) -> None:
        """Nothing more comes of it. One that has ended, or never was, is no error."""
        self._lines.remove(id)
        if self._prompt and self._prompt.request.id == id:
            self._prompt = None
        for key, batch in list(self._batches.items()):
            self._keep(batch, [at for at, live in enumerate(batch.live) if live.request.id != id])
            if not batch.live:
                del self._batches[key]

    @property
    def waiting(self) -> int:
        return len(self._lines) + (self._prompt is not None)

    @property
    def running(self) -> int:
        return sum(len(batch.live) for batch in self._batches.values())

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.running

    @property
    def ids(self) -> set[str]:
        """Of the requests that wait or run."""
        reading = [self._prompt.request] if self._prompt else []
        return {request.id for request in (*self._lines, *reading, *self._live)}

    def step(self) -> Iterator[Piece]:
        """A piece of prompt is read, and every running reply goes on by a token or more, once all is asked for.

        Where an exception comes out of it, what it was working on is dropped, and the next step goes on with all else.
        """
        yield from self._read()
        for key in list(self._batches):
            batch = self._batches.pop(key)
            pieces = self._decode(batch)
            if batch.live:
                self._batches[key] = batch
            yield from pieces

    def _read(self) -> Iterator[Piece]:
        budget = self._piece
        while budget > 0:
            prompt, self._prompt = self._prompt, None
            if prompt is None:
                if (request := self._lines.next(self._live, self._fits)) is None:
                    return
                prompt = self._begin(request)
            left = prompt.ids[prompt.done :]
            along = 0 if prompt.request.trie else len(left) if len(left) <= self._along(prompt) else 1
            alone = left[: len(left) - along]
            new = alone[:budget]
            if new:
                prompt.reading.extend([new])
                prompt.done += len(new)
            budget -= len(new) + along
            if len(new) < len(alone):
                self._prompt = prompt
            elif prompt.request.trie:
                budget -= prompt.request.trie.n_inner  # tokens that are read too
                yield self._label(prompt, prompt.request.trie)
            else:
                self._start(prompt)

    def _along(self, prompt: _Prompt) -> int:
        """How many tokens it may have left to be read along with those that run."""
        batch = self._batches.get(prompt.forward.together)
        return self._piece // (1 + len(batch.live) if batch else 1)

    @property
    def _live(self) -> list[Request]:
        return [each.request for batch in self._batches.values() for each in batch.live]

    def _fits(self, request: Request) -> bool:
        if request.trie:
            return True  # it takes no place
        live = self._live
        longest = max(len(each.prompt) + each.max_tokens for each in (*live, request))
        return not live or (len(live) < self._rows and (len(live) + 1) * longest <= self._slots)

    def _begin(self, request: Request) -> _Prompt:
        """What is known of it already; nothing is read yet."""
        ids, forward = request.prompt + request.begun, request.forward
        assert forward is not None
        room = len(ids) + (request.trie.n_inner if request.trie else 0)
        if isinstance(forward, FastForward):
            cached, known = self._prefixes.longest(_whose(request), ids)
            if known is not None:
                cached = min(cached, len(ids) - 1)
                prefix = known[..., : forward.view.virtual + cached, :]
                reading = forward.read(ids[:cached], [()], room - cached, prefix)
                return _Prompt(request, forward, reading, cached, cached)
        return _Prompt(request, forward, forward.read((), [()], room), 0, 0)

    def _label(self, prompt: _Prompt, trie: LabelTrie) -> Piece:
        """The likeliest one."""
        request, reading = prompt.request, prompt.reading
        if isinstance(reading, FastReading):
            self._prefixes.put(_whose(request), prompt.ids, reading.known(0))
        [probs] = trie.label_probs(reading.trie_logprobs(trie))
        order = probs.argsort(kind="stable")[::-1][: max(1, request.top_logprobs or 0)]
        label, tokens = trie.labels[order[0]], len(trie.paths[order[0]]) - 1
        labels = tuple((trie.labels[at], float(probs[at])) for at in order)
        told = labels if request.top_logprobs is not None else ()
        return Piece(request.id, label, (), tokens, prompt.cached, "stop", labels=told)

    def _start(self, prompt: _Prompt) -> None:
        """Its reply begins."""
        request, forward, left = prompt.request, prompt.forward, prompt.ids[prompt.done :]
        constraint = request.constrain() if request.constrain else None
        row = Row(prompt.ids, constraint, request.sampling, request.max_tokens)
        stream = TextStream(request.decode, request.stop)
        row.go_on(request.begun)
        stream.push(request.begun)
        known = prompt.cached == len(prompt.ids) - 1
        batch = self._batches.pop(forward.together, None) or _Batch(running(forward))
        batch.rows.join(prompt.reading, forward, len(left) + request.max_tokens)
        batch.live.append(_Live(request, row, stream, prompt.cached, len(request.begun), left, known))
        self._batches[forward.together] = batch

    def _decode(self, batch: _Batch) -> list[Piece]:
        batch.rows.extend([live.next for live in batch.live])
        if isinstance(batch.rows, FastRunning):
            for at, live in enumerate(batch.live):
                if not live.known:
                    ids, live.known = live.request.prompt + live.request.begun, True
                    self._prefixes.put(_whose(live.request), ids, batch.rows.known(at))
        rows, logits = [live.row for live in batch.live], batch.rows.logits
        if any(row.constraint for row in rows):
            mask(rows, logits)
        chosen = sample(rows, logits)
        asked = [at for at, live in enumerate(batch.live) if live.request.top_logprobs is not None]
        logprobs = dict(zip(asked, logits[asked].log_softmax(-1), strict=True)) if asked else {}
        pieces = []
        for at, (live, token) in enumerate(zip(batch.live, chosen, strict=True)):
            live.next = live.row.take(token, live.request.stop_ids)
            pieces.append(_told(live, logprobs.get(at)))
        self._keep(batch, [at for at, piece in enumerate(pieces) if piece.finish is None])
        return pieces

    @staticmethod
    def _keep(batch: _Batch, stay: list[int]) -> None:
        """The last ones take the places of those that leave, so that as few as possible move; in what order they stay."""
        if len(stay) < len(batch.live):
            movers = [at for at in stay if at >= len(stay)]
            stay = [at if at in stay else movers.pop() for at in range(len(stay))]
            batch.rows.keep(stay)
            batch.live = [batch.live[at] for at in stay]


def _whose(request: Request) -> str:
    """One tenant's prompts are not to be found out by another, who could see how much of a guess had been read."""
    return f"{request.adapter} {request.tenant}"


def _told(live: _Live, logprobs: Tensor | None) -> Piece:
    row = live.row
    new = row.ids[live.told :]
    text = live.stream.push(new, last=row.finish is not None)
    found = tuple[TokenLogprob, ...]()
    if logprobs is not None and new:
        likeliest = logprobs.topk(live.request.top_logprobs or 0)
        pairs = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
        top = tuple((token, logprob) for token, logprob in pairs if logprob > float("-inf"))  # what a constraint allows
        # What a constraint forces after the chosen token is certain.
        forced = (TokenLogprob(token, 0.0, ((token, 0.0),) if top else ()) for token in new[1:])
        found = (TokenLogprob(new[0], float(logprobs[new[0]]), top), *forced)
    live.told = len(row.ids)
    finish = "stop" if live.stream.stopped else row.finish
    return Piece(live.request.id, text, tuple(new), len(row.ids), live.cached, finish, found)
