"""Runs the program, and does to its objects what the judge asks. Nothing that this process says is trusted."""

import operator
import os
import resource
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import jail
from .wire import Channel, decode, encode

OUT_OF_MEMORY = 77
"""Exit code of a worker that has no memory left to say so."""

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda function, *args, **kwargs: function(*args, **kwargs),
    "getattr": getattr,
    "setattr": setattr,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "len": len,
    "bool": bool,
    "iter": iter,
    "next": next,
    "str": str,
}


def start(processes: int | None) -> tuple[int, Channel]:
    """Fork a worker that holds nothing but its end of the channel: its pid, and the judge's end."""
    (to_worker, from_judge), (to_judge, from_worker) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(to_worker)
        os.close(from_worker)
        return pid, Channel(to_judge, from_judge)
    jail.die_with_parent()
    for standard in (0, 1):
        os.dup2(2, standard)  # 2 is /dev/null: there is no output to flood
    os.closerange(3, min(to_worker, from_worker))
    os.closerange(min(to_worker, from_worker) + 1, max(to_worker, from_worker))
    os.closerange(max(to_worker, from_worker) + 1, 4096)
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    try:
        _Worker(Channel(to_worker, from_worker)).serve()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except EOFError:
        os._exit(0)
    os._exit(1)


class _Worker:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}

    def serve(self) -> None:
        while True:
            request = self.channel.receive()
            try:
                reply = self.answer(request)
            except MemoryError:
                raise
            except BaseException as error:
                reply = {"raised": [kind.__name__ for kind in type(error).__mro__], "message": _message(error)}
            self.channel.send({"id": request["id"], **reply})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "run":
            return self.run(*request["args"])
        args = [decode(arg, self.known) for arg in request["args"]]
        kwargs = {name: decode(arg, self.known) for name, arg in request["kwargs"].items()}
        value = self.encode(_OPERATIONS[request["op"]](*args, **kwargs))
        after = [self.encode(arg) for arg in args]
        return {"value": value} if after == request["args"] else {"value": value, "after": after}

    def run(self, program: str) -> dict[str, Any]:
        """Run the module; its names, with their values, or which exception or standard module each one is."""
        try:
            code = compile(program, "program.py", "exec")
        except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
            return {"syntax": _message(error)}
        module: dict[str, Any] = {"__name__": "program", "__builtins__": __builtins__}
        exec(code, module)
        names: dict[str, Any] = {}
        for name, value in module.items():
            if name.startswith("__"):
                continue
            if isinstance(value, ModuleType):
                names[name] = {"module": value.__name__}
            elif isinstance(value, type) and issubclass(value, Exception):
                names[name] = {"exception": [kind.__name__ for kind in value.__mro__]}
            else:
                names[name] = self.encode(value)
        return {"names": names}

    def encode(self, value: Any) -> Any:
        return encode(value, self.keep)

    def keep(self, value: Any) -> dict[str, int]:
        if isinstance(value, _Callback):
            return {"callback": value.number}
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return {"object": self.numbers[id(value)]}

    def known(self, kind: str, content: Any) -> Any:
        if kind == "object":
            return self.objects[content]
        if kind == "builtin":
            return __builtins__[content] if isinstance(__builtins__, dict) else getattr(__builtins__, content)
        return _Callback(self, content)


class _Callback:
    """A function of the tests, handed to the program."""

    def __init__(self, worker: _Worker, number: int) -> None:
        self.worker, self.number = worker, number

    def __call__(self, *args: Any) -> Any:
        self.worker.channel.send({"callback": self.number, "args": [self.worker.encode(arg) for arg in args]})
        reply = self.worker.channel.receive()
        if "raised" in reply:
            raise RuntimeError(reply["raised"])
        return decode(reply["value"], self.worker.known)


def _message(error: BaseException) -> str:
    try:
        alone = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else error
        return str(alone)[:300]
    except Exception:
        return "its message cannot be read"
