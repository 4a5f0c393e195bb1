"""An adapter's numbers mean the same here and in PEFT, in both directions; its gradients are autograd's."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tests.networks import ALPHA, RANK, plain_model, widen
from tests.tiny import VOCABULARY
from torch import Tensor
from transformers import PreTrainedModel

from sartor.models.attention import attention
from sartor.models.decoder import FROZEN, Decoder
from sartor.models.methods.lora import TARGET_MODULES, LoraLinear, LoraWeights

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
IDS = torch.randint(3, VOCABULARY, (2, 13), generator=torch.Generator().manual_seed(0))


def adapter(model: PreTrainedModel, seed: int = 0) -> LoraWeights:
    lora = LoraWeights(model.config, RANK, ALPHA, seed)
    widen(lora, 0.05)
    return lora


def logits(base: Path, lora: LoraWeights | None) -> Tensor:
    decoder = Decoder(plain_model(base))
    rows, width = IDS.shape
    rotary = decoder.rotary(torch.arange(width).repeat(rows))
    attend = attention([(0, [width] * rows)], decoder.device)
    with torch.no_grad():
        view = lora.view(torch.float32) if lora else FROZEN
        hidden = decoder.hidden(decoder.embed(IDS.flatten()), rotary, attend, view)
        return decoder.logits(hidden).view(rows, width, -1)


def test_a_saved_adapter_gives_the_same_logits_in_peft(family: Path, tmp_path: Path) -> None:
    lora = adapter(plain_model(family))
    lora.save(tmp_path, "tiny")
    found = PeftModel.from_pretrained(plain_model(family), str(tmp_path))(IDS).logits
    torch.testing.assert_close(found, logits(family, lora), **CLOSE)
    assert (found - logits(family, None)).abs().max() > 0.1


def test_an_adapter_that_peft_saved_gives_the_same_logits_here(family: Path, tmp_path: Path) -> None:
    config = LoraConfig(
        r=RANK, lora_alpha=3, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False
    )
    model = get_peft_model(plain_model(family), config).eval()
    model.save_pretrained(str(tmp_path))
    lora = LoraWeights.load(tmp_path, Decoder(plain_model(family)))
    assert (lora.rank, lora.scale) == (RANK, 3 / RANK)
    torch.testing.assert_close(logits(family, lora), model(IDS).logits, **CLOSE)


def test_saved_and_loaded_again_every_bit_is_the_same(llama: Path, tmp_path: Path) -> None:
    lora = adapter(plain_model(llama))
    lora.save(tmp_path, "tiny")
    assert torch.equal(LoraWeights.load(tmp_path, Decoder(plain_model(llama))).flat, lora.flat)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["lora_dropout"]) == ("tiny", 0.0)
    assert set(settings["target_modules"]) == set(TARGET_MODULES)


def test_a_fresh_adapter_changes_nothing_and_starts_as_peft_does(llama: Path) -> None:
    lora = LoraWeights(plain_model(llama).config, RANK, ALPHA)
    assert torch.equal(logits(llama, lora), logits(llama, None))
    for name, tensor in lora.tensors().items():
        if ".lora_B." in name:
            assert not tensor.any()
        else:  # Kaiming-uniform with a = √5 is uniform on ±1/√in
            bound = tensor.shape[1] ** -0.5
            assert 0.9 * bound < tensor.abs().max() <= bound
            assert abs(float(tensor.mean())) < 0.1 * bound


def test_the_seed_decides_the_start(llama: Path) -> None:
    config = plain_model(llama).config
    first, again, other = (LoraWeights(config, RANK, ALPHA, seed).flat for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_has_the_tensors_of_peft_under_their_names(family: Path) -> None:
    config = LoraConfig(r=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    named = get_peft_model(plain_model(family), config).named_parameters()
    wanted = {name.replace(".default.", "."): tuple(p.shape) for name, p in named if p.requires_grad}
    assert {name: tuple(t.shape) for name, t in adapter(plain_model(family)).tensors().items()} == wanted


@pytest.mark.parametrize("fault", ["another rank", "a matrix less", "fewer layers", "alpha by layer"])
def test_what_would_be_another_adapter_here_is_refused(fault: str, llama: Path, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(llama))
    adapter(plain_model(llama)).save(tmp_path, "tiny")
    path, about = tmp_path / "adapter_model.safetensors", tmp_path / "adapter_config.json"
    settings, tensors = json.loads(about.read_text()), load_file(path)
    if fault == "another rank":
        settings["r"] = 2 * RANK
    elif fault == "alpha by layer":
        settings["alpha_pattern"] = {"q_proj": 2}
    elif fault == "a matrix less":
        tensors.popitem()
    else:
        decoder.config.num_hidden_layers -= 1
    about.write_text(json.dumps(settings))
    save_file(tensors, path)
    with pytest.raises(ValueError, match="was not trained on this base|scales its layers differently"):
        LoraWeights.load(tmp_path, decoder)


def test_gradients_are_those_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    weight = draw(6, 5)
    x, down, *ups = free = [tensor.requires_grad_() for tensor in (draw(4, 5), draw(6, 5), draw(2, 3), draw(4, 3))]
    inner = (x @ down.T).split(3, dim=1)
    wanted = x @ weight.T + 0.7 * torch.cat([part @ up.T for part, up in zip(inner, ups, strict=True)], dim=1)
    torch.testing.assert_close(LoraLinear.apply(x, weight, 0.7, down, *ups), wanted)
    assert torch.autograd.gradcheck(lambda x, *pair: LoraLinear.apply(x, weight, 0.7, *pair), free)


def test_gradients_flow_to_every_number_but_the_base(llama: Path) -> None:
    decoder = Decoder(plain_model(llama))
    lora = adapter(plain_model(llama))
    attend = attention([(0, [IDS.shape[1]] * len(IDS))], decoder.device)
    rotary = decoder.rotary(torch.arange(IDS.shape[1]).repeat(len(IDS)))
    x = decoder.embed(IDS.flatten())
    decoder.logits(decoder.hidden(x, rotary, attend, lora.view(torch.float32))).square().sum().backward()
    (leaf,) = lora.trainable
    assert leaf.grad is not None
    assert (leaf.grad != 0).float().mean() > 0.99
    assert decoder.head.grad is None


def test_without_an_adapter_a_layer_is_a_matrix_product() -> None:
    x, weight = torch.randn(2, 3), torch.randn(4, 3)
    assert torch.equal(FROZEN.linear(x, weight, 0, "out"), x @ weight.T)
