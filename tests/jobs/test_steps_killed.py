"""`kill -9` at every moment of a step, then the same step again: it goes on where it was."""

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

import sartor.store
from sartor.errors import SystemFailure
from sartor.store import Store
from sartor.store.tables import books, runs

SOURCE = Path(sartor.store.__file__).parents[2]
PROGRAM = Path(__file__).with_name("counting.py")
OUTPUTS = {"folders": {"numbers": "numbers/squares"}, "sum": sum(number**2 for number in range(20))}
count = runpy.run_path(str(PROGRAM))["count"]


def start(root: Path, moment: str = "never", pause: float = 0.0) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(root), moment, str(pause)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


def start_working(root: Path, pause: float) -> "subprocess.Popen[str]":
    process = start(root, pause=pause)
    assert process.stdout and process.stdout.readline() == "working\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def check_state(root: Path) -> None:
    """What any finished step must look like, however it came about."""
    store = Store.open(root)
    folder = store.folders.path("numbers", "squares")
    assert json.loads((folder / "numbers").read_text()) == [number**2 for number in range(20)]
    assert (folder / "more").read_text() == "done"
    assert list((root / "scratch").iterdir()) == []
    assert list(root.glob("*/.partial/*")) == []
    with store.records.read() as connection:
        assert [row["status"] for row in connection.execute(select(runs)).mappings()] == ["done"]
        assert len(connection.execute(select(books)).all()) == 1
    store.close()


@pytest.mark.parametrize(
    ("moment", "goes_on_from"),
    [
        ("before the first checkpoint", 0),
        ("between checkpoints", 10),
        ("while publishing", 20),
        ("before the record", 20),
        ("after the record", None),
    ],
)
def test_a_step_killed_at_this_moment_goes_on_where_it_was(
    tmp_path: Path, moment: str, goes_on_from: int | None
) -> None:
    process = start(tmp_path, moment)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    published = tmp_path / "folders" / "numbers" / "squares"
    assert published.exists() == (moment in ("before the record", "after the record"))
    result, went_on_from = count(tmp_path)
    assert went_on_from == goes_on_from
    assert (result.outputs, result.reused) == (OUTPUTS, moment == "after the record")
    check_state(tmp_path)


def test_a_step_killed_again_and_again_at_random_gives_what_an_undisturbed_one_gives(tmp_path: Path) -> None:
    chance = random.Random(0)
    for _ in range(3):
        process = start_working(tmp_path, pause=0.03)
        time.sleep(chance.uniform(0, 0.2))
        kill(process)
    result, _ = count(tmp_path)
    assert result.outputs == OUTPUTS
    check_state(tmp_path)


def test_a_live_process_keeps_others_out_by_name_and_a_killed_one_keeps_nobody_out(tmp_path: Path) -> None:
    process = start_working(tmp_path, pause=60)
    with pytest.raises(SystemFailure, match=f"task notes is in use by process {process.pid}: wait"):
        count(tmp_path)
    kill(process)
    assert count(tmp_path)[0].outputs == OUTPUTS
    check_state(tmp_path)


def test_the_time_of_a_killed_attempt_is_counted(tmp_path: Path) -> None:
    process = start_working(tmp_path, pause=60)
    while not list(tmp_path.glob("scratch/*/usage.json")):
        time.sleep(0.05)
    kill(process)
    assert count(tmp_path)[0].usage.seconds >= 1
