"""What every test shares: where the real things are, and an account of every skip."""

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is slow, not wrong.
settings.register_profile("sartor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sartor")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    # Workers share the cores, each with the processes that it starts: torch reads this as it is imported.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"

_skips: Counter[str] = Counter()


_threads: list[int] = []
"""How many torch takes by itself."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """One thread for tiny models, before any fixture: several would wait for each other longer than they compute."""
    if torch := sys.modules.get("torch"):
        _threads[:] = _threads or [torch.get_num_threads()]
        torch.set_num_threads(_threads[0] if item.get_closest_marker("real") else 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail when a test is skipped for anything but a GPU")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _skips[report.longrepr[2].removeprefix("Skipped: ")] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    unexcused = [reason for reason in _skips if "GPU" not in reason]
    if session.config.getoption("--no-skips") and unexcused and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # the process that shares the tests out hears of every skip
    named = "; ".join(f"{count} × {reason}" for reason, count in sorted(_skips.items()))
    print(f"skipped: {sum(_skips.values())}" + (f" ({named})" if named else ""))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to drive."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine")
    return found
