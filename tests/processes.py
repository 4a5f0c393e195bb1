"""Work in a process of its own, which may be killed: forked from a server that imports the heavy modules once."""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import torch

KILLED = -signal.SIGKILL
NO_RIGHTS = 77
"""How a process ends that may not be alone."""
_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK = 0x10000000, 0x00020000, 0x40000000
_REMOUNT, _RECURSIVE, _PRIVATE = 32, 16384, 1 << 18
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "sartor.flows.run",
        "transformers.models.llama.modeling_llama",
        "transformers.models.gpt2.modeling_gpt2",
        "peft",
        "bitsandbytes",
        "pytest",
        "sqlite3",
    ]
)


def exit_code(work: Callable[..., object], *arguments: object) -> int | None:
    """How a fresh process that does this work ends: 0, the code that it exits with, or `KILLED`.

    It has the environment of the first such process and computes with as many threads as this one: bits depend on them.
    `work` is found by its name, so it lies in a module of `tests`.
    """
    process = _context.Process(target=_on_threads, args=(torch.get_num_threads(), work, *arguments))
    process.start()
    process.join()
    return process.exitcode


def _on_threads(threads: int, work: Callable[..., object], *arguments: object) -> None:
    torch.set_num_threads(threads)
    work(*arguments)


def without_network() -> None:
    """From here on this process is on a machine without a network; there is not even a loopback."""
    _unshare(_NEW_NETWORK)


def small_disk(folder: Path, kilobytes: int) -> None:
    """Put a file system of this size under a folder, for this process alone; the same call again resizes it."""
    flags = _REMOUNT if folder.is_mount() else 0
    if not flags:
        _unshare(_NEW_MOUNTS)
        _mount("none", "/", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", str(folder), flags, f"size={kilobytes}k")


def _unshare(what: int) -> None:
    """A namespace of the process's own. Without root this takes a user namespace, which some systems forbid."""
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None).unshare(what | (_NEW_USER if user else 0)) != 0:
        raise SystemExit(NO_RIGHTS)
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _mount(kind: str, target: str, flags: int, options: str = "") -> None:
    words = (kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if ctypes.CDLL(None).mount(*words) != 0:
        raise SystemExit(NO_RIGHTS)


def die() -> None:
    """What `kill -9` does: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
