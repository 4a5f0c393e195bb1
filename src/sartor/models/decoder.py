"""The fast path: a functional forward pass over the frozen weights of a Llama-family decoder.

One rectangle of examples follows one shared prompt prefix, computed once:

    tokens   [ prefix P | example 1, L | example 2, L | … | example B, L ]      P + B·L rows
    attends    prefix     prefix + itself up to its own position

Causal attention makes the prefix independent of what follows, so sharing it is exact; an example that is shorter
than L is padded on the right, where no real token can see the padding. Query, key and value projections are one
matrix product, gate and up another (the modules' own weights become views of the fused ones: nothing is stored twice).

Covers Llama, Qwen2, Qwen3 and Mistral without an active sliding window; `unsupported` says why another base cannot.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from sartor.models.lora import LoraView, lora_linear

ARCHITECTURES = ("llama", "qwen2", "qwen3", "mistral")
DENSE_SCORES = 512
"""Up to this many keys the scores of a layer are kept for the backward pass; above, flash attention recomputes them."""

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q [T, heads, d], k [T, kv heads, d], v [T, kv heads, d]) → [T, heads · d]"""


def unsupported(config: PretrainedConfig) -> str | None:
    """Why this base takes the plain path instead, or None when the fast path covers it."""
    if config.model_type not in ARCHITECTURES:
        return f"the fast path covers {', '.join(ARCHITECTURES)}, not {config.model_type}"
    if getattr(config, "hidden_act", "silu") != "silu":
        return f"the fast path knows the silu activation, not {config.hidden_act}"
    window = getattr(config, "sliding_window", None)
    if window and getattr(config, "use_sliding_window", True) and window < config.max_position_embeddings:
        return f"the fast path has no sliding window (this base: {window} tokens)"
    if (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default") not in (
        "default",
        "linear",
        "llama3",
    ):
        return "the fast path does not know this base's rotary scaling, which depends on the length"
    if getattr(config, "attention_bias", False) and config.model_type != "qwen2":
        return "the fast path has no bias on the attention's output"
    if getattr(config, "mlp_bias", False):
        return "the fast path has no bias in the feed-forward part"
    return None


@dataclass(slots=True)
class Layer:
    """The frozen weights of one block; matrices are [out, in] as in `nn.Linear`."""

    norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Tensor
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor


def _fuse(linears: list[nn.Linear]) -> tuple[Tensor, Tensor | None]:
    weight = torch.cat([linear.weight.data for linear in linears])
    row = 0
    for linear in linears:
        linear.weight.data = weight[row : row + linear.out_features]
        row += linear.out_features
    biases = [linear.bias.data for linear in linears if linear.bias is not None]
    return weight, torch.cat(biases) if biases else None


class Decoder:
    """A causal language model as plain functions of its frozen weights.

    Raises ValueError when `unsupported(model.config)` gives a reason.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        if reason := unsupported(model.config):
            raise ValueError(reason)
        config = model.config
        self.config = config
        self.heads: int = config.num_attention_heads
        self.kv_heads: int = getattr(config, "num_key_value_heads", None) or self.heads
        self.head_dim: int = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps: float = config.rms_norm_eps
        self.embedding: Tensor = model.get_input_embeddings().weight.data  # type: ignore[assignment]
        self.head: Tensor = model.get_output_embeddings().weight.data
        self.norm: Tensor = model.model.norm.weight.data
        self._rotary = model.model.rotary_emb
        self.layers: list[Layer] = []
        for block in model.model.layers:
            attention, mlp = block.self_attn, block.mlp
            qkv, qkv_bias = _fuse([attention.q_proj, attention.k_proj, attention.v_proj])
            gate_up, _ = _fuse([mlp.gate_proj, mlp.up_proj])
            self.layers.append(
                Layer(
                    norm=block.input_layernorm.weight.data,
                    qkv=qkv,
                    qkv_bias=qkv_bias,
                    q_norm=attention.q_norm.weight.data if hasattr(attention, "q_norm") else None,
                    k_norm=attention.k_norm.weight.data if hasattr(attention, "k_norm") else None,
                    out=attention.o_proj.weight.data,
                    mlp_norm=block.post_attention_layernorm.weight.data,
                    gate_up=gate_up,
                    down=mlp.down_proj.weight.data,
                )
            )

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.dtype

    @property
    def device(self) -> torch.device:
        return self.embedding.device

    def rotary(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines [T, 1, d] at integer positions [T]."""
        cos, sin = self._rotary(self.embedding, positions[None])
        return cos[0, :, None], sin[0, :, None]

    def hidden(self, ids: Tensor, rotary: tuple[Tensor, Tensor], attend: Attend, lora: LoraView | None) -> Tensor:
        """Hidden states [T, hidden] before the final norm, for token ids [T]."""
        x = F.embedding(ids, self.embedding)
        for index, layer in enumerate(self.layers):
            q, k, v = self._project(index, layer, rms_norm(x, layer.norm, self.eps), rotary, lora)
            x = x + lora_linear(attend(index, q, k, v), layer.out, lora, index, "out")
            gate_up = lora_linear(rms_norm(x, layer.mlp_norm, self.eps), layer.gate_up, lora, index, "gate_up")
            gate, up = gate_up.chunk(2, dim=-1)
            x = x + lora_linear(F.silu(gate) * up, layer.down, lora, index, "down")
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits [T, vocabulary] from hidden states [T, hidden] before the final norm."""
        return F.linear(rms_norm(hidden, self.norm, self.eps), self.head)

    def _project(
        self, index: int, layer: Layer, x: Tensor, rotary: tuple[Tensor, Tensor], lora: LoraView | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        qkv = lora_linear(x, layer.qkv, lora, index, "qkv")
        if layer.qkv_bias is not None:
            qkv = qkv + layer.qkv_bias
        qkv = qkv.view(len(x), self.heads + 2 * self.kv_heads, self.head_dim)
        qk, v = qkv.split((self.heads + self.kv_heads, self.kv_heads), dim=1)
        if layer.q_norm is not None and layer.k_norm is not None:
            q, k = qk.split((self.heads, self.kv_heads), dim=1)
            qk = torch.cat((rms_norm(q, layer.q_norm, self.eps), rms_norm(k, layer.k_norm, self.eps)), dim=1)
        q, k = rotate(qk, *rotary).split((self.heads, self.kv_heads), dim=1)
        return q, k, v


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x / √(mean x² + ε) · weight over the last dimension, in float32 (Zhang & Sennrich 2019, 1910.07467)."""
    if not x.requires_grad:
        return _rms_norm(x, weight, eps)[0]
    return RmsNorm.apply(x, weight, eps)  # type: ignore[no-any-return,no-untyped-call]


