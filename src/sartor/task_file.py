"""A `sartor.yaml`, read with the position of every key.

An unknown key is refused with the nearest known one, the file and the line.
"""

import json
from pathlib import Path

from pydantic import ValidationError

from sartor.complaints import explain
from sartor.errors import InputError
from sartor.positions import read_yaml
from sartor.task import SPEC_NAME, KpiSpec, TaskSpec


def load_task(path: Path) -> TaskSpec:
    """Read a `sartor.yaml`, or the one in a folder.

    Raises InputError, naming file, line and key, when it is missing, not YAML, or not a valid spec.
    """
    document = read_yaml(path / SPEC_NAME if path.is_dir() else path)
    if not isinstance(document.value, dict):
        raise InputError(f"{document.name} holds no `key: value` lines; a task has `task:`, `kind:` and `data:`")
    try:
        spec = TaskSpec.model_validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        raise InputError(explain(document, error, TaskSpec)) from None
    folder = path if path.is_dir() else path.parent
    return spec.model_copy(update={"kpis": tuple(_with_schema(kpi, folder) for kpi in spec.kpis)})


def _with_schema(kpi: KpiSpec, folder: Path) -> KpiSpec:
    """The KPI with its JSON Schema read from the file that it names."""
    if not isinstance(kpi.json_schema, str):
        return kpi
    path = folder / kpi.json_schema
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}, the `json_schema` of `{kpi.name}`, cannot be read: {error}; correct it") from None
    return kpi.model_copy(update={"json_schema": schema})
