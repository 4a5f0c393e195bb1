"""Seeds of one recipe: adapters in whose training everything was the same but the seed, and what it drew."""

from collections.abc import Mapping, Sequence
from typing import Any

from sartor.adapters.registry import AdapterVersion
from sartor.data.example import Example
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.flows.prepare import as_learned
from sartor.store.canonical import digest
from sartor.task import TaskSpec


def recipe_hash(spec: TaskSpec, settings: Mapping[str, Any], base: str, examples: Sequence[Example]) -> str:
    """What decides an adapter but the seed: settings of training, base, the file's rows, and how many of them are drawn."""
    return digest(
        {name: value for name, value in settings.items() if name != "seed"}
        | {
            "task": spec.task,
            "base": base,
            "examples": content_hash([as_learned(example, spec) for example in examples]),
            "rows": spec.data.rows,
            "validation": spec.train.validation,
            "test_share": spec.data.test_share if spec.data.draws_test else None,
            "max_tokens": spec.generate.max_tokens,
        }
    )


def seeds_of_recipes(adapters: Mapping[str, AdapterVersion], drawn_test: bool) -> dict[str, list[str]]:
    """The adapters, known by a system's name, that are seeds of one recipe, by a name of its own: `notes@1, @2`.

    Of the same seed twice only the first counts. With `drawn_test` they are to be judged on a test set that was drawn
    from the training file: raises InputError where each seed has drawn another.
    """
    seeds = dict[str, dict[int, str]]()
    for system, adapter in adapters.items():
        if recipe := adapter.manifest.get("recipe"):  # adapters of old have none
            seeds.setdefault(recipe, {}).setdefault(adapter.manifest["seed"], system)
    found = dict[str, list[str]]()
    for systems in (list(each.values()) for each in seeds.values() if len(each) > 1):
        first, *others = (adapters[system] for system in systems)
        for other in others:
            if drawn_test and other.manifest["dataset"]["test"] != first.manifest["dataset"]["test"]:
                raise InputError(
                    f"{first.name} and {other.name} are seeds of one recipe, and each seed drew its own test set: one has "
                    "learned rows that the other is tested on. Freeze one with `sartor data split`, or name a file of test "
                    "rows as `data.test`, and run both seeds again; or give rows that neither has seen with --data"
                )
        found[", ".join([first.name, *(f"@{other.version}" for other in others)])] = systems
    return found
