"""Base models: a name in `sartor.yaml` → a folder on this machine → config, tokenizer, hash → frozen weights.

Nothing here reaches a network, runs a model's own code, or opens a pickle.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from sartor.errors import InputError
from sartor.models import hub
from sartor.models.builtin import BUILTINS, pulled
from sartor.models.cache import cache_root, file_sha256
from sartor.models.gguf import converted
from sartor.models.template import Renderer
from sartor.progress import Progress, silent

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class BaseRef:
    """A base model that is on this machine."""

    name: str
    """As written in the task."""
    path: Path
    """A Transformers folder: config.json, safetensors, tokenizer."""
    kind: Literal["built-in", "folder", "hub", "gguf"]


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model opened: everything but its weights."""

    name: str
    path: Path
    config: PreTrainedConfig
    tokenizer: PreTrainedTokenizerBase
    renderer: Renderer
    hash: str
    """sha256 over the contents of weights, tokenizer and chat template: what the base *is*, wherever it lies."""

    @property
    def template_hash(self) -> str:
        return self.renderer.template_hash


def context_length(config: PreTrainedConfig) -> int | None:
    """Most tokens that a base reads, prompt and reply together; None where its config names no limit."""
    length: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return length


def resolve(name: str, relative_to: Path, progress: Progress = silent) -> BaseRef:
    """Find a base: built-in name, local folder, file.gguf (relative to a folder), or hub id in the local cache.

    A GGUF file is dequantised into the cache on first use. Raises InputError saying what was tried.
    """
    if name in BUILTINS:
        if BUILTINS[name].kind != "base":
            raise InputError(f"{name} is an encoder, not a base model; built-in bases: {_bases()}")
        return BaseRef(name, pulled(name), "built-in")
    local = (relative_to / Path(name).expanduser()).absolute()
    if local.is_file():
        if local.suffix != ".gguf":
            raise InputError(f"base {name} is a file but not a .gguf: name a Transformers folder or a GGUF file")
        return BaseRef(name, converted(local, progress), "gguf")
    if local.is_dir():
        if not (local / "config.json").is_file():
            raise InputError(f"base {local} has no config.json: it is not a Transformers model folder")
        return BaseRef(name, local, "folder")
    if _HUB_ID.fullmatch(name):
        if found := hub.find(name):
            return BaseRef(name, found, "hub")
        raise InputError(
            f"base {name} is not on this machine: no such folder, and not in the Hugging Face cache; "
            f"`sartor models pull {name}` would fetch it"
        )
    raise InputError(
        f"unknown base {name!r}: not built in ({_bases()}), no folder or .gguf file {local}, no hub id (ORG/NAME)"
    )


def read_config(ref: BaseRef) -> PreTrainedConfig:
    """The base's config. Raises InputError when it is not that of a causal language model that can be trained here."""
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(ref.path, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, KeyError) as error:
        if "trust_remote_code" in str(error):
            raise InputError(f"base {ref.name} needs code of its own, which Sartor never runs") from error
        raise InputError(f"base {ref.name}: config.json cannot be read ({_reason(error)})") from error
    known = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type)
    named = set(config.architectures or ([known] if known else []))
    if known is None or known not in named:
        what = ", ".join(sorted(named)) or config.model_type
        raise InputError(f"base {ref.name} is a {what}, not a causal language model")
    if getattr(config, "quantization_config", None):
        raise InputError(f"base {ref.name} is quantised: name the folder of its unquantised weights, or a GGUF file")
    return config


def open_base(ref: BaseRef, weights: bool = True) -> BaseModel:
    """Read config and tokenizer, probe the chat template, hash the files. Weights are not loaded.

    Without `weights` they need not even be there: enough for an estimate, and the hash is empty.
    Raises InputError for a folder without safetensors or tokenizer, and for a tokenizer larger than the embeddings.
    """
    config = read_config(ref)
    files = weight_files(ref) if weights else []
    try:
        tokenizer = AutoTokenizer.from_pretrained(ref.path, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"base {ref.name}: its tokenizer cannot be read ({_reason(error)})") from error
    rows = config.get_text_config().vocab_size
    if len(tokenizer) > rows:
        raise InputError(f"base {ref.name}: the tokenizer has {len(tokenizer)} tokens, the model embeds {rows}")
    renderer = Renderer(tokenizer, ref.name, _eos_ids(ref, config))
    parts = [_cached_sha256(path) for path in files] + [_tokenizer_sha256(ref), renderer.template_hash]
    whole = hashlib.sha256("\n".join(parts).encode()).hexdigest() if weights else ""
    return BaseModel(ref.name, ref.path, config, tokenizer, renderer, whole)


def load(ref: BaseRef | BaseModel, dtype: torch.dtype, device: str | torch.device) -> PreTrainedModel:
    """The frozen weights: eval mode, no gradients, scaled-dot-product attention.

    Raises InputError when the files lack a weight, which transformers would fill with random numbers.
    """
    logging.disable_progress_bar()
    try:
        found: Any = AutoModelForCausalLM.from_pretrained(
            ref.path,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"base {ref.name}: its weights cannot be loaded ({_reason(error)})") from error
    model, info = found
    if missing := sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"]):
        raise InputError(f"base {ref.name}: {len(missing)} weights are missing or misshapen, the first {missing[0]}")
    loaded: PreTrainedModel = model.to(device).eval().requires_grad_(False)
    return loaded


def weight_files(ref: BaseRef) -> list[Path]:
    """The safetensors files by name. Raises InputError, with a remedy, when there are only pickles or none at all."""
    if files := sorted([*ref.path.glob("model.safetensors"), *ref.path.glob("model-*-of-*.safetensors")]):
        return files
    if pickles := sorted([*ref.path.glob("*.bin"), *ref.path.glob("*.pt"), *ref.path.glob("*.pth")]):
        raise InputError(
            f"base {ref.name} has only pickled weights ({pickles[0].name}), which can run code when opened; load it "
            "where you trust it and call `model.save_pretrained(FOLDER)`, which writes safetensors"
        )
    raise InputError(f"base {ref.name} has no weights: no model.safetensors in {ref.path}")


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _bases() -> str:
    return ", ".join(model.name for model in BUILTINS.values() if model.kind == "base")


def _eos_ids(ref: BaseRef, config: PreTrainedConfig) -> frozenset[int]:
    if (ref.path / "generation_config.json").is_file():
        eos = GenerationConfig.from_pretrained(ref.path, local_files_only=True).eos_token_id
    else:
        eos = config.get_text_config().eos_token_id
    return frozenset([eos] if isinstance(eos, int) else eos or [])


def _tokenizer_sha256(ref: BaseRef) -> str:
    names = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt")
    files = [ref.path / name for name in names if (ref.path / name).is_file()]
    # tokenizer.json holds everything; the others only matter without it.
    files = files[:1] if files and files[0].name == "tokenizer.json" else files
    return "\n".join(file_sha256(path) for path in files)


def _cached_sha256(path: Path) -> str:
    """The file's sha256; gigabytes are read once per path, size, inode and time of change."""
    path = path.resolve()
    stat = path.stat()
    key = hashlib.sha256(f"{path}\n{stat.st_size}\n{stat.st_ino}\n{stat.st_mtime_ns}".encode()).hexdigest()
    note = cache_root() / "hashes" / key
    if not note.is_file():
        note.parent.mkdir(parents=True, exist_ok=True)
        draft = note.with_name(f".{key}-{os.getpid()}")
        draft.write_text(file_sha256(path))
        draft.replace(note)
    return note.read_text()
