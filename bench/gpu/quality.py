"""Recipe, methods and label efficiency: hundreds of trainings, which take minutes on a GPU.

    python bench/gpu/quality.py pack FOLDER                        where the data are: every task as token ids
    python bench/gpu/quality.py train FOLDER --base BASE --stage recipe|methods|sizes --out FOLDER [--seconds LIMIT]
    python bench/gpu/quality.py score FOLDER OUT/STAGE.jsonl       where the data are: bench/results/gpu_STAGE.json

`recipe`: validation loss on three tasks, over learning rates, epochs, batch sizes, ranks, label smoothing, and three seeds
averaged. `methods`: LoRA, LoRA on the last ten layers and full fine-tuning, each at the rate that is best on validation rows,
three seeds, the test rows answered. `sizes`: at 250 to 2,000 labels the default recipe, and what TRL's documentation trains a
LoRA with (2e-4, rank 32, α 16, batches of 8) in this very loop. Answers are greedy, with label choice and JSON constraints off.
Several processes share the machine: one training leaves a GPU idle between its small products. What was trained before, as
OUT/STAGE.jsonl tells, is not trained again. The machine in the middle needs PyTorch, Transformers, safetensors, pydantic and
PyYAML: no task file, and no row but as numbers.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from itertools import product
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
TESTS, HELD, PASS_TOKENS, END = 300, 200, 32_768, 2
MULTIPLES = (0.5, 1.0, 2.0)
SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["pack", "train", "score"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("answers", type=Path, nargs="?")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=1e9, help="after which nothing new is begun")
    parser.add_argument("--only", nargs="+", default=list(TASKS))
    parser.add_argument("--processes", type=int, help="default: on a GPU one a core but two, else one")
    args = parser.parse_args()
    if args.verb == "pack":
        for name in args.only:
            pack(name, args.folder)
    elif args.verb == "train":
        train(args)
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
    rank: int = 16
    smoothing: float = 0.0
    depth: int | None = None
    trl: bool = False
    """At the rate and scale of TRL's documentation, whatever `multiple` says."""
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """What one process does in turn, and tells as a whole; no other has the same last one of `plans`."""

    plans: tuple[Plan, ...]
    then: tuple[Plan, ...] = ()
    """Trained at the `multiple` of the best of `plans`."""
    average: bool = False
    """Whether the validation loss of the mean of `plans` is told, too."""


def recipe(only: Sequence[str]) -> list[Unit]:
    """The more telling questions first, in case that time runs out."""
    places = list(product([name for name in CHOSEN_ON if name in only], (300, 1000)))
    plans = [
        Plan(task, rows, seed, multiple=multiple, epochs=epochs, batch=batch)
        for epochs, batch in ((3, 16), (3, 8), (6, 16), (6, 8))
        for multiple in (0.25, *MULTIPLES, 4.0)
        for task, rows in places
        for seed in SEEDS[:2]
    ]
    others = ({"smoothing": 0.1}, {"rank": 4}, {"rank": 64})
    plans += [Plan(task, rows, seed, **more) for more in others for task, rows in places for seed in SEEDS[:2]]
    units = [Unit((plan,)) for plan in plans]
    averaged = [Unit(tuple(Plan(task, rows, seed) for seed in SEEDS), average=True) for task, rows in places]
    return units[: len(places) * 10] + averaged + units[len(places) * 10 :]


def methods(only: Sequence[str]) -> list[Unit]:
    found = []
    for (method, depth), task in product(
        (("lora", None), ("full", None), ("lora", 10)), (name for name in METHODS_ON if name in only)
    ):
        tries = tuple(Plan(task, 1000, 0, method, multiple, depth=depth) for multiple in MULTIPLES)
        found.append(Unit(tries, tuple(Plan(task, 1000, seed, method, depth=depth, answer=True) for seed in SEEDS)))
    return found


def sizes(only: Sequence[str]) -> list[Unit]:
    grid = product(SEEDS, (250, 500, 1000, 2000), (name for name in only if name != "mts-dialog"))
    ours = [Plan(task, rows, seed, answer=True) for seed, rows, task in grid]
    return [Unit((one,)) for plan in ours for one in (plan, replace(plan, trl=True, batch=8, rank=32))]


