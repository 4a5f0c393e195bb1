"""Recipe, methods and label efficiency on a CUDA machine, where hundreds of trainings take minutes.

    python bench/gpu/quality.py pack FOLDER                        where the data are: every task as token ids
    python bench/gpu/quality.py train FOLDER --base BASE --stage recipe|methods|sizes --out FOLDER [--limit SECONDS]
    python bench/gpu/quality.py score FOLDER OUT/STAGE.jsonl       where the data are: bench/results/gpu_STAGE.json

`recipe`: validation loss over learning rates, epochs and batch sizes on three tasks. `methods`: LoRA, LoRA on the last ten
layers and full fine-tuning, each at the rate that is best on validation rows, three seeds, the test rows answered. `sizes`: the
default recipe at 250 to 2,000 labels. Answers are greedy, with label choice and JSON constraints off. What the machine in the
middle needs is PyTorch, Transformers, safetensors, pydantic and PyYAML: no task file, and no row but as numbers.
"""

import argparse
import gzip
import itertools
import json
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "bench")]

from record import Row, record, row  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
TASKS = {
    "support-intents": ROOT / "examples" / "support-intents",
    "billing-notes": ROOT / "examples" / "billing-notes",
    "mts-dialog": f"""
kind: summarization
data: {{train: {SHARED}/mts_dialog/train.jsonl, test: {SHARED}/mts_dialog/test1.jsonl}}
prompt: {{system: Write the note of this visit., user: "Section: {{section}}\\n\\n{{dialogue}}", target: "{{note}}"}}
train: {{max_length: 1024, overlong: drop}}
""",
    "banking77": f"""
kind: classification
data: {{train: {SHARED}/banking77/train.csv, test: {SHARED}/banking77/test.csv, input: text, target: category}}
prompt: {{system: Name the intent of the bank customer's message.}}
""",
    "cuad": f"""
kind: classification
data: {{train: {SHARED}/cuad/train.jsonl, test: {SHARED}/cuad/test.jsonl, input: clause, target: category}}
prompt: {{system: Name the category of the contract clause.}}
train: {{max_length: 512, overlong: drop}}
""",
    "nlupp": f"""
kind: extraction
data: {{train: {SHARED}/nlupp/banking.jsonl, group: fold}}
prompt:
  system: Extract intents and slots from the request as JSON.
  user: "{{text}}"
  target: '{{"intents": {{intents}}, "slots": {{slots.*.text}}}}'
""",
}
CHOSEN_ON = ("support-intents", "billing-notes", "mts-dialog")
METHODS_ON = ("support-intents", "billing-notes", "nlupp")
TESTS, HELD, PASS_TOKENS, AT_ONCE, END = 300, 200, 32_768, 16, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["pack", "train", "score"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("answers", type=Path, nargs="?")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--stage", choices=["recipe", "methods", "sizes"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which nothing new is begun")
    parser.add_argument("--only", nargs="+", default=list(TASKS))
    args = parser.parse_args()
    if args.verb == "pack":
        for name in args.only:
            pack(name, args.folder)
    elif args.verb == "train":
        Bench(args).run()
    else:
        score(args.folder, args.answers)


def open_named(name: str, folder: Path) -> Any:
    from sartor.flows.prepare import Task, open_task

    made = TASKS[name]
    if isinstance(made, str):
        folder = folder / "tasks" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sartor.yaml").write_text(f"task: {name}\n{made}")
        made = folder
    task = open_task(made)
    data = task.spec.data.model_copy(update={"rows": None, "test_rows": TESTS})
    train = task.spec.train.model_copy(update={"validation": 0.0})
    return Task(task.folder, task.spec.model_copy(update={"data": data, "train": train}))


def pack(name: str, folder: Path) -> None:
    """Training and test rows as token ids, in FOLDER/NAME.json.gz."""
    from sartor.flows.base import LoadedBase
    from sartor.flows.prepare import prepare
    from sartor.train.encode import encode

    task = open_named(name, folder)
    base, splits = LoadedBase(task), prepare(task).splits
    limit, overlong = task.spec.train.max_length, task.spec.train.overlong
    train = encode(splits.train, base.renderer, limit, overlong).rows
    test = encode(splits.test, base.renderer, None, "error").rows
    random.Random(0).shuffle(train)
    packed = {side: [[row.prompt, row.reply] for row in rows] for side, rows in (("train", train), ("test", test))}
    with gzip.open(folder / f"{name}.json.gz", "wt") as file:
        json.dump(packed, file)
    print(f"{name}: {len(train)} training rows, {len(test)} test rows")


