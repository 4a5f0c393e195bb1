"""Folders: published whole or not at all, and never changed afterwards."""

from pathlib import Path

import pytest

from sartor.store.disk import partial_folder
from sartor.store.folders import Folders, hash_folder


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "folders")


def fill(folder: Path) -> None:
    (folder / "weights").write_bytes(b"\0" * 10)
    (folder / "nested").mkdir()
    (folder / "nested" / "config").write_text("rank: 16")


def test_a_published_folder_has_all_that_was_built(folders: Folders) -> None:
    assert not folders.has("adapters", "notes-1")
    path = folders.publish("adapters", "notes-1", fill)
    assert path == folders.path("adapters", "notes-1")
    assert folders.has("adapters", "notes-1")
    assert (path / "nested" / "config").read_text() == "rank: 16"


def test_a_build_that_fails_leaves_nothing(folders: Folders, tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        fill(folder)
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        folders.publish("adapters", "notes-1", half)
    assert not folders.has("adapters", "notes-1")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_name_that_is_published_stays_as_it_is(folders: Folders) -> None:
    first = folders.publish("adapters", "notes-1", fill)
    again = folders.publish("adapters", "notes-1", lambda folder: pytest.fail("built again"))
    assert again == first
    assert (first / "weights").exists()


def test_of_two_that_publish_the_same_name_at_once_one_wins_and_both_succeed(folders: Folders) -> None:
    def slow(folder: Path) -> None:
        folders.publish("adapters", "notes-1", fill)  # somebody else is faster
        (folder / "weights").write_bytes(b"slow")

    path = folders.publish("adapters", "notes-1", slow)
    assert (path / "weights").read_bytes() == b"\0" * 10


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\0b", "/etc"])
def test_only_plain_names_are_taken(folders: Folders, name: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        folders.publish("adapters", name, fill)


def test_opening_sweeps_what_the_dead_left_and_spares_what_the_living_build(tmp_path: Path) -> None:
    root = tmp_path / "folders"
    dead = root / ".partial" / "tmpdead"
    dead.mkdir(parents=True)
    (dead / "lock").write_text("1")
    (dead / "weights").write_bytes(b"half")
    with partial_folder(root) as living:
        Folders(root)
        assert not dead.exists()
        assert living.exists()


def test_the_hash_of_a_folder_is_of_its_names_and_contents_only(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        fill(tmp_path / name)
    same = hash_folder(tmp_path / "a")
    assert hash_folder(tmp_path / "b") == same
    (tmp_path / "b" / "README.md").write_text("about")
    assert hash_folder(tmp_path / "b") != same
    assert hash_folder(tmp_path / "b", ignore=("README.md",)) == same
    (tmp_path / "b" / "weights").rename(tmp_path / "b" / "weights2")
    assert hash_folder(tmp_path / "b", ignore=("README.md",)) != same
