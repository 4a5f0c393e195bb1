"""Bytes that are found by what they are: the address of an object is the sha256 of its plaintext."""

import hashlib
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from sartor.errors import SystemFailure
from sartor.store.codec import Codec, PlainCodec
from sartor.store.disk import disk_errors, move_into_place, partial_folder, sweep


class Objects:
    """Immutable bytes under a URL that fsspec understands (`file:///…`)."""

    def __init__(self, url: str, codec: Codec | None = None) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._codec = codec or PlainCodec()
        self._local = isinstance(self._files, LocalFileSystem)
        if self._local:
            sweep(Path(self._root))

    def put(self, data: bytes) -> str:
        """Keep `data` and return its address; what is there already, and sound, is not written again."""
        address = hashlib.sha256(data).hexdigest()
        with disk_errors():
            if not self._is_sound(address):
                self._write(self._path(address), self._codec.encode(data))
        return address

    def get(self, address: str) -> bytes:
        """The bytes of an address. Raises SystemFailure when they are missing or no longer hash to it."""
        try:
            data = self._codec.decode(self._files.cat_file(self._path(address)))
        except FileNotFoundError:
            raise SystemFailure(
                f"object {address} is missing from the store: restore {self._path(address)} from a backup, "
                "or run the command that made it again"
            ) from None
        if hashlib.sha256(data).hexdigest() != address:
            raise SystemFailure(
                f"object {address} is damaged: restore {self._path(address)} from a backup, "
                "or delete it and run the command that made it again"
            )
        return data

    def has(self, address: str) -> bool:
        return bool(self._files.exists(self._path(address)))

    def _is_sound(self, address: str) -> bool:
        try:
            self.get(address)
        except SystemFailure:
            return False
        return True

    def _path(self, address: str) -> str:
        return f"{self._root}/{address[:2]}/{address[2:]}"

    def _write(self, path: str, data: bytes) -> None:
        if not self._local:
            # Object stores show a file only when it is complete.
            self._files.pipe_file(path, data)
            return
        with partial_folder(Path(self._root)) as folder:
            partial = folder / "object"
            partial.write_bytes(data)
            move_into_place(partial, Path(path))
