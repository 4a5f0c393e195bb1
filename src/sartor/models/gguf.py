"""GGUF files, dequantised once to a bf16 safetensors folder that loads in a second."""

import contextlib
import io
import mmap
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from sartor.errors import InputError
from sartor.models.cache import cache_root, file_sha256, new_folder
from sartor.progress import Progress, silent

PRE_TOKENIZER_KEY = b"tokenizer.ggml.pre" + (8).to_bytes(4, "little")
"""As bytes of the file: the key, and that its value is a string. A reader would take ten seconds over the vocabulary first."""
SMOLLM = b"smollm"


def converted(gguf: Path, progress: Progress = silent) -> Path:
    """The safetensors folder of a GGUF file, converted on first use; kept in the cache under the file's sha256.

    The weights are the dequantised ones, rounded to bf16: not those of the model before it was quantised.
    Raises InputError when the file is no GGUF, or of an architecture that transformers cannot read.
    """
    target = cache_root() / "gguf" / file_sha256(gguf)
    if not target.is_dir():
        with new_folder(target) as draft:
            convert(gguf, draft, progress)
    return target


def convert(gguf: Path, into: Path, progress: Progress = silent) -> None:
    """Write config, weights (bf16 safetensors), generation config, tokenizer and chat template of a GGUF file."""
    with gguf.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise InputError(f"{gguf} is not a GGUF file: its first four bytes are not `GGUF`")
    what = f"convert {gguf.name}"
    try:
        # tqdm bars go to stderr whatever transformers is told; `progress` speaks instead.
        with contextlib.redirect_stderr(io.StringIO()):
            progress(what, 0, 3, "tokenizer")
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, trust_remote_code=False)
            progress(what, 1, 3, "dequantise the weights")
            loaded = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                trust_remote_code=False,
                dtype=torch.bfloat16,
                quantization_config=GgufConfig(dequantize=True),
            )
    except Exception as error:  # a broken file raises whatever the parser stumbles over
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{gguf}: transformers cannot read this GGUF ({reason}); use a safetensors folder") from error
    progress(what, 2, 3, "save")
    # A model loaded from GGUF refuses to be saved, so its tensors move into a plain one.
    settings = loaded.config.to_dict()
    settings.pop("quantization_config", None)
    with torch.device("meta"):
        config = AutoConfig.for_model(**settings)
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(loaded.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = loaded.generation_config
    _split_digits(gguf, tokenizer)
    with contextlib.redirect_stderr(io.StringIO()):
        tokenizer.save_pretrained(into)
        plain.save_pretrained(into)
    progress(what, 3, 3)


def _split_digits(gguf: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """SmolLM's tokenizer splits numbers into digits before anything else, which transformers does not take over."""
    with gguf.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = data.find(PRE_TOKENIZER_KEY + len(SMOLLM).to_bytes(8, "little") + SMOLLM)
    if found >= 0:
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        assert isinstance(tokenizer, PreTrainedTokenizerFast)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
