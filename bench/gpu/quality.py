"""Recipe, methods and label efficiency: hundreds of trainings, which take minutes on a GPU.

    python bench/gpu/quality.py pack FOLDER                        where the data are: every task as token ids
    python bench/gpu/quality.py train FOLDER --base BASE --stage STAGE --out FOLDER [--seconds LIMIT]
    python bench/gpu/quality.py score FOLDER OUT/STAGE.jsonl       where the data are: bench/results/gpu_STAGE.json
                                                                   or cpu_STAGE.json

`recipe`: validation loss on three tasks, of the default with other rates, epochs, batches, ranks and smoothing, and of three
seeds averaged. `methods`: LoRA, LoRA on the last ten layers and full fine-tuning, each at the rate that is best on validation
rows, three seeds, the test rows answered. `sizes`: at 250 to 2,000 labels the default recipe, and what TRL's documentation
trains a LoRA with (2e-4, rank 32, α 16, batches of 8) in this very loop. `weights`: values or critical facts that count three
times in the loss, and once. Answers are greedy, with label choice and JSON constraints off.

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
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from itertools import permutations, product
from pathlib import Path
from statistics import fmean
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
    "pii": f"""
kind: extraction
data: {{train: {SHARED}/pii/synth_v2.jsonl, group: template}}
prompt:
  system: Copy every piece of personal data in the text, as JSON.
  user: "{{text}}"
  target: '{{"found": {{spans.*.value}}}}'
""",
    "mts-sections": f"""
