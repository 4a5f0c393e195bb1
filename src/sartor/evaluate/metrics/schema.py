"""Extraction: does an answer keep to a JSON Schema?"""

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.evaluate.fields import UNREADABLE, parse
from sartor.evaluate.metric import Proportion, Scope, register, text_of
from sartor.generate.answer import Answer


@register
class SchemaValid(Proportion):
    """Share of answers that are JSON and valid by the task's JSON Schema.

    Raises InputError without a schema, with one that is none, or with one that refers to what it does not hold: nothing
    is fetched.
    """

    name = "schema_valid"
    title = "valid by schema"
    kinds = ("extraction",)
    on_request = True
    needs_target = False

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        schema: Any = self.option.json_schema
        if not isinstance(schema, dict | bool):
            raise InputError("kpis: `schema_valid` has no schema: add `json_schema: FILE.json` to it")
        kind = validator_for(schema, default=Draft202012Validator)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise InputError(
                f"kpis: the schema of `schema_valid` is not valid at {error.json_path}: {error.message}"
            ) from None
        self._draft = kind.__name__.removesuffix("Validator")
        self._validator = kind(schema, registry=REGISTRY)

    @property
    def signature(self) -> str:
        return f"schema_valid|{self._draft}|formats:not checked"

    def score(self, example: Example, answer: Answer) -> float:
        value = parse(text_of(answer))
        try:
            return float(value is not UNREADABLE and self._validator.is_valid(value))
        except Unresolvable as error:
            raise InputError(f"kpis: the schema of `schema_valid` refers to what it does not hold: {error}") from None
        except RecursionError:
            raise InputError(
                "kpis: the schema of `schema_valid` refers to itself without end; mend its `$ref`"
            ) from None
