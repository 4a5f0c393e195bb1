"""What every measurement leaves behind: rows, printed as they are measured, and one JSON file in bench/results."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
Row = dict[str, Any]


def row(system: str, metric: str, value: float, unit: str, *interval: float) -> Row:
    """A row of a result, with low and high where there is an interval; prints it too."""
    numbers = [round(float(number), 4) for number in (value, *interval)]
    print(f"{numbers[0]:>10} {unit:10}  {system}: {metric}  {numbers[1:] or ''}", flush=True)
    named = dict(zip(("value", "low", "high"), numbers, strict=False))
    return {"system": system, "metric": metric, **named, "unit": unit}


def record(
    name: str, rows: Sequence[Row], ratios: Mapping[str, float], /, folder: Path = RESULTS, **about: object
) -> None:
    """Writes NAME.json into the folder: this machine and what else is said `about` the run, today, the rows, the ratios."""
    for ratio, value in ratios.items():
        print(f"{value:>10.2f} {'ratio':10}  {ratio}")
    result = {
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **about},
        "date": datetime.now(UTC).date().isoformat(),
        "rows": rows,
        "ratios": {ratio: round(value, 4) for ratio, value in ratios.items()},
    }
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