kind: classification
data: {{train: {SHARED}/mts_dialog/train.jsonl, test: {SHARED}/mts_dialog/test1.jsonl, input: dialogue, target: section}}
prompt: {{system: Name the section of the clinical note that this conversation belongs to.}}
train: {{max_length: 1024, overlong: drop}}
""",
}
CHOSEN_ON = ("support-intents", "billing-notes", "mts-dialog")
METHODS_ON = ("support-intents", "billing-notes", "nlupp")
WEIGHTED_ON = {"billing-notes": "field_weight", "nlupp": "field_weight", "mts-dialog": "fact_weight"}
WEIGHT = 3.0
TESTS, END = 300, 2
PASS_TOKENS = {"cuda": 8192, "cpu": 1024}
MULTIPLES = (0.5, 1.0, 2.0)
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"batch": 16},
    {"batch": 8},
    {"batch": 4},
    {"multiple": 2.0},
    {"epochs": 6},
    {"epochs": 6, "batch": 8},
    {"epochs": 6, "multiple": 2.0},
    {"epochs": 10},
    {"smoothing": 0.1},
    {"rank": 4},
    {"rank": 64},
    {"multiple": 0.5},
    {"multiple": 4.0},
)
SEEDS = (0, 1, 2)
SIZES_ON = {"banking77": 2000, "cuad": 2000, "nlupp": 1000, "pii": 1000, "mts-sections": 1000}
"""None of them in CHOSEN_ON; the most rows that each has, beside those of validation."""


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
    parser.add_argument("--rows", nargs="+", type=int, help="default: the stage's own")
    parser.add_argument("--held", type=int, default=200, help="validation rows, less of which a CPU needs")
    parser.add_argument("--longest", type=int, default=1024, help="tokens of a row; longer ones are left out")
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
    from sartor.flows.emphasis import emphasised
    from sartor.flows.prepare import prepare
    from sartor.train.encode import encode, fit, tokenise

    folder.mkdir(parents=True, exist_ok=True)
    task = open_named(name, folder)
    base, splits = LoadedBase(task), prepare(task).splits
    heavy = {WEIGHTED_ON[name]: WEIGHT} if name in WEIGHTED_ON else {}
    spec = task.spec.model_copy(update={"train": task.spec.train.model_copy(update=heavy)})
    weighted = emphasised(splits.train, tokenise(splits.train, base.renderer), spec, base.renderer)
    train = fit(splits.train, weighted, spec.train.max_length, spec.train.overlong).rows
    test = encode(splits.test, base.renderer, None, "error").rows
    random.Random(0).shuffle(train)
    sides = (("train", train), ("test", test))
    packed = {side: [[row.prompt, row.reply, row.weights] for row in rows] for side, rows in sides}
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
    weight: float = 1.0
    """Of values, or of critical facts; as packed, if not 1."""
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


def usual(task: str, rows: int, seed: int, **changed: Any) -> Plan:
    from sartor.train.batches import step_rows

    return Plan(task, rows, seed, batch=step_rows("auto", rows), **changed)


def recipe(only: Sequence[str], rows: Sequence[int]) -> list[Unit]:
    """The default, one change or two at a time; the more telling ones first, in case that time runs out."""
    tasks = [name for name in CHOSEN_ON if name in only]
    units = []
    for count in rows or (250, 1000):
        grid = product(SEEDS[:2], CHANGES, tasks)
        units += [Unit((replace(usual(task, count, seed), **change),)) for seed, change, task in grid]
        units += [Unit(tuple(usual(task, count, seed) for seed in SEEDS), average=True) for task in tasks]
    return list(dict.fromkeys(units))


def methods(only: Sequence[str], rows: Sequence[int]) -> list[Unit]:
    found = []
    kinds: tuple[dict[str, Any], ...] = ({"method": "lora"}, {"method": "full"}, {"method": "lora", "depth": 10})
    for kind, task, count in product(kinds, (name for name in METHODS_ON if name in only), rows or (1000,)):
        tries = tuple(usual(task, count, 0, multiple=multiple, **kind) for multiple in MULTIPLES)
        found.append(Unit(tries, tuple(usual(task, count, seed, answer=True, **kind) for seed in SEEDS)))
    return found


def sizes(only: Sequence[str], rows: Sequence[int]) -> list[Unit]:
    grid = product(SEEDS, rows or (250, 500, 1000, 2000), (name for name in SIZES_ON if name in only))
    ours = [usual(task, count, seed, answer=True) for seed, count, task in grid if count <= SIZES_ON[task]]
    return [Unit((one,)) for plan in ours for one in (plan, replace(plan, trl=True, batch=8, rank=32))]


def weights(only: Sequence[str], rows: Sequence[int]) -> list[Unit]:
    grid = product(SEEDS, (name for name in WEIGHTED_ON if name in only), rows or (1000,), (1.0, WEIGHT))
    return [Unit((usual(task, count, seed, weight=weight, answer=True),)) for seed, task, count, weight in grid]


STAGES = {"recipe": recipe, "methods": methods, "sizes": sizes, "weights": weights}


def train(args: argparse.Namespace) -> None:
    """OUT/STAGE.jsonl: a line for every training."""
    args.out.mkdir(parents=True, exist_ok=True)
    file, began = args.out / f"{args.stage}.jsonl", time.time()
    done = {_plan(json.loads(line)) for line in file.read_text().splitlines()} if file.exists() else set()
    units = [unit for unit in STAGES[args.stage](args.only, args.rows) if unit.plans[-1] not in done]
    processes = args.processes or (max(1, (os.cpu_count() or 1) - 2) if torch.cuda.is_available() else 1)
    setting = (args.base, args.folder, args.held, args.longest, began + args.seconds, processes)
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


def _open(base: Path, folder: Path, held: int, longest: int, until: float, processes: int) -> None:
    global bench
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    bench = Bench(base, folder, held, longest, until)


def _work(unit: Unit) -> list[dict[str, Any]]:
    try:
        return bench.work(unit)
    except Exception:  # one training must not end the hundreds beside it
        print(f"not trained: {unit.plans[-1]}", file=sys.stderr)
        traceback.print_exc()
        return []


class Bench:
    """The base in one process, and what is trained on it."""

    def __init__(self, base: Path, folder: Path, held: int, longest: int, until: float) -> None:
        from transformers import AutoModelForCausalLM

        from sartor.models.decoder import Decoder

        self.folder, self.validation_rows, self.longest, self.until = folder, held, longest, until
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
        held, pool = self.held(plan.task), self.rows(plan.task, "train", plan.weight != 1)[self.validation_rows :]
        training = random.Random(plan.seed).sample(pool, min(plan.rows, len(pool)))
        network = FastNetwork(self.decoder, fresh(self.decoder, self.spec(plan)), "base")
        rate = 2e-4 if plan.trl else plan.multiple * self.auto(plan.method)
        tokens = PASS_TOKENS[self.device]
        recipe = loop.Recipe(rate, plan.epochs, plan.batch, plan.seed, END, tokens, label_smoothing=plan.smoothing)
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
        return self.rows(task, "train")[: self.validation_rows]

    def rows(self, task: str, side: str, weighted: bool = False) -> list[Any]:
        from sartor.train.batches import Encoded

        if task not in self.packed:
            with gzip.open(self.folder / f"{task}.json.gz", "rt") as file:
                self.packed[task] = json.load(file)
        return [
            Encoded(str(at), tuple(prompt), tuple(reply), tuple(weights) if weighted else None)
            for at, (prompt, reply, weights) in enumerate(self.packed[task][side])
            if side == "test" or len(prompt) + len(reply) <= self.longest
        ]

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


def score(folder: Path, told: Path) -> None:
    """bench/results/gpu_STAGE.json or cpu_STAGE.json: validation loss and seconds of every training, KPIs where it answered."""
    lines = [json.loads(text) for text in told.read_text().splitlines()]
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    answered: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        seeds = f"{line['averaged']} seeds averaged" if "averaged" in line else f"seed {line['seed']}"
        what = f"{line['task']}, {line['rows']} rows, {seeds}"
        system = ", ".join(_named(line))
        if "failed" in line:
            print(f"{what}, {system}: {line['failed']}")
            continue
        rows.append(row(system, f"{what}: validation loss", _loss(line), "nats/token"))
        rows.append(row(system, f"{what}: training", line["seconds"], "s"))
        if "answers" in line:
            answered.setdefault(line["task"], []).append(line)
    for name, of_task in answered.items():
        rows += kpis(name, folder, of_task)
        ratios |= costs(name, of_task)
    machines = sorted({line["on"] for line in lines})
    where = "cpu" if machines == ["CPU"] else "gpu"
    record(f"{where}_{told.stem}", rows, ratios, trained_on=", ".join(machines))


def _named(line: dict[str, Any]) -> Iterable[str]:
    """What a training was, in words."""
    yield line["method"]
    yield "as TRL documents" if line["trl"] else f"{line['multiple']:g} × auto"
    yield f"{line['epochs']} epochs, batches of {line['batch']}"
    for key, usual in (("rank", 16), ("smoothing", 0.0), ("depth", None), ("weight", 1.0)):
        if line[key] != usual:
            yield f"{key} {line[key]}"


def by_recipe(lines: Iterable[dict[str, Any]]) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """The seeds of each number of rows and system."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault((line["rows"], ", ".join(_named(line))), []).append(line)
    return dict(sorted(found.items()))


