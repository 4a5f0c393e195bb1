"""The mechanics of a split: units of rows that stay together, chosen by a seed in proportion to the labels."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sartor.data.duplicates import question_key
from sartor.data.example import Example
from sartor.task import Kind

Near = Mapping[str, int]
"""By a row's id a number that it shares with the rows that ask nearly the same."""
Link = tuple[str, str | int]
"""What rows may have in common: the `group` or `subject` of that name, the `question` or number of `near` ones."""


def near_by_id(examples: Sequence[Example], numbers: Iterable[int]) -> Near:
    """Of rows that have the same number where they ask nearly the same."""
    return {example.id: number for example, number in zip(examples, numbers, strict=True)}


def carve(
    examples: Sequence[Example], kind: Kind, count: int, most: int, seed: int, keep: int, near: Near
) -> tuple[list[Example], list[Example], int]:
    """Hold back about `count` rows, never more than `most`, in whole units and in proportion to the labels.

    At least `keep` rows of every label stay. Gives the rest, what is held, and the number of rows left out of the rest.
    """
    linked = any(example.group or example.subject for example in examples)
    together = units(examples, kind, near)
    if linked and max(map(len, together)) > len(examples) / 2:
        together = units(examples, kind, None)
    held = _choose(examples, together, count, most, seed, keep)
    asked = {link for index in held for link in _asks(examples[index], kind, near)}
    rest = [example for index, example in enumerate(examples) if index not in held]
    kept = [example for example in rest if asked.isdisjoint(_asks(example, kind, near))]
    return kept, [examples[index] for index in sorted(held)], len(rest) - len(kept)


def units(examples: Sequence[Example], kind: Kind, near: Near | None) -> list[list[int]]:
    """The connected components of rows that share a group, a subject or, unless `near` is None, what they ask; union-find."""
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[Link, int] = {}
    for index, example in enumerate(examples):
        for link in [*_owners(example), *([] if near is None else _asks(example, kind, near))]:
            other = root(first.setdefault(link, index))
            parent[max(other, root(index))] = min(other, root(index))
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(examples)):
        members[root(index)].append(index)
    return list(members.values())


def apart(examples: Sequence[Example], kind: Kind, held: Sequence[Example], near: Collection[int]) -> list[Example]:
    """The rows that share neither question nor group nor subject with a held-out one, less those whose places are `near`.

    A row of the same columns is the same row, whatever the prompt makes of it by now.
    """

    def links(example: Example) -> list[Link]:
        found = [*_owners(example), *_asks(example, kind, {})]
        return [*found, ("columns", json.dumps(example.columns, sort_keys=True))] if example.columns else found

    taken = {link for example in held for link in links(example)}
    return [row for place, row in enumerate(examples) if place not in near and taken.isdisjoint(links(row))]


def _owners(example: Example) -> list[Link]:
    """Whose the row is."""
    owners = (("group", example.group), ("subject", example.subject))
    return [(role, name) for role, name in owners if name is not None]


def _asks(example: Example, kind: Kind, near: Near) -> list[Link]:
    """What the row asks."""
    links: list[Link] = [("question", question_key(example, kind))]
    return [*links, ("near", near[example.id])] if example.id in near else links


def _choose(
    examples: Sequence[Example], units: list[list[int]], count: int, most: int, seed: int, keep: int
) -> set[int]:
    """Units to hold back: first those that keep every label within its quota, then those that bring the sum nearer."""
    order = list(units)
    random.Random(seed).shuffle(order)
    total = Counter(_stratum(example) for example in examples)
    labels = Counter(label for example in examples for label in example.labels)
    quota = _quotas(total, count, len(examples))
    held: set[int] = set()
    taken: Counter[str] = Counter()
    gone: Counter[str] = Counter()

    def fits(unit: list[int]) -> bool:
        leaving = Counter(label for index in unit for label in examples[index].labels)
        stays = all(labels[label] - gone[label] - n >= min(keep, labels[label]) for label, n in leaving.items())
        return stays and len(held) + len(unit) <= most and len(unit) < len(examples)

    def hold(unit: list[int]) -> None:
        held.update(unit)
        taken.update(_stratum(examples[index]) for index in unit)
        gone.update(label for index in unit for label in examples[index].labels)

    left = []
    for unit in order:
        strata = Counter(_stratum(examples[index]) for index in unit)
        if fits(unit) and all(taken[stratum] + n <= quota[stratum] for stratum, n in strata.items()):
            hold(unit)
        else:
            left.append(unit)
    for unit in sorted(left, key=len):
        if fits(unit) and abs(len(held) + len(unit) - count) < abs(len(held) - count):
            hold(unit)
    if not held and (possible := [unit for unit in left if fits(unit)]):
        hold(min(possible, key=len))
    return held


def _quotas(total: Counter[str], count: int, rows: int) -> dict[str, int]:
    """`count` shared out over the strata by largest remainder, ties by name."""
    exact = {stratum: count * n / rows for stratum, n in total.items()}
    quota = {stratum: int(share) for stratum, share in exact.items()}
    by_remainder = sorted(exact, key=lambda stratum: (quota[stratum] - exact[stratum], stratum))
    for stratum in by_remainder[: count - sum(quota.values())]:
        quota[stratum] += 1
    return quota


def sample(examples: Sequence[Example], count: int, seed: int, floor: int) -> list[Example]:
    """`count` rows in their own order, in proportion to the labels; a smaller count gives a subset of a larger one's.

    Row j of n in a shuffled stratum gets the position (j + u) / n: the lowest positions are a systematic sample. The
    first `floor` rows of every stratum come before all others.
    """
    draw = random.Random(seed)
    strata: dict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        strata[_stratum(example)].append(index)
    position: dict[int, tuple[bool, float]] = {}
    for stratum in sorted(strata):
        members = strata[stratum]
        draw.shuffle(members)
        offset = draw.random()
        for j, index in enumerate(members):
            position[index] = (j >= floor, (j + offset) / len(members))
    chosen = sorted(position, key=lambda index: (position[index], index))[:count]
    return [examples[index] for index in sorted(chosen)]


def _stratum(example: Example) -> str:
    """The label where a row has one; all other rows are one stratum."""
    return example.labels[0] if len(example.labels) == 1 else ""
