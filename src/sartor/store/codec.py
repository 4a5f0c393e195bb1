"""How stored bytes lie on the disk: the place where encryption comes in."""

from typing import Protocol


class Codec(Protocol):
    """A reversible change of bytes. An object's address is the hash of its plaintext, so it outlives a new codec."""

    def encode(self, data: bytes) -> bytes: ...

    def decode(self, data: bytes) -> bytes: ...


class PlainCodec:
    """Bytes as they are."""

    def encode(self, data: bytes) -> bytes:
        return data

    def decode(self, data: bytes) -> bytes:
        return data
