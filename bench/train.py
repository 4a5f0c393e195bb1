"""Training speed and quality beside TRL + PEFT: the same base, rows, LoRA, epochs, batch and learning rate, in one call.

    make bench-train        (or: .venv/bin/python bench/train.py [--task banking77 cuad mts] [--repeats 3] [--rows N]
                                 [--speed-only])

Speed, one epoch of each task (bench/train_tasks.py), batches of 16 rows:

    banking77   160 messages of customers → one of 77 intents, under an instruction of one sentence
    cuad         48 clauses of contracts → one of 41 categories, under an instruction of 297 tokens
    mts          48 dialogues → the note's section, under no instruction but the chat template's own

Each system trains in a process of its own, in turn, as often as --repeats says; a ratio is the median over the pairs of
runs that followed each other. Rows of more than 512 tokens (mts: 1,024) are left out before any are drawn, for both
sides alike, and a call stops where the two do not count the same tokens. The clock of both starts when the base is
loaded and the rows are tokenised, and stops after the last step: whatever a side does first is part of it.

    training speed    rows × epochs over that time
    computed tokens   a second, padding included; ours in the time of the steps alone, a shared prefix once a pass
    peak memory       largest resident set of the process, loading included
    share             FLOPs a second of our steps over those of a square matrix product, in the same number format

Quality (not with --speed-only, nor without banking77): Sartor and TRL's defaults train on the same 1,000 rows of
Banking77 for three epochs, both adapters then answer the same test rows greedily through Sartor's engine (label choice
off), and exact match is compared row by row.

The peer runs in its own environment (bench/peers/README.md). Without ../shared/data only `--task banking77` can be had,
with the rows of examples/support-intents. Everything goes to bench/results/train.json, whatever was there before.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from record import Row, record, row
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import open_task, prepare
from sartor.models.builtin import BASE, pulled
from sartor.models.dtype import choose_dtype, measure_flops
from sartor.models.estimate import Sizes
from sartor.task import TaskSpec
from sartor.train.batches import Encoded, most_tokens
from sartor.train.encode import encode
from sartor.train.loop import History, Recipe, train
from train_tasks import BATCH, MATERIAL, Material, quality_task, speed_task

PEERS = Path(__file__).resolve().parent / "peers"
PEER_PYTHON = PEERS / ".venv-trl" / "bin" / "python"
SYSTEMS = ("sartor", "trl default", "trl tuned")
MEASURES = {
    "examples_per_second": ("training speed", "examples/s"),
    "computed_tokens_per_second": ("computed tokens", "tokens/s"),
    "peak_rss_mb": ("peak resident memory", "MB"),
    "roofline_share": ("share of the matrix product's speed", ""),
}
Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="+", choices=MATERIAL, default=list(MATERIAL))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, help="rows of every task's speed runs, instead of its own number")
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--quality-rows", type=int, default=1000, help="at least two a class")
    parser.add_argument("--epochs", type=int, default=3, help="of the quality runs")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ours:
        print(json.dumps(train_ours(args.ours, args.save)))
        return
    if not PEER_PYTHON.exists():
        sys.exit("the peer is not installed: see bench/peers/README.md")
    if absent := [name for name in args.task if not MATERIAL[name].file.exists()]:
        sys.exit(f"the rows of {', '.join(absent)} are not in ../shared/data: choose others with --task")
    with tempfile.TemporaryDirectory() as folder:
        report(args, Path(folder))


def report(args: argparse.Namespace, folder: Path) -> None:
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    drawn: dict[str, dict[str, int]] = {}
    for name in args.task:
        task, drawn[name] = speed_task(folder, name, args.rows)
        print(f"{name}: {json.dumps(drawn[name])}", file=sys.stderr)
        runs = measure(task, MATERIAL[name], args.repeats)
        rows += speed_rows(name, runs)
        ratios |= speed_ratios(name, runs)
    if "banking77" in args.task and not args.speed_only:
        more, ratio = quality(quality_task(folder, args.quality_rows, args.epochs), folder)
        rows, ratios = rows + more, ratios | ratio
    ours, peer = (runs[system][0] for system in SYSTEMS[:2])
    about = {key: ours[key] for key in ("number_format", "gflops", "threads")}
    record("train", rows, ratios, **about, peer=peer["versions"], repeats=args.repeats, drawn=drawn)


def measure(task: Path, material: Material, repeats: int) -> dict[str, list[Run]]:
    """Every system on the same rows, in turn."""
    passes = dict(zip(SYSTEMS, (BATCH, material.default_pass, material.tuned_pass), strict=True))
    runs: dict[str, list[Run]] = {system: [] for system in SYSTEMS}
    for _ in range(repeats):
        for system in SYSTEMS:
            runs[system].append(run(system, task, passes[system]))
            require_same(runs["sartor"][-1], runs[system][-1])
    return runs


def require_same(ours: Run, other: Run) -> None:
    """Stops where a peer was given other tokens: it has the line break after each answer's end of turn, and no more."""
    breaks = 0 if other is ours else ours["rows"]
    if other["rows"] != ours["rows"] or other["tokens"] != ours["tokens"] + breaks:
        sys.exit(f"not the same rows: {json.dumps(ours)} and {json.dumps(other)}")


def speed_rows(name: str, runs: dict[str, list[Run]]) -> list[Row]:
    """Median, lowest and highest of each measure that a system has."""
    rows = []
    for key, (metric, unit) in MEASURES.items():
        for system, results in runs.items():
            if values := [result[key] for result in results if key in result]:
                rows.append(row(system, f"{name}: {metric}", statistics.median(values), unit, min(values), max(values)))
    return rows


