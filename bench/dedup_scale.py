"""How long a million rows take: exact and near duplicates, and leakage against 10,000 held-out rows.

    make bench-dedup-scale        (or: .venv/bin/python bench/dedup_scale.py [--rows 1000000] [--peer-rows 100000])

The rows are made from a seed: some 20 words each, drawn by Zipf's law (exponent 1) from 30,000 made-up words, so the
commonest stand in most rows. Of the rows, 3 % repeat an earlier one in other case and punctuation, and 7 % do with a
letter dropped, doubled or swapped, two words swapped, or a polite wrapper; 2 % are an earlier row with one word changed,
which is no duplicate; a tenth of the originals stand in a template of 30 words. A third of the held-out rows are rows edited
likewise.

The whole command, `sartor curate` with three checks and a ledger, is timed on CSV files of the same rows.

datasketch runs a tenth of that in its own environment (bench/peers), as its documentation sets it up, in turn with ours; it
looks for near duplicates alone, and verifies none.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from record import record, row

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / "bench" / "peers" / ".venv-dedup" / "bin" / "python"
WORDS = 30_000
FRAME = (
    "below is one message that a client sent to the help desk during the past quarter work out which of the known "
    "topics it belongs to and reply with its name alone message"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--held-out", type=int, default=10_000)
    parser.add_argument("--peer-rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--command", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ours:
        print(json.dumps(measure(args.ours)))
        return
    if args.command:
        print(json.dumps(curate(args.command)))
        return
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        small, large = Path(scratch) / "small.json", Path(scratch) / "large.json"
        write(small, args.peer_rows, args.held_out)
        write(large, args.rows, args.held_out)
        peer = [PEER_PYTHON, ROOT / "bench" / "peers" / "dedup.py", "datasketch", small]
        turns = [(ours(small), run(peer)) for _ in range(args.repeats)]
        found = ours(large)
        whole = run([sys.executable, __file__, "--command", large])
    about = f"{args.rows:,} rows"
    lines += [
        row("sartor", f"{about}, exact + near + leakage against {args.held_out:,}", found["seconds"], "s"),
        row("sartor", f"{about}, peak resident memory", found["gigabytes"], "GB"),
        row("sartor", f"{about}, planted duplicates found", found["recall"], "share"),
        row("sartor", f"{about}, duplicates that were planted", found["precision"], "share"),
        row("sartor", f"{about}, planted leaks found", found["leaks"], "share"),
        row("sartor", f"{about}, near-misses merged", found["misses"], "share"),
    ]
    what = f"{about}, `sartor curate` from CSV to page"
    lines += [row("sartor", what, whole["seconds"], "s"), row("sartor", what, whole["gigabytes"], "GB")]
    for place, system in enumerate(("sartor", "datasketch")):
        seconds = statistics.median(turn[place]["seconds"] for turn in turns)
        lines.append(row(system, f"{args.peer_rows:,} rows, median of {args.repeats}", seconds, "s"))
    ratio = statistics.median(theirs["seconds"] / mine["seconds"] for mine, theirs in turns)
    name = f"seconds at {args.peer_rows:,} rows, datasketch (near alone, unverified) / sartor (all)"
    record("dedup_scale", lines, {name: ratio}, datasketch=turns[0][1]["version"])


def ours(path: Path) -> dict[str, Any]:
    return run([sys.executable, __file__, "--ours", path])


def run(command: Sequence[object]) -> dict[str, Any]:
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def write(path: Path, count: int, held_out: int) -> None:
    """The rows as {"texts", "source", "like", "held_out", "held_source"}: which row each repeats or looks like, −1 for none."""
    dice = random.Random(count)
    words = vocabulary(dice)
    share = 1 / np.arange(1, WORDS + 1)
    rng = np.random.default_rng(count)
    lengths = rng.integers(14, 27, count)
    drawn = np.split(rng.choice(WORDS, lengths.sum(), p=share / share.sum()), np.cumsum(lengths)[:-1])
    texts: list[str] = []
    source, like = [-1] * count, [-1] * count
    for i, numbers in enumerate(drawn):
        kind, other = dice.random(), dice.randrange(i) if i else 0
        text = " ".join([words[number] for number in numbers.tolist()])
        if kind < 0.12 and i and source[other] == like[other] == -1:
            planted = like if kind > 0.1 else source
            planted[i] = other
            edit = changed if kind > 0.1 else edited if kind > 0.03 else restyled
            text = edit(texts[other], dice, words)
        elif kind > 0.9:
            text = f"{FRAME} {text}"
        texts.append(text)
    held_source = [dice.randrange(count) if i % 3 == 0 else -1 for i in range(held_out)]
    held = [
        " ".join(dice.choices(words, k=20)) if other < 0 else edited(texts[other], dice, words) for other in held_source
    ]
    made = {"texts": texts, "source": source, "like": like, "held_out": held, "held_source": held_source}
    path.write_text(json.dumps(made), encoding="utf-8")


def vocabulary(dice: random.Random) -> list[str]:
    """WORDS made-up words, the commonest short."""
    syllables = [f"{a}{b}" for a in "bdfgklmnprstvz" for b in "aeiou"]
    lengths = [1] * 20 + [2] * 980 + [3] * (WORDS - 1000)
    words: dict[str, None] = {}
    for length in lengths:
        while (word := "".join(dice.choices(syllables, k=length)) + dice.choice(["", *"nrstlm"])) in words:
            pass
        words[word] = None
    return list(words)


def restyled(text: str, dice: random.Random, words: list[str]) -> str:
    return dice.choice((text.upper(), f"{text.capitalize()}!", text.replace(" ", ", ", 2)))


def edited(text: str, dice: random.Random, words: list[str]) -> str:
    kind = dice.randrange(3)
    if kind == 0:
        return dice.choice(("Hello, {} Thanks!", "{}. Please help.", "Good morning! {}")).format(text)
    said = text.split()
    at = dice.randrange(len(said) - 1)
    if kind == 1:
        said[at], said[at + 1] = said[at + 1], said[at]
    else:
        at = max(range(at, min(at + 4, len(said))), key=lambda k: len(said[k]))
        word, k = said[at], dice.randrange(1, len(said[at]))
        said[at] = dice.choice(
            (word[:k] + word[k + 1 :], word[:k] + word[k - 1 :], word[: k - 1] + word[k] + word[k - 1] + word[k + 1 :])
        )
    return " ".join(said)


def changed(text: str, dice: random.Random, words: list[str]) -> str:
    said = text.split()
    said[dice.randrange(len(said))] = dice.choice(words)
    return " ".join(said)


def measure(path: Path) -> dict[str, float]:
    """Ours, from the texts in memory to every row's evidence; with what was found of what is planted."""
    from sartor.curate.duplicates import find

    made = json.loads(path.read_text(encoding="utf-8"))
    texts, held_out = pl.Series(made.pop("texts")), pl.Series(made.pop("held_out"))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    found = find(texts, held_out=held_out)
    told = sum(len(duplicate.evidence) >= 0 for duplicate in (*found.duplicates, *found.leaks))
    seconds = time.perf_counter() - began
    assert told == len(found.duplicates) + len(found.leaks)
    of = np.arange(len(texts))
    of[found.duplicates.rows] = found.duplicates.of
    source, like = np.array(made["source"]), np.array(made["like"])
    planted, near_miss = np.flatnonzero(source >= 0), np.flatnonzero(like >= 0)
    leaked = set(found.leaks.rows.tolist())
    held = [row for row in made["held_source"] if row >= 0]
    return {
        "seconds": seconds,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "before": base / 2**20,
        "recall": float(np.mean(of[planted] == of[source[planted]])),
        "precision": float(np.mean(source[found.duplicates.rows] >= 0)),
        "misses": float(np.mean(of[near_miss] == of[like[near_miss]])),
        "leaks": sum(row in leaked for row in held) / len(held),
    }


def curate(path: Path) -> dict[str, float]:
    """The whole command, from CSV files of the same rows to versions, ledger and page."""
    from sartor.cli.main import main as sartor

    made = json.loads(path.read_text(encoding="utf-8"))
    folder = path.parent / "task"
    folder.mkdir()
    for name, texts in (("train.csv", made["texts"]), ("test.csv", made["held_out"])):
        pl.DataFrame({"text": texts, "label": ["a", "b"] * (len(texts) // 2)}).write_csv(folder / name)
    (folder / "sartor.yaml").write_text(
        "task: scale\nkind: classification\ndata: {train: train.csv, test: test.csv, input: text, target: label}\n"
    )
    del made
    checks = [word for name in ("exact_duplicates", "near_duplicates", "leakage") for word in ("--check", name)]
    began = time.perf_counter()
    assert sartor(["curate", str(folder), *checks, "--ledger", str(folder / "ledger.jsonl")]) == 0
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


if __name__ == "__main__":
    main()
