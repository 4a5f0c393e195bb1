"""Does cleaning pay? Banking77 and nlupp with 20 % of their labels swapped for confusable ones: raw, curated, and random rows.

    .venv/bin/python bench/curation.py [--seeds 3] [--noises 5] [--only probe|lora|nlupp] [--folder FOLDER]

Curation sees the noisy rows only, under the policies in `INTENTS` and `REQUESTS`.

- `probe`: the encoder with a linear model on Banking77, another noise each time, all 3,080 test rows.
- `lora`: LoRA on the built-in base on Banking77, one noise, several training seeds, 500 test rows. Do 3,000 cleaned rows beat a
  raw pile three times as large? All see as many examples: 9,000 rows once or 3,000 rows three times.
- `nlupp`: what `sartor curate --prove` says of 800 requests, 20 % of which have one intent for one of its three nearest.

../shared/bench/label_noise.py plants Banking77's errors. `FOLDER` keeps what was trained, so that the same command goes on.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import sartor
from record import Row, record, row
from sartor.data.carve import sample
from sartor.data.example import Example
from sartor.evaluate.own import load_functions
from sartor.flows.base import LoadedBase
from sartor.flows.evaluate import judge
from sartor.flows.prepare import Task, open_task, prepare
from sartor.flows.run import Stages
from sartor.generate.linear import LinearSystem
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.models.encoder import Encoder
from sartor.progress import silent
from sartor.store import Store

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
NOISE = SHARED / "bench" / "label_noise.py"
RATE = 0.2
SPREAD = "accuracy (mean, least and most)"
PILE, SUBSET, TESTED = 9000, 3000, 500
INTENTS = """\
task: intents-{action}
kind: classification
data: {{train: train.csv, test: test.csv, input: text, target: category, id: id}}
generate: {{constrained: false}}
kpis: [{{name: accuracy}}, {{name: macro_f1}}]
curate: {{exact_duplicates: drop, label_errors: {action}, near_duplicates: "off", neighbours: "off", outliers: "off"}}
"""
REQUESTS = """\
task: requests
kind: extraction
data: {train: train.jsonl, test: test.jsonl, id: id}
prompt:
  system: Extract intents and slots from the request as JSON.
  user: "{text}"
  target: '{"intents": {intents}, "slots": {slots.*.text}}'
kpis: [{name: field_f1}]
curate: {label_errors: {action: drop, threshold: 0.3}, near_duplicates: "off", outliers: "off"}
"""
REQUESTED, ANSWERED = 800, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each LoRA")
    parser.add_argument("--noises", type=int, default=5, help="drawings of the errors, for the probe")
    parser.add_argument("--only", choices=["probe", "lora", "nlupp"])
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    if not NOISE.exists():
        sys.exit(f"{NOISE} is not there: the generator and its data are not part of the repository")
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        if args.only in (None, "probe"):
            record("curation_probe", probe(folder, args.noises), {}, noise=RATE, kind="confusable")
        if args.only in (None, "lora"):
            record("curation_lora", lora(folder / "noise-1", args.seeds), {}, noise=RATE, kind="confusable")
        if args.only in (None, "nlupp"):
            record("curation_nlupp", nlupp(folder / "nlupp", args.seeds), {}, noise=RATE, kind="confusable")


def plant(folder: Path, noise: int, tested: int | None) -> dict[str, str]:
    """Writes both tasks' noisy rows and the test rows into `folder`; true label by row."""
    source = SHARED / "data" / "banking77"
    noisy = folder / "noisy.csv"
    folder.mkdir(parents=True, exist_ok=True)
    options: list[str | Path] = ["--label", "category", "--rate", str(RATE), "--seed", str(noise), "--out", noisy]
    subprocess.run(
        [sys.executable, NOISE, "--data", source / "train.csv", *options], check=True, stdout=subprocess.DEVNULL
    )
    rows = [line | {"id": str(at)} for at, line in enumerate(read(noisy))]
    pile = sorted(np.random.default_rng(noise).permutation(len(rows))[:PILE].tolist())
    test = [line | {"id": f"t{at}"} for at, line in enumerate(read(source / "test.csv"))]
    test = [test[at] for at in sorted(np.random.default_rng(0).permutation(len(test))[:tested].tolist())]
    for action in ("drop", "fix"):
        place = folder / action
        place.mkdir(exist_ok=True)
        (place / "sartor.yaml").write_text(INTENTS.format(action=action))
        write(place / "train.csv", [rows[at] for at in pile])
        write(place / "test.csv", test)
    return {rows[at]["id"]: rows[at]["true_label"] for at in pile}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text", "category"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def curated(folder: Path) -> tuple[list[Example], list[Example]]:
    """The rows as they came and as `sartor curate` leaves them; what was curated before is not curated again."""
    project = sartor.open(folder)
    if not project.versions():
        project.curate()
    first, _ = project.versions()[0]
    return project.version(first.hash)[2], project.version()[2]


