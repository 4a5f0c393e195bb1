"""Runs a program that nobody has read, and says whether it passes its tests.

Three tiers, the best of which that this machine has is taken; each is probed by a program that looks for what it must not
find.

1. `bwrap`: bubblewrap, every namespace its own, a root that holds only system libraries, Python and the working folder.
2. `namespaces`: the same by util-linux's `unshare` and a few system calls of ours.
3. `rlimits`: limits on resources only. It keeps accidents in, not attacks, and is refused without `unsafe=True`.

Promised in tiers 1 and 2: the program reads nothing but system libraries, Python, its packages and its own empty working
folder; it writes only to that folder, which is small and goes with it; it has no network, sees no process but the judge
and its own, cannot signal the judge, and nothing of it outlives the run. The parent's environment, terminal and
descriptors are not there. Memory, processor time, processes, files and descriptors are limited, memory per process.

Promised in every tier: `passed` is said only by the judge, a process that the program never runs in. The program's
answers reach it as plain values over a pipe, so nothing can be patched, no `__eq__` of the program's is asked, and the
tests are never in its memory. The judge's word carries a nonce that it read after the program's process was forked. In
tier 3 this holds as long as the program does not turn against Sartor's own process or files.

Not promised: anything against an unknown hole in the kernel, all of whose system calls can be made, or in Python's JSON
reader; a cap on the memory of all processes together; that a program which guesses the right values fails.

What this asks of tests: they hand over and compare plain values (also sets, Decimal, Fraction, dates, complex). Objects
of the program's own classes can be made, called and read by tests, but not compared: each equals itself alone.
"""

import compileall
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Literal, cast, get_args

from sartor.errors import SystemFailure

Tier = Literal["bwrap", "namespaces", "rlimits"]
Status = Literal["passed", "failed", "error", "syntax", "timeout", "memory", "crashed", "forged", "broken tests"]

INSIDE = Path(__file__).parent / "inside"
WORK = "/sandboxed"
"""The working folder inside; a name that no folder to be read lies under."""
_PROBE = """
import os, socket
def seen():
    return [path for path in ("/etc/passwd", "/proc/self", "/home") if os.path.exists(path)]
def reached():
    return [name for _, name in socket.if_nameindex() if name != "lo"]
def parent():
    return os.getppid()
"""
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "LANG": "C.UTF-8",
    "HOME": WORK,
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",  # else every thread takes 128 MB of address space, and a few use up the limit
}
_FREE_UIDS = range(61184, 65520)
"""Given to dynamic services for their lifetime, and to nobody else (systemd's UIDS-GIDS)."""
_next_uid = count(secrets.randbelow(len(_FREE_UIDS)))


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: int = 8
    """Wall clock of a whole run."""
    cpu_seconds: int = 4
    """Processor time of a process."""
    memory_mb: int = 512
    """Address space of a process."""
    processes: int = 16
    """Processes and threads at once; tier 3 can hold it only where it can drop root's rights."""
    file_mb: int = 8
    """The largest file."""
    folder_mb: int = 16
    """The whole working folder; tier 3 limits the single file only."""
    descriptors: int = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    status: Status
    """`failed`: an assertion does not hold; `error`: an exception; `syntax`: it does not compile; `memory`, `timeout`: a limit;
    `crashed`: its process ended or was killed; `forged`: it wrote to the harness's channel; `broken tests`: the tests do
    not compile, and nothing was run."""
    reason: str = ""


class Sandbox:
    """Where programs run. Threads may share one."""

    def __init__(self, tier: Tier | None = None, *, unsafe: bool = False, limits: Limits | None = None) -> None:
        """The best tier of this machine, or the one named.

        Raises SystemFailure when the machine has neither tier 1 nor 2, or not the one named; tier 3 must be allowed.
        """
        limits = limits or Limits()
        faults = {name: fault_of(name) for name in get_args(Tier) if tier in (None, name)}
        if not unsafe and "rlimits" in faults:
            faults["rlimits"] = "it keeps no attack in, and `unsafe=True` was not said"
        usable = [name for name, fault in faults.items() if not fault]
        if not usable:
            named = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
            raise SystemFailure(
                f"no sandbox for generated code ({named}); install bubblewrap (`bwrap`) or allow user namespaces"
            )
        self.tier: Tier = usable[0]
        self.limits = limits

    def run(self, program: str, tests: Sequence[str] = ()) -> Outcome:
        """Run a module and then its tests, each a text of statements that sees the module's names, in one scope."""
        return _run(self.tier, self.limits, program, tests)


