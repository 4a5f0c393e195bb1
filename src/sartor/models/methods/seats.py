"""Rows of different LoRA adapters read on together: each row has a seat, and its adapter's matrices lie there.

    y[b] = x[b] Wᵀ + (x[b] A[b]ᵀ) (s · B[b])ᵀ        Aᵀ [in, n · r] and s · Bᵀ [r, out] of every product of n modules

Two batched products, as in Punica (Chen et al. 2023, 2310.18547), whose gathering is done here when a row comes instead of in
every step. They lie transposed, as a CPU reads them faster, and all in one tensor [seats, numbers], so that a row
that moves takes its adapter along in a single copy.

Where one token of each row is read, which is most of the time, a CPU is faster at sums of lines: a row times a matrix
[k, width] is the sum of its k lines, each times a number of the row (an embedding bag). So that all of s · Bᵀ is one such
sum, it is cut into parts of one width: of q, k and v with 576, 192 and 192 outputs, into five.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from torch import Tensor

from sartor.models.decoder import FROZEN, AdapterView, Decoder
from sartor.models.methods.lora import FusedLoraView
from sartor.models.methods.weights import GROUPS, module_shapes
from sartor.models.quantised import Matrix


class LoraSeats:
    """Empty at first. A rank smaller than the largest, and a layer that an adapter leaves as it is, are filled up with zeros."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder, self._rank, self._views = decoder, 0, list[AdapterView]()
        self._table = torch.zeros(0, 0, dtype=decoder.dtype, device=decoder.device)
        self._deltas: dict[str, Delta] = {}

    @staticmethod
    def takes(view: AdapterView) -> bool:
        """Whether rows of it can be seated with others."""
        return view is FROZEN or isinstance(view, FusedLoraView)

    def add(self, view: AdapterView, rows: int) -> None:
        """More rows, of a view that `takes` says yes to, after the others."""
        there, table = len(self._views), self._table
        self._views += [view] * rows
        if _rank(view) > self._rank:
            self._furnish(_rank(view))
            there = 0
        elif self._rank and len(self._views) > len(table):
            self._furnish(self._rank)
            self._table[:there] = table[:there]
        if self._rank:
            for seat in range(there, len(self._views)):
                self._seat(seat)

    def keep(self, seats: Sequence[int]) -> None:
        """Only these, in this order."""
        self._views = [self._views[seat] for seat in seats]
        to = [at for at, seat in enumerate(seats) if at != seat]
        if self._rank:
            self._table[to] = self._table[[seats[at] for at in to]]

    def view(self) -> AdapterView:
        """What the rows' adapters change in a pass over all of them."""
        if len({id(view) for view in self._views}) < 2:
            return next(iter(self._views), FROZEN)  # nothing to tell apart
        rows = len(self._views)
        return SeatedLoraView({group: delta.first(rows) for group, delta in self._deltas.items()})

    def _furnish(self, rank: int) -> None:
        """A table with a seat for every row, and half as many more, of any numbers."""
        layers, features = len(self._decoder.layers), module_shapes(self._decoder.config)
        shapes = dict[str, tuple[Shape, Shape]]()
        modules = dict[str, Tensor]()
        for group, names in GROUPS.items():
            outs, ins = [features[name][0] for name in names], features[names[0]][1]
            width = math.gcd(*outs)
            modules[group] = torch.arange(len(outs)).repeat_interleave(torch.tensor(outs) // width)
            shapes[group] = (layers, 1, ins, len(outs) * rank), (layers, len(modules[group]), rank, width)
        every = [shape for pair in shapes.values() for shape in pair]
        lines = math.lcm(*(width for *_, width in every))
        numbers = math.ceil(sum(map(math.prod, every)) / lines) * lines
        self._rank, self._table = rank, self._table.new_empty(len(self._views) * 3 // 2, numbers)
        starts = accumulate(map(math.prod, every), initial=0)
        self._deltas = {
            group: Delta(
                Stack.of(self._table, next(starts), down), Stack.of(self._table, next(starts), up), modules[group]
            )
            for group, (down, up) in shapes.items()
        }

    def _seat(self, seat: int) -> None:
        view = self._views[seat]
        if (first := self._views.index(view)) < seat:  # whose matrices need not be turned again
            self._table[seat] = self._table[first]
            return
        self._table[seat].zero_()
        if isinstance(view, FusedLoraView):
            for (layer, group), (down, up) in view.matrices.items():
                self._deltas[group].seat(seat, layer, down, up, view.rank)


SUM = 0
"""torch's number for a bag whose lines are added up."""

Shape = tuple[int, int, int, int]
"""Layers, parts, k, width: that many matrices [k, width]."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Matrices of every seat."""

    matrices: Tensor
    """[seats, layers, parts, k, width], in the table."""
    lines: list[Tensor]
    """Of each layer the table, from its first matrix on, as lines of their width."""
    places: Tensor
    """Which of them are those of each seat, part and place in it, flat."""
    starts: Tensor
    """Where in that those of a seat's part begin."""

    @classmethod
    def of(cls, table: Tensor, start: int, shape: Shape) -> "Stack":
        """From the number `start` of each seat on; a seat [numbers] must be a multiple of the width."""
        (seats, numbers), (layers, parts, k, width) = table.shape, shape
        places = (torch.arange(seats)[:, None] * (numbers // width) + torch.arange(parts * k)).flatten()
        starts = torch.arange(0, len(places), k)
        flat = [table.flatten()[start + layer * parts * k * width :] for layer in range(layers)]
        return cls(
            table[:, start : start + math.prod(shape)].unflatten(1, shape),
            [each[: len(each) // width * width].view(-1, width) for each in flat],
            *(each.to(table.device, torch.int32) for each in (places, starts)),
        )

    def first(self, rows: int) -> "Stack":
        """Of so many seats."""
        _, _, parts, k, _ = self.matrices.shape
        places, starts = self.places[: rows * parts * k], self.starts[: rows * parts]
        return replace(self, matrices=self.matrices[:rows], places=places, starts=starts)

    def sums(self, layer: int, x: Tensor) -> Tensor:
        """Of each seat's and part's matrix and x [seats, parts, k]: [seats · parts, width]."""
        # Without the checks of `torch.nn.functional`: it is called eight times a layer and step.
        return torch.embedding_bag(self.lines[layer], self.places, self.starts, False, SUM, False, x.reshape(-1))[0]

    def products(self, layer: int, x: Tensor) -> Tensor:
        """Of each seat's and part's matrix and x [seats, tokens, parts, k]: [seats, tokens, parts, width]."""
        parts = self.matrices[:, layer].unbind(1)
        return torch.stack([torch.bmm(x[:, :, at], part) for at, part in enumerate(parts)], dim=2)


@dataclass(frozen=True, slots=True)
class Delta:
    """What the seats add to a product of n modules: ΔW x, in every layer."""

    down: Stack
    """Aᵀ, one part."""
    up: Stack
    """s · Bᵀ, parts of the modules' outputs."""
    modules: Tensor
    """Of which module each is."""

    def first(self, rows: int) -> "Delta":
        """Of so many seats."""
        return replace(self, down=self.down.first(rows), up=self.up.first(rows))

    def seat(self, seat: int, layer: int, down: Tensor, up: Tensor, rank: int) -> None:
        """An adapter's A [n · rank, in], and its s · Bᵀ [n · rank, out], each module's own for its own outputs."""
        (to_down,), to_up = self.down.matrices[seat, layer], self.up.matrices[seat, layer]
        to_down.unflatten(1, (-1, to_up.shape[1]))[..., :rank] = down.T.unflatten(1, (-1, rank))
        parts = up.unflatten(1, (len(to_up), -1)).unflatten(0, (-1, rank))
        for part, module in enumerate(self.modules.tolist()):
            to_up[part, :rank] = parts[module, :, part]

    def __call__(self, layer: int, x: Tensor) -> Tensor:
        """Of one token of each row [rows, in], or of several [rows, tokens, in]."""
        rank = self.up.matrices.shape[3]
        if x.dim() == 2 and x.device.type == "cpu":
            inner = self.down.sums(layer, x)
            if len(self.modules) * rank > inner.shape[1]:
                inner = inner.view(len(x), -1, rank).index_select(1, self.modules)
            return self.up.sums(layer, inner).view(len(x), -1)
        tokens = x if x.dim() == 3 else x[:, None]
        inner = self.down.products(layer, tokens[:, :, None]).unflatten(3, (-1, rank))[:, :, 0]
        return self.up.products(layer, inner[:, :, self.modules]).view(*x.shape[:-1], -1)


class SeatedLoraView(AdapterView):
    """One token of each row, or, where it is told `in_rows`, any number."""

    def __init__(self, deltas: dict[str, Delta], at: tuple[Tensor, Tensor] | None = None, width: int = 1) -> None:
        """`at`: row and place in it of each token, of `width` places."""
        self._deltas, self._at, self._width = deltas, at, width

    def in_rows(self, row: Tensor, place: Tensor, width: int) -> AdapterView:
        return SeatedLoraView(self._deltas, (row, place), width) if width > 1 else self

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        y, delta = super().linear(x, weight, layer, group, bias), self._deltas[group]
        if self._at is None:
            return y.add_(delta(layer, x))
        tokens = x.new_zeros(int(self._at[0][-1]) + 1, self._width, x.shape[1])
        tokens[self._at] = x
        return y.add_(delta(layer, tokens)[self._at])


def _rank(view: AdapterView) -> int:
    return view.rank if isinstance(view, FusedLoraView) else 0