def probe(folder: Path, noises: int) -> list[Row]:
    accuracy: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}
    for noise in range(1, noises + 1):
        place = folder / f"noise-{noise}"
        truth = plant(place, noise, None)
        raw, cleaned = curated(place / "drop")
        relabelled = curated(place / "fix")[1]
        test = prepare(open_task(place / "drop")).splits.test
        sets = {
            "raw pile": raw,
            "curated, errors dropped": cleaned,
            "curated, errors relabelled": relabelled,
            "random, as many as curated": sample(raw, len(cleaned), noise, floor=0),
            "curated, 3,000": sample(cleaned, SUBSET, noise, floor=0),
            "random, 3,000": sample(raw, SUBSET, noise, floor=0),
            "true labels, 3,000": true(sample(raw, SUBSET, noise, floor=0), truth),
            "true labels, whole pile": true(raw, truth),
        }
        for name, rows in sets.items():
            system = LinearSystem.fit(Encoder.load(), rows, seed=0)
            answers = system.answer(test)
            right = np.mean([answer.text == example.target for answer, example in zip(answers, test, strict=True)])
            accuracy.setdefault(name, []).append(float(right))
            wrong = np.mean([example.target != truth[example.id] for example in rows])
            sizes[name] = len(rows)
            print(f"noise {noise}: {name}, {len(rows):,} rows, {wrong:.3f} wrong: {right:.4f}", flush=True)
    found = []
    for name, values in accuracy.items():
        what = f"encoder + linear, {name} ({sizes[name]:,} rows)"
        found.append(
            row(
                what,
                "accuracy (mean, least and most)",
                100 * float(np.mean(values)),
                "%",
                100 * min(values),
                100 * max(values),
            )
        )
    for name, beside in (
        ("curated, errors dropped", "raw pile"),
        ("curated, errors relabelled", "raw pile"),
        ("curated, errors dropped", "random, as many as curated"),
        ("curated, 3,000", "raw pile"),
        ("curated, 3,000", "random, 3,000"),
    ):
        differences = 100 * (np.array(accuracy[name]) - np.array(accuracy[beside]))
        what = f"encoder + linear, {name} less {beside}"
        found.append(
            row(
                what,
                "accuracy (mean, least and most)",
                differences.mean(),
                "points",
                differences.min(),
                differences.max(),
            )
        )
    return found


def true(rows: list[Example], truth: dict[str, str]) -> list[Example]:
    return [replace(example, target=truth[example.id], labels=(truth[example.id],)) for example in rows]


