"""The key by which a project signs what leaves it (Ed25519, RFC 8032), made when it is first asked for."""

import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sartor.errors import SystemFailure
from sartor.store.disk import disk_errors

KEY_NAME = "signing.key"


class SigningKey:
    """A project's own. Whoever holds the file `signing.key` of its store can sign as it: it is for the owner's eyes only."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def of(cls, root: Path) -> "SigningKey":
        """The key in the store's folder. Raises SystemFailure where its file is damaged."""
        path = root / KEY_NAME
        with disk_errors():
            if not path.exists():
                _make(path)
            try:
                return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip())))
            except ValueError:
                raise SystemFailure(
                    f"{path} is damaged: restore it from a backup, or delete it for a new key"
                ) from None

    @property
    def public(self) -> str:
        """By which others know it: 64 hexadecimal digits."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        return self._private.sign(data).hex()


def signed_by(public: str, signature: str, data: bytes) -> bool:
    """Whether the holder of a public key signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    """Of two processes that make it at once the first one's stays."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(partial)  # which, unlike a rename, replaces nothing
    partial.unlink()
