"""A conversation at the terminal: what several models make of the same messages, side by side."""

from collections.abc import Iterator, Sequence

from sartor.errors import InputError
from sartor.serve.refusal import Refusal
from sartor.serve.wire import Ask, Begun, Said
from sartor.serve.worker import Worker

Turns = tuple[tuple[str, str], ...]


def replies(worker: Worker, models: Sequence[str], conversations: Sequence[Turns]) -> Iterator[tuple[int, str]]:
    """Pieces of each model's reply to its own conversation as they come, by the model's place.

    Raises InputError for a model that is not there, and a conversation that it cannot read.
    """
    pairs = enumerate(zip(models, conversations, strict=True))
    asked = [(str(place), Ask(model, turns, counted=False)) for place, (model, turns) in pairs]
    told = [each for ask in asked for each in worker.hear(ask)]
    while told or not worker.scheduler.idle:
        for id, said in told:
            match said:
                case Refusal():
                    raise InputError(said.message)
                case Said() if said.text:
                    yield int(id), said.text
                case Begun() | Said():
                    pass
        told = worker.step()