def lora(folder: Path, seeds: int) -> list[Row]:
    plant(folder, 1, TESTED)
    raw, cleaned = curated(folder / "drop")
    task = open_task(folder / "drop")
    spec = task.spec
    answers, base, found = {}, LoadedBase(task), []
    store = Store.open(folder / "drop" / ".sartor")
    with Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        for seed in range(seeds):
            ways = {
                "curated": (sample(cleaned, SUBSET, seed, floor=0), 3),
                "raw": (raw, 1),
                "random": (sample(raw, SUBSET, seed, floor=0), 3),
            }
            for way, (rows, epochs) in ways.items():
                train = spec.train.model_copy(update={"seed": seed, "epochs": epochs})
                way_task = Task(task.folder, spec.model_copy(update={"train": train}), tuple(rows))
                stages = Stages(way_task, prepare(way_task), base, store, steps, silent)
                trained = stages.train()
                answers[f"{way}, seed {seed}"] = stages.answer(stages.specialist(trained)).answers
                test = stages.prepared.splits.test
                right = np.mean([a.text == e.target for a, e in zip(answers[f"{way}, seed {seed}"], test, strict=True)])
                print(f"{way}, seed {seed}: {right:.3f}, {trained.history.seconds:.0f} s", flush=True)
    recipes = {way: [f"{way}, seed {seed}" for seed in range(seeds)] for way in ("curated", "raw", "random")}
    judged = judge(spec, test, answers, load_functions(spec, task.folder), recipes=recipes)
    for each in judged.recipe_comparisons:
        what = f"LoRA, {each.a} less {each.b}"
        found.append(row(what, each.metric, 100 * each.difference, "points", 100 * each.low, 100 * each.high))
    return found


def nlupp(folder: Path, seeds: int) -> list[Row]:
    wrong = plant_intents(folder)
    raw, cleaned = curated(folder)
    proof = sartor.open(folder).prove(seeds)
    print("\n".join(proof.sentences))
    found = [
        row(
            f"nlupp, {name}",
            "rows with a wrong intent",
            100 * len([each for each in rows if each.id in wrong]) / len(rows),
            "%",
        )
        for name, rows in ((f"raw, {len(raw)} rows", raw), (f"curated, {len(cleaned)} rows", cleaned))
    ]
    for recipe in proof.judged.recipes:
        if recipe.name == "field_f1":
            found.append(
                row(f"nlupp, {recipe.recipe}", "field F1", 100 * recipe.value, "%", 100 * recipe.low, 100 * recipe.high)
            )
    for each in proof.decisive:
        what = f"nlupp, {each.a} less {each.b}"
        found.append(row(what, each.metric, 100 * each.difference, "points", 100 * each.low, 100 * each.high))
    return found


def plant_intents(folder: Path) -> set[str]:
    """Writes the task; the ids of the rows that have one intent for one of the three nearest (by the mean of its texts)."""
    lines = [json.loads(line) for line in (SHARED / "data" / "nlupp" / "banking.jsonl").read_text().splitlines()]
    rows = [
        line | {"id": str(at), "slots": line.get("slots", {})} for at, line in enumerate(lines) if line.get("intents")
    ]
    intents = sorted({intent for line in rows for intent in line["intents"]})
    has = np.array([[intent in line["intents"] for intent in intents] for line in rows])
    centres = has.T @ Encoder.load().encode([line["text"] for line in rows])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    near = np.argsort(-(centres @ centres.T), axis=1)[:, 1:4]
    draw, wrong = np.random.default_rng(1), set()
    order = draw.permutation(len(rows))
    test, train = order[:ANSWERED], sorted(order[ANSWERED : ANSWERED + REQUESTED].tolist())
    for at in train:
        given = list(rows[at]["intents"])
        swapped = int(draw.integers(len(given)))
        others = [intents[to] for to in near[intents.index(given[swapped])] if intents[to] not in given]
        if draw.random() < RATE and others:
            given[swapped] = others[int(draw.integers(len(others)))]
            rows[at] = rows[at] | {"intents": given}
            wrong.add(rows[at]["id"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sartor.yaml").write_text(REQUESTS)
    for name, places in (("train.jsonl", train), ("test.jsonl", sorted(test.tolist()))):
        (folder / name).write_text("".join(json.dumps(rows[at]) + "\n" for at in places))
    return wrong


if __name__ == "__main__":
    main()
