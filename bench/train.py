"""Training speed and quality beside TRL + PEFT: the same base, rows, LoRA, epochs and learning rate, in one call.

    make bench-train        (or: .venv/bin/python bench/train.py [--rows 1000] [--speed-only])

Speed: short runs in turn, ours and the peer's, each in a process of its own; medians and their ratio. Quality: both train on
the same rows for three epochs, both adapters then answer the same test rows greedily through Sartor's engine (label choice
off), and exact match is compared row by row. The peer runs in its own environment (bench/peers/README.md).

Data: Banking77 from ../shared/data where it is there, else examples/support-intents.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from record import Row, record, row

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / "bench" / "peers" / ".venv-trl" / "bin" / "python"
BANKING = ROOT.parent / "shared" / "data" / "banking77"
RATE, RANK, BATCH = 5e-4, 16, 16
SYSTEM = "You sort messages from the customers of a bank. Answer with the intent of the message and nothing else."

SPEC = """\
task: bench-train
kind: classification
base: smollm2-135m-q4
data: {{train: {train}, test: {test}, input: {input}, target: {target}, rows: {rows}, test_rows: 500}}
prompt: {{system: "{system}"}}
train: {{validation: 0, learning_rate: {rate}, epochs: {epochs}, rank: {rank}, batch_size: {batch}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--speed-rows", type=int, default=160, help="at least two a class")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ours:
        print(json.dumps(train_ours(args.ours, args.save)))
        return
    if not PEER_PYTHON.exists():
        sys.exit("the peer is not installed: see bench/peers/README.md")
    with tempfile.TemporaryDirectory() as folder:
        report(args, Path(folder))


def report(args: argparse.Namespace, folder: Path) -> None:
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    speed = {"sartor": [], "trl default": [], "trl tuned": []}  # type: dict[str, list[float]]
    memory: dict[str, float] = {}
    for _ in range(args.repeats):
        for system in speed:
            result = run(system, folder, args.speed_rows, 1, None)
            speed[system].append(float(result["examples_per_second"]))
            memory[system] = float(result["peak_rss_mb"])
    for system, values in speed.items():
        rows.append(row(system, "training speed (median)", statistics.median(values), "examples/s"))
        rows.append(row(system, "peak resident memory", memory[system], "MB"))
    for peer in ("trl default", "trl tuned"):
        ratios[f"speed, sartor / {peer}"] = statistics.median(
            ours / theirs for ours, theirs in zip(speed["sartor"], speed[peer], strict=True)
        )
    if not args.speed_only:
        long = {}
        for system in ("sartor", "trl default"):
            adapter = folder / f"adapter-{system.replace(' ', '-')}"
            long[system] = run(system, folder, args.rows, args.epochs, adapter)
            rows.append(row(system, f"{args.rows} rows × {args.epochs} epochs", long[system]["seconds"], "s"))
        ratios["whole run, seconds, trl default / sartor"] = float(long["trl default"]["seconds"]) / float(
            long["sartor"]["seconds"]
        )
        rows += quality(folder, args.rows, args.epochs)
    record("train", rows, ratios)


def run(system: str, folder: Path, rows: int, epochs: int, save: Path | None) -> dict[str, float]:
    """One training in a process of its own; its last line is JSON."""
    task = make_task(folder, rows, epochs)
    if system == "sartor":
        command = [sys.executable, __file__, "--ours", task]
    else:
        command = [PEER_PYTHON, ROOT / "bench" / "peers" / "trl_sft.py", "--model", base_folder()]
        command += ["--data", chat_rows(task), "--rows", rows, "--epochs", epochs, "--batch", BATCH]
        command += ["--learning-rate", RATE, "--rank", RANK, "--setting", system.split()[1]]
    command += ["--save", save] if save else []
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{system}: {rows} rows × {epochs}: {json.dumps(result)}", file=sys.stderr)
    return result


def train_ours(folder: Path, save: Path | None) -> dict[str, float]:
    from sartor.flows.base import LoadedBase
    from sartor.flows.prepare import open_task, prepare
    from sartor.train.encode import encode
    from sartor.train.loop import Recipe, train

    task = open_task(folder)
    spec, base = task.spec.train, LoadedBase(task)
    encoded = encode(prepare(task).splits.train, base.renderer, None, "error").rows
    network = base.network(spec)
    recipe = Recipe(RATE, spec.epochs, spec.batch_size, spec.seed, min(base.renderer.stop_ids))
    with tempfile.TemporaryDirectory() as scratch:
        history = train(network, encoded, [], recipe, Path(scratch), checkpoint_seconds=60)
    if save:
        save.mkdir()
        network.save(save)
    return {
        "examples_per_second": round(history.examples / history.seconds, 3),
        "seconds": round(history.seconds, 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "loss": round(history.losses[-1][1], 4),
    }


def quality(folder: Path, rows: int, epochs: int) -> list[Row]:
    """Exact match of both adapters on the same test rows, and the paired comparison."""
    from sartor.evaluate.compare import compare
    from sartor.evaluate.scorecard import score
    from sartor.flows.base import LoadedBase
    from sartor.flows.prepare import open_task, prepare
    from sartor.flows.systems import Answering, prompted

    task = open_task(make_task(folder, rows, epochs))
    spec = task.spec.model_copy(update={"generate": task.spec.generate.model_copy(update={"constrained": False})})
    splits, base = prepare(task).splits, LoadedBase(task)
    answering = Answering.learn(spec, base, splits.train)
    answers = {
        system: prompted(system, spec, base, answering, folder / f"adapter-{system.replace(' ', '-')}").answer(
            splits.test
        )
        for system in ("sartor", "trl default")
    }
    lines = []
    for system, given in answers.items():
        mark = score(system, splits.test, given, spec, labels=answering.labels).scores["accuracy"]
        lines.append(row(system, f"exact match, n = {mark.n} ({mark.low:.3f} to {mark.high:.3f})", mark.value, ""))
    paired = compare("accuracy", "sartor", "trl default", splits.test, *answers.values(), spec, labels=answering.labels)
    about = (
        f"exact match, sartor − trl ({paired.low:+.3f} to {paired.high:+.3f}), {paired.test} p = {paired.p_value:.3f}"
    )
    return [*lines, row("difference", about, paired.difference, "")]


def make_task(folder: Path, rows: int, epochs: int) -> Path:
    """A task of so many rows; Banking77 where it is, else our own example."""
    task = folder / f"task-{rows}-{epochs}"
    task.mkdir(exist_ok=True)
    if BANKING.is_dir():
        source, columns = BANKING, ("train.csv", "test.csv", "text", "category")
    else:
        source, columns = ROOT / "examples" / "support-intents", ("messages.csv", "held_out.csv", "message", "intent")
    train, test, input, target = columns
    values = {"train": source / train, "test": source / test, "input": input, "target": target, "rows": rows}
    text = SPEC.format(**values, system=SYSTEM, rate=RATE, epochs=epochs, rank=RANK, batch=BATCH)
    (task / "sartor.yaml").write_text(text)
    return task


def chat_rows(task: Path) -> Path:
    """The task's training rows as the peer reads them: the very rows that we train on."""
    from sartor.flows.prepare import open_task, prepare

    path = task / "chat.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for example in prepare(open_task(task)).splits.train:
            prompt = [{"role": message.role, "content": message.content} for message in example.messages]
            completion = [{"role": "assistant", "content": example.target}]
            file.write(json.dumps({"prompt": prompt, "completion": completion}) + "\n")
    return path


def base_folder() -> Path:
    from sartor.models.builtin import BASE, pulled

    return pulled(BASE.name)


if __name__ == "__main__":
    main()
