"""The main job: check → version and split → rivals → train → evaluate → register → report.

Every stage is a step that is done once: after a kill the same command goes on where it was, and a finished stage is
repeated only when something that it depends on has changed.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import torch

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.versions import content_hash, freeze
from sartor.evaluate.acceptance import acceptance
from sartor.evaluate.compare import Comparison, compare
from sartor.evaluate.mistakes import mistakes
from sartor.evaluate.own import load_functions, source_hashes
from sartor.evaluate.scorecard import Scorecard, score
from sartor.evaluate.verdict import Verdict, decide
from sartor.flows.ask import Answered, ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.check import CheckReport, check
from sartor.flows.halving import Tuned
from sartor.flows.judging import ask_judges
from sartor.flows.outcome import Outcome, Trained
from sartor.flows.page import build_report
from sartor.flows.prefer import PAIRS_NAME, Preferences, asked, draw, encoded, first_kpi
from sartor.flows.prepare import Prepared, Task, prepare
from sartor.flows.recipes import recipe_hash
from sartor.flows.systems import SPECIALIST, Answering, Entrant, rivals, specialist
from sartor.flows.training import ADAPTER_NAME, Apart, Training, held_out_loss, learn, saved
from sartor.jobs import Usage
from sartor.jobs.here import Here
from sartor.jobs.steps import StepResult, Steps
from sartor.jobs.versions import versions
from sartor.models.methods.average import average, averaged
from sartor.progress import Progress, silent
from sartor.report.page import render
from sartor.report.terminal import verdict_lines
from sartor.store import Store, disk_errors
from sartor.store.disk import write_file
from sartor.store.folders import hash_folder
from sartor.task import PreferSpec
from sartor.train.batches import most_tokens, step_rows
from sartor.train.dpo import PreferenceNetwork, with_reference
from sartor.train.encode import token_limit
from sartor.train.loop import Diverged, History, Recipe, auto_learning_rate, train
from sartor.train.meter import Meter, book_lines, meter, summed

REPORT_NAME = "report.html"
COUNTS = ("seconds", "examples", "computed_tokens", "supervised_tokens", "held_tokens", "held_supervised")
"""Of a history: what several trainings have together."""
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


def run(
    task: Task,
    store: Store,
    progress: Progress = silent,
    checked: CheckReport | None = None,
    tuned: Tuned | None = None,
) -> RunResult:
    """From a file of examples to a verdict. `checked` is the task's preflight where it was done already, and `tuned` the search
    that found its recipe.

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
        outcome = replace(run.judge(checked, answered, trained), tuned=tuned)
        path = task.folder / REPORT_NAME
        data = build_report(outcome, str(path))
        write_file(path, render(data).encode())
    return RunResult(path, outcome.adapter, outcome.verdict, verdict_lines(data), outcome.scorecards, trained.meter)


