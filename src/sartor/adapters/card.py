"""The adapter card: the README.md of an adapter's folder, as the Hugging Face hub and PEFT know it."""

from collections.abc import Iterator
from typing import Any

import yaml

CARD_NAME = "README.md"


def render_card(task: str, manifest: dict[str, Any], format: str = "peft") -> str:
    """Markdown with YAML front matter, from an adapter's manifest.

    Of the manifest's keys only `base_model` and `method` are read by name; all are listed, nested ones with dots.
    `format`: what was made of the adapter, `peft`, `merged` or `gguf`.
    """
    base = str(manifest.get("base_model", "unknown"))
    method = str(manifest.get("method", "lora"))
    front = {
        "base_model": base,
        "library_name": {"merged": "transformers", "gguf": "llama.cpp"}.get(format)
        or {"full": "transformers", "bottleneck": "sartor"}.get(method, "peft"),
        "pipeline_tag": "text-generation",
        "tags": [method, "sartor", task],
    }
    facts = "\n".join(f"| {_cell(key)} | {_cell(value)} |" for key, value in flat(manifest))
    return f"""---
{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---

# {task}

{_introduction(method, base, format)}

| what | value |
| --- | --- |
{facts}
"""


def _introduction(method: str, base: str, format: str) -> str:
    limits = "It answers well only to prompts of that task, written with the chat template that it was trained with"
    if format == "gguf":
        return f"""A LoRA adapter for `{base}`, for llama.cpp, trained with Sartor on one task. {limits}, on a GGUF file of the
very base that is named below.

```bash
llama-server --model BASE.gguf --lora adapter.gguf
```"""
    if method == "full" or format == "merged":
        what = "All weights of" if method == "full" else f"A {method} adapter merged into"
        return f"""{what} `{base}`, trained with Sartor on one task. {limits}.

```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("…")  # this folder
```"""
    about = f"A {method} adapter for `{base}`, trained with Sartor on one task. {limits}, on the very base that is named below."
    if method == "bottleneck":
        return f"{about} PEFT has no such method: `sartor predict` runs it."
    return f"""{about}

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

base = AutoModelForCausalLM.from_pretrained("…")  # {base}
model = PeftModel.from_pretrained(base, "…")  # this folder
```"""


def flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values by keys with dots."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _cell(value: Any) -> str:
    text = ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
