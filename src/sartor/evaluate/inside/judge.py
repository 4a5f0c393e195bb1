"""Runs the tests of a program that runs in another process, and alone says how they went.

The tests see the program's functions as stand-ins: a call sends plain values and brings plain values back. So there is
nothing here for the program to patch, and the way to `passed` is to answer right.
"""

import builtins
import json
import os
import signal
import sys
from importlib import import_module
from types import CodeType
from typing import Any

from . import jail, wire, worker


class Forged(Exception):
    """The program spoke in the worker's place."""


class Stopped(Exception):
    """The worker is gone."""


class Uncompilable(Exception):
    """The program does not compile."""


class Remote:
    """An object of the program's that is no plain value. It equals itself alone, whatever its own `__eq__` says."""

    __slots__ = ("_number", "_session")

    def __init__(self, session: "Session", number: int) -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_number", number)

    def __eq__(self, other: object) -> bool:
        return type(other) is Remote and other._number == self._number

    def __hash__(self) -> int:
        return hash(self._number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.ask("call", self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return self._session.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._session.ask("setattr", self, name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._session.ask("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._session.ask("setitem", self, key, value)

    def __len__(self) -> int:
        return int(self._session.ask("len", self))

    def __bool__(self) -> bool:
        return bool(self._session.ask("bool", self))

    def __iter__(self) -> Any:
        return self._session.ask("iter", self)

    def __next__(self) -> Any:
        return self._session.ask("next", self)

    def __str__(self) -> str:
        return str(self._session.ask("str", self))


class Session:
    """What the judge asks of the worker, one request after the other."""

    def __init__(self, channel: wire.Channel) -> None:
        self.channel = channel
        self.requests = 0
        self.callbacks: list[Any] = []
        self.exceptions: dict[str, type[Exception]] = {
            name: kind
            for name, kind in vars(builtins).items()
            if isinstance(kind, type) and issubclass(kind, Exception)
        }

    def ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Raises the exception that the program raised, marked as its own."""
        given = {name: self.encode(value) for name, value in kwargs.items()}
        reply = self.exchange({"op": operation, "args": [self.encode(arg) for arg in args], "kwargs": given})
        try:
            for arg, after in zip(args, reply.get("after", ()), strict=False):
                _overwrite(arg, self.decode(after))
            return self.decode(reply["value"])
        except Exception as fault:
            raise Forged(f"no value ({type(fault).__name__})") from None

    def run(self, program: str) -> dict[str, Any]:
        """Run the program, and give its names. Raises Uncompilable, or what the program raised."""
        reply = self.exchange({"op": "run", "args": [program], "kwargs": {}})
        if "syntax" in reply:
            raise Uncompilable(str(reply["syntax"]))
        try:
            return {name: self.exported(name, value) for name, value in reply["names"].items()}
        except Exception as fault:
            raise Forged(f"no names ({type(fault).__name__})") from None

    def exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        try:
            self.channel.send({"id": self.requests, **request})
            while "callback" in (reply := self.channel.receive()):
                self.channel.send(self.call_back(reply["callback"], reply["args"]))
        except EOFError:
            raise Stopped from None
        except wire.Garbled as fault:
            raise Forged(str(fault)) from None
        if reply.get("id") != self.requests:
            raise Forged("an answer to nothing that was asked")
        if "raised" in reply:
            raise self.exception(request["op"], list(map(str, reply["raised"])) or ["?"], str(reply.get("message")))
        return reply

    def call_back(self, number: int, args: list[Any]) -> dict[str, Any]:
        try:
            return {"value": self.encode(self.callbacks[number](*map(self.decode, args)))}
        except Exception as error:
            return {"raised": f"{type(error).__name__}: {error}"}

    def exception(self, operation: str, kinds: list[str], message: str) -> Exception:
        kind = next((self.exceptions[name] for name in kinds if name in self.exceptions), Exception)
        if kind is StopIteration and operation != "next":  # or `all(map(f, cases))` would end, and hold
            kind = RuntimeError
        try:
            error = kind(message)
        except TypeError:
            error = Exception(message)
        error.raised_by_program = kinds[0]  # type: ignore[attr-defined]
        return error

    def exported(self, name: str, value: Any) -> Any:
        """What stands for a name of the program's among the tests; a module is the judge's own, or missing."""
        if not name.isidentifier() or name.startswith("__"):  # `__builtins__` would be all that the tests call
            raise wire.Garbled("a name that no module gives")
        if isinstance(value, dict) and "exception" in value:
            above = next((self.exceptions[kind] for kind in value["exception"] if kind in self.exceptions), Exception)
            self.exceptions[name] = type(name, (above,), {})
            return self.exceptions[name]
        if isinstance(value, dict) and "module" in value:
            return import_module(name) if name == value["module"] and name in sys.stdlib_module_names else None
        return self.decode(value)

    def encode(self, value: Any) -> Any:
        return wire.encode(value, self.stand_in)

    def stand_in(self, value: Any) -> dict[str, Any]:
        if type(value) is Remote:
            return {"object": value._number}
        name = getattr(value, "__name__", "")
        if vars(builtins).get(name) is value:
            return {"builtin": name}
        if not callable(value):
            raise TypeError(f"a test hands over a {type(value).__name__}: only plain values and functions can be")
        self.callbacks.append(value)
        return {"callback": len(self.callbacks) - 1}

    def decode(self, message: Any) -> Any:
        return wire.decode(message, self.known)

    def known(self, kind: str, content: Any) -> Any:
        if kind == "callback":
            return self.callbacks[content]
        if kind != "object" or type(content) is not int:
            raise wire.Garbled(f"a value of unknown kind {kind[:20]}")
        return Remote(self, content)


def _overwrite(argument: Any, after: Any) -> None:
    """A list, dict or set that a test handed over looks as the program left it."""
    if type(argument) is not type(after) or argument == after:
        return
    if type(argument) is list:
        argument[:] = after
    elif type(argument) in (dict, set):
        argument.clear()
        argument.update(after)


def names_for(tests: list[CodeType], own: dict[str, Any]) -> dict[str, Any]:
    """The program's names, as the tests may see them.

    One that hides a built-in function is left out, or a program could answer for `set` and `abs`; it is kept where it is
    the only name of the program's that the tests use, for then it is what they test.
    """
    used = own.keys() & set().union(*map(_names, tests))
    hiding = {name for name in own if hasattr(builtins, name)}
    return {name: value for name, value in own.items() if name not in hiding or used == {name}}


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType)))


def judge(session: Session, program: str, tests: list[str]) -> tuple[str, str]:
    """Outcome and reason."""
    try:
        codes = [compile(test, f"test {number}", "exec") for number, test in enumerate(tests, 1)]
    except (SyntaxError, ValueError) as error:
        return "broken tests", str(error)
    try:
        scope = {"__name__": "tests", **names_for(codes, session.run(program))}
        for code in codes:
            exec(code, scope)
    except (Forged, Stopped):
        raise
    except Uncompilable as error:
        return "syntax", str(error)
    except BaseException as error:
        kind = getattr(error, "raised_by_program", type(error).__name__)
        if kind == "MemoryError":
            return "memory", "it ran out of memory"
        if isinstance(error, AssertionError) and not hasattr(error, "raised_by_program"):
            return "failed", f"does not hold: {_line(error, tests)}"
        return "error", f"{kind}: {error}"
    return "passed", ""


def _line(error: AssertionError, tests: list[str]) -> str:
    """The line of the tests that an assertion stands on."""
    place = error.__traceback__
    while place and not place.tb_frame.f_code.co_filename.startswith("test "):
        place = place.tb_next
    if not place:
        return str(error)
    number = int(place.tb_frame.f_code.co_filename.removeprefix("test "))
    return tests[number - 1].splitlines()[place.tb_lineno - 1].strip()


def ended(pid: int, cpu_seconds: int) -> tuple[str, str]:
    """How a worker that is gone went."""
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and usage.ru_utime + usage.ru_stime >= cpu_seconds):
        return "timeout", f"more than {cpu_seconds} s of processor time"
    if code == worker.OUT_OF_MEMORY:
        return "memory", "it ran out of memory"
    return "crashed", f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended its process, code {code}"


def main() -> None:
    """Go to jail, start the worker, and only then read program, tests and nonce: the worker never held them."""
    sys.set_int_max_str_digits(0)
    cell = json.loads(sys.argv[1])
    jail.enter(cell)
    sys.path += cell["path"]
    pid, channel = worker.start(cell["processes"])
    jail.hide()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
    signal.alarm(cell["seconds"] + 2)  # should the parent be gone
    way_out = os.dup(1)
    os.dup2(2, 1)
    job = json.loads(sys.stdin.buffer.read())
    try:
        status, reason = judge(Session(channel), job["program"], job["tests"])
    except Forged as fault:
        status, reason = "forged", f"it wrote to the harness's own channel: {fault}"
    except Stopped:
        status, reason = ended(pid, cell["limits"]["RLIMIT_CPU"])
    result = {"nonce": job["nonce"], "status": status, "reason": reason[:300]}
    os.write(way_out, json.dumps(result).encode())
    os._exit(0)
