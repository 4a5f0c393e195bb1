"""An adapter for programs that are not PEFT: merged into its base, or as a file for llama.cpp."""

from pathlib import Path
from typing import Any, Literal

from sartor.adapters.card import CARD_NAME, render_card
from sartor.adapters.llama_cpp import FILE_NAME, write_gguf
from sartor.adapters.registry import AdapterVersion
from sartor.adapters.transfer import Fill
from sartor.flows.base import LoadedBase
from sartor.flows.merge import merge
from sartor.flows.predict import check_base
from sartor.flows.prepare import Task
from sartor.progress import Progress, silent
from sartor.store import Store


def in_format(
    task: Task, store: Store, adapter: AdapterVersion, format: Literal["merged", "gguf"], progress: Progress = silent
) -> Fill:
    """What writes it so, which raises InputError for a method or a base that the format has no place for, and as `merge` does."""

    def merged(folder: Path) -> dict[str, Any]:
        return {"format": format, "parity": merge(task, store, adapter, folder, progress)}

    def gguf(folder: Path) -> dict[str, Any]:
        base = LoadedBase(task, progress)
        check_base(task, base, adapter)
        write_gguf(adapter.path, adapter.name, base.opened.config, folder / FILE_NAME)
        (folder / CARD_NAME).write_text(render_card(adapter.task, adapter.manifest, format), encoding="utf-8")
        return {"format": format}

    return merged if format == "merged" else gguf
