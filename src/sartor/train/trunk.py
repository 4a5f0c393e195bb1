"""What the frozen lower layers make of each example, computed once: for adapters in the last layers (`train.depth`).

In a causal model the hidden states that enter layer k depend on the tokens alone while everything below is frozen, so epochs,
seeds, folds and jobs share them. They are kept in the base's number format, by a hash of the tokens, in one file that is
mapped into memory; hidden states tell of the rows as the rows themselves do, so the folder belongs with the store.
"""

import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sartor.models.attention import attention
from sartor.models.decoder import Decoder
from sartor.train.batches import Batch, positions

RECORD = struct.Struct("<32sqq")
"""Hash, first position in the file, positions."""


class Trunk:
    """The layers below `first` of one base; `folder` is this base's and this depth's own.

    A kill loses at most what was not yet indexed.
    """

    def __init__(self, decoder: Decoder, first: int, folder: Path) -> None:
        self.first, self._decoder = first, decoder
        folder.mkdir(parents=True, exist_ok=True)
        self._states, self._index = folder / "states.bin", folder / "index.bin"
        self._states.touch()
        self._index.touch()
        self._width: int = decoder.embedding.shape[1]
        self._row_bytes = self._width * decoder.dtype.itemsize
        whole = self._states.stat().st_size // self._row_bytes
        os.truncate(self._index, self._index.stat().st_size // RECORD.size * RECORD.size)
        records = list(RECORD.iter_unpack(self._index.read_bytes()))
        # Where states were lost, what is indexed is not what will be there.
        if any(start + count > whole for _, start, count in records):
            os.truncate(self._index, 0)
            os.truncate(self._states, 0)
            records = []
        self._known = {key: (start, count) for key, start, count in records}
        self._map()

    def __call__(self, batch: Batch) -> Tensor:
        """What enters layer `first`, [P + T, hidden]; zeros where the batch is padded."""
        prefix = batch.prefix.numpy().tobytes()
        keys = [self._key(prefix, own) for own in _rows(batch)]
        start = [self._key(prefix, batch.prefix[:0])] if len(batch.prefix) else []
        missing = [row for row, key in enumerate(keys) if key not in self._known]
        if missing or any(key not in self._known for key in start):
            self._compute(batch, keys, start, missing)
        parts = [self._read(key) for key in (*start, *keys)]
        padding = parts[0].new_zeros(batch.tokens - sum(map(len, parts)), self._width)
        return torch.cat([*parts, padding]).to(self._decoder.device)

    @staticmethod
    def _key(prefix: bytes, own: Tensor) -> bytes:
        return hashlib.sha256(struct.pack("<q", len(prefix)) + prefix + own.numpy().tobytes()).digest()

    @torch.no_grad()
    def _compute(self, batch: Batch, keys: list[bytes], start: list[bytes], missing: list[int]) -> None:
        decoder, device, P = self._decoder, self._decoder.device, len(batch.prefix)
        rows = [_rows(batch)[row] for row in missing]
        lengths = [len(row) for row in rows]
        ids, spots = torch.cat((batch.prefix, *rows)).to(device), positions(P, lengths).to(device)
        attend = attention([(P, lengths)], device)
        hidden = decoder.hidden(decoder.embed(ids), decoder.rotary(spots), attend, last=self.first).cpu()
        found = [(key, hidden[:P]) for key in start if key not in self._known]
        found += zip((keys[row] for row in missing), hidden[P:].split(lengths), strict=True)
        with self._states.open("ab") as states, self._index.open("ab") as index:
            end = states.seek(0, 2) // self._row_bytes
            states.truncate(end * self._row_bytes)  # a kill may have left half a position
            for key, own in found:
                states.write(own.contiguous().view(torch.uint8).numpy().tobytes())
                self._known[key] = (end, len(own))
                end += len(own)
            states.flush()
            for key, _ in found:
                index.write(RECORD.pack(key, *self._known[key]))
        self._map()

    def _map(self) -> None:
        self._mapped = np.memmap(self._states, np.uint8, "r") if self._states.stat().st_size else None

    def _read(self, key: bytes) -> Tensor:
        start, count = self._known[key]
        assert self._mapped is not None
        raw = np.array(self._mapped[start * self._row_bytes : (start + count) * self._row_bytes])
        return torch.from_numpy(raw).view(self._decoder.dtype).view(count, self._width)


def _rows(batch: Batch) -> tuple[Tensor, ...]:
    lengths: list[int] = batch.lengths.tolist()
    return torch.split(batch.ids[: sum(lengths)], lengths)
