"""Objects: bytes come back as they were, under the hash of what they are, or not at all."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartor.errors import SystemFailure
from sartor.store.objects import Objects


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def objects(root: Path) -> Objects:
    return Objects(root.as_uri())


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=2000))
def test_any_bytes_come_back_under_their_sha256(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    objects = Objects(tmp_path_factory.getbasetemp().joinpath("any").as_uri())
    address = objects.put(data)
    assert address == hashlib.sha256(data).hexdigest()
    assert objects.get(address) == data
    assert objects.has(address)


def test_the_same_bytes_are_kept_once_and_not_written_again(objects: Objects, root: Path) -> None:
    address = objects.put(b"note")
    [before] = files(root)
    inode = before.stat().st_ino
    assert objects.put(b"note") == address
    [after] = files(root)
    assert after.stat().st_ino == inode


def test_nothing_but_the_object_is_left_behind(objects: Objects, root: Path) -> None:
    objects.put(b"note")
    assert len(files(root)) == 1


def test_an_unknown_address_is_a_failure_that_names_it(objects: Objects) -> None:
    address = "0" * 64
    assert not objects.has(address)
    with pytest.raises(SystemFailure, match=f"object {address} is missing"):
        objects.get(address)


def test_a_damaged_object_is_refused_and_made_sound_by_putting_it_again(objects: Objects, root: Path) -> None:
    address = objects.put(b"5 mg, not allergic")
    [path] = files(root)
    path.write_bytes(b"50 mg, allergic")
    with pytest.raises(SystemFailure, match=f"object {address} is damaged"):
        objects.get(address)
    objects.put(b"5 mg, not allergic")
    assert objects.get(address) == b"5 mg, not allergic"


class Reversed:
    def encode(self, data: bytes) -> bytes:
        return data[::-1]

    def decode(self, data: bytes) -> bytes:
        return data[::-1]


def test_a_codec_changes_what_lies_on_the_disk_but_neither_address_nor_content(root: Path) -> None:
    objects = Objects(root.as_uri(), Reversed())
    address = objects.put(b"abc")
    [path] = files(root)
    assert path.read_bytes() == b"cba"
    assert address == hashlib.sha256(b"abc").hexdigest()
    assert objects.get(address) == b"abc"


def test_objects_lie_on_any_file_system_that_fsspec_knows() -> None:
    objects = Objects("memory://objects")
    assert objects.get(objects.put(b"far away")) == b"far away"