STAGES = {"recipe": recipe, "methods": methods, "sizes": sizes}


def train(args: argparse.Namespace) -> None:
    """OUT/STAGE.jsonl: a line for every training."""
    args.out.mkdir(parents=True, exist_ok=True)
    file, began = args.out / f"{args.stage}.jsonl", time.time()
    done = {_plan(json.loads(line)) for line in file.read_text().splitlines()} if file.exists() else set()
    units = [unit for unit in STAGES[args.stage](args.only) if unit.plans[-1] not in done]
    processes = args.processes or (max(1, (os.cpu_count() or 1) - 2) if torch.cuda.is_available() else 1)
    setting = (args.base, args.folder, began + args.seconds, processes)
    missed = 0
    with (
        file.open("a") as told,
        ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _open, setting) as pool,
    ):
        for finished in as_completed([pool.submit(_work, unit) for unit in units]):
            lines = finished.result()
            missed += not lines
            told.writelines(json.dumps(line) + "\n" for line in lines)
            told.flush()
    print(
        f"{args.stage}: {len(units) - missed} of {len(units)} units in {time.time() - began:.0f} s, {processes} at once"
    )


def _plan(line: dict[str, Any]) -> Plan:
    return Plan(**{name: line[name] for name in Plan.__slots__})


def _open(base: Path, folder: Path, until: float, processes: int) -> None:
    global bench
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    bench = Bench(base, folder, until)


def _work(unit: Unit) -> list[dict[str, Any]]:
    return bench.work(unit)


class Bench:
    """The base in one process, and what is trained on it."""

    def __init__(self, base: Path, folder: Path, until: float) -> None:
        from transformers import AutoModelForCausalLM

        from sartor.models.decoder import Decoder

        self.folder, self.until = folder, until
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self.device == "cuda" else torch.float32
        model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype).eval().requires_grad_(False)
        self.decoder = Decoder(model.to(self.device))
        self.scratch = Path("/dev/shm" if Path("/dev/shm").is_dir() else ".") / f"sartor-bench-{os.getpid()}"
        self.packed: dict[str, dict[str, Any]] = {}

    def work(self, unit: Unit) -> list[dict[str, Any]]:
        """A line for every training; none where it is too late."""
        if time.time() > self.until:
            return []
        networks = []
        lines: list[dict[str, Any]] = []
        for plan in unit.plans:
            network, line = self.trained(plan)
            networks.append(network)
            lines.append(line)
        if unit.then:
            best = min((line for line in lines if "failed" not in line), key=_loss)["multiple"]
            lines += [self.trained(replace(plan, multiple=best))[1] for plan in unit.then]
        if unit.average:
            lines.append(lines[0] | {"averaged": len(lines), "validation": [[0, self.averaged(unit, networks)]]})
        shutil.rmtree(self.scratch, ignore_errors=True)
        return lines

    def trained(self, plan: Plan) -> tuple[Any, dict[str, Any]]:
        from sartor.models.methods import fresh
        from sartor.train import loop
        from sartor.train.network import FastNetwork

        started = time.monotonic()
        held, pool = self.held(plan.task), self.rows(plan.task, "train")[HELD:]
        training = random.Random(plan.seed).sample(pool, min(plan.rows, len(pool)))
        network = FastNetwork(self.decoder, fresh(self.decoder, self.spec(plan)), "base")
        rate = 2e-4 if plan.trl else plan.multiple * self.auto(plan.method)
        recipe = loop.Recipe(rate, plan.epochs, plan.batch, plan.seed, END, PASS_TOKENS, label_smoothing=plan.smoothing)
        line = asdict(plan) | {"on": torch.cuda.get_device_name() if self.device == "cuda" else "CPU"}
        try:
            history = loop.train(
                network, training, held, recipe, self.scratch / str(hash(plan)), checkpoint_seconds=1e9
            )
        except loop.Diverged as error:
            return network, line | {"failed": str(error)}
        line |= {"validation": history.validation, "best_epoch": history.best_epoch}
        line |= {"seconds": round(history.seconds, 2), "steps": history.steps, "tokens": history.computed_tokens}
        line |= {"answers": self.answers(plan.task, network)} if plan.answer else {}
        return network, line | {"wall": round(time.monotonic() - started, 2)}

    def averaged(self, unit: Unit, networks: Sequence[Any]) -> float:
        """Validation loss of the mean of LoRA adapters."""
        from sartor.models.methods.average import average
        from sartor.models.methods.lora import LoraWeights
        from sartor.train.batches import common_prefix
        from sartor.train.loop import validation_loss
        from sartor.train.network import FastNetwork

        folders = [self.scratch / f"seed-{at}" for at in range(len(networks))]
        mean = self.scratch / "mean"
        for folder in (*folders, mean):
            folder.mkdir(parents=True)
        for folder, network in zip(folders, networks, strict=True):
            network.save(folder)
        average(folders, mean, self.spec(unit.plans[0]).model_copy(update={"seeds": len(folders)}))
        network, held = (
            FastNetwork(self.decoder, LoraWeights.load(mean, self.decoder), "base"),
            self.held(unit.plans[0].task),
        )
        return validation_loss(network, held, common_prefix(held), END)

    def spec(self, plan: Plan) -> Any:
        from sartor.task import TrainSpec

        depth = {"depth": plan.depth} if plan.depth else {}
        ranked = {"rank": plan.rank} if plan.method == "lora" else {}
        scaled = {"alpha": 16.0} if plan.trl else {}
        return TrainSpec(method=plan.method, seed=plan.seed, **depth, **ranked, **scaled)

    def auto(self, method: str) -> float:
        from sartor.train.loop import auto_learning_rate

        return auto_learning_rate(self.decoder.config.hidden_size, method)

    def held(self, task: str) -> list[Any]:
        return self.rows(task, "train")[:HELD]

    def rows(self, task: str, side: str) -> list[Any]:
        from sartor.train.batches import Encoded

        if task not in self.packed:
            with gzip.open(self.folder / f"{task}.json.gz", "rt") as file:
                self.packed[task] = json.load(file)
        return [Encoded(str(at), tuple(p), tuple(r)) for at, (p, r) in enumerate(self.packed[task][side])]

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


