"""What bench/train.py trains on: three tasks whose rows are drawn once, into the two files that Sartor and the peer read."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartor.data.examples import build_examples
from sartor.data.read import read_rows
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import open_task, prepare
from sartor.models.builtin import BASE
from sartor.train.encode import tokenise

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
BANKING = DATA / "banking77"
SUPPORT = ROOT / "examples" / "support-intents"
INTENTS = (
    (BANKING / "train.csv", BANKING / "test.csv", "text", "category")
    if BANKING.is_dir()
    else (SUPPORT / "messages.csv", SUPPORT / "held_out.csv", "message", "intent")
)
"""Rows to train on, rows to test on, and their columns: Banking77, or our own example where it is absent."""
RATE, RANK, BATCH = 5e-4, 16, 16


@dataclass(frozen=True, slots=True)
class Material:
    """Where a task's rows come from, and how they are asked."""

    file: Path
    user: str
    target: str
    prompt: str | None
    """File of bench/prompts with the system prompt; None: the chat template's own and no other."""
    longest: int
    """Tokens, prompt and answer together: longer rows are left out before any are drawn, for both sides alike."""
    rows: int
    """Drawn for one run, unless told otherwise."""
    default_pass: int
    """Rows in one forward pass of TRL's default setting: the batch, or so many of it that 24 GiB hold them."""
    tuned_pass: int
    """The same of the tuned setting: fewer rows are less padding."""


MATERIAL = {
    "banking77": Material(INTENTS[0], f"{{{INTENTS[2]}}}", f"{{{INTENTS[3]}}}", "banking77.txt", 512, 160, 16, 8),
    "cuad": Material(DATA / "cuad" / "train.jsonl", "{clause}", "{category}", "cuad.txt", 512, 48, 4, 4),
    "mts": Material(DATA / "mts_dialog" / "train.jsonl", "{dialogue}", "{note}", None, 1024, 48, 4, 2),
}


def speed_task(folder: Path, name: str, count: int | None) -> tuple[Path, dict[str, int]]:
    """A task of so many rows of the material that are short enough, drawn with a fixed seed; and how many there were."""
    material = MATERIAL[name]
    system = {"system": system_prompt(material.prompt)} if material.prompt else {}
    # The same file for testing, which nothing reads, so that no row is split off.
    data = {"train": "rows.jsonl", "test": "rows.jsonl"}
    prompt = {**system, "user": material.user, "target": material.target}
    task = write_task(folder / name, "generation", data, prompt, 1)
    opened, table = open_task(task), read_rows(material.file)
    encoded = tokenise(build_examples(table, opened.spec), LoadedBase(opened, weights=False).renderer)
    fit = [row for row, ids in zip(table.rows, encoded, strict=True) if len(ids) <= material.longest]
    drawn = random.Random(0).sample(fit, min(count or material.rows, len(fit)))
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in drawn), encoding="utf-8")
    write_chat(task)
    return task, {"rows": len(drawn), "of": len(table.rows), "left_out_as_too_long": len(table.rows) - len(fit)}


def quality_task(folder: Path, rows: int, epochs: int) -> Path:
    """Intents with their test rows, each label among the training rows at least twice."""
    train, test, input, target = INTENTS
    data = {"train": str(train), "test": str(test), "input": input, "target": target, "rows": rows, "test_rows": 500}
    task = write_task(folder / "quality", "classification", data, {"system": system_prompt("banking77.txt")}, epochs)
    write_chat(task)
    return task


def system_prompt(name: str) -> str:
    return (ROOT / "bench" / "prompts" / name).read_text(encoding="utf-8").strip()


def write_task(folder: Path, kind: str, data: Mapping[str, Any], prompt: Mapping[str, str], epochs: int) -> Path:
    """A folder with a task in it, trained as all of them are."""
    recipe = {"validation": 0, "learning_rate": RATE, "epochs": epochs, "rank": RANK, "batch_size": BATCH}
    spec = {"task": "bench-train", "kind": kind, "base": BASE.name, "data": data, "prompt": prompt, "train": recipe}
    folder.mkdir()
    (folder / "sartor.yaml").write_text(json.dumps(spec, indent=1), encoding="utf-8")  # JSON is YAML
    return folder


def write_chat(task: Path) -> None:
    """The task's training rows as the peer reads them: the very rows that we train on, in `chat.jsonl`."""
    with (task / "chat.jsonl").open("w", encoding="utf-8") as file:
        for example in prepare(open_task(task)).splits.train:
            prompt = [{"role": message.role, "content": message.content} for message in example.messages]
            completion = [{"role": "assistant", "content": example.target}]
            file.write(json.dumps({"prompt": prompt, "completion": completion}) + "\n")