@dataclass(frozen=True, slots=True)
class Plan:
    """One training."""

    task: str
    rows: int
    seed: int
    method: str = "lora"
    multiple: float = 1.0
    """Of the method's `auto` learning rate."""
    epochs: int = 3
    batch: int = 16
    depth: int | None = None
    answer: bool = False


class Bench:
    def __init__(self, args: argparse.Namespace) -> None:
        from transformers import AutoModelForCausalLM

        from sartor.models.decoder import Decoder

        self.args, self.began = args, time.monotonic()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self.device == "cuda" else torch.float32
        model = AutoModelForCausalLM.from_pretrained(args.base, dtype=dtype).eval().requires_grad_(False)
        self.decoder = Decoder(model.to(self.device))
        self.scratch = Path("/dev/shm" if Path("/dev/shm").is_dir() else ".") / "sartor-bench"
        args.out.mkdir(parents=True, exist_ok=True)
        self.file = (args.out / f"{args.stage}.jsonl").open("w")
        self.packed: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        plans = {"recipe": self.recipe, "methods": self.methods, "sizes": self.sizes}[self.args.stage]
        plans()
        print(f"{self.args.stage}: {time.monotonic() - self.began:.0f} s in all", flush=True)

    @property
    def late(self) -> bool:
        return time.monotonic() - self.began > self.args.limit

    def recipe(self) -> None:
        grid = itertools.product(CHOSEN_ON, (300, 1000), (0.25, 0.5, 1, 2), ((3, 16), (6, 16), (3, 8)), (0, 1))
        plans = [Plan(t, n, s, multiple=m, epochs=e, batch=b) for t, n, m, (e, b), s in grid if t in self.args.only]
        self.together(plans)

    def sizes(self) -> None:
        grid = itertools.product(TASKS, (250, 500, 1000, 2000), (0, 1, 2))
        tasks = [name for name in self.args.only if name != "mts-dialog"]
        self.together([Plan(t, n, s, answer=True) for t, n, s in grid if t in tasks])

    def methods(self) -> None:
        for task in (name for name in METHODS_ON if name in self.args.only):
            for method, depth in (("lora", None), ("full", None), ("lora", 10)):
                tried = {}
                for multiple in (0.5, 1, 2):
                    if not self.late:
                        tried[multiple] = self.alone(Plan(task, 1000, 0, method, multiple, depth=depth))
                best = min(tried, key=tried.__getitem__, default=1.0)
                for seed in (0, 1, 2):
                    if not self.late:
                        self.alone(Plan(task, 1000, seed, method, best, depth=depth, answer=True))

    def together(self, plans: Sequence[Plan]) -> None:
        """Jobs of about one length at a time."""
        from sartor.train.together import train_together

        plans = sorted(plans, key=lambda plan: (plan.rows * plan.epochs, plan.batch))
        for group in _batched(plans, AT_ONCE):
            if self.late:
                print("out of time", flush=True)
                return
            started = time.monotonic()
            jobs = [self.job(plan) for plan in group]
            histories = train_together(jobs, PASS_TOKENS, AT_ONCE)
            seconds = time.monotonic() - started
            for plan, job, history in zip(group, jobs, histories, strict=True):
                self.tell(plan, job.network, history, seconds / len(jobs))
            print(f"{len(jobs)} jobs in {seconds:.1f} s, now {time.monotonic() - self.began:.0f} s", flush=True)
            shutil.rmtree(self.scratch, ignore_errors=True)

    def alone(self, plan: Plan) -> float:
        """The best validation loss."""
        started = time.monotonic()
        job = self.job(plan)
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        while not job.finished:
            for batch in job.passes():
                loss = job.network.loss(batch)
                (loss / job.supervised).backward()
                job.count(batch, float(loss.detach()))
            job.step()
        history = job.finish()
        self.tell(plan, job.network, history, time.monotonic() - started)
        shutil.rmtree(self.scratch, ignore_errors=True)
        return min(loss for _, loss in history.validation)

    def job(self, plan: Plan) -> Any:
        from sartor.models.methods import fresh
        from sartor.task import TrainSpec
        from sartor.train.loop import Job, Recipe, auto_learning_rate
        from sartor.train.network import FastNetwork

        rows = self.rows(plan.task, "train")
        held, pool = rows[:HELD], rows[HELD:]
        training = random.Random(plan.seed).sample(pool, min(plan.rows, len(pool)))
        spec = TrainSpec(method=plan.method, seed=plan.seed, **({"depth": plan.depth} if plan.depth else {}))
        network = FastNetwork(self.decoder, fresh(self.decoder, spec), "base")
        rate = plan.multiple * auto_learning_rate(self.decoder.config.hidden_size, plan.method)
        recipe = Recipe(rate, plan.epochs, plan.batch, plan.seed, END, PASS_TOKENS)
        scratch = self.scratch / str(hash(plan))
        return Job(network, training, held, recipe, scratch, checkpoint_seconds=1e9)

    def rows(self, task: str, side: str) -> list[Any]:
        from sartor.train.batches import Encoded

        if task not in self.packed:
            with gzip.open(self.args.folder / f"{task}.json.gz", "rt") as file:
                self.packed[task] = json.load(file)
        return [Encoded(str(at), tuple(p), tuple(r)) for at, (p, r) in enumerate(self.packed[task][side])]

    def tell(self, plan: Plan, network: Any, history: Any, seconds: float) -> None:
        line: dict[str, Any] = {name: getattr(plan, name) for name in Plan.__slots__}
        line["on"] = torch.cuda.get_device_name() if self.device == "cuda" else "CPU"
        if isinstance(history, Exception):
            line["failed"] = str(history)
        else:
            line |= {"validation": history.validation, "best_epoch": history.best_epoch, "seconds": round(seconds, 2)}
            line |= {
                "tokens": history.computed_tokens,
                "examples": history.examples,
                "supervised": history.supervised_tokens,
            }
            line["trainable"] = sum(leaf.numel() for leaf in network.trainable)
            if self.device == "cuda":
                line["peak_memory"] = torch.cuda.max_memory_allocated()
            if plan.answer:
                line["answers"] = self.answers(plan.task, network)
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def answers(self, task: str, network: Any) -> list[list[int]]:
        from sartor.generate.engine import generate
        from sartor.generate.forward import FastForward
        from sartor.models.template import shared_prefix

        test = self.rows(task, "test")
        most = int(1.25 * max(len(row.reply) for row in self.rows(task, "train"))) + 1
        prompts = [row.prompt for row in test]
        prefix = min(shared_prefix(prompts), min(map(len, prompts)) - 1)
        forward = FastForward(self.decoder, network.weights)
        return [list(reply.ids) for reply in generate(forward, prompts, prefix, frozenset([END]), most)]


