"""The methods of fine-tuning, one file each, all with the contract of `Weights`."""

from importlib.util import find_spec
from pathlib import Path

from transformers import PretrainedConfig

from sartor.errors import InputError
from sartor.models.decoder import Decoder, unsupported
from sartor.models.methods.bottleneck import BottleneckWeights
from sartor.models.methods.dora import DoraWeights
from sartor.models.methods.full import MODEL_NAME, FullWeights
from sartor.models.methods.ia3 import Ia3Weights
from sartor.models.methods.lora import LoraWeights
from sartor.models.methods.prefix_tuning import PrefixWeights
from sartor.models.methods.prompt_tuning import PromptWeights
from sartor.models.methods.weights import AdapterWeights, Weights, read_config
from sartor.models.quantised import NEEDS_BITSANDBYTES
from sartor.task import Method, TrainSpec

__all__ = ["METHODS", "Weights", "fresh", "is_full", "load", "refusal"]

METHODS: dict[Method, type[Weights]] = {
    "lora": LoraWeights,
    "qlora": LoraWeights,  # on a base in 4 bits
    "ia3": Ia3Weights,
    "bottleneck": BottleneckWeights,
    "prompt": PromptWeights,
    "prefix": PrefixWeights,
    "full": FullWeights,
}


def refusal(config: PretrainedConfig, spec: TrainSpec) -> str | None:
    """Why the method, as it is set, cannot train this base here, with a remedy; None where it can."""
    method, layers = spec.method, config.get_text_config().num_hidden_layers
    if method == "qlora" and find_spec("bitsandbytes") is None:
        return NEEDS_BITSANDBYTES
    if unsupported(config):
        only = f"is for bases of the fast path, and {config.model_type} is none"
        if method in ("bottleneck", "qlora"):
            return f"`method: {method}` {only}: choose another method or base"
        if spec.depth is not None:
            return f"`train.depth` {only}: remove it, or choose another base"
        if spec.gradient_checkpointing is True:
            return f"`train.gradient_checkpointing` {only}: remove it, or choose another base"
        if method == "ia3" and not ia3_modules(config.model_type):
            return (
                f"`method: ia3` does not know where the vectors of a {config.model_type} belong: choose another method"
            )
    if spec.depth is not None and spec.depth > layers:
        return f"`train.depth` is {spec.depth}, and the base has {layers} layers: lower it"
    return None


def ia3_modules(model_type: str) -> dict[str, bool]:
    """Where PEFT puts (IA)³'s vectors in such a base: the end of a module's name → whether its input is scaled."""
    from peft.utils import constants

    names = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(model_type, [])
    scaled = constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(model_type, [])
    return {name: name in scaled for name in names}


def fresh(decoder: Decoder, spec: TrainSpec) -> Weights:
    """What training starts from. Raises InputError for what `refusal` names."""
    if reason := refusal(decoder.config, spec):
        raise InputError(reason)
    return (DoraWeights if spec.dora else METHODS[spec.method]).fresh(decoder, spec)


def is_full(folder: Path) -> bool:
    """Whether the folder holds a whole model instead of an adapter."""
    return (folder / MODEL_NAME).exists()


def load(folder: Path, decoder: Decoder) -> Weights:
    """What a method's `save` wrote, or PEFT. Raises ValueError when it does not fit this base, or is of no method here."""
    if is_full(folder):
        return FullWeights.load(folder, decoder)
    settings = read_config(folder)
    if settings["peft_type"] == "LORA" and settings.get("use_dora"):
        return DoraWeights.load(folder, decoder)
    for method in METHODS.values():
        if issubclass(method, AdapterWeights) and method.peft_type == settings["peft_type"]:
            return method.load(folder, decoder)
    raise ValueError(f"{folder} is an adapter of the method {settings['peft_type']}, which the fast path does not run")
