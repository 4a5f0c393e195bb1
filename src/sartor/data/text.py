"""Bytes of a file that should be text, and what they are when they are not."""

import re

from sartor.errors import InputError

READABLE = "CSV, TSV, JSON, JSONL, Parquet and Excel files are read"

_SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF (put it into a folder of documents, and name that)",
    b"\x1f\x8b": "compressed with gzip (unpack it first)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd (unpack it first)",
    b"BZh": "compressed with bzip2 (unpack it first)",
    b"\xfd7zXZ": "compressed with xz (unpack it first)",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
    b"GGUF": "a GGUF model",
}


MOST_DAMAGE = 0.1
"""Of a file's characters: with more NULs and bytes that are not UTF-8, it is no damaged text, but another encoding."""


def decode(data: bytes, name: str, strict: bool = True) -> str:
    """The file's text, without a UTF-8 byte-order mark.

    Raises InputError for an empty or binary file, and for NUL bytes and bytes that are not UTF-8, with line and byte.
    Unless `strict`, such bytes stay where they are few: one that is not UTF-8 as half of a surrogate pair (PEP 383).
    """
    if not data.strip():
        raise InputError(f"{name} is empty; add examples, or name another file")
    for signature, what in _SIGNATURES.items():
        if data.startswith(signature):
            raise InputError(f"{name} is not text but {what}; {READABLE}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _looks_like_utf16(data):
        raise InputError(f"{name} is UTF-16 text; convert it: `iconv -f UTF-16 -t UTF-8 {name} > utf8-{name}`")
    if not strict:
        text = data.decode("utf-8-sig", "surrogateescape")
        if len(re.findall("[\0\udc80-\udcff]", text)) <= MOST_DAMAGE * len(text):
            return text
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise InputError(f"{name} is a binary file, not text; {READABLE}") from None
        raise InputError(_not_utf8(data, error, name)) from None
    if "\0" in text:
        at = data.index(b"\0")
        raise InputError(f"{name}, {_where(data, at)}: a NUL byte; remove it: `tr -d '\\0' < {name} > clean-{name}`")
    return text


def _looks_like_utf16(data: bytes) -> bool:
    """Text of mostly Latin letters without a byte-order mark: nearly every second byte is NUL."""
    head = data[: min(len(data), 4096) // 2 * 2]
    return len(head) >= 8 and max(head[0::2].count(0), head[1::2].count(0)) > 0.4 * len(head)


def _not_utf8(data: bytes, error: UnicodeDecodeError, name: str) -> str:
    byte = f"byte 0x{data[error.start]:02X}"
    if data[: error.start].removeprefix(b"\xef\xbb\xbf").isascii():
        remedy = f"if it is Windows text, convert it: `iconv -f WINDOWS-1252 -t UTF-8 {name} > utf8-{name}`"
        return f"{name}, {_where(data, error.start)}: {byte} is not UTF-8; {remedy}"
    remedy = "save every part of the file as UTF-8"
    return f"{name}, {_where(data, error.start)}: mixed encodings, {byte} after text that is UTF-8; {remedy}"


def _where(data: bytes, at: int) -> str:
    line, begin = data.count(b"\n", 0, at) + 1, data.rfind(b"\n", 0, at)
    return f"line {line}, byte {at - begin}"
