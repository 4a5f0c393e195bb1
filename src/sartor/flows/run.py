"""The main job: check → version and split → rivals → train → evaluate → register → report.

Every stage is a step that is done once: after a kill the same command goes on where it was, and a finished stage is
repeated only when something that it depends on has changed.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.versions import freeze
from sartor.evaluate.compare import Comparison, compare
from sartor.evaluate.mistakes import mistakes
from sartor.evaluate.own import load_functions, source_hashes
from sartor.evaluate.scorecard import Scorecard, score
from sartor.evaluate.verdict import Verdict, decide
from sartor.flows.ask import Answered, ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.check import CheckReport, check
from sartor.flows.judging import ask_judges
from sartor.flows.outcome import Outcome, Trained
from sartor.flows.page import build_report
from sartor.flows.prepare import Prepared, Task, prepare
from sartor.flows.recipes import recipe_hash
from sartor.flows.systems import SPECIALIST, Answering, Entrant, rivals, specialist
from sartor.flows.training import ADAPTER_NAME, Apart, Training, learn
from sartor.jobs import Usage
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.jobs.versions import versions
from sartor.progress import Progress, silent
from sartor.report.page import render
from sartor.report.terminal import verdict_lines
from sartor.store import Store, disk_errors
from sartor.store.disk import write_file
from sartor.store.folders import hash_folder
from sartor.train.loop import Diverged, History, Recipe, auto_learning_rate
from sartor.train.meter import Meter, book_lines, meter

REPORT_NAME = "report.html"
log = logging.getLogger("sartor")


@dataclass(frozen=True, slots=True)
class RunResult:
    report: Path
    """The page."""
    adapter: AdapterVersion
    verdict: Verdict
    lines: list[str]
    """The verdict for a terminal."""
    scorecards: list[Scorecard]
    training: Meter
    """What the training took, in the run that did it."""

    def to_json(self) -> dict[str, Any]:
        """One document for machines: verdict, scores with intervals, adapter, training, page."""
        return {
            "task": self.adapter.task,
            "verdict": asdict(self.verdict),
            "systems": {
                card.system: {name: asdict(s) for name, s in card.all_scores.items()} for card in self.scorecards
            },
            "adapter": {"name": self.adapter.name, "hash": self.adapter.hash, "path": str(self.adapter.path)},
            "training": asdict(self.training),
            "report": str(self.report),
        }


def run(task: Task, store: Store, progress: Progress = silent, checked: CheckReport | None = None) -> RunResult:
    """From a file of examples to a verdict. `checked` is the task's preflight where it was done already.

    Raises InputError before anything is written when the preflight says no, SystemFailure for what a machine can do
    wrong; what was finished is kept, and the same call goes on from there.
    """
    checked = checked or check(task, progress)
    checked.raise_for_errors()
    prepared = prepare(task)
    base = LoadedBase(task, progress)
    spec = task.spec
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        run = Stages(task, prepared, base, store, steps, progress)
        answered = [run.answer(rival) for rival in run.rivals()]
        trained = run.train()
        answered.append(run.answer(run.specialist(trained)))
        outcome = run.judge(checked, answered, trained)
        path = task.folder / REPORT_NAME
        data = build_report(outcome, str(path))
        write_file(path, render(data).encode())
    return RunResult(path, outcome.adapter, outcome.verdict, verdict_lines(data), outcome.scorecards, trained.meter)


class Stages:
    """The stages of one run: each returns what the next ones need, from the store where it was done before."""

    def __init__(
        self, task: Task, prepared: Prepared, base: LoadedBase, store: Store, steps: Steps, progress: Progress
    ) -> None:
        self.task, self.spec, self.prepared, self.base = task, task.spec, prepared, base
        self.store, self.steps, self.progress = store, steps, progress
        self.versions = self._version_data()
        self.labelled = [*prepared.splits.train, *prepared.splits.validation]
        self.answering = Answering.learn(self.spec, base, self.labelled)

    def rivals(self) -> list[Entrant]:
        return rivals(self.spec, self.base, self.answering, self.labelled, self.prepared.splits.test)

    def specialist(self, trained: Trained) -> Entrant:
        made, hash = trained.folder, trained.manifest["hash"]
        return specialist(SPECIALIST, self.spec, self.base, self.answering, made, hash)

    def answer(self, entrant: Entrant) -> Answered:
        return ask_once(self.steps, self.store, entrant, self.prepared.splits.test, self.progress)

    def train(self, apart: Apart | None = None) -> Trained:
        """`apart`: in a process of its own, which measures the peak of its memory; what diverges there is not tried again.

        Raises as `learn` and `Apart.learn` do.
        """
        spec, base, opened = self.spec.train, self.base, self.base.opened
        dtype, why = base.number_format
        rate = spec.learning_rate
        if rate == "auto":
            rate = auto_learning_rate(opened.config.hidden_size, spec.method)
        settings = {
            **spec.method_settings,
            "learning_rate": rate,
            "epochs": spec.epochs,
            "batch_size": spec.batch_size,
            "seed": spec.seed,
            "max_length": spec.max_length,
            "overlong": spec.overlong,
            "number_format": str(dtype).removeprefix("torch."),
        }
        data = {side: self.versions[side] for side in ("train", "validation")}
        inputs = settings | data | {"base": opened.hash}

        def work(folder: Path) -> dict[str, Any]:
            training = self._training(rate, folder / "trunks" if apart else self.store.trunks(self.spec.task))
            told = self.progress
            learned = apart.learn(training, folder, told) if apart else learn(training, base, folder, told)
            if "diverged" in learned:
                return learned
            made = folder / ADAPTER_NAME
            content = hash_folder(made)
            manifest = settings | {
                "task": self.spec.task,
                "kind": self.spec.kind,
                "base_model": self.spec.base,
                "base_hash": opened.hash,
                "template_hash": opened.template_hash,
                "dataset": self.versions,
                "recipe": recipe_hash(self.spec, settings, opened.hash, self.prepared.examples),
                "answering": asdict(self.answering),
                "prompt": self.spec.prompt.model_dump(exclude_none=True),
                "number_format_why": why,
                "plain_path": base.slow_because,
                "threads": training.threads,
                "versions": versions(),
                "dropped": learned["dropped"],
                "cut": learned["cut"],
                "trainable": learned["trainable"],
                "best_epoch": learned["history"]["best_epoch"],
                "hash": content,
            }
            name = f"{self.spec.task}-{content[:16]}"
            published = self.store.folders.publish("trained", name, lambda target: _copy(made, target))
            log.info("adapter %s trained: %s", content[:12], published.name)
            return learned | {"folders": {"adapter": f"trained/{name}"}, "manifest": manifest}

        step = self.steps.run("train apart" if apart else "train", inputs, work)
        if said := step.outputs.get("diverged"):
            raise Diverged(said, step.outputs["usage"]["seconds"])
        history = History.from_json(step.outputs["history"])
        kind, name = step.outputs["folders"]["adapter"].split("/", 1)
        fast, watts, longest = base.slow_because is None, self.spec.costs.watts, step.outputs["longest"]
        usage = Usage(**step.outputs["usage"]) if apart else step.usage
        read = meter(opened.config, spec, history, usage, longest, fast, base.device, watts)
        for item, quantity, unit, source in book_lines(read):
            self.store.records.book(step.run, item, quantity, unit, 0.0, source, self.spec.costs.currency)
        spent = {"seconds": round(history.seconds, 1), "cost": round(step.money, 4), "meter": asdict(read)}
        return Trained(self.store.folders.path(kind, name), step.outputs["manifest"] | spent, history, step, read)

    def _training(self, rate: float, trunks: Path) -> Training:
        spec, splits = self.spec.train, self.prepared.splits
        recipe = Recipe(
            learning_rate=rate,
            epochs=spec.epochs,
            batch_size=spec.batch_size,
            seed=spec.seed,
            pad=min(self.base.renderer.stop_ids),
            pass_tokens=spec.pass_tokens,
            price_per_hour=self.spec.costs.hour,
            budget=spec.budget,
        )
        task = Task(self.task.folder, self.spec)  # without the rows of versions, the test's among them
        threads = torch.get_num_threads()
        return Training(task, splits.train, splits.validation, recipe, self.base.number_format, threads, trunks)

    def judge(self, checked: CheckReport, answered: Sequence[Answered], trained: Trained) -> Outcome:
        """Score all systems on the test set, register the adapter, and decide."""
        test, labels, seed = self.prepared.splits.test, self.answering.labels, self.spec.train.seed
        specialist = answered[-1]
        rows = [pair for one in answered for pair in zip(test, one.answers, strict=True)]
        judges = ask_judges(self.steps, self.store, self.spec, rows, self.progress)
        functions = load_functions(self.spec, self.task.folder) | judges
        inputs = {
            "answers": {a.name: [a.object, a.money] for a in answered},
            "test": self.versions["test"],
            "kpis": [kpi.model_dump() for kpi in self.spec.kpi_list],
            "functions": source_hashes(self.spec, self.task.folder),
            "verdicts": {name: judge.digest for name, judge in judges.items()},
            "kind": self.spec.kind,
            "labels": list(labels),
            "seed": seed,
        }

        def work(_: Path) -> dict[str, Any]:
            openings = self.store.records.open_test(self.spec.task, self.versions["test"])
            cards, comparisons = [], []
            for done, one in enumerate(answered):
                self.progress("evaluate", done, len(answered), one.name)
                cards.append(score(one.name, test, one.answers, self.spec, seed, labels, functions))
            for rival, kpi in product(answered[:-1], self.spec.kpi_list):
                pair = (test, specialist.answers, rival.answers)
                comparisons.append(compare(kpi.name, SPECIALIST, rival.name, *pair, self.spec, seed, labels, functions))
            self.progress("evaluate", len(answered), len(answered))
            return {
                "scorecards": [json.loads(card.to_json()) for card in cards],
                "comparisons": [asdict(comparison) for comparison in comparisons],
                "test_openings": openings,
            }

        step = self.steps.run("evaluate", inputs, work)
        cards = [Scorecard.from_json(json.dumps(card)) for card in step.outputs["scorecards"]]
        comparisons = [Comparison(**comparison) for comparison in step.outputs["comparisons"]]
        wrong = mistakes(test, specialist.answers, self.spec, {a.name: a.answers for a in answered[:-1]}, functions)
        adapter = Registry(self.store).register(
            self.spec.task,
            trained.folder,
            trained.manifest,
            {name: asdict(s) for name, s in cards[-1].scores.items()},
            trained.step.money,
        )
        return Outcome(
            task=self.task,
            check=checked,
            prepared=self.prepared,
            answered=list(answered),
            trained=trained,
            adapter=adapter,
            scorecards=cards,
            comparisons=comparisons,
            verdict=decide(self.spec, cards, comparisons),
            mistakes=wrong,
            test_openings=step.outputs["test_openings"],
            label_cost=self.label_cost,
        )

    @property
    def label_cost(self) -> float:
        return len(self.labelled) * self.spec.costs.label

    def _version_data(self) -> dict[str, str]:
        """Freeze the three sides into the store; their hashes."""
        splits = self.prepared.splits
        sides = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        frozen = {side: freeze(rows, step=f"split/{side}", config={}) for side, rows in sides.items()}
        hashes = {side: manifest.sha256 for side, (_, manifest) in frozen.items()}

        def work(folder: Path) -> dict[str, Any]:
            objects = {side: self.store.objects.put(parquet) for side, (parquet, _) in frozen.items()}
            for side, (_, manifest) in frozen.items():
                about = json.loads(manifest.to_json()) | {"object": objects[side]}
                self.store.records.add_dataset_version(self.spec.task, manifest.sha256, None, f"split/{side}", about)
            return {"objects": objects, "notes": splits.notes}

        step = self.steps.run("data", {"versions": hashes, "label": self.spec.costs.label}, work)
        rows = len(splits.train) + len(splits.validation)
        costs = self.spec.costs
        self.store.records.book(step.run, "labels", rows, "row", costs.label, "configured", costs.currency)
        return hashes


def _copy(source: Path, target: Path) -> None:
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
