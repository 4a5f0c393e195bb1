"""Curation: the task's rows → checks → decisions → a better version, each check a step that is done once."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sartor.curate.check import Check, Suspicion, Suspicions, check_names, make_check
from sartor.curate.ledger import Decision, Policy, decide, to_jsonl
from sartor.curate.neighbours import MOST_COMPARED
from sartor.curate.own import own_checks
from sartor.curate.pool import Pool
from sartor.data.example import Example, Message
from sartor.data.history import History
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.flows.embed import embedded
from sartor.flows.prepare import Task, test_rows, without_test
from sartor.flows.rows import held_out, named, questions, standing
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.jobs.versions import versions
from sartor.models.builtin import ENCODER, pulled
from sartor.progress import Progress, silent
from sartor.report.format import plural
from sartor.store import Store, disk_errors
from sartor.task import TaskSpec

CURATE = "curate"


@dataclass(frozen=True, slots=True)
class Curated:
    """What curation found, and what it made of the rows."""

    spec: TaskSpec
    before: str
    """The version that was looked at."""
    after: str | None
    """The version that came of it; None where nothing was to be changed, or nothing was to be done (`plan`)."""
    examples: list[Example]
    """The rows that were looked at, each under the name that the ledger gives it."""
    left: list[Example]
    """The rows that are left, as they stand in the version."""
    policies: list[Policy]
    about: dict[str, tuple[str, str]]
    """By check: its title, and what it looks for."""
    found: dict[str, Suspicions]
    """By check."""
    decisions: list[Decision]
    remarks: list[str]
    """What the checks say of the set as a whole."""

    def flagged(self, check: str) -> list[Decision]:
        """The decisions on rows that a check has flagged."""
        return [each for each in self.decisions if each.check == check and each.action != "keep"]

    @property
    def ledger(self) -> str:
        """One line of JSON for each decision."""
        return to_jsonl(self.decisions, numbered=not self.spec.data.id)

    def to_json(self) -> dict[str, Any]:
        counts = {
            policy.check: {
                "action": policy.action,
                "threshold": policy.threshold,
                "suspected": len(self.found[policy.check]),
                "flagged": len(self.flagged(policy.check)),
            }
            for policy in self.policies
        }
        return {
            "task": self.spec.task,
            "before": self.before,
            "after": self.after,
            "rows": {"before": len(self.examples), "after": len(self.left)},
            "checks": counts,
            "remarks": self.remarks,
        }


def curate(
    task: Task, store: Store, names: Sequence[str] = (), plan: bool = False, progress: Progress = silent
) -> Curated:
    """Run the named checks, or all that the task does not turn off, and apply its policies. `plan`: apply nothing.

    The rows are those of the latest version, or of the training file where it has changed since it was added; less those
    that are linked with a frozen test set. Raises InputError for an unknown check and for rows that cannot be read.
    """
    spec = task.spec
    checks = _checks(task, names)
    history = History(store, spec.task)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        stood = history.head()
        head, unreadable = standing(task, history)
        there = history.examples(head.hash)
        stand = without_test(task, there)
        test = test_rows(task) or []
        examples = named(stand, spec)
        read = partial(embedded, steps, store, before=partial(questions, history, head), progress=progress)
        pool = Pool(examples, spec, named(test, spec), read)
        checks, skipped = _possible(checks, names, len(examples))
        found, remarks = dict[str, Suspicions](), skipped
        for done, check in enumerate(checks):
            progress(CURATE, done, len(checks), check.title)
            try:
                found[check.name], said = _look(steps, store, check, pool, content_hash(stand), content_hash(test))
            except InputError as error:
                if check.name in names or not check.encodes:
                    raise
                found[check.name], said = {}, [str(error)]  # too few rows for it are no reason to leave out the others
            remarks = [*remarks, *said]
        progress(CURATE, len(checks), len(checks))
        policies = [Policy.of(check, spec.curate.get(check.name)) for check in checks]
        decisions, kept = decide(examples, [(policy, found[policy.check]) for policy in policies])
        aside = [Decision(each["place"], "unreadable", "drop", each["reason"], 1.0, {}) for each in unreadable]
        held = held_out(named(there, spec), examples)
        decisions, remarks = [*aside, *held, *decisions], [*_left_out(aside, held), *remarks]
        if stood and stood.seq != head.seq:
            again = "its rows were added anew, without what was split off, selected or curated before"
            remarks = [f"{spec.data.train} has changed: {again}", *remarks]
        ids = {named.id: example.id for named, example in zip(examples, stand, strict=True)}
        left = [replace(example, id=ids[example.id]) for example in kept]
        about = {check.name: (check.title, (type(check).__doc__ or "").partition("\n")[0]) for check in checks}
        made = Curated(spec, head.hash, None, examples, left, policies, about, found, decisions, remarks)
        if plan:
            return made
        ledger = store.objects.put(made.ledger.encode())
        config = {"policies": [asdict(policy) for policy in policies]}
        after = history.append(left, CURATE, config, ledger, parent=head.hash)
    return replace(made, after=after.hash if after.hash != head.hash else None)


def _left_out(unreadable: Sequence[Decision], held: Sequence[Decision]) -> list[str]:
    """How many rows no check looked at, and why."""
    said = list[str]()
    if unreadable:
        first = unreadable[0]
        said.append(f"{plural(len(unreadable), 'row')} could not be read (first: {first.row}: {first.reason})")
    if held:
        said.append(f"{plural(len(held), 'row')} left out: in the frozen test set, or linked with it")
    return said


def _checks(task: Task, names: Sequence[str]) -> list[Check]:
    """Sartor's own checks in their order, then the task's; those that are named, or all that are not off."""
    spec = task.spec
    own = {check.name: check for check in own_checks(spec, task.folder, names)}
    known = {name: make_check(name, spec.kind) for name in check_names(spec.kind)} | own
    for name in (*names, *(name for name, each in spec.curate.items() if not each.function)):
        if name not in known:
            make_check(name, spec.kind)  # says which there are
    asked = [check for name, check in known.items() if name in names]
    if asked or names:
        return asked
    off = {name for name, each in spec.curate.items() if each.action == "off"}
    return [check for name, check in known.items() if name not in off]


def _possible(checks: Sequence[Check], names: Sequence[str], rows: int) -> tuple[list[Check], list[str]]:
    """The checks that can be made of so many rows on this machine; and what to say of those that were not named and cannot."""
    try:
        pulled(ENCODER.name)
        why = f"more than {MOST_COMPARED:,} rows" if rows > MOST_COMPARED else ""
    except InputError as error:
        why = str(error)
    skipped = [check for check in checks if check.encodes and check.name not in names] if why else []
    said = [f"not looked for: {', '.join(check.title for check in skipped)} ({why})"] if skipped else []
    return [check for check in checks if check not in skipped], said


def _look(
    steps: Steps, store: Store, check: Check, pool: Pool, version: str, test: str
) -> tuple[Suspicions, list[str]]:
    """A step: what a check has against the rows, and what it says of the set."""

    def work(_: Path) -> dict[str, Any]:
        lines = [_line(place, each) for place, each in sorted(check.look(pool).items())]
        suspicions = store.objects.put("\n".join(lines).encode())
        return {"objects": {"suspicions": suspicions}, "remarks": check.remarks(pool)}

    inputs = {
        "version": version,
        "test": test,
        "kind": pool.spec.kind,
        "check": check.version,
        "reader": [ENCODER.sha256, pool.spec.train.seed] if check.encodes else None,
        "sartor": versions()["sartor"],
    }
    step = steps.run(f"check {check.name}", inputs, work)
    found = store.objects.get(step.outputs["objects"]["suspicions"]).decode()
    return dict(_parse(line, pool.examples) for line in found.splitlines()), step.outputs["remarks"]


def _line(place: int, suspicion: Suspicion) -> str:
    fields = asdict(replace(suspicion, fix=None)) | {"place": place}
    if suspicion.fix:
        fix = suspicion.fix
        fields["fix"] = {
            "messages": [[m.role, m.content] for m in fix.messages],
            "target": fix.target,
            "labels": fix.labels,
        }
    return json.dumps(fields)


def _parse(line: str, examples: Sequence[Example]) -> tuple[int, Suspicion]:
    fields = json.loads(line)
    place, fix = fields.pop("place"), fields.pop("fix")
    if fix is None:
        return place, Suspicion(**fields)
    mended = replace(
        examples[place],
        messages=tuple(Message(*turn) for turn in fix["messages"]),
        target=fix["target"],
        labels=tuple(fix["labels"]),
    )
    return place, Suspicion(**fields, fix=mended)


def ledger_of(history: History, spec: TaskSpec, store: Store, row: str | None = None) -> list[dict[str, Any]]:
    """The decisions of every curation since the rows were added, oldest first; of one row, where it is named.

    Raises InputError where nothing was curated since, and for a row that neither stands in them nor was added.
    """
    head = history.head()
    steps = list(history.since_added(head)) if head else []
    if not any(entry.ledger for entry in steps):
        raise InputError("nothing was curated yet; `sartor curate` does it")
    lines = [
        json.loads(line) | {"version": entry.hash}
        for entry in reversed(steps)
        if entry.ledger
        for line in store.objects.get(entry.ledger).decode().splitlines()
    ]
    if row is None:
        return lines
    found = [line for line in lines if str(line["row"]) == row]
    if not found and row not in {example.id for example in named(history.examples(steps[-1].hash), spec)}:
        raise InputError(f"no row `{row}` was read; rows go by `data.id`, else by their number from 0")
    return found
