from pathlib import Path

import pytest
from tests.networks import family, gpt2, llama  # noqa: F401 (fixtures)

from sartor.errors import InputError
from sartor.models.builtin import pulled


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("SARTOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _pulled_or_skip(name: str) -> Path:
    try:
        return pulled(name)
    except InputError:
        pytest.skip(f"{name} is not pulled")


@pytest.fixture
def smollm() -> Path:
    return _pulled_or_skip("smollm2-135m-q4")


@pytest.fixture
def minilm() -> Path:
    return _pulled_or_skip("all-minilm-l6-v2")