def _loss(line: dict[str, Any]) -> float:
    return min(loss for _, loss in line["validation"])


def score(folder: Path, answers: Path) -> None:
    """bench/results/gpu_STAGE.json: of every training the best validation loss, and its task's first KPI where it answered."""
    rows: list[Row] = []
    opened: dict[str, Any] = {}
    lines = [json.loads(text) for text in answers.read_text().splitlines()]
    for line in lines:
        what = f"{line['task']}, {line['rows']} rows, " + (
            f"{line['averaged']} seeds averaged" if "averaged" in line else f"seed {line['seed']}"
        )
        system = ", ".join(_named(line))
        if "failed" in line:
            print(f"{what}, {system}: {line['failed']}")
            continue
        rows.append(row(system, f"{what}: validation loss", _loss(line), "nats/token"))
        rows.append(row(system, f"{what}: training", line["seconds"], "s"))
        if given := line.get("answers"):
            if line["task"] not in opened:
                opened[line["task"]] = answering(line["task"], folder)
            name, *marks = kpi(*opened[line["task"]], given)
            rows.append(row(system, f"{what}: {name}", marks[0], "", *marks[1:]))
    record(f"gpu_{answers.stem}", rows, {}, trained_on=lines[0]["on"])


def _named(line: dict[str, Any]) -> Iterable[str]:
    """What a training was, in words."""
    yield line["method"]
    yield "as TRL documents" if line["trl"] else f"{line['multiple']:g} × auto"
    yield f"{line['epochs']} epochs, batches of {line['batch']}"
    for key, usual in (("rank", 16), ("smoothing", 0.0), ("depth", None)):
        if line[key] != usual:
            yield f"{key} {line[key]}"


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