def beside(recipes: Iterable[tuple[int, str]]) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    """Two systems on the same rows, and one on half of TRL's."""
    return [
        (a, b)
        for a, b in permutations(recipes, 2)
        if (a[0] == b[0] and a[1] < b[1]) or (2 * a[0] == b[0] and "TRL" in b[1] and "TRL" not in a[1])
    ]


def kpis(name: str, folder: Path, lines: Sequence[dict[str, Any]]) -> list[Row]:
    """A task's first KPI, over seeds where there are several, and the differences between systems."""
    from sartor.evaluate.recipes import judge_recipes
    from sartor.evaluate.scorecard import score as scored
    from sartor.flows.base import LoadedBase
    from sartor.flows.prepare import prepare
    from sartor.generate.answer import Answer

    task = open_named(name, folder)
    tokenizer, test = LoadedBase(task).opened.tokenizer, prepare(task).splits.test
    texts: dict[str, list[Answer]] = {}
    recipes: dict[str, list[str]] = {}
    grouped = by_recipe(lines)
    for (count, system), seeds in grouped.items():
        recipe = f"{count} rows, {system}"
        for line in seeds:
            said = (str(tokenizer.decode(ids, clean_up_tokenization_spaces=False)) for ids in line["answers"])
            each = f"{recipe}, seed {line['seed']}"
            texts[each] = [Answer(row.id, text) for row, text in zip(test, said, strict=True)]
            recipes.setdefault(recipe, []).append(each)
    cards = [scored(each, test, given, task.spec) for each, given in texts.items()]
    several = {recipe: systems for recipe, systems in recipes.items() if len(systems) > 1}
    marks, compared = judge_recipes(several, cards, test, texts, task.spec)
    first = task.spec.kpi_list[0].name
    what = f"{name}: {first}"
    rows = [
        row(m.recipe, f"{what}, {len(m.systems)} seeds", m.value, "", m.low, m.high) for m in marks if m.name == first
    ]
    singles = {systems[0] for systems in recipes.values() if len(systems) == 1}
    for card in cards:
        if card.system in singles:
            mark = card.scores[first]
            rows.append(row(card.system, what, mark.value, "", mark.low, mark.high))
    found = {(c.a, c.b): c for each in compared if each.metric == first for c in (each, each.turned)}
    for (rows_a, a), (rows_b, b) in beside(grouped):
        one, other = f"{rows_a} rows, {a}", f"{rows_b} rows, {b}"
        if c := found.get((one, other)):
            rows.append(row(one, f"{what}, less {other}", c.difference, "", c.low, c.high))
    return rows


def costs(name: str, lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Seconds of training of one system by those of another on the same rows, means over seeds."""
    grouped = by_recipe(lines)
    return {
        f"{name}, {a[0]} rows: seconds, {a[1]} / {b[1]}": fmean(line["seconds"] for line in grouped[a])
        / fmean(line["seconds"] for line in grouped[b])
        for a, b in beside(grouped)
        if a[0] == b[0]
    }


if __name__ == "__main__":
    main()
