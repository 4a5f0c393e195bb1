"""Train, validation and test: rows that belong together stay on one side, labels stay in proportion, a seed decides.

Rows belong together when they ask the same after folding, or nearly the same, or share a `group` or a `subject`. Where
questions bridge groups until nothing could be split (every caller says "yes"), groups and subjects alone decide the sides,
and the rows left on the training side with a question of the other side are left out and counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sartor.data.carve import Near, carve, sample
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.task import TaskSpec

MOST_VALIDATION = 200
"""Rows: enough for early stopping, and every further one is lost to training."""


@dataclass(frozen=True, slots=True)
class Splits:
    train: list[Example]
    validation: list[Example]
    test: list[Example]
    notes: list[str]
    """What was sampled, held back or left out, with counts, one sentence each."""


def split(
    train: Sequence[Example], test: Sequence[Example] | None, spec: TaskSpec, seed: int, near: Near | None = None
) -> Splits:
    """The three sides, each in the rows' own order; the same inputs and seed give the same sides.

    Without a test set, `data.test_share` of the rows is split off. Then `data.rows` and `data.test_rows` are sampled (test rows
    the same ones for every seed), a smaller number a subset of a larger one, and `train.validation` of the training rows (at
    most 200) is held back.
    With a test set no row is left out for being in both: that is for the preflight to report. `near` says which training rows
    ask nearly the same.

    Raises InputError when a class has one row only, a test label is unknown to training, or all rows are linked.
    """
    near = near or {}
    single = _is_single(train, spec)
    if test is None:
        rows, held, notes = split_off_test(train, spec, spec.data.test_share, seed, near)
    else:
        if single:
            _check_classes(train)
        rows, held, notes = list(train), list(test), []
    rows, held = _sample(rows, held, spec, seed, single, notes)
    if spec.kind == "classification":
        _check_test_labels(rows, held, single, notes)
    rows, validation = _hold_back_validation(rows, spec, seed, near, notes)
    return Splits(rows, validation, held, notes)


def split_off_test(
    examples: Sequence[Example], spec: TaskSpec, share: float, seed: int, near: Near
) -> tuple[list[Example], list[Example], list[str]]:
    """A share of the rows as a test set: the rest, the test set, and what to note. Raises InputError as `split` does."""
    single = _is_single(examples, spec)
    if single:
        _check_classes(examples)
    count = max(1, round(share * len(examples)))
    rows, held, dropped = carve(examples, spec.kind, count, len(examples) - 1, seed, keep=2 if single else 1, near=near)
    if not held or not rows:
        file = examples[0].source.rpartition(":")[0]
        why = "too few rows, or too many linked by question, group or subject"
        raise InputError(f"{file} cannot be split: {why}; name a test file under `data`")
    some = f"{len(held):,} of {len(examples):,} rows split off as the test set"
    notes = [f"{some}, groups, duplicates and near-duplicates together"]
    if dropped:
        notes.append(
            f"{dropped:,} rows left out of training: the test set asks the same or nearly the same in another group"
        )
    return rows, held, notes


def _sample(
    rows: list[Example], held: list[Example], spec: TaskSpec, seed: int, single: bool, notes: list[str]
) -> tuple[list[Example], list[Example]]:
    most, most_test = spec.data.rows, spec.data.test_rows
    if most and most < len(rows):
        least = 2 * len(_labels(rows)) if single else 0
        if most < least:
            raise InputError(f"`data.rows: {most}` is too few for {least // 2} classes; {least} is the least")
        notes.append(f"{most:,} of {len(rows):,} training rows sampled (`data.rows`)")
        rows = sample(rows, most, seed, floor=2 if single else 0)
    if most_test and most_test < len(held):
        notes.append(f"{most_test:,} of {len(held):,} test rows sampled (`data.test_rows`)")
        held = sample(held, most_test, seed=0, floor=0)  # seeds of training are compared on the same rows
    return rows, held


def _hold_back_validation(
    examples: list[Example], spec: TaskSpec, seed: int, near: Near, notes: list[str]
) -> tuple[list[Example], list[Example]]:
    count = min(MOST_VALIDATION, round(spec.train.validation * len(examples)))
    if not count:
        return examples, []
    most = min(MOST_VALIDATION, len(examples) // 2)
    rows, held, dropped = carve(examples, spec.kind, count, most, seed=seed + 1, keep=1, near=near)
    if not held or not rows:
        notes.append("no validation rows: too few training rows, or too many linked by question, group or subject")
        return examples, []
    notes.append(f"{len(held):,} of {len(examples):,} training rows held back for validation")
    if dropped:
        notes.append(
            f"{dropped:,} rows left out of training: validation asks the same or nearly the same in another group"
        )
    return rows, held


def _check_classes(examples: Sequence[Example]) -> None:
    counts = Counter(example.labels[0] for example in examples)
    if len(counts) == 1:
        file = examples[0].source.rpartition(":")[0]
        raise InputError(f"{file}: all rows have the class `{next(iter(counts))}`; a classification needs two or more")
    alone = [example for example in examples if counts[example.labels[0]] == 1]
    if alone:
        more = len(alone) - 1
        others = f" (and {more:,} more class{'es' * (more > 1)})" if more else ""
        problem = f"the class `{alone[0].labels[0]}` has this one row only{others}"
        raise InputError(f"{alone[0].source}: {problem}; add rows, or merge it with another class")


def _check_test_labels(train: Sequence[Example], test: Sequence[Example], single: bool, notes: list[str]) -> None:
    """A label that training never shows cannot be answered: an error for one label a row, a note for several."""
    known = _labels(train)
    unknown = [(label, example.source) for example in test for label in example.labels if label not in known]
    if not unknown:
        return
    label, source = unknown[0]
    more = f" (and {len(unknown) - 1:,} more rows have such labels)" if len(unknown) > 1 else ""
    problem = f"{source}: the test label `{label}` never occurs in training{more}"
    if single:
        raise InputError(f"{problem}; correct it, or add training rows")
    notes.append(f"{problem}; no system can answer it")


def _is_single(examples: Sequence[Example], spec: TaskSpec) -> bool:
    """Whether this is a classification with one label a row."""
    several = spec.data.labels == "multi" or any(len(example.labels) > 1 for example in examples)
    return spec.kind == "classification" and not several


def _labels(examples: Sequence[Example]) -> set[str]:
    return {label for example in examples for label in example.labels}
