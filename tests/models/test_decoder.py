"""The fast path gives what Transformers gives, in float32, for every family that it names."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.networks import plain_model
from tests.tiny import VOCABULARY, tiny_gpt2, tiny_llama, tiny_mistral
from torch import Tensor
from transformers import (
    AutoConfig,
    GemmaConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from sartor.models import attention as module
from sartor.models.attention import attention, causal_attention
from sartor.models.decoder import Decoder, rms_norm, rotate, swiglu, unsupported

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
"""Logits are of the order of 1 to 10; float32 carries seven digits, and three layers lose two of them."""


@pytest.fixture
def decoder(llama: Path) -> Decoder:
    return Decoder(plain_model(llama))


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(3, VOCABULARY, shape, generator=torch.Generator().manual_seed(seed))


def logits(decoder: Decoder, prefix: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of the prefix [P, vocabulary] and of the rows [B, L, vocabulary] after it."""
    P, (B, L) = len(prefix), rows.shape
    spots = torch.cat((torch.arange(P), torch.arange(P, P + L).repeat(B)))
    attend = attention([(P, [L] * B)], decoder.device)
    hidden = decoder.hidden(decoder.embed(torch.cat((prefix, rows.flatten()))), decoder.rotary(spots), attend)
    out = decoder.logits(hidden)
    return out[:P], out[P:].view(B, L, -1)


@pytest.mark.parametrize("prefix", [0, 1, 9])
@pytest.mark.parametrize("dense", [0, 512])
def test_logits_are_those_of_transformers(
    family: Path, prefix: int, dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DENSE_SCORES", dense)
    shared, rows = tokens(prefix), tokens(3, 17, seed=1)
    found_prefix, found = logits(Decoder(plain_model(family)), shared, rows)
    wanted = plain_model(family)(torch.cat((shared.expand(3, -1), rows), dim=1)).logits
    assert wanted.abs().max() > 1
    torch.testing.assert_close(found, wanted[:, prefix:], **CLOSE)
    torch.testing.assert_close(found_prefix, wanted[0, :prefix], **CLOSE)


@pytest.mark.parametrize(
    "scaling",
    [
        {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
        {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ],
    ids=lambda scaling: scaling["rope_type"],
)
def test_scaled_positions_are_those_of_transformers(scaling: dict[str, Any]) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    config = LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=1, rope_parameters=scaling)
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.mul_(5)
    ids = tokens(1, 200)
    torch.testing.assert_close(logits(Decoder(model), tokens(0), ids)[1], model(ids).logits, **CLOSE)


def test_untied_heads_and_fused_weights_leave_the_model_as_it_was(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path, tied=False)
    ids = tokens(2, 9)
    wanted = plain_model(folder)(ids).logits
    model = plain_model(folder)
    decoder = Decoder(model)
    torch.testing.assert_close(logits(decoder, tokens(0), ids)[1], wanted, **CLOSE)
    torch.testing.assert_close(model(ids).logits, wanted, **CLOSE)
    attention = model.model.layers[0].self_attn
    assert attention.v_proj.weight.untyped_storage().data_ptr() == decoder.layers[0].qkv.untyped_storage().data_ptr()


def test_another_examples_tokens_move_no_logit(decoder: Decoder) -> None:
    prefix, rows = tokens(6), tokens(4, 16, seed=1)
    before_prefix, before = logits(decoder, prefix, rows)
    changed = rows.clone()
    changed[1] = tokens(16, seed=2)
    after_prefix, after = logits(decoder, prefix, changed)
    assert torch.equal(before_prefix, after_prefix)
    assert torch.equal(before[[0, 2, 3]], after[[0, 2, 3]])
    assert not torch.allclose(before[1], after[1])


@pytest.mark.parametrize("dense", [0, 512])
def test_what_is_padded_moves_no_logit(decoder: Decoder, dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DENSE_SCORES", dense)
    prefix, rows = tokens(6), tokens(4, 16, seed=1)
    bare = logits(decoder, prefix, rows)[1]
    for width, pad in ((1, 2), (8, 2), (8, 77), (40, 2)):
        padded = torch.cat((rows, torch.full((4, width), pad)), dim=1)
        torch.testing.assert_close(logits(decoder, prefix, padded)[1][:, :16], bare, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (6, 1)], ids=str)
@pytest.mark.parametrize("prefix", [0, 5])
def test_dense_and_flash_attention_agree_in_result_and_gradient(
    heads: tuple[int, int], prefix: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gradients(dense: int) -> list[Tensor]:
        monkeypatch.setattr(module, "DENSE_SCORES", dense)
        generator = torch.Generator().manual_seed(0)
        q, k, v = (
            torch.randn(prefix + 3 * 7, number, 8, generator=generator, requires_grad=True)
            for number in (heads[0], heads[1], heads[1])
        )
        out = attention([(prefix, [7, 7, 7])], torch.device("cpu"))(0, q, k, v, None)
        out.backward(torch.randn(out.shape, generator=generator))
        return [out.detach(), *(tensor.grad for tensor in (q, k, v))]

    for dense, flash in zip(gradients(512), gradients(0), strict=True):
        torch.testing.assert_close(dense, flash, rtol=1e-5, atol=1e-5)


def test_attention_is_softmax_of_scaled_products_over_what_came_before() -> None:
    q, k, v = torch.randn(3, 6, 2, 4, generator=torch.Generator().manual_seed(0))
    scores = torch.einsum("qhd,khd->hqk", q, k) / 2
    weights = scores.masked_fill(~torch.ones(6, 6, dtype=torch.bool).tril(), float("-inf")).softmax(-1)
    wanted = torch.einsum("hqk,khd->qhd", weights, v).flatten(1)
    torch.testing.assert_close(causal_attention(q, k, v), wanted)
    torch.testing.assert_close(attention([(2, [4])], q.device)(0, q, k, v, None), wanted)


def test_rms_norm_and_its_gradient_are_autograds() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 3, 16, generator=generator, requires_grad=True)
    weight, slope = torch.randn(16, generator=generator), torch.randn(5, 3, 16, generator=generator)
    plain = weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)
    (wanted,) = torch.autograd.grad(plain, x, slope)
    ours = rms_norm(x, weight, 1e-5)
    (found,) = torch.autograd.grad(ours, x, slope)
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(found, wanted)
    assert torch.equal(rms_norm(x.detach(), weight, 1e-5), ours)


def test_rms_norm_in_bfloat16_loses_no_more_than_the_format() -> None:
    x = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    weight = torch.ones(64)
    narrow = x.bfloat16().requires_grad_()
    found = rms_norm(narrow, weight.bfloat16(), 1e-5)
    torch.testing.assert_close(found.float(), rms_norm(narrow.detach().float(), weight, 1e-5), rtol=1e-2, atol=1e-2)
    found.sum().backward()
    assert narrow.grad is not None
    assert narrow.grad.dtype == torch.bfloat16


def gpt2(tmp_path: Path) -> PreTrainedConfig:
    return AutoConfig.from_pretrained(tiny_gpt2(tmp_path))


def _scaled(kind: str) -> Callable[[Path], PreTrainedConfig]:
    return lambda _: LlamaConfig(rope_parameters={"rope_type": kind, "rope_theta": 1e4, "factor": 2.0})


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (gpt2, "covers llama, qwen2, qwen3, mistral, not gpt2"),
        (lambda _: GemmaConfig(), "not gemma"),
        (lambda _: LlamaConfig(hidden_act="gelu"), "silu activation, not gelu"),
        (lambda _: LlamaConfig(attention_bias=True), "bias on the attention's output"),
        (lambda _: LlamaConfig(mlp_bias=True), "bias in the feed-forward part"),
        (lambda _: MistralConfig(sliding_window=128, max_position_embeddings=512), "sliding window .*128 tokens"),
        (
            lambda _: Qwen2Config(use_sliding_window=True, sliding_window=64, max_position_embeddings=512),
            "no sliding window",
        ),
        (_scaled("dynamic"), "rotary scaling"),
        (_scaled("yarn"), "rotary scaling"),
    ],
)
def test_what_the_fast_path_does_not_cover_is_named(
    config: Callable[[Path], PreTrainedConfig], reason: str, tmp_path: Path
) -> None:
    found = unsupported(config(tmp_path))
    assert found is not None
    assert re.search(reason, found)


