"""The preflight: what the loss will see, what the data hide and what training will cost, before any of it is spent."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sartor.data.agreement import agreement
from sartor.data.duplicates import duplicate_groups, overlap
from sartor.data.example import Example
from sartor.data.versions import content_hash
from sartor.evaluate.fields import UNREADABLE, pairs, parse
from sartor.evaluate.own import load_functions
from sartor.flows.base import LoadedBase
from sartor.flows.check_report import CheckReport, FileView, Finding, Lengths, PartCount, Rendered
from sartor.flows.cost import cost_of_training
from sartor.flows.findings import annotators, answering, contradictions, emphasis, leaks, long_tests, spending, too_long
from sartor.flows.prepare import Prepared, Task, prepare
from sartor.models.estimate import named_machine
from sartor.models.methods import refusal
from sartor.progress import Progress, silent
from sartor.store import Store
from sartor.train.encode import EncodedSet, token_limit, tokenise

__all__ = ["CheckReport", "check"]

RENDERED = 2
STEPS = 4


def check(
    task: Task,
    progress: Progress = silent,
    gpu: str | None = None,
    price: float | None = None,
    store: Store | None = None,
) -> CheckReport:
    """Everything about a run that can be known before it. No weights are loaded, and nothing is written.

    The estimate is for this machine at `costs.hour`, or for a named `gpu` at `price` an hour; the `store`, where there is
    one yet, tells how often the test set was opened. Whatever forbids the run is a finding of level `error`. Raises
    InputError only where no report can be made: a task, file or row that cannot be read, a base that is not on this machine,
    an unknown GPU.
    """
    spec = task.spec
    machine = named_machine(gpu) if gpu else None
    progress("check", 0, STEPS, "reading the files")
    prepared = prepare(task)
    load_functions(spec, task.folder)
    splits = prepared.splits
    progress("check", 1, STEPS, f"opening {spec.base}")
    base = LoadedBase(task, progress, weights=gpu is None)
    config = base.opened.config
    limit = token_limit(spec.train.max_length, config)

    progress("check", 2, STEPS, "counting tokens")
    sides = (splits.train, splits.validation, splits.test)
    encoded, held, tests = (tokenise(side, base.renderer) for side in sides)
    train, findings = too_long(splits.train, encoded, limit, spec)
    validation, more = too_long(splits.validation, held, limit, spec)
    findings += more
    findings += emphasis(splits.train, encoded, spec, base.renderer)
    findings += long_tests(splits.test, tests, token_limit(None, config), spec)
    findings += answering(prepared, base.renderer)

    learned = [*splits.train, *splits.validation]
    duplicates = duplicate_groups(learned, spec.kind)
    overlaps = {"test": overlap(learned, splits.test, spec.kind)}
    overlaps["validation"] = overlap(splits.train, splits.validation, spec.kind)
    findings += contradictions(duplicates)
    findings += leaks(prepared, overlaps["test"])
    agreed = agreement(prepared.learned)
    findings += annotators(prepared, agreed)

    progress("check", 3, STEPS, "estimating time and memory")
    cost = cost_of_training(base, train.rows, validation.rows, spec, machine, price)
    if reason := refusal(config, spec.train):
        findings.append(Finding("error", reason))
    findings += spending(cost, base.slow_because, spec)
    progress("check", STEPS, STEPS)
    lengths = tuple(len(row) for row in (*encoded, *held))
    test = content_hash(splits.test)
    dropped, cut = (len(getattr(train, what)) + len(getattr(validation, what)) for what in ("dropped", "cut"))
    return CheckReport(
        task=spec.task,
        kind=spec.kind,
        base=spec.base,
        base_hash=base.opened.hash,
        files=tuple(_files(prepared)),
        rows=dict(zip(("train", "validation", "test"), map(len, sides), strict=True)),
        test_version=test,
        test_openings=store.records.test_openings(spec.task, test) if store else 0,
        split_notes=tuple(splits.notes),
        template_notes=base.renderer.notes,
        rendered=tuple(_render(splits.train, train, base)),
        supervised_tokens=sum(len(row.reply) for row in train.rows),
        longest_target=max(train.longest_target, validation.longest_target),
        lengths=Lengths(lengths, limit, dropped, cut),
        duplicates=tuple(duplicates),
        overlaps=overlaps,
        agreement=agreed,
        parts=tuple(_parts(prepared)),
        cost=cost,
        findings=tuple(findings),
    )


def _files(prepared: Prepared) -> Iterator[FileView]:
    table, test = prepared.train_table, prepared.test_table
    yield FileView("train", table.name, table.format, table.columns, len(table.rows))
    if test:
        yield FileView("test", test.name, test.format, test.columns, len(test.rows))
    if frozen := prepared.task.frozen_test:
        yield FileView("test", f"version {content_hash(frozen)[:12]}", "frozen", tuple(frozen[0].columns), len(frozen))


def _render(examples: Sequence[Example], encoded: EncodedSet, base: LoadedBase) -> Iterator[Rendered]:
    """The first examples, decoded from the very tokens that are trained on."""
    sources = {example.id: example.source for example in examples}
    for row in encoded.rows[:RENDERED]:
        prompt, reply = (
            str(base.opened.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
            for ids in (row.prompt, row.reply)
        )
        yield Rendered(row.id, sources[row.id], ((prompt, False), (reply, True)))


def _parts(prepared: Prepared) -> Iterator[PartCount]:
    """Labels by falling number, or fields in the order in which they are met."""
    splits = prepared.splits
    train, validation, test = (
        Counter(name for example in side for name in _names(example, prepared.task.spec.kind))
        for side in (splits.train, splits.validation, splits.test)
    )
    total = train + validation + test
    names = [name for name, _ in total.most_common()] if prepared.labels else list(total)
    for name in names:
        yield PartCount(name, train[name], validation[name], test[name])


def _names(example: Example, kind: str) -> dict[str, None]:
    """A row's labels, or the fields that its answer fills, each once."""
    if kind == "extraction":
        return dict.fromkeys(pair.field for pair in pairs(parse(example.target), UNREADABLE))
    return dict.fromkeys(example.labels)
