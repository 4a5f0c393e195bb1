"""Every metric of every kind, ready to judge: those that ask for an option of the task have one."""

from typing import get_args

import pytest

from sartor.errors import InputError
from sartor.evaluate.metric import Metric, Scope, metric, metric_names
from sartor.task import Kind, KpiSpec

OPTIONS = {
    "error_cost": KpiSpec(name="error_cost", costs={'{"a":0}': {"x": 5.0}}),
    "format": KpiSpec(name="format", pattern=r".*[a-z0-9].*"),
    "sections": KpiSpec(name="sections", sections=("Plan",)),
    "schema_valid": KpiSpec.model_construct(name="schema_valid", json_schema={"type": "object"}),
}
REAL = {"similarity"}
"""They need the built-in models."""
MEASURED = {"seconds": 0.5, "prompt_tokens": 30, "completion_tokens": 4, "cost": 0.002}
"""What answers took, of which some metrics tell."""
METRICS = [
    pytest.param(kind, name, marks=[pytest.mark.real] if name in REAL else [], id=f"{kind}-{name}")
    for kind in get_args(Kind)
    for name in metric_names(kind)
]


def ready(name: str, kind: Kind, *labels: str) -> Metric:
    """`labels` are known beside x and {"a":0}. Skips where a built-in model is not there."""
    try:
        return metric(name, Scope(kind, (*labels, '{"a":0}', "x"), options=OPTIONS))
    except InputError as error:
        if name not in REAL:
            raise
        pytest.skip(str(error))
