"""Does cleaning pay? Banking77 and nlupp with 20 % of their labels swapped for confusable ones: raw, curated, and random rows.

    .venv/bin/python bench/curation.py [--seeds 3] [--noises 5] [--only banking|lora|nlupp] [--folder FOLDER]

Curation sees the noisy rows only, under the policies in `INTENTS` and `REQUESTS`.

- `banking`: the encoder with a linear model on Banking77, another noise each time, all 3,080 test rows.
- `lora`: LoRA on the built-in base on Banking77, one noise, several training seeds, 500 test rows. Do 3,000 cleaned rows beat a
  raw pile three times as large? All see as many examples: 9,000 rows once or 3,000 rows three times.
- `nlupp`: the encoder with a linear model on the intents of requests, several each; a row in five has one intent for one of the
  three nearest.

../shared/bench/label_noise.py plants Banking77's errors. `FOLDER` keeps what was trained, so that the same command goes on.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

import sartor
from noise import SHARED, planted, read, write
from record import Row, record, row
from sartor.curate.embeddings import Remembered
from sartor.data.carve import sample
from sartor.data.example import Example
from sartor.evaluate.own import load_functions
from sartor.flows.base import LoadedBase
from sartor.flows.evaluate import judge
from sartor.flows.prepare import open_task, prepare
from sartor.flows.run import Stages
from sartor.generate.linear import LinearSystem
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.models.encoder import Encoder
from sartor.progress import silent
from sartor.store import Store

RATE = 0.2
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
task: requests-{action}
kind: classification
data: {{train: train.jsonl, test: test.jsonl, input: text, target: intents, labels: multi, id: id}}
curate: {{label_errors: {{action: {action}, threshold: 0.3}}, near_duplicates: "off", outliers: "off"}}
"""
ASKED = 500
COLUMNS = ("id", "text", "category")
RAW, DROPPED, RELABELLED, RANDOM = (
    "raw",
    "curated, errors dropped",
    "curated, errors relabelled",
    "random, as many as curated",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each LoRA")
    parser.add_argument("--noises", type=int, default=5, help="drawings of the errors, where no LoRA is trained")
    parser.add_argument("--only", choices=["banking", "lora", "nlupp"])
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        if args.only in (None, "banking"):
            record("curation_banking", banking(folder / "banking", args.noises), {}, noise=RATE, kind="confusable")
        if args.only in (None, "lora"):
            record("curation_lora", lora(folder / "noise-1", args.seeds), {}, noise=RATE, kind="confusable")
        if args.only in (None, "nlupp"):
            record("curation_nlupp", nlupp(folder / "nlupp", args.noises), {}, noise=RATE, kind="confusable")


def plant(folder: Path, noise: int, tested: int | None) -> dict[str, tuple[str, ...]]:
    """Writes both tasks of intents, noisy rows and true test rows; the true label by row."""
    source = SHARED / "data" / "banking77"
    rows = [
        line | {"id": str(at)} for at, line in enumerate(planted(read(source / "train.csv"), RATE, "confusable", noise))
    ]
    pile = sorted(np.random.default_rng(noise).permutation(len(rows))[:PILE].tolist())
    test = [line | {"id": f"t{at}"} for at, line in enumerate(read(source / "test.csv"))]
    test = [test[at] for at in sorted(np.random.default_rng(0).permutation(len(test))[:tested].tolist())]
    for action in ("drop", "fix"):
        place = folder / action
        place.mkdir(parents=True, exist_ok=True)
        (place / "sartor.yaml").write_text(INTENTS.format(action=action))
        write(place / "train.csv", [rows[at] for at in pile], COLUMNS)
        write(place / "test.csv", test, COLUMNS)
    return {rows[at]["id"]: (rows[at]["true_label"],) for at in pile}


def plant_intents(folder: Path, noise: int) -> dict[str, tuple[str, ...]]:
    """Writes both tasks; the true intents by row. A row in five has one intent for one of the three nearest, by their texts."""
    lines = [json.loads(line) for line in (SHARED / "data" / "nlupp" / "banking.jsonl").read_text().splitlines()]
    rows = [(str(at), line["text"], tuple(line["intents"])) for at, line in enumerate(lines) if line.get("intents")]
    intents = sorted({intent for _, _, given in rows for intent in given})
    has = np.array([[intent in given for intent in intents] for _, _, given in rows])
    centres = has.T @ Encoder.load().encode([text for _, text, _ in rows])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    near = np.argsort(-(centres @ centres.T), axis=1)[:, 1:4]
    draw = np.random.default_rng(noise)
    order = draw.permutation(len(rows)).tolist()
    test, train = [rows[at] for at in order[:ASKED]], []
    for id, text, given in (rows[at] for at in order[ASKED:]):
        swapped = int(draw.integers(len(given)))
        others = [intents[to] for to in near[intents.index(given[swapped])] if intents[to] not in given]
        if draw.random() < RATE and others:
            train.append((id, text, (*given[:swapped], *given[swapped + 1 :], others[int(draw.integers(len(others)))])))
        else:
            train.append((id, text, given))
    for action in ("drop", "fix"):
        place = folder / action
        place.mkdir(parents=True, exist_ok=True)
        (place / "sartor.yaml").write_text(REQUESTS.format(action=action))
        for name, side in (("train.jsonl", train), ("test.jsonl", test)):
            made = [{"id": id, "text": text, "intents": list(given)} for id, text, given in side]
            (place / name).write_text("".join(json.dumps(line) + "\n" for line in made))
    return {id: given for id, _, given in rows}


def curated(folder: Path) -> tuple[list[Example], list[Example]]:
    """The rows as they came and as `sartor curate` leaves them; what was curated before is not curated again."""
    project = sartor.open(folder)
    if not project.versions():
        project.curate()
    first, _ = project.versions()[0]
    return project.version(first.hash)[2], project.version()[2]


def banking(folder: Path, noises: int) -> list[Row]:
    def plant_all(place: Path, noise: int) -> dict[str, tuple[str, ...]]:
        return plant(place, noise, None)

    return probe("Banking77", folder, noises, plant_all, SUBSET)


def nlupp(folder: Path, noises: int) -> list[Row]:
    return probe("nlupp", folder, noises, plant_intents)


def probe(
    data: str,
    folder: Path,
    noises: int,
    plant: Callable[[Path, int], dict[str, tuple[str, ...]]],
    subset: int | None = None,
) -> list[Row]:
    """Micro F1 (accuracy, where rows have one label) of the encoder with a linear model, on true test rows."""
    scores: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    pairs = [(DROPPED, RAW), (RELABELLED, RAW), (DROPPED, RANDOM)]
    for noise in range(1, noises + 1):
        place = folder / f"noise-{noise}"
        truth = plant(place, noise)
        raw, cleaned = curated(place / "drop")
        test = prepare(open_task(place / "drop")).splits.test
        sets = {
            RAW: raw,
            DROPPED: cleaned,
            RELABELLED: curated(place / "fix")[1],
            RANDOM: sample(raw, len(cleaned), noise, floor=0),
            "true labels": [replace(each, labels=truth[each.id]) for each in raw],
        }
        if subset:
            few = {f"{way}, {subset:,}": sample(sets[way], subset, noise, floor=0) for way in (DROPPED, RAW)}
            sets |= few
            pairs = [*pairs[:3], *((f"{DROPPED}, {subset:,}", other) for other in (RAW, f"{RAW}, {subset:,}"))]
        texts = list({each.question for rows in (*sets.values(), test) for each in rows})
        encoder = Remembered(texts, Encoder.load().encode(texts))
        for name, rows in sets.items():
            answers = LinearSystem.fit(encoder, rows, seed=0).answer(test)
            given, wanted = [set(answer.text.split("; ")) for answer in answers], [set(each.labels) for each in test]
            right = sum(len(a & b) for a, b in zip(given, wanted, strict=True))
            scores.setdefault(name, []).append(200 * right / (sum(map(len, given)) + sum(map(len, wanted))))
            wrong = np.mean([set(each.labels) != set(truth[each.id]) for each in rows])
            sizes[name] = len(rows)
            print(f"noise {noise}: {name}, {len(rows):,} rows, {wrong:.3f} wrong: {scores[name][-1]:.2f}", flush=True)
    return beside(f"{data}, encoder + linear", "micro F1", scores, sizes, pairs)


def beside(
    what: str, metric: str, scores: dict[str, list[float]], sizes: dict[str, int], pairs: list[tuple[str, str]]
) -> list[Row]:
    """Means over the noises with least and most, and differences with a t interval."""
    found = [
        row(
            f"{what}, {name} ({sizes[name]:,} rows)",
            f"{metric} (mean, least and most)",
            float(np.mean(values)),
            "%",
            min(values),
            max(values),
        )
        for name, values in scores.items()
    ]
    for name, other in pairs:
        less = np.array(scores[name]) - np.array(scores[other])
        low, high = stats.t.interval(0.95, len(less) - 1, less.mean(), stats.sem(less))
        found.append(row(f"{what}, {name} less {other}", metric, less.mean(), "points", low, high))
    return found


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
                way_task = replace(task, spec=spec.model_copy(update={"train": train}), rows=tuple(rows))
                stages = Stages(way_task, prepare(way_task), base, store, steps, silent)
                trained = stages.train()
                answers[f"{way}, seed {seed}"] = stages.answer(stages.specialist(trained)).answers
                test = stages.prepared.splits.test
                told = zip(answers[f"{way}, seed {seed}"], test, strict=True)
                right = 100 * float(np.mean([answer.text == each.target for answer, each in told]))
                found.append(row(f"LoRA, {way}, seed {seed}", "accuracy", right, "%"))
    found.append(row("Banking77, curation", "rows dropped of 9,000", len(raw) - len(cleaned), "rows"))
    recipes = {way: [f"{way}, seed {seed}" for seed in range(seeds)] for way in ("curated", "raw", "random")}
    judged = judge(spec, test, answers, load_functions(spec, task.folder), recipes=recipes)
    for each in judged.recipe_comparisons:
        what = f"LoRA, {each.a} less {each.b}"
        found.append(row(what, each.metric, 100 * each.difference, "points", 100 * each.low, 100 * each.high))
    return found


if __name__ == "__main__":
    main()