def speed_ratios(name: str, runs: dict[str, list[Run]]) -> dict[str, float]:
    """Medians over pairs of runs, ours / theirs: of speeds, where more is better, and of memory, where less is."""
    ratios = {}
    for what, key in (("speed", "examples_per_second"), ("memory", "peak_rss_mb")):
        for peer in SYSTEMS[1:]:
            pairs = zip(runs["sartor"], runs[peer], strict=True)
            ratios[f"{name}: {what}, sartor / {peer}"] = statistics.median(a[key] / b[key] for a, b in pairs)
    return ratios


def run(system: str, task: Path, pass_rows: int, save: Path | None = None) -> Run:
    """One training in a process of its own; its last line is JSON. The peer's settings are those of our task.

    The peer computes `pass_rows` of a batch at once; ours cuts a batch by itself.
    """
    if system == "sartor":
        command: list[object] = [sys.executable, __file__, "--ours", task]
    else:
        spec, number_format = open_task(task).spec.train, choose_dtype(device())[0]
        command = [PEER_PYTHON, PEERS / "trl_sft.py", "--model", pulled(BASE.name), "--data", task / "chat.jsonl"]
        command += ["--epochs", spec.epochs, "--batch", spec.batch_size, "--learning-rate", spec.learning_rate]
        command += ["--rank", spec.rank, "--seed", spec.seed, "--setting", system.removeprefix("trl ")]
        command += ["--pass-rows", pass_rows, "--tuned-format", str(number_format).removeprefix("torch.")]
    command += ["--save", save] if save else []
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    result: Run = json.loads(done.stdout.splitlines()[-1])
    print(f"{task.name}, {system}: {json.dumps(result)}", file=sys.stderr)
    return result


def train_ours(folder: Path, save: Path | None) -> Run:
    task = open_task(folder)
    spec, base = task.spec.train, LoadedBase(task)
    encoded = encode(prepare(task).splits.train, base.renderer, None, "error").rows
    network = base.network(spec)
    assert isinstance(spec.learning_rate, float), "the peer is told the same rate"
    pad, most = min(base.renderer.stop_ids), most_tokens(spec, base.number_format[0])
    recipe = Recipe(spec.learning_rate, spec.epochs, spec.batch_size, spec.seed, pad, most)
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        history = train(network, encoded, [], recipe, Path(scratch), checkpoint_seconds=60)
        seconds = time.perf_counter() - start
    if save:
        save.mkdir()
        network.save(save)
    return {
        "rows": len(encoded),
        "tokens": sum(map(len, encoded)),
        "seconds": round(seconds, 2),
        "seconds_of_steps": round(history.seconds, 2),
        "examples_per_second": round(history.examples / seconds, 3),
        "computed_tokens_per_second": round(history.computed_tokens / history.seconds, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "loss": round(statistics.fmean(loss for _, loss in history.losses), 4),
        "threads": torch.get_num_threads(),
        **roofline(base, encoded, task.spec, history),
    }


def roofline(base: LoadedBase, encoded: Sequence[Encoded], spec: TaskSpec, history: History) -> Run:
    """FLOPs a second of the steps, as `sartor.models.estimate` counts them, over those of a square matrix product.

    Counted are the tokens that the loop computed, and attention over the mean length of a token's row: what the
    estimate takes beforehand, the longest row everywhere, would flatter.
    """
    number_format, lengths = base.number_format[0], [len(row) for row in encoded]
    mean = sum(length**2 for length in lengths) // sum(lengths)
    tokens = (history.computed_tokens, history.supervised_tokens)
    flops = Sizes.of(base.opened.config, spec.train).train_flops(*tokens, mean)
    fastest = measure_flops(number_format, base.device)
    return {
        "number_format": str(number_format).removeprefix("torch."),
        "gflops": round(fastest / 1e9),
        "roofline_share": round(flops / history.seconds / fastest, 4),
    }


def quality(task: Path, folder: Path) -> tuple[list[Row], dict[str, float]]:
    """Both systems trained on the same rows: seconds, exact match on the same test rows, and the paired comparison."""
    from sartor.evaluate.compare import compare
    from sartor.evaluate.scorecard import score
    from sartor.flows.systems import Answering, prompted

    adapters = {system: folder / f"adapter-{system.replace(' ', '-')}" for system in SYSTEMS[:2]}
    runs = {system: run(system, task, BATCH, adapter) for system, adapter in adapters.items()}
    opened = open_task(task)
    how = f"{runs['sartor']['rows']} rows × {opened.spec.train.epochs} epochs"
    rows = [row(system, how, result["seconds"], "s") for system, result in runs.items()]
    generate = opened.spec.generate.model_copy(update={"constrained": False})
    spec = opened.spec.model_copy(update={"generate": generate})
    splits, base = prepare(opened).splits, LoadedBase(opened)
    answering = Answering.learn(spec, base, splits.train)
    answers = {
        system: prompted(system, spec, base, answering, adapter).answer(splits.test)
        for system, adapter in adapters.items()
    }
    for system, given in answers.items():
        mark = score(system, splits.test, given, spec, labels=answering.labels).scores["accuracy"]
        rows.append(row(system, f"exact match, n = {mark.n} ({mark.low:.3f} to {mark.high:.3f})", mark.value, ""))
    paired = compare("accuracy", *answers, splits.test, *answers.values(), spec, labels=answering.labels)
    about = (
        f"exact match, sartor − trl ({paired.low:+.3f} to {paired.high:+.3f}), {paired.test} p = {paired.p_value:.3f}"
    )
    ratio = {"whole run, seconds, trl default / sartor": runs["trl default"]["seconds"] / runs["sartor"]["seconds"]}
    return [*rows, row("difference", about, paired.difference, "")], ratio


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    main()
