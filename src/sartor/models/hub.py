"""Hub ids: found in the local Hugging Face cache, fetched only by `sartor models pull`."""

from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from sartor.errors import InputError, SystemFailure

# No pickles and no code.
_WANTED = ["model*.safetensors", "*.json", "*.jinja", "*.txt", "tokenizer.model"]


def find(name: str) -> Path | None:
    """The local snapshot of a hub id, or None; no network."""
    try:
        return Path(huggingface_hub.snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError):
        return None


def download(name: str) -> Path:
    """Fetch a hub id: safetensors, config, tokenizer. Raises InputError offline, SystemFailure when the hub fails."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        raise InputError(f"{name} was not fetched: HF_HUB_OFFLINE is set; unset it, or name a local folder")
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_WANTED))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SystemFailure(f"{name} could not be fetched from the Hugging Face hub: {reason}") from error
