"""The registry: numbered, immutable, found by name, and checked when taken out."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sartor.adapters
from sartor.adapters import AdapterVersion, Registry
from sartor.errors import InputError, SystemFailure
from sartor.store import Store

MANIFEST = {"base_model": "smollm2-135m-q4", "method": "lora", "seed": 0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / ".sartor")
    yield store
    store.close()


@pytest.fixture
def registry(store: Store) -> Registry:
    return Registry(store)


def trained(root: Path, weights: bytes) -> Path:
    folder = root / f"trained-{weights.hex()}"
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    return folder


def test_versions_of_a_task_are_numbered_from_one(registry: Registry, tmp_path: Path) -> None:
    names = [
        registry.register(task, trained(tmp_path, weights), MANIFEST, {}, 0.0).name
        for task, weights in [("notes", b"a"), ("notes", b"b"), ("intents", b"a")]
    ]
    assert names == ["notes@1", "notes@2", "intents@1"]
    assert [version.name for version in registry.list()] == ["intents@1", "notes@1", "notes@2"]
    assert [version.name for version in registry.list("notes")] == ["notes@1", "notes@2"]


def test_a_version_keeps_its_files_manifest_scorecard_and_cost(registry: Registry, tmp_path: Path) -> None:
    folder = trained(tmp_path, b"a")
    version = registry.register("notes", folder, MANIFEST, {"field_f1": 0.9}, 0.25)
    shutil.rmtree(folder)
    assert registry.get("notes@1") == version
    assert (version.stage, version.manifest, version.scorecard, version.cost) == (
        "candidate",
        MANIFEST,
        {"field_f1": 0.9},
        0.25,
    )
    assert (version.path / "adapter_model.safetensors").read_bytes() == b"a"
    assert json.loads((version.path / "manifest.json").read_text()) == MANIFEST | {"hash": version.hash}
    assert "library_name: peft" in (version.path / "README.md").read_text()


def test_the_same_content_is_the_version_that_it_was_with_its_newest_scorecard(
    registry: Registry, tmp_path: Path
) -> None:
    first = registry.register("notes", trained(tmp_path, b"a"), MANIFEST, {"field_f1": 0.8}, 1.0)
    (tmp_path / "other").mkdir()
    other = trained(tmp_path / "other", b"a")
    (other / "manifest.json").write_text("{}")  # what is said of an adapter is no part of it
    again = registry.register("notes", other, MANIFEST | {"seconds": 9}, {"field_f1": 0.9}, 2.0)
    assert (again.name, again.path, again.manifest, again.cost) == (first.name, first.path, MANIFEST, 1.0)
    assert again.scorecard == {"field_f1": 0.9}
    assert len(registry.list()) == 1


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from sartor.adapters import Registry
from sartor.store import Records, Store

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

store = Store.open(Path(sys.argv[1]))
if sys.argv[3] == "folder":
    shutil.copytree = die
else:
    Records.write = die
Registry(store).register("notes", Path(sys.argv[2]), {}, {}, 0.0)
"""


@pytest.mark.parametrize("moment", ["folder", "record"])
def test_a_kill_before_the_folder_or_the_record_stands_costs_nothing(
    registry: Registry, store: Store, tmp_path: Path, moment: str
) -> None:
    folder = trained(tmp_path, b"a")
    source = Path(sartor.adapters.__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(store.root), str(folder), moment],
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert killed.returncode == -signal.SIGKILL
    assert registry.list() == ()
    version = registry.register("notes", folder, MANIFEST, {}, 0.0)
    assert version.name == "notes@1"
    assert registry.get("notes") == version
    assert len(list(version.path.parent.iterdir())) == 1


