import importlib.util
import platform
import shutil
from pathlib import Path
from typing import Any

from sartor.cli import terminal
from sartor.cli.models import builtin_models


def doctor(as_json: terminal.Json = False) -> None:
    """This machine as Sartor sees it: versions, threads, number format, memory, disk, models, tools."""
    found = examine()
    if as_json:
        terminal.emit(found)
        return
    from rich.table import Table

    from sartor.report.format import size_bytes

    memory, disk = found["memory"], found["disk"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("versions", ", ".join(f"{name} {version}" for name, version in found["versions"].items()))
    table.add_row("system", found["system"])
    table.add_row("device", f"{found['device']}, {found['threads']} threads")
    table.add_row("number format", found["number_format_why"])
    table.add_row("memory", f"{size_bytes(memory['available'])} free of {size_bytes(memory['total'])}")
    table.add_row(
        "disk", f"{size_bytes(disk['here'])} free here, {size_bytes(disk['cache'])} for models in {found['cache']}"
    )
    for model in found["models"]:
        remedy = "" if model["here"] else f": `sartor models pull {model['name']}`"
        table.add_row(model["kind"], f"{model['name']} is {'here' if model['here'] else 'not here'}{remedy}")
    for tool in found["tools"]:
        table.add_row("tool", f"{tool['name']}, {tool['for']}: {'here' if tool['here'] else 'not here'}")
    terminal.console().print(table)


def examine() -> dict[str, Any]:
    """The findings as JSON values; sizes in bytes."""
    import psutil  # type: ignore[import-untyped,unused-ignore]
    import torch

    from sartor.jobs.versions import versions
    from sartor.models.cache import cache_root
    from sartor.models.dtype import choose_dtype

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype, why = choose_dtype(device)
    memory = psutil.virtual_memory()
    return {
        "versions": versions(),
        "system": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device == "cuda" else platform.processor() or device,
        "threads": torch.get_num_threads(),
        "number_format": str(dtype).removeprefix("torch."),
        "number_format_why": why,
        "memory": {"total": memory.total, "available": memory.available},
        "disk": {"here": _free(Path()), "cache": _free(cache_root())},
        "cache": str(cache_root()),
        "models": builtin_models(),
        "tools": [
            {"name": "pip", "for": "`sartor models pull`", "here": importlib.util.find_spec("pip") is not None},
            {"name": "nvidia-smi", "for": "a GPU's health", "here": shutil.which("nvidia-smi") is not None},
        ],
    }


def _free(folder: Path) -> int:
    """Free bytes where the folder lies, or would."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
