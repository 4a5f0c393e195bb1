"""Rows that decode together, whichever adapters they are of: they come when they have been read, and leave when they end.

A row is read under its own adapter, and then joins. What it shared with the rows that it was read with becomes its own.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from sartor.generate.forward import FastForward, FastReading, Forward, PlainForward, PlainReading, Reading
from sartor.models.methods.seats import LoraSeats


class Running(Protocol):
    logits: Tensor
    """As those of a `Reading`, of what was extended last."""

    def join(self, reading: Reading, forward: Forward, room: int) -> None:
        """The rows of a reading by `forward` come after the others, with room for `room` more tokens each.

        All forwards have in common what they say is `together`; the reading is not to be used any more.
        """
        ...

    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        """Append one or more tokens to every row."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all other rows; those that stay, in this order."""
        ...


def running(forward: Forward) -> Running:
    """Nothing yet, to be joined by rows of this forward and of those that can run with it."""
    if isinstance(forward, FastForward):
        return FastRunning(forward)
    assert isinstance(forward, PlainForward)
    return PlainRunning(forward)


class FastRunning(FastReading):
    def __init__(self, forward: FastForward) -> None:
        super().__init__(forward.decoder, forward.view, [], [], 0)
        self._seats = LoraSeats(forward.decoder) if LoraSeats.takes(forward.view) else None
        self._prefix, self._before = 0, self._empty(0)

    @torch.no_grad()
    def join(self, reading: Reading, forward: Forward, room: int) -> None:
        assert isinstance(reading, FastReading)
        assert isinstance(forward, FastForward)
        before, there, new = reading._before.shape[3], len(self._filled), len(reading._filled)
        filled = before + reading._filled
        self._reserve(there + new, int(filled.max()) + room)
        rows = self._kept[:, :, there : there + new]
        own = int(reading._filled.max())
        rows[..., before + own :, :] = 0  # of a row that has left nothing stays
        rows[..., :before, :] = reading._before[:, :, None]
        rows[..., before : before + own, :] = reading._kept[:, :, :new, :, :own]
        self._filled = torch.cat((self._filled, filled))
        if self._seats:
            self._seats.add(forward.view, new)
            self._view = self._seats.view()

    @torch.no_grad()
    def keep(self, rows: Sequence[int]) -> None:
        super().keep(rows)
        if self._seats:
            self._seats.keep(rows)
            self._view = self._seats.view()

    def _reserve(self, rows: int, slots: int) -> None:
        """By half more than is wanted, so that it is seldom; what there is enough of stays as it is."""
        deeper, wider = (
            wanted * 3 // 2 - there if wanted > there else 0
            for wanted, there in ((slots, self._kept.shape[4]), (rows, self._kept.shape[2]))
        )
        if deeper or wider:
            self._kept = F.pad(self._kept, (0, 0, 0, deeper, 0, 0, 0, wider))


class PlainRunning(PlainReading):
    def __init__(self, forward: PlainForward) -> None:
        self._model, self._rows = forward.model, []
        self.logits = torch.empty(0, forward.vocabulary)

    def join(self, reading: Reading, forward: Forward, room: int) -> None:
        assert isinstance(reading, PlainReading)
        self._rows += reading._rows