def _batched(plans: Sequence[Plan], size: int) -> Iterator[Sequence[Plan]]:
    for start in range(0, len(plans), size):
        yield plans[start : start + size]


def score(folder: Path, answers: Path) -> None:
    """bench/results/gpu_STAGE.json: of every training the best validation loss, and its task's first KPI where it answered."""
    rows: list[Row] = []
    opened: dict[str, Any] = {}
    lines = [json.loads(text) for text in answers.read_text().splitlines()]
    for line in lines:
        trained = f"{line['rows']} rows, {line['epochs']} epochs, batches of {line['batch']}, seed {line['seed']}"
        system = f"{line['method']}, {line['multiple']:g} × auto" + (
            f", depth {line['depth']}" if line["depth"] else ""
        )
        if "failed" in line:
            print(f"{line['task']}, {system}, {trained}: {line['failed']}")
            continue
        loss = min(loss for _, loss in line["validation"])
        rows.append(row(system, f"{line['task']}, {trained}: validation loss", loss, "nats/token"))
        if given := line.get("answers"):
            if line["task"] not in opened:
                opened[line["task"]] = answering(line["task"], folder)
            name, *marks = kpi(*opened[line["task"]], given)
            rows.append(row(system, f"{line['task']}, {trained}: {name}", marks[0], "", *marks[1:]))
    record(f"gpu_{answers.stem}", rows, {}, trained_on=lines[0]["on"])


def answering(name: str, folder: Path) -> tuple[Any, Any, Any]:
    """A task's spec, the tokenizer of its base, and its test rows."""
    from sartor.flows.base import LoadedBase
    from sartor.flows.prepare import prepare

    task = open_named(name, folder)
    return task.spec, LoadedBase(task).opened.tokenizer, prepare(task).splits.test


def kpi(spec: Any, tokenizer: Any, test: Any, given: Sequence[list[int]]) -> tuple[str, float, float, float]:
    """The first KPI of answers as token ids: its name, value, low and high."""
    from sartor.evaluate.scorecard import score as score_answers
    from sartor.generate.answer import Answer

    texts = [
        Answer(example.id, str(tokenizer.decode(ids, clean_up_tokenization_spaces=False)))
        for example, ids in zip(test, given, strict=True)
    ]
    first = spec.kpi_list[0].name
    mark = score_answers("specialist", test, texts, spec).scores[first]
    return first, mark.value, mark.low, mark.high


if __name__ == "__main__":
    main()
