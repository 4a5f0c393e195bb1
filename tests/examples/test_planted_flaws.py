"""What curation finds of the flaws that were planted in the examples. docs/how-to/curate-your-data.md has the numbers."""

import shutil
from pathlib import Path

import pytest

import sartor
from sartor.curate.check import check_names
from sartor.errors import InputError
from sartor.flows.planted import FINDERS, planted, read_key
from sartor.models.builtin import ENCODER, pulled
from sartor.report.curation import PlantedView

EXAMPLES = Path(__file__).parents[2] / "examples"
RECALL = {
    "support-intents": {"duplicate": 1.0, "near-duplicate": 0.85, "contradiction": 1.0, "wrong-label": 0.8},
    "billing-notes": {"duplicate": 1.0, "near-duplicate": 0.7, "contradiction": 1.0, "wrong-label": 0.35},
}
CERTAIN = {"exact_duplicates": 1.0, "near_duplicates": 1.0, "contradictions": 1.0}
PRECISION = {
    "support-intents": CERTAIN | {"label_errors": 0.8},
    "billing-notes": CERTAIN | {"label_errors": 0.3, "unsupported_target": 0.75},
}


@pytest.fixture(scope="module", params=sorted(RECALL))
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, PlantedView]]:
    try:
        pulled(ENCODER.name)
    except InputError:
        pytest.skip("the built-in encoder is not here: `sartor models pull` fetches it")
    folder = tmp_path_factory.mktemp("example") / request.param
    shutil.copytree(EXAMPLES / request.param, folder, ignore=shutil.ignore_patterns(".sartor", "*.html"))
    project = sartor.open(folder)
    kind = next(iter(project.tasks().values())).spec.kind
    asked = [name for names in FINDERS.values() for name in names if name in check_names(kind)]
    made = project.curate(asked, plan=True)
    return request.param, {each.defect: each for each in planted(read_key(folder / "key.jsonl"), made)}


@pytest.mark.real
def test_planted_flaws_are_found(example: tuple[str, dict[str, PlantedView]]) -> None:
    name, found = example
    recall = {defect: each.recall.value for defect, each in found.items() if each.recall}
    assert set(recall) == set(RECALL[name])
    assert all(recall[defect] >= floor for defect, floor in RECALL[name].items()), recall


@pytest.mark.real
def test_what_is_flagged_was_planted(example: tuple[str, dict[str, PlantedView]]) -> None:
    name, found = example
    finders = {by.check: by.precision.value for each in found.values() for by in each.finders if by.precision}
    assert all(precision >= PRECISION[name][check] for check, precision in finders.items()), finders
