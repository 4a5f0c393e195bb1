"""What a training took: tokens and FLOPs from its history, energy by a stated model."""

import pytest
import torch
from transformers import LlamaConfig

from sartor.jobs import Usage
from sartor.models.estimate import Sizes
from sartor.task import TrainSpec
from sartor.train.loop import History
from sartor.train.meter import book_lines, meter

CONFIG = LlamaConfig(
    vocab_size=100,
    hidden_size=8,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
)
SPEC = TrainSpec(rank=2)
SIZES = Sizes.of(CONFIG, SPEC)
HISTORY = History(seconds=50.0, computed_tokens=1000, supervised_tokens=100, held_tokens=300, held_supervised=30)
USAGE = Usage(seconds=60.0, cpu_seconds=90.0, peak_memory_bytes=10**9)


def test_flops_are_those_of_the_estimate_over_what_was_computed() -> None:
    read = meter(CONFIG, SPEC, HISTORY, USAGE, longest=20, fast=True)
    assert read.flops == SIZES.train_flops(1000, 100, 20) + SIZES.forward_flops(300, 30, 20)
    plain = meter(CONFIG, SPEC, HISTORY, USAGE, longest=20, fast=False)
    assert plain.flops == SIZES.train_flops(1000, 1000, 20) + SIZES.forward_flops(300, 300, 20)


def test_a_processor_draws_ten_watts_a_busy_core() -> None:
    read = meter(CONFIG, SPEC, HISTORY, USAGE, longest=20, fast=True)
    assert read.energy_kwh == pytest.approx(90 * 10 / 3.6e6)
    assert read.energy_from == "10 W a busy core, over 90.0 s of them"
    assert (read.gpu_seconds, read.seconds, read.cpu_seconds, read.peak_memory_bytes) == (0.0, 60.0, 90.0, 10**9)


def test_the_tasks_watts_are_drawn_for_as_long_as_the_step_runs() -> None:
    read = meter(CONFIG, SPEC, HISTORY, USAGE, longest=20, fast=True, watts=300)
    assert read.energy_kwh == pytest.approx(300 * 60 / 3.6e6)
    assert read.energy_from == "300 W as `costs.watts` says, over 60.0 s"


def test_a_gpu_draws_its_data_sheets_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100 80GB HBM3")
    read = meter(CONFIG, SPEC, HISTORY, USAGE, longest=20, fast=True, device="cuda")
    assert (read.gpu_seconds, read.energy_kwh) == (50.0, pytest.approx(700 * 50 / 3.6e6))
    assert read.energy_from == "700 W of a NVIDIA H100 80GB HBM3 (data sheet), over 50.0 s"


def test_only_what_is_modelled_is_called_so() -> None:
    read = meter(CONFIG, SPEC, HISTORY, USAGE, longest=20, fast=True)
    modelled = {item for item, _, _, source in book_lines(read) if source == "modelled"}
    assert modelled == {"floating-point operations", "energy"}
