"""The documentation as what a reader would run: pages, and the fenced blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

LANGUAGES = ("bash", "python", "yaml", "json", "jsonl", "text")
"""What a block may be written in; `text` is output, and not run."""

_FENCE = re.compile(r"^( *)```(.*)$")
_DIRECTIVE = re.compile(r"^ *<!-- (run|file): (.+?) -->$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and what the HTML comment on the line above it says of it."""

    page: Path
    line: int
    """Of its first line of text, from 1."""
    language: str
    text: str
    run: str = ""
    """`slow`, or `no, because …`; nothing where it is simply run."""
    file: str = ""
    """For a block that shows a whole file: where the reader puts it."""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order. Raises ValueError for a fence that is never closed."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        if fence := _FENCE.match(lines[number]):
            indent, language = fence.groups()
            end = next((n for n in range(number + 1, len(lines)) if lines[n] == f"{indent}```"), None)
            if end is None:
                raise ValueError(f"{page}:{number + 1}: the block is never closed")
            said = dict(_directives(lines[:number]))
            text = "".join(f"{line.removeprefix(indent)}\n" for line in lines[number + 1 : end])
            found.append(Block(page, number + 2, language, text, said.get("run", ""), said.get("file", "")))
            number = end
        number += 1
    return found


def _directives(before: list[str]) -> list[tuple[str, str]]:
    """Those on the lines right above, with nothing in between."""
    said = []
    while before and (directive := _DIRECTIVE.match(before[-1])):
        said.append((directive[1], directive[2]))
        before = before[:-1]
    return said