def test_a_scorecard_with_nan_is_never_registered(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        registry.register("notes", trained(tmp_path, b"a"), MANIFEST, {"field_f1": float("nan")}, 0.0)
    assert registry.list() == ()


def versions(registry: Registry, root: Path, count: int) -> list[AdapterVersion]:
    return [registry.register("notes", trained(root, bytes([at])), MANIFEST, {}, 0.0) for at in range(count)]


def stands(registry: Registry) -> list[str]:
    return [version.stage for version in registry.list("notes")]


def test_a_bare_name_means_production_else_the_latest_candidate(registry: Registry, tmp_path: Path) -> None:
    first, second, third = versions(registry, tmp_path, 3)
    assert registry.get("notes").version == 3
    registry.withdraw(third, "retired", "ann", "too long")
    assert registry.get("notes").version == 2
    registry.promote(first, "ann", "best")
    assert registry.get("notes").version == 1
    assert registry.get("notes@3").stage == "retired"
    for version in (first, second):
        registry.withdraw(version, "retired", "ann", "old")
    with pytest.raises(InputError, match=r"notes@1 \(retired\), notes@2 \(retired\), notes@3 \(retired\)"):
        registry.get("notes")


def test_one_version_is_in_production_and_every_move_is_known(registry: Registry, tmp_path: Path) -> None:
    first, second, _ = versions(registry, tmp_path, 3)
    assert registry.promote(first, "ann", "first").stage == "production"
    registry.promote(second, "bob", "better")
    assert stands(registry) == ["retired", "production", "candidate"]
    with pytest.raises(InputError, match="notes@2 is in production already"):
        registry.promote(second, "bob", "again")
    known = [(move.version, move.stage, move.actor, move.reason) for move in registry.moves("notes")]
    assert known == [
        (1, "production", "ann", "first"),
        (1, "retired", "bob", "notes@2 took its place"),
        (2, "production", "bob", "better"),
    ]


def test_rolling_back_goes_back_once_each_time_and_passes_over_quarantine(registry: Registry, tmp_path: Path) -> None:
    made = versions(registry, tmp_path, 4)
    for version in made:
        registry.promote(version, "ann", "newer")
    registry.withdraw(made[2], "quarantined", "bob", "leaks names")
    assert registry.roll_back("notes", "bob", "worse").version == 2
    assert stands(registry) == ["retired", "production", "quarantined", "retired"]
    assert registry.roll_back("notes", "bob", "worse, too").version == 1
    with pytest.raises(InputError, match="nothing to roll 'notes' back to"):
        registry.roll_back("notes", "bob", "further")
    registry.promote(made[3], "ann", "mended")
    assert registry.roll_back("notes", "bob", "not so").version == 1
    assert [move.back for move in registry.moves("notes") if move.stage == "production"][-4:] == [
        True,
        True,
        False,
        True,
    ]


def test_rolling_back_from_a_version_that_was_withdrawn(registry: Registry, tmp_path: Path) -> None:
    first, second = versions(registry, tmp_path, 2)
    registry.promote(first, "ann", "first")
    registry.promote(second, "ann", "second")
    registry.withdraw(second, "quarantined", "bob", "leaks")
    assert registry.roll_back("notes", "bob", "to be safe").version == 1
    assert stands(registry) == ["production", "quarantined"]


def test_a_version_that_was_promoted_twice_is_gone_back_through_in_order(registry: Registry, tmp_path: Path) -> None:
    made = versions(registry, tmp_path, 3)
    for at in (0, 2, 0, 1):
        registry.promote(made[at], "ann", "newer")
    assert [registry.roll_back("notes", "bob", "worse").version for _ in range(2)] == [1, 3]
    registry.promote(made[0], "ann", "back")
    registry.withdraw(made[2], "quarantined", "bob", "leaks")
    with pytest.raises(InputError, match="nothing to roll 'notes' back to"):
        registry.roll_back("notes", "bob", "it stands there already")


def test_what_is_in_quarantine_is_looked_at_and_not_used(registry: Registry, tmp_path: Path) -> None:
    first, second = versions(registry, tmp_path, 2)
    registry.withdraw(second, "quarantined", "bob", "leaks names")
    assert registry.get("notes").version == first.version
    assert registry.find("notes@2").stage == "quarantined"
    with pytest.raises(InputError, match=r"notes@2 is quarantined \(leaks names\)"):
        registry.get("notes@2")
    with pytest.raises(InputError, match="is quarantined already"):
        registry.withdraw(second, "quarantined", "bob", "again")
    registry.withdraw(second, "retired", "bob", "it did not")
    assert registry.get("notes@2").stage == "retired"


@settings(max_examples=30)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["promote", "retired", "quarantined", "back"]), st.integers(0, 3)), max_size=12
    )
)
def test_whatever_is_done_one_version_at_most_is_in_production(
    moves: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("moves")
    store = Store.open(root / ".sartor")
    registry = Registry(store)
    made = versions(registry, root, 4)
    for verb, at in moves:
        with suppress(InputError):
            if verb == "back":
                before = [version.version for version in registry.list("notes") if version.stage == "production"]
                assert [registry.roll_back("notes", "ann", "so").version] != before
            elif verb == "promote":
                registry.promote(made[at], "ann", "so")
            else:
                registry.withdraw(made[at], verb, "ann", "so")
        assert stands(registry).count("production") <= 1
    store.close()


def test_tags_come_and_go_and_notes_stay(registry: Registry, tmp_path: Path) -> None:
    first, second = versions(registry, tmp_path, 2)
    registry.remark(first, "tag", ["v2.1", "demo"], "ann")
    registry.remark(first, "tag", ["demo"], "bob")
    assert registry.remark(first, "untag", ["demo"], "ann").tags == ("v2.1",)
    registry.remark(first, "note", ["better on [short] letters"], "ann")
    found = registry.remark(first, "note", ["not on long ones"], "bob")
    assert [(note.actor, note.text) for note in found.notes] == [
        ("ann", "better on [short] letters"),
        ("bob", "not on long ones"),
    ]
    assert [remark.kind for remark in found.remarks] == ["tag", "tag", "tag", "untag", "note", "note"]
    assert registry.find("notes@2") == second, "nothing was said of the other"


@pytest.mark.parametrize("tag", ["Demo", "two words", "", "ü", "a\n"])
def test_what_is_no_tag_is_refused_and_none_of_those_beside_it_is_put_on(
    registry: Registry, tmp_path: Path, tag: str
) -> None:
    [version] = versions(registry, tmp_path, 1)
    with pytest.raises(InputError, match="is no tag: use lower-case letters"):
        registry.remark(version, "tag", ["fine", tag], "ann")
    with pytest.raises(InputError, match="the note is empty"):
        registry.remark(version, "note", [" "], "ann")
    assert registry.find("notes").remarks == ()


def test_a_name_that_is_not_there_is_refused_with_what_is(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none is registered yet"):
        registry.get("notes")
    registry.register("billing-notes", trained(tmp_path, b"a"), MANIFEST, {}, 0.0)
    with pytest.raises(InputError, match=r"no adapter named 'biling-notes': did you mean 'billing-notes'\?"):
        registry.get("biling-notes@1")
    for name in ("billing-notes@2", "billing-notes@", "billing-notes@x"):
        with pytest.raises(InputError, match=f"no adapter '{name}': there are billing-notes@1"):
            registry.get(name)


def test_files_that_are_damaged_or_gone_are_refused_and_can_be_made_again(registry: Registry, tmp_path: Path) -> None:
    folder = trained(tmp_path, b"a")
    version = registry.register("notes", folder, MANIFEST, {}, 0.0)
    (version.path / "adapter_model.safetensors").write_bytes(b"b")
    with pytest.raises(SystemFailure, match=r"files of notes@1 are damaged.*delete it and make it again"):
        registry.get("notes")
    shutil.rmtree(version.path)
    with pytest.raises(SystemFailure, match="files of notes@1 are gone"):
        registry.get("notes")
    assert registry.register("notes", folder, MANIFEST, {}, 0.0) == version
    assert registry.get("notes") == version


def test_a_version_names_its_folder_as_a_step_does(registry: Registry, store: Store, tmp_path: Path) -> None:
    version = registry.register("notes", trained(tmp_path, b"a"), MANIFEST, {}, 0.0)
    assert store.holds({"folders": {"adapter": version.folder}})
