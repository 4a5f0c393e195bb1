"""Export and import: what comes out is PEFT's and signed, what goes in is just that."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sartor.access.keys import KEY_NAME, SigningKey, signed_by
from sartor.adapters import AdapterVersion, Registry, as_peft_has_it, export, take_in
from sartor.errors import InputError, SystemFailure
from sartor.store import Store

MANIFEST = {"base_model": "smollm2-135m-q4", "method": "lora", "seed": 0}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    both = Store.open(tmp_path / "a"), Store.open(tmp_path / "b")
    yield both
    for store in both:
        store.close()


@pytest.fixture
def adapter(stores: tuple[Store, Store], tmp_path: Path) -> AdapterVersion:
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    registry = Registry(stores[0])
    return registry.promote(
        registry.register("notes", folder, MANIFEST, {"accuracy": {"value": 0.9}}, 1.5), "ann", "best"
    )


@pytest.fixture
def exported(stores: tuple[Store, Store], adapter: AdapterVersion, tmp_path: Path) -> Path:
    key = SigningKey.of(stores[0].root)
    export(adapter, Registry(stores[0]).moves("notes"), tmp_path / "out", key, as_peft_has_it(adapter))
    return tmp_path / "out"


def test_what_was_exported_is_a_candidate_elsewhere(
    stores: tuple[Store, Store], adapter: AdapterVersion, exported: Path
) -> None:
    key = SigningKey.of(stores[0].root).public
    found = take_in(exported, Registry(stores[1]), [key])
    assert (found.name, found.stage, found.hash, found.cost) == ("notes@1", "candidate", adapter.hash, 1.5)
    assert found.scorecard == adapter.scorecard
    assert found.manifest["imported"] == {"name": "notes@1", "signer": key}
    assert (found.path / "adapter_model.safetensors").read_bytes() == b"weights"
    assert json.loads((exported / "statement.json").read_text())["moves"][0]["reason"] == "best"
    assert take_in(exported, Registry(stores[0]), [key]).name == "notes@1", "what is there already is no new version"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("adapter_model.safetensors", "adapter_model.safetensors was changed since it was signed"),
        ("adapter_config.json", "adapter_config.json was changed since it was signed"),
        ("statement.json", "statement.json was changed since it was signed"),
        ("statement.sig", "statement.json was changed since it was signed"),
    ],
)
def test_a_change_of_any_file_is_refused(stores: tuple[Store, Store], exported: Path, file: str, said: str) -> None:
    content = bytearray((exported / file).read_bytes())
    at = content.index(b"e") if b"e" in content else 0
    content[at] = ord("f")
    (exported / file).write_bytes(content)
    with pytest.raises(InputError, match=said):
        take_in(exported, Registry(stores[1]), [SigningKey.of(stores[0].root).public])
    assert Registry(stores[1]).list() == ()


def test_files_that_come_or_go_are_refused(stores: tuple[Store, Store], exported: Path) -> None:
    keys = [SigningKey.of(stores[0].root).public]
    (exported / "more.bin").write_bytes(b"")
    with pytest.raises(InputError, match="more.bin was added"):
        take_in(exported, Registry(stores[1]), keys)
    (exported / "more.bin").unlink()
    (exported / "adapter_config.json").unlink()
    with pytest.raises(InputError, match="adapter_config.json was taken away"):
        take_in(exported, Registry(stores[1]), keys)


def test_a_signer_that_nobody_vouched_for_and_what_is_no_export_are_refused(
    stores: tuple[Store, Store], exported: Path, tmp_path: Path
) -> None:
    key = SigningKey.of(stores[0].root).public
    with pytest.raises(InputError, match=f"signed by {key}, which this project does not know"):
        take_in(exported, Registry(stores[1]), [SigningKey.of(stores[1].root).public])
    with pytest.raises(InputError, match="holds no adapter that `sartor adapters export` made"):
        take_in(tmp_path / "trained", Registry(stores[1]), [key])


def test_an_export_writes_over_nothing(stores: tuple[Store, Store], adapter: AdapterVersion, exported: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        export(adapter, (), exported, SigningKey.of(stores[0].root), as_peft_has_it(adapter))
    with pytest.raises(InputError, match="there is no folder"):
        export(adapter, (), exported / "not" / "there", SigningKey.of(stores[0].root), as_peft_has_it(adapter))
    assert not list(exported.parent.glob(".export-*"))


def test_a_projects_key_is_its_own_stays_and_is_for_its_owner_only(stores: tuple[Store, Store]) -> None:
    first, second = (SigningKey.of(store.root) for store in stores)
    assert first.public == SigningKey.of(stores[0].root).public != second.public
    assert signed_by(first.public, first.sign(b"x"), b"x")
    assert not signed_by(first.public, second.sign(b"x"), b"x")
    assert not signed_by("no key", "no signature", b"x")
    file = stores[0].root / KEY_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("torn")
    with pytest.raises(SystemFailure, match="damaged"):
        SigningKey.of(stores[0].root)
