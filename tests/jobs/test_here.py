"""Work in this process is measured: time, processor time, memory."""

import time

import pytest

from sartor.jobs import Usage
from sartor.jobs.here import Here


def test_the_result_comes_back_with_what_it_used() -> None:
    def work() -> int:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        time.sleep(0.1)
        return 42

    result, usage = Here().run(work)
    assert result == 42
    assert usage.seconds >= 0.2
    assert usage.cpu_seconds >= 0.08


def test_memory_that_is_held_for_a_moment_counts() -> None:
    def work() -> None:
        block = bytearray(200_000_000)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(0.15)

    _, idle = Here().run(lambda: None)
    _, busy = Here().run(work)
    _, after = Here().run(lambda: None)
    assert busy.peak_memory_bytes >= idle.peak_memory_bytes + 150_000_000
    assert after.peak_memory_bytes < busy.peak_memory_bytes - 150_000_000


def test_a_failure_passes_through_and_its_usage_is_told() -> None:
    told: list[Usage] = []

    def work() -> None:
        time.sleep(0.05)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Here().run(work, told.append)
    assert told[-1].seconds >= 0.05


def test_long_work_tells_its_usage_on_the_way() -> None:
    told: list[Usage] = []
    Here().run(lambda: time.sleep(1.2), told.append)
    assert len(told) >= 2
    assert told[0].seconds < told[1].seconds


def test_attempts_add_up() -> None:
    assert Usage(1, 2, 300) + Usage(10, 20, 100) == Usage(11, 22, 300)