class Stages:
    """The stages of one run: each returns what the next ones need, from the store where it was done before."""

    def __init__(
        self,
        task: Task,
        prepared: Prepared,
        base: LoadedBase,
        store: Store,
        steps: Steps,
        progress: Progress,
        books_labels: bool = True,
        start: Trained | None = None,
    ) -> None:
        """`books_labels`: not where these rows are a part of others, whose labels are in the books already. `start`: what
        training goes on from, by the same method and settings."""
        self.task, self.spec, self.prepared, self.base = task, task.spec, prepared, base
        self.store, self.steps, self.progress, self.books_labels = store, steps, progress, books_labels
        self.start = start
        self.labelled = [*prepared.splits.train, *prepared.splits.validation]
        self.versions = self._version_data()
        self.answering = Answering.learn(self.spec, base, self.labelled)

    def rivals(self) -> list[Entrant]:
        return rivals(self.spec, self.base, self.answering, self.labelled, self.prepared.splits.test)

    def specialist(self, trained: Trained) -> Entrant:
        made, hash = trained.folder, trained.manifest["hash"]
        return specialist(SPECIALIST, self.spec, self.base, self.answering, made, hash)

    def answer(self, entrant: Entrant) -> Answered:
        return ask_once(self.steps, self.store, entrant, self.prepared.splits.test, self.progress)

    def train(self, apart: Apart | None = None) -> Trained:
        """Supervised training, with several seeds where the task asks for them, and preferences after it likewise.

        `apart`: in a process of its own, which measures the peak of its memory; what diverges there is not tried again.
        Raises as `learn` and `Apart.learn` do.
        """
        trained = self._supervise(apart) if self.spec.train.seeds == 1 else self._average(apart)
        return self._prefer(trained, self.spec.train.prefer) if self.spec.train.prefer else trained

    @property
    def _rate(self) -> float:
        spec = self.spec.train
        if spec.learning_rate == "auto":
            return auto_learning_rate(self.base.opened.config.hidden_size, spec.method)
        return spec.learning_rate

    @property
    def _batch_size(self) -> int:
        return step_rows(self.spec.train.batch_size, len(self.prepared.splits.train))

    @property
    def _settings(self) -> dict[str, Any]:
        """What decides the numbers of supervised training, beside data and base."""
        spec = self.spec.train
        weights = {"weight": self.spec.data.weight, "fact_weight": spec.fact_weight, "field_weight": spec.field_weight}
        return {
            **spec.method_settings,
            "learning_rate": self._rate,
            "epochs": spec.epochs,
            "batch_size": self._batch_size,
            "seed": spec.seed,
            "max_length": spec.max_length,
            "overlong": spec.overlong,
            "number_format": str(self.base.number_format[0]).removeprefix("torch."),
            **{name: value for name, value in weights.items() if value not in (None, 1)},
            **({"label_smoothing": spec.label_smoothing} if spec.label_smoothing else {}),
            **({"seeds": spec.seeds} if spec.seeds > 1 else {}),
            **({"start": self.start.manifest["hash"]} if self.start else {}),
        }

    def _recipe(self, **changed: Any) -> Recipe:
        spec = self.spec.train
        usual = Recipe(
            learning_rate=self._rate,
            epochs=spec.epochs,
            batch_size=self._batch_size,
            seed=spec.seed,
            pad=min(self.base.renderer.stop_ids),
            pass_tokens=most_tokens(spec, self.base.number_format[0]),
            price_per_hour=self.spec.costs.hour,
            budget=spec.budget,
            label_smoothing=spec.label_smoothing,
        )
        return replace(usual, **changed)

    def _supervise(self, apart: Apart | None = None) -> Trained:
        base, opened, settings = self.base, self.base.opened, self._settings
        data = {side: self.versions[side] for side in ("train", "validation")}
        inputs = settings | data | {"base": opened.hash}

        def work(folder: Path) -> dict[str, Any]:
            training = self._training(folder / "trunks" if apart else self.store.trunks(self.spec.task))
            told = self.progress
            learned = apart.learn(training, folder, told) if apart else learn(training, base, folder, told)
            if "diverged" in learned:
                return learned
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
                "number_format_why": base.number_format[1],
                "plain_path": base.slow_because,
                "threads": training.threads,
                "versions": versions(),
                "dropped": learned["dropped"],
                "cut": learned["cut"],
                "trainable": learned["trainable"],
                "best_epoch": learned["history"]["best_epoch"],
            }
            return learned | self._publish(folder / ADAPTER_NAME, manifest)

        step = self.steps.run("train apart" if apart else "train", inputs, work)
        if said := step.outputs.get("diverged"):
            raise Diverged(said, step.outputs["usage"]["seconds"])
        history = History.from_json(step.outputs["history"])
        read = self._metered(step, history, Usage(**step.outputs["usage"]) if apart else step.usage)
        spent = {"seconds": round(history.seconds, 1), "cost": round(step.money, 4), "meter": asdict(read)}
        return Trained(self._published(step), step.outputs["manifest"] | spent, history, step, read)

    def _metered(self, step: StepResult, history: History, usage: Usage) -> Meter:
        """What the training of a step took, which the books have from now on, too."""
        base, spec = self.base, self.spec
        longest, fast = step.outputs["longest"], base.slow_because is None
        read = meter(base.opened.config, spec.train, history, usage, longest, fast, base.device, spec.costs.watts)
        for item, quantity, unit, source in book_lines(read):
            self.store.records.book(step.run, item, quantity, unit, 0.0, source, spec.costs.currency)
        return read

    def _average(self, apart: Apart | None = None) -> Trained:
        """Trainings of several seeds as one (`models.methods.average`), or the best of them where it alone is better.

        Better is what has the lower loss on validation rows; without any the average is kept. No two seeds of a task have a
        training in common. The history's losses are those of the best training, its counts those of all.
        """
        train, base = self.spec.train, self.base
        members = dict[int, Trained]()
        for seed in range(train.seed * train.seeds, (train.seed + 1) * train.seeds):
            spent = sum(each.step.money for each in members.values())
            left = None if train.budget is None else max(0.0, train.budget - spent)
            one = train.model_copy(update={"seeds": 1, "seed": seed, "budget": left, "prefer": None})
            task = replace(self.task, spec=self.spec.model_copy(update={"train": one}))
            ways = (self.store, self.steps, self.progress, self.books_labels, self.start)
            stages = Stages(task, self.prepared, base, *ways)
            members[seed] = stages.train(apart)
        alone = {
            seed: min((loss for _, loss in each.history.validation), default=0.0) for seed, each in members.items()
        }
        best = members[min(alone, key=alone.__getitem__)]
        inputs = {
            "from": [each.manifest["hash"] for each in members.values()],
            "validation": self.versions["validation"],
            "base": base.opened.hash,
        }

        def work(folder: Path) -> dict[str, Any]:
            made = folder / ADAPTER_NAME
            made.mkdir(exist_ok=True)
            average([each.folder for each in members.values()], made, train)
            wide = averaged(train)
            together = held_out_loss(self._training(folder), base, wide, made)
            better = together is not None and together > min(alone.values())
            told = {
                "seeds": list(members),
                "losses": None if together is None else list(alone.values()),
                "loss": together,
                "kept": best.manifest["seed"] if better else "average",
            }
            own = {} if better or train.method == "full" else {"rank": wide.rank, "alpha": wide.alpha}
            recipe = recipe_hash(self.spec, self._settings, base.opened.hash, self.prepared.examples)
            manifest = best.manifest | self._settings | own | {"recipe": recipe, "average": told}
            return self._publish(best.folder if better else made, manifest)

        step = self.steps.run("average", inputs, work)
        whole = reduce(_together, [each.step for each in members.values()], step)
        counts = {name: sum(getattr(each.history, name) for each in members.values()) for name in COUNTS}
        history, read = replace(best.history, **counts), summed([each.meter for each in members.values()])
        took = {"seconds": round(history.seconds, 1), "cost": round(whole.money, 4), "meter": asdict(read)}
        return Trained(self._published(step), step.outputs["manifest"] | took, history, whole, read)

    def _training(self, trunks: Path) -> Training:
        splits = self.prepared.splits
        task = Task(self.task.folder, self.spec)  # without the rows of versions, the test's among them
        threads, format = torch.get_num_threads(), self.base.number_format
        start = self.start.folder if self.start else None
        return Training(task, splits.train, splits.validation, self._recipe(), format, threads, trunks, start)

    def _prefer(self, trained: Trained, prefer: PreferSpec) -> Trained:
        """Go on from supervised training with pairs of the specialist's own outputs (`flows.prefer`, `train.dpo`)."""
        base, seed = self.base, self.spec.train.seed
        rate = self._rate / 10 if prefer.learning_rate == "auto" else prefer.learning_rate
        settings = prefer.model_dump() | {"learning_rate": rate}
        known = {row.id: row for row in self.prepared.learned}  # with what evaluation reads of them
        rows = asked([known[row.id] for row in self.prepared.splits.train], prefer, seed)
        held = [known[row.id] for row in self.prepared.splits.validation]
        limit = token_limit(self.spec.train.max_length, base.opened.config)
        budget = self.spec.train.budget
        left = None if budget is None else max(0.0, budget - trained.step.money)
        own: dict[str, Any] = {key: trained.manifest[key] for key in ("rank", "alpha") if key in trained.manifest}
        learner = self.spec.train.model_copy(update=own)  # an average is wider than what was asked for
        inputs = settings | {
            "from": trained.manifest["hash"],
            "rows": content_hash(rows),
            "held": content_hash(held),
            "answering": asdict(self.answering),
            "constrained": self.spec.generate.constrained,
            "kpis": [kpi.model_dump() for kpi in (*acceptance(self.spec), self.spec.kpi_list[0])],
            "functions": source_hashes(self.spec, self.task.folder),
            "batch_size": self._batch_size,
            "limit": limit,
            "seed": seed,
        }

        def work(folder: Path) -> dict[str, Any]:
            drawn, functions = folder / PAIRS_NAME, load_functions(self.spec, self.task.folder)
            ways = (base, self.answering)
            if not drawn.exists():
                draw(self.spec, prefer, *ways, trained.folder, rows, functions, self.progress).save(drawn)
            found = Preferences.load(drawn)
            pairs = encoded(found.pairs, rows, base.renderer, self.answering.max_tokens, limit)
            counts = {"outputs": found.outputs, "passed": found.passed, "pairs": len(pairs)}
            counts["too_long"] = len(found.pairs) - len(pairs)
            network, history = base.network(learner, adapter=trained.folder), History()
            network.recompute = trained.history.recomputed_tokens > 0
            if pairs:
                recipe = self._recipe(learning_rate=rate, epochs=prefer.epochs, budget=left)
                pairs = with_reference(network, pairs, recipe.pad, prefer.reference == "base", recipe.pass_tokens)
                preferring = PreferenceNetwork(network, prefer.beta, prefer.rpo_alpha)
                history = train(preferring, pairs, [], recipe, folder, self.progress)
            made = saved(network, folder)
            beside = [trained.folder, made] if pairs and held else []
            scores = [first_kpi(self.spec, *ways, each, held, functions, self.progress) for each in beside]
            kept = not scores or scores[1] > scores[0]
            recipe_of = self._settings | {"prefer": settings}
            told = {"validation": scores, "kept": kept, "seconds": round(history.seconds, 1)}
            manifest = trained.manifest | {
                "recipe": recipe_hash(self.spec, recipe_of, base.opened.hash, self.prepared.examples),
                "prefer": settings | counts | told,
            }
            took = {"history": asdict(history), "longest": max(map(len, pairs), default=0)}
            return self._publish(made if kept else trained.folder, manifest) | took

        step = self.steps.run("prefer", inputs, work)
        both, history = _together(trained.step, step), History.from_json(step.outputs["history"])
        read = summed([trained.meter, self._metered(step, history, step.usage)])
        seconds = round(trained.history.seconds + history.seconds, 1)
        spent = {"seconds": seconds, "cost": round(both.money, 4), "meter": asdict(read)}
        return Trained(self._published(step), step.outputs["manifest"] | spent, trained.history, both, read)

    def _publish(self, made: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        """The step's outputs: the weights in a folder that is named after their hash, and the manifest with it."""
        content = hash_folder(made)
        name = f"{self.spec.task}-{content[:16]}"
        published = self.store.folders.publish("trained", name, lambda target: _copy(made, target))
        log.info("adapter %s trained: %s", content[:12], published.name)
        return {"folders": {"adapter": f"trained/{name}"}, "manifest": manifest | {"hash": content}}

    def _published(self, step: StepResult) -> Path:
        kind, name = step.outputs["folders"]["adapter"].split("/", 1)
        return self.store.folders.path(kind, name)

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
        places = {kpi.name: place for place, kpi in enumerate(self.spec.kpi_list)}
        adapter = Registry(self.store).register(
            self.spec.task,
            trained.folder,
            trained.manifest,
            {name: asdict(s) | {"place": places.get(name, len(places))} for name, s in cards[-1].scores.items()},
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
        if self.books_labels:
            costs, rows = self.spec.costs, len(self.labelled)
            self.store.records.book(step.run, "labels", rows, "row", costs.label, "configured", costs.currency)
        return hashes


def _together(first: StepResult, second: StepResult) -> StepResult:
    """The first step's result with what both have taken."""
    money, reused = first.money + second.money, first.reused and second.reused
    return replace(first, usage=first.usage + second.usage, money=money, reused=reused)


def _copy(source: Path, target: Path) -> None:
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
