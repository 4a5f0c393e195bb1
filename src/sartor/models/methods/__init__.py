"""The methods of fine-tuning, one file each, all with the contract of `Weights`."""

from pathlib import Path

from sartor.models.decoder import Decoder
from sartor.models.methods.bottleneck import BottleneckWeights
from sartor.models.methods.dora import DoraWeights
from sartor.models.methods.full import MODEL_NAME, FullWeights
from sartor.models.methods.ia3 import Ia3Weights
from sartor.models.methods.lora import LoraWeights
from sartor.models.methods.prefix_tuning import PrefixWeights
from sartor.models.methods.prompt_tuning import PromptWeights
from sartor.models.methods.weights import AdapterWeights, Weights, read_config
from sartor.task import Method, TrainSpec

__all__ = ["METHODS", "Weights", "fresh", "is_full", "load"]

METHODS: dict[Method, type[Weights]] = {
    "lora": LoraWeights,
    "qlora": LoraWeights,  # on a base in 4 bits
    "ia3": Ia3Weights,
    "bottleneck": BottleneckWeights,
    "prompt": PromptWeights,
    "prefix": PrefixWeights,
    "full": FullWeights,
}


def fresh(decoder: Decoder, spec: TrainSpec) -> Weights:
    """What training starts from."""
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