@pytest.mark.parametrize(
    "config",
    [
        LlamaConfig(),
        Qwen2Config(sliding_window=64),
        Qwen3Config(),
        MistralConfig(sliding_window=None),
        MistralConfig(sliding_window=4096, max_position_embeddings=4096),
    ],
    ids=lambda config: config.model_type,
)
def test_what_it_covers_has_no_reason(config: PreTrainedConfig) -> None:
    assert unsupported(config) is None


def test_a_base_outside_is_refused_with_the_reason(tmp_path: Path) -> None:
    model: PreTrainedModel = plain_model(tiny_mistral(tmp_path, window=16))
    with pytest.raises(ValueError, match="sliding window"):
        Decoder(model)


def test_the_gradients_that_are_written_out_are_those_of_the_functions() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 3, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    angles = torch.randn(7, 1, 4, generator=generator, dtype=torch.float64).repeat(1, 1, 2)
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, dim=-1)
    torch.testing.assert_close(rotate(x, cos, sin), x * cos + torch.cat((-second, first), -1) * sin)
    assert torch.autograd.gradcheck(lambda x: rotate(x, cos, sin), x)
    both = torch.randn(5, 12, generator=generator, dtype=torch.float64, requires_grad=True)
    gate, up = both.chunk(2, dim=-1)
    torch.testing.assert_close(swiglu(both), torch.nn.functional.silu(gate) * up)
    assert torch.autograd.gradcheck(swiglu, both)