def _rms_norm(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    wide = x.float()
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return weight * (wide * scale).to(x.dtype), scale


class RmsNorm(torch.autograd.Function):
    """RMS norm with a frozen weight: keeps x and one number a row, where autograd would keep three float32 copies."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:  # type: ignore[no-untyped-def]
        y, scale = _rms_norm(x, weight, eps)
        ctx.save_for_backward(x, weight, scale)
        return y

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        x, weight, scale = ctx.saved_tensors
        g = (grad * weight).float()
        normed = x * scale
        g.sub_(normed.mul_((g * normed).mean(-1, keepdim=True))).mul_(scale)
        return g.to(x.dtype), None, None


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding, halves convention (Su et al. 2021, 2104.09864): x [T, heads, d]."""
    first, second = x.chunk(2, dim=-1)
    half = x.shape[-1] // 2
    cos, sin = cos[..., :half], sin[..., :half]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class SharedPrefixAttention:
    """Attention of a rectangle of examples after a shared prefix; see the module's picture.

    `prefix` is P, `rows` B, `width` L.
    """

    def __init__(self, prefix: int, rows: int, width: int, device: torch.device) -> None:
        self.prefix, self.rows, self.width = prefix, rows, width
        visible = torch.ones(width, prefix + width, dtype=torch.bool, device=device).tril(prefix)
        self._bias = torch.zeros(visible.shape, device=device).masked_fill_(~visible, float("-inf"))

    def __call__(self, index: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        P, B, L = self.prefix, self.rows, self.width
        heads, d, kv_heads = q.shape[1], q.shape[2], k.shape[1]
        group = heads // kv_heads
        if P + L > DENSE_SCORES:
            return self._flash(q, k, v)
        # One product per kv head serves its whole group of query heads. Only the prefix's keys and values are repeated,
        # which are few numbers beside the scores.
        queries = (q[P:] * (1 / math.sqrt(d))).view(B, L, kv_heads, group, d).permute(0, 2, 3, 1, 4)
        queries = queries.reshape(B * kv_heads, group * L, d)
        keys, values = self._rows(k, kv_heads), self._rows(v, kv_heads)
        bias = self._bias.to(q.dtype).repeat(group, 1).expand(B * kv_heads, group * L, P + L)
        weights = torch.baddbmm(bias, queries, keys.transpose(1, 2)).softmax(-1)
        out = torch.bmm(weights, values).view(B, kv_heads, group, L, d).permute(0, 3, 1, 2, 4).reshape(B * L, heads * d)
        return torch.cat((causal_attention(q[:P], k[:P], v[:P]), out)) if P else out

    def _rows(self, x: Tensor, kv_heads: int) -> Tensor:
        """Prefix and own part of every row: [B · kv heads, P + L, d]."""
        P, B, L, d = self.prefix, self.rows, self.width, x.shape[2]
        own = x[P:].view(B, L, kv_heads, d)
        both = torch.cat((x[:P].expand(B, P, kv_heads, d), own), dim=1) if P else own
        return both.transpose(1, 2).reshape(B * kv_heads, P + L, d)

    def _flash(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Each row's prefix and example as one causal sequence; the prefix rows' outputs are taken once."""
        P, B, L = self.prefix, self.rows, self.width

        def rows(x: Tensor) -> Tensor:
            example = x[P:].view(B, L, *x.shape[1:])
            if P:
                example = torch.cat((x[:P].expand(B, P, *x.shape[1:]), example), dim=1)
            return example.transpose(1, 2)

        out = F.scaled_dot_product_attention(
            rows(q), rows(k), rows(v), is_causal=True, enable_gqa=q.shape[1] != k.shape[1]
        )
        out = out.transpose(1, 2).flatten(2)
        example = out[:, P:].reshape(B * L, -1)
        return torch.cat((out[0, :P], example)) if P else example


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of one sequence with itself: [T, heads, d] → [T, heads · d]."""
    out = F.scaled_dot_product_attention(
        q.transpose(0, 1)[None],
        k.transpose(0, 1)[None],
        v.transpose(0, 1)[None],
        is_causal=True,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    return out[0].transpose(0, 1).flatten(1)
