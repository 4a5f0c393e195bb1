"""Gives up everything that this process could do to its machine, one step after the other, none of them reversible.

The sandbox waits for this to start: it imports little, and not pathlib, which takes as long as a namespace.
"""
# ruff: noqa: PTH102, PTH103, PTH114, PTH115, PTH120, PTH211

import ctypes
import os
import resource
import signal
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_NOSUID, _NODEV, _BIND = 2, 4, 4096 | 16384  # with all that is mounted below
_MOUNT_SETATTR, _RECURSIVE, _READ_ONLY = 442, 0x8000, 1  # the same number on every architecture
_DETACH = 2
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
NEW_ROOT = "/proc"
"""Where the new root is put together: it exists everywhere, and holds nothing that is bound."""


def enter(cell: dict[str, Any]) -> None:
    """Go into the jail that `cell` describes: see `Sandbox` for its keys. Raises OSError where a step is refused."""
    if cell["root"]:
        _new_root(cell["root"], cell["work"], cell["folder_mb"] << 20)
    if cell["uid"]:
        os.setgroups([])
        os.setresgid(cell["uid"], cell["uid"], cell["uid"])
        os.setresuid(cell["uid"], cell["uid"], cell["uid"])
    _drop_capabilities()
    _prctl(_NO_NEW_PRIVS, 1)
    die_with_parent()  # a change of uid forgets what bwrap had set
    os.chdir(cell["work"])
    os.umask(0o077)
    for name, value in cell["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value + (name == "RLIMIT_CPU")))


def die_with_parent() -> None:
    """When the process that started this one ends, this one is killed; it does not hold for its children."""
    _prctl(_PDEATHSIG, signal.SIGKILL)


def hide() -> None:
    """No process of the same user can trace this one, read its memory, or take its descriptors."""
    _prctl(_DUMPABLE, 0)


def _new_root(readable: list[str], work: str, size: int) -> None:
    """A root that holds the readable folders, read-only, and an empty working folder of limited size."""
    _mount("tmpfs", NEW_ROOT, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for path in readable:
        place = NEW_ROOT + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.islink(path):
            os.symlink(os.readlink(path), place)
        else:
            os.mkdir(place)
            _mount(path, place, "", _BIND, "")
    os.mkdir(NEW_ROOT + work)
    attributes = (ctypes.c_uint64 * 4)(_READ_ONLY | _NOSUID | _NODEV, 0, 0, 0)
    _call(_libc.syscall, _MOUNT_SETATTR, -100, NEW_ROOT.encode(), _RECURSIVE, ctypes.byref(attributes), 32)
    _mount("tmpfs", NEW_ROOT + work, "tmpfs", _NOSUID | _NODEV, f"size={size},mode=777")
    os.chdir(NEW_ROOT)
    _call(_libc.pivot_root, b".", b".")
    _call(_libc.umount2, b".", _DETACH)
    os.chdir("/")


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call(_libc.capset, ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    _call(_libc.mount, source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


def _prctl(option: int, value: int) -> None:
    _call(_libc.prctl, option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: {arguments}")
