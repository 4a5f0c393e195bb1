"""The reference says what the code says: every key, verb, option and metric, no more and no less."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from tests.docs.checkout import Checkout
from tests.docs.pages import PAGES, ROOT

from sartor.cli.main import app
from sartor.curate.check import check_names, make_check
from sartor.data.export import FORMATS
from sartor.data.public import SETS
from sartor.evaluate.metric import metric_class, metric_names
from sartor.task import DEFAULT_KPIS, Kind, TaskSpec

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def sections(page: Path) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table(text: str) -> dict[str, list[str]]:
    """The rows of a section's tables whose first cell is code: by that code, the other cells."""
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", text, flags=re.M)
    return {key: cells.split(" | ") for key, cells in rows}


def parts(model: type[BaseModel], name: str = "The task") -> Iterator[tuple[str, type[BaseModel]]]:
    """Heading and model of every group of keys."""
    yield name, model
    for key, field in model.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from parts(kind, f"`{key}`")


def shown(value: Any) -> str:
    """A default as the page writes it."""
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "–"
    if isinstance(value, BaseModel):
        return "`{}`"
    return f"`{json.dumps(value) if not isinstance(value, str) else value}`"


@pytest.mark.parametrize(
    ("heading", "model"), list(parts(TaskSpec)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_of_a_task_is_described_with_its_default(heading: str, model: type[BaseModel]):
    described = table(sections(REFERENCE / "sartor-yaml.md")[heading])
    defaults = {key: shown(field.get_default()) for key, field in model.model_fields.items()}
    assert {key: cells[1] for key, cells in described.items()} == defaults


def verbs(command: Any, name: str = "sartor") -> Iterator[tuple[str, Any]]:
    """Every verb with its full name."""
    if hasattr(command, "commands"):
        for each, sub in command.commands.items():
            yield from verbs(sub, f"{name} {each}")
    else:
        yield name, command


def test_every_verb_and_option_is_described():
    described = {}
    for heading, text in sections(REFERENCE / "cli.md").items():
        if verb := re.match(r"`(sartor [a-z]+(?: [a-z-]+)*)", heading):
            described[verb[1]] = {option.split()[0] for option in table(text) if option.startswith("--")}
    known = {
        name.removesuffix(" run") if name.startswith(("sartor curate", "sartor curve", "sartor serve")) else name: {
            option for parameter in command.params for option in parameter.opts if option.startswith("--")
        }
        - {"--json", "--help"}
        for name, command in verbs(typer.main.get_command(app))
    }
    assert described == known


@pytest.mark.usefixtures("stand_ins")
def test_the_documents_of_the_verbs_have_the_keys_that_are_described(
    checkout: Checkout, stand_ins: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SARTOR_CACHE", str(stand_ins))
    for heading, text in sections(REFERENCE / "cli.md").items():
        if told := re.search(r"^`--json`: ((?:.+\n)+)", text, flags=re.M):
            commands = [line for line in text.splitlines() if "sartor " in line and line.endswith("--json")]
            assert len(commands) == 1, heading
            document = json.loads(checkout.bash(f"{{ {commands[0]}; }} 2>/dev/null"))
            assert re.findall(r"`(\w+)`", told[1]) == list(document), heading


def test_every_metric_is_described():
    page = sections(REFERENCE / "metrics.md")
    whole = table((REFERENCE / "metrics.md").read_text(encoding="utf-8").partition("\n## ")[0])
    for kind in get_args(Kind):
        for name in metric_names(kind):
            kinds, scale, _ = whole[name]
            found = metric_class(name, kind)
            assert tuple(kinds.split(", ")) == found.kinds, name
            assert scale == ("from 0" if math.isinf(found.maximum) else f"0 to {found.maximum:g}"), name
    assert set(whole) == {name for kind in get_args(Kind) for name in metric_names(kind)}
    usual = {kind: tuple(re.findall(r"`(\w+)`", cells[0])) for kind, cells in table(page["The usual KPIs"]).items()}
    assert usual == DEFAULT_KPIS


def test_every_check_is_described():
    described = table((REFERENCE / "checks.md").read_text(encoding="utf-8").partition("\n## ")[0])
    for kind in get_args(Kind):
        for name in check_names(kind):
            kinds, action, threshold, _ = described[name]
            found = make_check(name, kind)
            assert found.kinds == (get_args(Kind) if kinds == "all" else tuple(kinds.split(", "))), name
            assert (action, float(threshold)) == (found.action, found.threshold), name
    assert set(described) == {name for kind in get_args(Kind) for name in check_names(kind)}


def test_every_export_and_public_set_is_described():
    page = sections(REFERENCE / "file-formats.md")
    assert list(table(page["What is exported"])) == list(FORMATS)
    described = table(page["Public sets"])
    assert list(described) == list(SETS)
    for name, (files, licence) in described.items():
        named, pulled = re.findall(r"`([^`]+)`", files), [file.name for file in SETS[name].files]
        assert named == (pulled if len(pulled) < 5 else [pulled[0], pulled[-1]])
        assert SETS[name].licence.startswith(licence)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target
