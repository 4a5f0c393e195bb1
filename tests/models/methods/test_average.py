"""The average of adapters is the mean of what each does to the weights, in one adapter that PEFT loads."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tests.networks import plain_model, widen
from torch import Tensor

from sartor.models.decoder import Decoder
from sartor.models.methods import fresh, load
from sartor.models.methods.average import average, averaged
from sartor.models.methods.lora import LoraWeights
from sartor.task import TrainSpec
from sartor.train.network import PlainNetwork


def merged(base: Path, adapter: Path) -> dict[str, Tensor]:
    """Every weight of the base with the adapter in it, by PEFT."""
    model = PeftModel.from_pretrained(plain_model(base), str(adapter)).merge_and_unload()
    return {name: tensor.detach() for name, tensor in model.named_parameters()}


@pytest.mark.parametrize("settings", [{}, {"rslora": True}, {"alpha": 5.0, "depth": 1}], ids=str)
def test_it_is_the_mean_of_the_dense_changes(settings: dict[str, object], llama: Path, tmp_path: Path) -> None:
    spec = TrainSpec(rank=4, seeds=3, **settings)
    decoder, folders = Decoder(plain_model(llama)), []
    for seed in range(3):
        weights = fresh(decoder, spec.model_copy(update={"seed": seed}))
        assert isinstance(weights, LoraWeights)
        widen(weights, 0.05 * (seed + 1))
        folders.append(tmp_path / str(seed))
        folders[-1].mkdir()
        weights.save(folders[-1], "tiny")
    made = tmp_path / "average"
    made.mkdir()
    average(folders, made, spec)
    found, each = merged(llama, made), [merged(llama, folder) for folder in folders]
    plain = dict(plain_model(llama).named_parameters())
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, torch.stack([one[name] for one in each]).mean(0), rtol=1e-5, atol=1e-6)
    assert any(not torch.equal(tensor, plain[name]) for name, tensor in found.items())
    read, wide = load(made, decoder), averaged(spec)
    assert isinstance(read, LoraWeights)
    assert (read.rank, read.alpha) == (12, pytest.approx(wide.alpha))
    assert fresh(decoder, wide).flat.shape == read.flat.shape


def test_adapters_of_the_plain_path_too(gpt2: Path, tmp_path: Path) -> None:
    spec, folders = TrainSpec(rank=4, seeds=2), []
    for seed in range(2):
        network = PlainNetwork(plain_model(gpt2), spec.model_copy(update={"seed": seed}), "tiny")
        with torch.no_grad():
            for tensor in network.trainable:
                tensor.normal_(0, 0.1)
        folders.append(tmp_path / str(seed))
        folders[-1].mkdir()
        network.save(folders[-1])
    made = tmp_path / "average"
    made.mkdir()
    average(folders, made, spec)
    each = [merged(gpt2, folder) for folder in folders]
    for name, tensor in merged(gpt2, made).items():
        torch.testing.assert_close(tensor, (each[0][name] + each[1][name]) / 2, rtol=1e-5, atol=1e-6)


def test_of_whole_models_every_number_is_the_mean(llama: Path, tmp_path: Path) -> None:
    spec, decoder, folders = TrainSpec(method="full", seeds=2), Decoder(plain_model(llama)), []
    for place in range(2):
        weights = fresh(decoder, spec)
        weights.flat.mul_(1 + place)
        folders.append(tmp_path / str(place))
        folders[-1].mkdir()
        weights.save(folders[-1], "tiny")
    made = tmp_path / "average"
    made.mkdir()
    average(folders, made, spec)
    first, found = (load_file(folder / "model.safetensors") for folder in (folders[0], made))
    assert found.keys() == first.keys()
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, 1.5 * first[name])
    assert (made / "config.json").read_bytes() == (folders[0] / "config.json").read_bytes()