@cache
def fault_of(tier: Tier) -> str:
    """Why this machine cannot have that tier; nothing where it can."""
    tool = {"bwrap": "bwrap", "namespaces": "unshare"}.get(tier)
    if tool and not shutil.which(tool):
        return f"there is no `{tool}`"
    if sys.platform != "linux":
        return "it needs Linux"
    alone = ["assert seen() == []", "assert reached() == []", "assert parent() == 1"] if tool else []
    outcome = _run(tier, Limits(), _PROBE, alone)
    return "" if outcome.status == "passed" else f"the probe: {outcome.status}, {outcome.reason}"


def _run(tier: Tier, limits: Limits, program: str, tests: Sequence[str]) -> Outcome:
    nonce = secrets.token_hex(16)
    job = json.dumps({"program": program, "tests": list(tests), "nonce": nonce}).encode()
    with tempfile.TemporaryDirectory(prefix="sartor-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            _command(tier, limits, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(job, timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            return Outcome("timeout", f"more than {limits.seconds} s")
        finally:
            _kill(process)
    if process.returncode in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return Outcome("timeout", f"the tests took more than {limits.cpu_seconds} s of processor time")
    try:
        result = json.loads(said)
    except ValueError:
        return Outcome("crashed", f"the judge ended without a word, code {process.returncode}")
    if result["nonce"] != nonce:
        return Outcome("forged", "a result without the nonce")
    return Outcome(cast(Status, result["status"]), result["reason"])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group; with tiers 1 and 2 the process namespace goes with its first process."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _command(tier: Tier, limits: Limits, folder: str) -> list[str]:
    root = os.getuid() == 0
    drop = root and (tier != "rlimits" or _others_can_read(sys.base_prefix))
    cell = {
        "root": _readable() if tier == "namespaces" else None,
        "work": folder if tier == "rlimits" else WORK,
        "uid": _FREE_UIDS[next(_next_uid) % len(_FREE_UIDS)] if drop else None,
        "path": [sysconfig.get_path("purelib")],
        "processes": limits.processes if tier != "rlimits" or drop else None,
        "seconds": limits.seconds,
        "folder_mb": limits.folder_mb,
        "limits": {
            "RLIMIT_AS": limits.memory_mb << 20,
            "RLIMIT_CPU": limits.cpu_seconds,
            "RLIMIT_FSIZE": limits.file_mb << 20,
            "RLIMIT_NOFILE": limits.descriptors,
            "RLIMIT_CORE": 1,  # no core, not even piped to a handler of the host's, for which 0 means nothing
            "RLIMIT_MEMLOCK": 0,
        },
    }
    start = f"import sys; sys.path.append({str(INSIDE.parent)!r}); from inside.judge import main; main()"
    python = [_interpreter(), "-P", "-s", "-S", "-B", "-X", "utf8", "-c", start, json.dumps(cell)]
    if tier == "rlimits":
        if drop:
            Path(folder).chmod(0o777)
        return python
    if tier == "namespaces":
        own = [] if root else ["--user", "--map-user=65534", "--map-group=65534", "--keep-caps"]
        return [
            "unshare",
            *own,
            "--mount",
            "--net",
            "--pid",
            "--ipc",
            "--uts",
            "--cgroup",
            "--fork",
            "--kill-child",
            *python,
        ]
    return ["bwrap", *_bubble(root, limits), "--", *python]


def _bubble(root: bool, limits: Limits) -> list[str]:
    """bwrap's options. Root gets no user namespace, which would map the judge to root, whom no limit on processes binds:
    the judge drops its uid itself."""
    own = ["--unshare-all", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    if root:
        own = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        own += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    binds: list[str] = []
    for path in map(Path, _readable()):
        for above in reversed(path.parents[:-1]):
            binds += ["--dir", str(above)]
        binds += ["--symlink", str(path.readlink())] if path.is_symlink() else ["--ro-bind", str(path)]
        binds.append(str(path))
    binds += ["--size", str(limits.folder_mb << 20), "--perms", "0777", "--tmpfs", WORK, "--remount-ro", "/"]
    return [*own, "--as-pid-1", "--die-with-parent", *binds]


@cache
def _readable() -> list[str]:
    """Folders that a program may read, and links to them; none within another."""
    named = [
        Path(name).absolute()
        for name in ("/usr/lib", "/usr/lib64", "/lib", "/lib64", sys.base_prefix, sys.prefix, INSIDE)
    ]
    there = {place for path in named if path.exists() for place in (path, path.resolve())}
    return sorted(str(path) for path in there if not any(path.is_relative_to(other) for other in there - {path}))


@cache
def _interpreter() -> str:
    """The real interpreter, whatever links lead to it; what it starts is compiled once, not at every start."""
    compileall.compile_dir(INSIDE, quiet=2)
    return os.path.realpath(sys.executable)


def _others_can_read(folder: str) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (Path(folder), *Path(folder).parents))
