"""Pydantic's errors about a spec as sentences: which key, on which line, and what is expected there."""

import difflib
import json
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sartor.positions import Document, Trail


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean `epochs`?` for the nearest of the known words, or nothing when none is near."""
    by_case = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), by_case, n=1, cutoff=0.6)
    return f"; did you mean `{by_case[near[0]]}`?" if near else ""


def explain(document: Document, error: ValidationError, spec: type[BaseModel]) -> str:
    """The first of pydantic's complaints, in the file's order, as one sentence with its place."""
    by_trail: dict[Trail, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        trail = details["loc"]
        while details["type"] != "missing" and trail and trail not in document.lines:
            trail = trail[:-1]  # a union names its members at the end of `loc`
        by_trail.setdefault(trail, []).append(details)
    order = list(document.lines)
    trail = min(by_trail, key=lambda at: order.index(at) if at in document.lines else len(order))
    sentence = f"{document.place(trail)}: {_complaint(trail, by_trail[trail], spec)}"
    more = len(by_trail) - 1
    return sentence + (f" (and {more} more problem{'s' * (more > 1)})" if more else "")


def _complaint(trail: Trail, errors: list[ErrorDetails], spec: type[BaseModel]) -> str:
    first = errors[0]
    name = str(trail[-1]) if trail else ""
    match first["type"]:
        case "extra_forbidden":
            known = _part(spec, trail[:-1]).model_fields
            homes = [
                f"`{home}`"
                for home in spec.model_fields
                if _part(spec, (home,)) is not spec and name in _part(spec, (home,)).model_fields
            ]
            hint = f"; it belongs under {' or '.join(homes)}" if homes else did_you_mean(name, known)
            return f"unknown key {_key(trail)}{hint or '; known are ' + ', '.join(f'`{key}`' for key in known)}"
        case "missing":
            return f"the key {_key(trail)} is missing; add it"
        case "value_error":
            return str(first.get("ctx", {}).get("error", first["msg"]))
        case "json_invalid":
            return "a character that is no valid Unicode (half of a surrogate pair); remove it"
    expected = " or ".join(dict.fromkeys(_expected(details) for details in errors))
    given = first["input"]
    hint = ""
    if isinstance(given, str):
        expected_words = [str(details.get("ctx", {}).get("expected", "")).split("'")[1::2] for details in errors]
        hint = did_you_mean(given, [word for words in expected_words for word in words])
    elif isinstance(given, dict | list) and any(details["type"] == "string_type" for details in errors):
        hint = "; put a template in quotes: '{…}'"
    shown = json.dumps(given, ensure_ascii=False)
    return f"{_key(trail)} must be {expected}, not {shown if len(shown) <= 40 else shown[:40] + '…'}{hint}"


def _expected(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "string_type":
            return "text"
        case "blank":
            return "text that is not blank"
        case "string_pattern_mismatch":
            return "a name of at most 64 lower-case letters, digits, `.`, `_` and `-`, such as `billing-notes`"
        case "int_type" | "int_from_float":
            return "a whole number"
        case "float_type" | "finite_number":
            return "a number"
        case "bool_type":
            return "`true` or `false`"
        case "tuple_type":
            return "a list (`- …` lines or `[…]`)"
        case "model_type" | "model_attributes_type":
            return "a group of `key: value` lines"
        case "literal_error":
            return str(context["expected"]).replace("'", "`")
        case "greater_than":
            return f"above {context['gt']:g}"
        case "greater_than_equal":
            return f"at least {context['ge']:g}"
        case "less_than":
            return f"below {context['lt']:g}"
        case "less_than_equal":
            return f"at most {context['le']:g}"
    return f"valid ({details['msg']})"


def _key(trail: Trail) -> str:
    """`` `epochs` under `train` `` or `` `name` in item 2 of `kpis` ``."""
    parents = [f"item {at + 1} of" if isinstance(at, int) else f"`{at}`" for at in trail]
    match trail:
        case (str(), str()):
            return f"{parents[1]} under {parents[0]}"
        case (str(), str(), str()):
            return f"{parents[2]} under {parents[1]} of {parents[0]}"
        case (str(), int()):
            return f"{parents[1]} {parents[0]}"
        case (str(), int(), str()):
            return f"{parents[2]} in {parents[1]} {parents[0]}"
    return parents[0] if parents else "the task"


def _part(model: type[BaseModel], trail: Trail) -> type[BaseModel]:
    """The model that describes what lies at this place of the spec; the innermost one around it for a plain value."""
    for name in trail:
        if isinstance(name, str):
            annotation = model.model_fields[name].annotation
            parts = [p for p in (annotation, *get_args(annotation)) if isinstance(p, type) and issubclass(p, BaseModel)]
            model = parts[0] if parts else model
    return model
