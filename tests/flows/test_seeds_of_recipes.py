"""Adapters are seeds of one recipe where the seed, and what follows from it, is all that differs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sartor.adapters.registry import AdapterVersion
from sartor.data.example import Example, Message
from sartor.flows.recipes import recipe_hash, seeds_of_recipes
from sartor.task import TaskSpec

SETTINGS = {"rank": 8, "learning_rate": 1e-3, "epochs": 3, "seed": 0}
ROWS = [Example(str(n), (Message("user", f"question {n}"),), f"answer {n}", columns={"ward": "A"}) for n in range(4)]


def spec(**parts: dict[str, Any]) -> TaskSpec:
    data = {"train": "train.jsonl", "test": "test.jsonl", "input": "text", "target": "label", **parts.pop("data", {})}
    return TaskSpec.model_validate({"task": "notes", "kind": "generation", "data": data, **parts})


def made(settings: dict[str, Any] = SETTINGS, rows: list[Example] = ROWS, base: str = "b", **parts: Any) -> str:
    return recipe_hash(spec(**parts), settings, base, rows)


def test_a_seed_and_columns_that_only_evaluation_reads_make_no_other_recipe():
    assert made(SETTINGS | {"seed": 7}) == made()
    assert made(rows=[replace(row, columns={}) for row in ROWS]) == made()
    assert made(data={"test_share": 0.5}) == made()


def test_whatever_else_decides_the_adapter_makes_another():
    others = [
        made(SETTINGS | {"rank": 4}),
        made(SETTINGS | {"overlong": "cut"}),
        made(rows=ROWS[:3]),
        made(rows=[*ROWS[:3], replace(ROWS[3], target="another answer")]),
        made(base="another"),
        made(data={"rows": 3}),
        made(data={"test": None}),
        made(data={"test": None, "test_share": 0.5}),
        made(train={"validation": 0.5}),
        made(generate={"max_tokens": 9}),
    ]
    assert len({made(), *others}) == 1 + len(others)


def adapter(version: int, seed: int, recipe: str | None = "r", test: str = "t") -> AdapterVersion:
    manifest = {"seed": seed, "dataset": {"test": test}} | ({"recipe": recipe} if recipe else {})
    return AdapterVersion("notes", version, "hash", Path(), "candidate", manifest, {}, 0.0, "", ())


@pytest.mark.parametrize(
    ("adapters", "recipes"),
    [
        ([adapter(1, 0), adapter(2, 1), adapter(5, 2)], {"notes@1, @2, @5": ["s0", "s1", "s2"]}),
        ([adapter(1, 0), adapter(2, 0, "q"), adapter(3, 1, "q")], {"notes@2, @3": ["s1", "s2"]}),
        ([adapter(1, 0), adapter(2, 0), adapter(3, 1)], {"notes@1, @3": ["s0", "s2"]}),
        ([adapter(1, 0), adapter(2, 1, "q")], {}),
        ([adapter(1, 0, None), adapter(2, 1, None)], {}),
    ],
    ids=["three seeds", "two recipes", "a seed twice", "no second seed", "of old"],
)
def test_seeds_are_told_by_their_manifests(adapters: list[AdapterVersion], recipes: dict[str, list[str]]):
    assert seeds_of_recipes({f"s{n}": each for n, each in enumerate(adapters)}, drawn_test=True) == recipes
