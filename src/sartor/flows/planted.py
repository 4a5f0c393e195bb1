"""How many planted flaws curation found: for who tests Sartor on rows whose flaws are known, as those of the examples.

A key names them, one line of JSON each: `{"row": …, "defect": …, "of": …}`. A defect with `of` is a pair of rows, found where
either is flagged. A flagged row is right where the key has it with a defect that the check is to find.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sartor.complaints import did_you_mean
from sartor.data.columns import as_text
from sartor.data.read import read_rows
from sartor.errors import InputError
from sartor.evaluate.statistics import wilson
from sartor.flows.curate import Curated
from sartor.report.curation import Estimate, FinderView, PlantedView

FINDERS: Mapping[str, tuple[str, ...]] = {
    "duplicate": ("exact_duplicates",),
    "near-duplicate": ("near_duplicates", "exact_duplicates"),
    "contradiction": ("contradictions",),
    "wrong-label": ("label_errors", "unsupported_target"),
    "pii": (),
}
"""The checks that are to find each defect. Rows that differ in case, punctuation and space are exact duplicates to them."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One line of a key."""

    defect: str
    rows: tuple[str, ...]
    """The row; of a pair, both."""


def read_key(path: Path) -> list[Flaw]:
    """The flaws of a key. Raises InputError for a file that is none, and for a defect that no check could be meant by."""
    table = read_rows(path)
    for column in ("row", "defect"):
        table.require(column, "a key has `row` and `defect`")
    flaws = list[Flaw]()
    for index, line in enumerate(table.rows):
        defect = as_text(line["defect"])
        if defect not in FINDERS:
            hint = did_you_mean(defect, FINDERS)
            raise InputError(f"{table.place(index)}: no defect `{defect}`{hint}; there are {', '.join(FINDERS)}")
        flaws.append(Flaw(defect, tuple(as_text(line[name]) for name in ("row", "of") if line.get(name) is not None)))
    return flaws


def planted(key: Sequence[Flaw], made: Curated) -> tuple[PlantedView, ...]:
    """By kind of defect what curation found of it.

    Flaws of rows that the version does not hold are counted, and are not to be found. Raises InputError where it holds none.
    """
    there = {example.id for example in made.examples}
    held = [flaw for flaw in key if there.issuperset(flaw.rows)]
    if not held:
        raise InputError("no row of the key is in the version that was looked at; name the key of these rows as --key")
    listed = Counter(flaw.defect for flaw in key)
    return tuple(_view(defect, held, listed[defect], made) for defect in FINDERS if listed[defect])


def _view(defect: str, held: Sequence[Flaw], listed: int, made: Curated) -> PlantedView:
    flaws = [flaw for flaw in held if flaw.defect == defect]
    flagged = {
        policy.check: {decision.row for decision in made.flagged(policy.check)}
        for policy in made.policies
        if policy.check in FINDERS[defect]
    }
    all_flagged = set[str]().union(*flagged.values())
    missed = [flaw.rows[0] for flaw in flaws if all_flagged.isdisjoint(flaw.rows)]
    return PlantedView(
        defect=defect,
        planted=len(flaws),
        absent=listed - len(flaws),
        pairs=any(len(flaw.rows) > 1 for flaw in flaws),
        found=len(flaws) - len(missed),
        recall=_share(len(flaws) - len(missed), len(flaws)) if flagged else None,
        missed=tuple(missed),
        finders=tuple(_finder(check, rows, flaws, held, made) for check, rows in flagged.items()),
    )


def _finder(check: str, flagged: set[str], flaws: Sequence[Flaw], held: Sequence[Flaw], made: Curated) -> FinderView:
    meant = {row for flaw in held if check in FINDERS[flaw.defect] for row in flaw.rows}
    others = {flaw.rows[0] for flaw in held if check not in FINDERS[flaw.defect]} - meant
    return FinderView(
        check=check,
        title=made.about[check][0],
        found=sum(not flagged.isdisjoint(flaw.rows) for flaw in flaws),
        flagged=len(flagged),
        right=len(flagged & meant),
        otherwise=len(flagged & others),
        precision=_share(len(flagged & meant), len(flagged)),
    )


def _share(hits: int, of: int) -> Estimate | None:
    if not of:
        return None
    interval = wilson(hits, of)
    return Estimate(hits / of, interval.low, interval.high)
