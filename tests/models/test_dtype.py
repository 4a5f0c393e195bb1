from pathlib import Path

import pytest
import torch

from sartor.models import dtype
from sartor.models.dtype import choose_dtype, measure_flops


def test_the_choice_is_measured_and_explained() -> None:
    chosen, reason = choose_dtype("cpu")
    assert reason.startswith(str(chosen).removeprefix("torch."))
    assert "GFLOP/s" in reason


@pytest.mark.parametrize(("narrow", "expected"), [(2.0, torch.bfloat16), (1.1, torch.float32), (0.5, torch.float32)])
def test_bfloat16_must_be_clearly_faster_and_the_choice_is_kept(
    narrow: float, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SARTOR_CACHE", str(tmp_path))
    speeds = {torch.bfloat16: narrow, torch.float32: 1.0}
    monkeypatch.setattr(dtype, "measure_flops", lambda kind, device: speeds[kind])
    first = choose_dtype("cpu")
    assert first[0] is expected
    speeds[torch.bfloat16] = 1 / narrow
    assert choose_dtype("cpu") == first


def test_a_speed_is_measured_once() -> None:
    assert measure_flops(torch.float32, "cpu") == measure_flops(torch.float32, "cpu")
