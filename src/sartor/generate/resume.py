"""Answers that survive a kill: kept slice by slice, so that no row is generated, or paid for, twice."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sartor.data.example import Example
from sartor.generate.answer import Answer, System
from sartor.progress import Progress, silent

SLICE = 96


def answer_resumably(
    system: System, examples: Sequence[Example], path: Path, progress: Progress = silent
) -> list[Answer]:
    """One answer per example, in order; finished slices are read back from `path` (JSON Lines).

    Slices are taken by length of the question and depend on the examples alone, so that an interrupted evaluation
    gives the same answers as an uninterrupted one. A line that a kill cut short is answered again.
    """
    ordered = sorted(examples, key=lambda example: (sum(len(m.content) for m in example.messages), example.id))
    done = {answer.id: answer for answer in _read(path)}
    for start in range(0, len(ordered), SLICE):
        part = ordered[start : start + SLICE]
        if all(example.id in done for example in part):
            continue

        answers = system.answer(part, _Offset(progress, start, len(ordered)))
        with path.open("a", encoding="ascii") as file:
            file.writelines(line(answer) for answer in answers)
            file.flush()
            os.fsync(file.fileno())
        done |= {answer.id: answer for answer in answers}
    return [done[example.id] for example in examples]


def line(answer: Answer) -> str:
    """One line of JSON Lines. In ASCII: a text may hold line separators of Unicode, and halves of surrogate pairs."""
    return json.dumps(asdict(answer)) + "\n"


def parse(lines: bytes) -> list[Answer]:
    """The answers of such lines."""
    kept = map(json.loads, lines.decode("ascii").splitlines())
    return [Answer(**fields | {"others": tuple(fields.get("others", ()))}) for fields in kept]


class _Offset:
    """The progress of a slice, told as progress of the whole."""

    def __init__(self, progress: Progress, before: int, total: int) -> None:
        self._progress, self._before, self._total = progress, before, total

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        self._progress(what, self._before + done, self._total, detail)


def _read(path: Path) -> list[Answer]:
    if not path.exists():
        return []
    whole = path.read_bytes()
    kept = whole[: whole.rfind(b"\n") + 1]
    if len(kept) < len(whole):
        path.write_bytes(kept)
    return parse(kept)
