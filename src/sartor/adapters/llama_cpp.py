"""A LoRA adapter as the GGUF file that llama.cpp loads beside a GGUF file of the base (`--lora`).

llama.cpp scales by α / r, so the file of an rsLoRA, whose scale is α / √r, says α · √r. The rows of q and k in a Llama of its own
have the two numbers of each rotary pair side by side; of ΔW = s B A these are rows of B alone:

    heads × 2 × half → heads × half × 2
"""

import math
from pathlib import Path

import gguf
from safetensors.torch import load_file
from torch import Tensor
from transformers import PretrainedConfig

from sartor.errors import InputError
from sartor.models.methods import is_full
from sartor.models.methods.weights import ADAPTER_NAME, read_config

FILE_NAME = "adapter.gguf"
ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}
"""By Transformers' type of the base. Whether rows are permuted is a matter of the architecture: those of Llama are."""


def write_gguf(adapter: Path, name: str, base: PretrainedConfig, file: Path) -> None:
    """In float32. Raises InputError for what is no LoRA, or a DoRA, and for a base of another architecture."""
    settings = {} if is_full(adapter) else read_config(adapter)
    if settings.get("peft_type") != "LORA" or settings.get("use_dora"):
        raise InputError(
            f"{name} is no plain LoRA, and llama.cpp reads no other adapters: export it with `--format merged` or `--format peft`"
        )
    if base.model_type not in ARCHITECTURES:
        raise InputError(
            f"{name} was trained on a {base.model_type}, and only of {', '.join(ARCHITECTURES)} is it known how llama.cpp names "
            "and orders the weights: export it with `--format merged` or `--format peft`"
        )
    architecture = ARCHITECTURES[base.model_type]
    names = gguf.get_tensor_name_map(architecture, base.num_hidden_layers)
    writer = gguf.GGUFWriter(file, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(name)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    scaled = math.sqrt(settings["r"]) if settings["use_rslora"] else 1.0
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, settings["lora_alpha"] * scaled)
    heads = {"q_proj": base.num_attention_heads, "k_proj": base.num_key_value_heads}
    for key, tensor in load_file(adapter / ADAPTER_NAME).items():
        module, _, side = key.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".lora_")
        projection = module.rpartition(".")[2]
        if side == "B" and projection in heads and architecture is gguf.MODEL_ARCH.LLAMA:
            tensor = _side_by_side(tensor, heads[projection])
        writer.add_tensor(f"{names[module]}.weight.lora_{side.lower()}", tensor.float().contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _side_by_side(rows: Tensor, heads: int) -> Tensor:
    return rows.view(heads, 2, -1, rows.shape[1]).transpose(1, 2).reshape(rows.shape)
