"""Every command and snippet of README and docs runs, in the order and the folder in which a reader would run it.

A page's blocks share one folder that looks like a fresh checkout (see `checkout.py`), one Python session, and models
that stand in for the built-in ones. A comment on the line above a block says what is special about it:

    <!-- run: no, because … -->     it is not run
    <!-- run: slow -->              its page is left to the slow tier
    <!-- file: PATH -->             it is a file that the reader is told to write
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.checkout import Checkout
from tests.docs.pages import LANGUAGES, PAGES, ROOT, Block, blocks

from sartor.errors import InputError
from sartor.models.builtin import BUILTINS, pulled
from sartor.task_file import load_task

PART: dict[str, Any] = {
    "task": "example",
    "kind": "generation",
    "data": {"train": "a.csv", "input": "q", "target": "a"},
}
"""What a block that shows a part of a spec is laid over."""


def named(pages: list[Path]) -> list[Any]:
    """Pages as parameters, those with a slow block marked so."""
    slow = {page: [pytest.mark.slow] for page in pages if any(block.run == "slow" for block in blocks(page))}
    return [pytest.param(page, id=str(page.relative_to(ROOT)), marks=slow.get(page, [])) for page in pages]


@pytest.mark.parametrize("page", named([page for page in PAGES if blocks(page)]))
def test_every_block_runs(page: Path, checkout: Checkout, stand_ins: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SARTOR_CACHE", str(stand_ins))
    run_page(page, checkout)


@pytest.mark.real
def test_the_readme_runs_on_the_built_in_models(checkout: Checkout):
    for name in BUILTINS:
        try:
            pulled(name)
        except InputError:
            pytest.skip(f"{name} is not pulled")
    run_page(ROOT / "README.md", checkout)


@pytest.mark.parametrize("page", named(PAGES))
def test_a_block_says_what_it_is(page: Path):
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{block.place}: a block of {block.language or 'no language'}"
        assert block.run in ("", "slow") or block.run.startswith("no, because "), f"{block.place}: {block.run}"


def run_page(page: Path, checkout: Checkout) -> None:
    session: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.file:
            path = checkout.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.run.startswith("no"):
            continue
        try:
            run_block(block, checkout, session)
        except Exception as error:
            raise AssertionError(f"{block.place}: {error}") from error


def run_block(block: Block, checkout: Checkout, session: dict[str, Any]) -> None:
    match block.language:
        case "bash":
            checkout.bash(block.text)
        case "python":
            code = "\n" * (block.line - 1) + block.text  # a traceback then names the page's own line
            exec(compile(code, block.page, "exec"), session)
        case "yaml":
            spec = checkout.folder / "snippet.yaml"
            spec.write_text(block.text if block.file else whole_spec(block.text))
            load_task(spec)
        case "json":
            json.loads(block.text)
        case "jsonl":
            for line in block.text.splitlines():
                json.loads(line)


def whole_spec(text: str) -> str:
    """The spec itself, or the part of one in a small spec around it."""
    shown = yaml.safe_load(text)
    if "task" in shown:
        return text
    return json.dumps({**PART, **shown, "data": {**PART["data"], **shown.get("data", {})}})
