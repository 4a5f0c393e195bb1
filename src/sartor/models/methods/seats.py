"""Rows of different LoRA adapters read on together: each row has a seat, and its adapter's matrices lie there.

    y[b] = x[b] Wᵀ + (x[b] A[b]ᵀ) (s · B[b])ᵀ        Aᵀ [seats, in, n · r], s · Bᵀ [seats, r, out] of every product of n modules

Two batched products, as in Punica (Chen et al. 2023, 2310.18547), whose gathering is done here when a row comes instead of in
every step. They lie transposed, as a CPU reads them faster, and all in one tensor [seats, numbers], so that a row
that moves takes its adapter along in a single copy. A CPU multiplies small batches in float32 faster than in bfloat16.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sartor.models.decoder import FROZEN, AdapterView, Decoder
from sartor.models.methods.lora import FusedLoraView
from sartor.models.methods.weights import GROUPS, module_shapes
from sartor.models.quantised import Matrix

Matrices = dict[tuple[int, str], list[Tensor]]
"""Of every product Aᵀ, and the s · Bᵀ of its modules."""


class LoraSeats:
    """Empty at first. A rank smaller than the largest, and a layer that an adapter leaves as it is, are filled up with zeros."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder, self._rank, self._views = decoder, 0, list[AdapterView]()
        dtype = torch.float32 if decoder.device.type == "cpu" else decoder.dtype
        self._table = torch.zeros(0, 0, dtype=dtype, device=decoder.device)
        self._matrices: Matrices = {}

    @staticmethod
    def takes(view: AdapterView) -> bool:
        """Whether rows of it can be seated with others."""
        return view is FROZEN or isinstance(view, FusedLoraView)

    def add(self, view: AdapterView, rows: int) -> None:
        """More rows, of a view that `takes` says yes to, after the others."""
        there, table = len(self._views), self._table
        if _rank(view) > self._rank:
            self._furnish(there + rows, _rank(view))
            for seat, seated in enumerate(self._views):
                self._seat(seat, seated)
        elif there + rows > len(table):
            self._furnish(there + rows, self._rank)
            self._table[:there] = table[:there]
        for seat in range(there, there + rows):
            if view in self._views:  # whose matrices need not be turned again
                self._table[seat] = self._table[self._views.index(view)]
            else:
                self._seat(seat, view)
            self._views.append(view)

    def keep(self, seats: Sequence[int]) -> None:
        """Only these, in this order."""
        self._views = [self._views[seat] for seat in seats]
        to = [at for at, seat in enumerate(seats) if at != seat]
        self._table[to] = self._table[[seats[at] for at in to]]

    def view(self) -> AdapterView:
        """What the rows' adapters change in a pass over all of them."""
        if len({id(view) for view in self._views}) < 2:
            return next(iter(self._views), FROZEN)  # nothing to tell apart
        return SeatedLoraView(self._matrices)

    def _furnish(self, wanted: int, rank: int) -> None:
        """A table with so many seats, and half as many more, of any numbers."""
        seats, sizes = wanted * 3 // 2, module_shapes(self._decoder.config)
        shapes: dict[tuple[int, str], list[tuple[int, int]]] = {
            (layer, group): [(sizes[modules[0]][1], len(modules) * rank), *((rank, sizes[each][0]) for each in modules)]
            for layer in range(len(self._decoder.layers))
            for group, modules in GROUPS.items()
        }
        flat = [shape for matrices in shapes.values() for shape in matrices]
        self._rank, self._table = rank, self._table.new_empty(seats, sum(rows * columns for rows, columns in flat))
        parts = iter(self._table.split([rows * columns for rows, columns in flat], dim=1))
        self._matrices = {
            place: [next(parts).view(seats, *shape) for shape in matrices] for place, matrices in shapes.items()
        }

    def _seat(self, seat: int, view: AdapterView) -> None:
        self._table[seat].zero_()
        if not isinstance(view, FusedLoraView):
            return
        for place, (down, up) in view.matrices.items():
            to_down, *to_ups = self._matrices[place]
            modules = len(to_ups), -1
            to_down[seat].unflatten(1, modules)[..., : view.rank] = down.T.unflatten(1, modules)
            start = 0
            for to, own in zip(to_ups, up.split(view.rank), strict=True):
                to[seat, : view.rank] = own[:, start : start + to.shape[2]]
                start += to.shape[2]


class SeatedLoraView(AdapterView):
    """One token of each row, or, where it is told `in_rows`, any number."""

    def __init__(self, matrices: Matrices, at: tuple[Tensor, Tensor] | None = None, width: int = 1) -> None:
        """`at`: row and place in it of each token, of `width` places."""
        self._matrices, self._at, self._width = matrices, at, width

    def in_rows(self, row: Tensor, place: Tensor, width: int) -> AdapterView:
        return SeatedLoraView(self._matrices, (row, place), width) if width > 1 else self

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        y = super().linear(x, weight, layer, group, bias)
        down, *ups = self._matrices[layer, group]
        rows = len(x) if self._at is None else int(self._at[0][-1]) + 1
        tokens = x[:, None].to(down.dtype)
        if self._at is not None:
            tokens = down.new_zeros(rows, self._width, x.shape[1])
            tokens[self._at] = x.to(down.dtype)
        inner = torch.bmm(tokens, down[:rows]).chunk(len(ups), dim=2)
        for out, part, up in zip(y.split([up.shape[2] for up in ups], dim=1), inner, ups, strict=True):
            change = torch.bmm(part, up[:rows])
            out += change[:, 0] if self._at is None else change[self._at]
        return y


def _rank(view: AdapterView) -> int:
    return view.rank if isinstance(view, FusedLoraView) else 0
