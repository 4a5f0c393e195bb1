"""YAML read strictly, with the line of every key.

The scalars follow YAML 1.2's core schema, not PyYAML's 1.1: `5e-4` is a number; `no`, `on`, `12:30` and dates are text.
Duplicate keys, aliases and tags are refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sartor.errors import InputError

Trail = tuple[str | int, ...]
"""Where a value sits in a document: `("train", "epochs")`, `("kpis", 0, "name")`; `()` is the whole."""

LARGEST = 1_000_000
"""Bytes; PyYAML is slow, and a longer file is data that was taken for a spec."""

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain dicts, lists, strings, numbers, booleans and None."""

    name: str
    """What messages call the file."""
    value: Any
    lines: dict[Trail, int]
    """The line, from 1, of every key and list item."""

    def place(self, trail: Trail) -> str:
        """`sartor.yaml, line 7`: the place of a key, or of the nearest parent that is written down."""
        while trail and trail not in self.lines:
            trail = trail[:-1]
        return f"{self.name}, line {self.lines[trail]}" if trail else self.name


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes with the core schema's scalars; no aliases."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases (`*name`) are not supported; write the value out, or quote it if it is text",
                problem_mark=self.peek_event().start_mark,  # type: ignore[no-untyped-call]
            )
        return super().compose_node(parent, index)


_CoreLoader.yaml_implicit_resolvers = {}
_NUMBER = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
for _kind, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"[-+]?[0-9]+$", list("-+0123456789")),
    ("float", rf"(?:{_NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), _first)


def read_yaml(path: Path) -> Document:
    """Read a YAML file of at most 1 MB.

    Raises InputError, one sentence with file and line, for a file that is missing, not text or not plain YAML.
    """
    name = str(path)
    text = _text(path, name)
    lines: dict[Trail, int] = {}
    try:
        node = _CoreLoader(text).get_single_node()
        return Document(name, _plain(node, (), lines), lines)
    except yaml.MarkedYAMLError as error:
        raise InputError(_sentence(name, error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(
            f"{name}, line {line}: the control character 0x{ord(text[error.position]):02X}; remove it"
        ) from None
    except RecursionError:
        raise InputError(f"{name}: nested too deep for a task; remove the stray brackets") from None


def _sentence(name: str, error: yaml.MarkedYAMLError) -> str:
    problem, mark = error.problem or "", error.problem_mark
    if problem.startswith("but "):
        problem = f"{error.context}, {problem}"
    elif "expected ':'" in problem:
        problem, mark = "a line that is no `key: value`", error.context_mark
    elif "'\\t'" in problem:
        problem = "a tab where a key or value should begin; indent with spaces"
    elif "mapping values" in problem:
        problem = 'a second `: ` in the line; put text that holds a colon in quotes: "…"'
    if type(error) is not yaml.MarkedYAMLError:  # PyYAML's own, not one of ours
        problem = f"not valid YAML: {problem}"
    return f"{name}{f', line {mark.line + 1}' if mark else ''}: {problem}"


def _text(path: Path, name: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{name} does not exist; `sartor init DIR --data FILE` writes one") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise InputError(f"{name} has {len(data):,} bytes, too many for a task; name the sartor.yaml, not the data")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise InputError(f"{name}, line {line}: a NUL byte; this is not a text file, or it is UTF-16: save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"0x{data[error.start]:02X}"
        raise InputError(f"{name}, line {line}: byte {byte} is not UTF-8; save the file as UTF-8") from None
    if not text.strip():
        raise InputError(f"{name} is empty; `sartor init DIR --data FILE` writes one")
    return text


def _plain(node: yaml.Node | None, trail: Trail, lines: dict[Trail, int]) -> Any:
    """The node as plain Python; fills `lines` with where each key and item stands."""
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(key, "a key must be plain text; put text that holds braces or brackets in quotes")
            if key.value in mapping:
                first = lines[(*trail, key.value)]
                raise _wrong(key, f"the key `{key.value}` is written twice (first on line {first}); remove one")
            lines[(*trail, key.value)] = key.start_mark.line + 1
            mapping[key.value] = _plain(value, (*trail, key.value), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        for index, item in enumerate(node.value):
            lines[(*trail, index)] = item.start_mark.line + 1
        return [_plain(item, (*trail, index), lines) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        kind, value = node.tag.removeprefix(_TAG), node.value
        try:
            match kind:
                case "str":
                    return value
                case "null":
                    return None
                case "bool":
                    return value.lower() == "true"
                case "int":
                    return int(value)
                case "float":
                    return float(re.sub(r"\.(?=inf|nan)", "", value.lower()))
        except ValueError:
            raise _wrong(node, f"`{value[:40]}` is not a number that can be read") from None
    if node is None:
        return None
    raise _wrong(node, f"the tag `{node.tag.replace(_TAG, '!!')}` is not supported; quote the value if it is text")


def _wrong(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
