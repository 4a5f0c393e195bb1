"""Trainings that differ in their seed alone, averaged into one ("model soups", Wortsman et al. 2022, 2203.05482).

    LoRA           mean of s · Bᵢ Aᵢ  =  s · [B₁/n … Bₙ/n] · [A₁; …; Aₙ]          of rank n · r
    whole models   the mean of every number

The mean of the B times the mean of the A is another matrix, since a product is not linear in both. Nor would the mean survive
being cut back to rank r: seeds start from different A, so their n · r directions hardly overlap. Side by side they are exact,
and the file is that of an ordinary adapter, n times as large.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from sartor.models.methods.weights import CONFIG_NAME, read_config
from sartor.task import TrainSpec


def averaged(spec: TrainSpec) -> TrainSpec:
    """What the average of `spec.seeds` trainings is: as wide as all of them, at the scale s of one."""
    if spec.method == "full":
        return spec
    width = spec.seeds**0.5 if spec.rslora else spec.seeds
    wider = {"rank": spec.rank * spec.seeds, "alpha": spec.method_settings["alpha"] * width}
    return spec.model_copy(update=wider)  # unchecked: a rank above what may be asked for can come of it


def average(folders: Sequence[Path], target: Path, spec: TrainSpec) -> None:
    """Write into `target` the mean of what the `folders` hold: LoRA adapters that `spec` trains, or whole models."""
    for file in folders[0].iterdir():
        if file.suffix == ".safetensors":
            parts = [load_file(folder / file.name) for folder in folders]
            mean = {name: _mean(name, [part[name] for part in parts]) for name in parts[0]}
            save_file(mean, target / file.name, {"format": "pt"})
        else:
            shutil.copyfile(file, target / file.name)
    if spec.method != "full":
        wide = averaged(spec)
        config = read_config(target) | {"r": wide.rank, "lora_alpha": wide.alpha}
        (target / CONFIG_NAME).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def _mean(name: str, parts: Sequence[Tensor]) -> Tensor:
    if ".lora_A." in name:
        return torch.cat(list(parts))
    if ".lora_B." in name:
        return torch.cat(list(parts), dim=1) / len(parts)
    return torch.stack([part.float() for part in parts]).mean(0).to(parts[0].dtype)
