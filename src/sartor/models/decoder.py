"""The fast path: a functional forward pass over the weights of a Llama-family decoder.

Tokens are rows of one matrix, whatever sequences they belong to, which only attention knows (`sartor.models.attention`). Query,
key and value projections are one matrix product, gate and up another (the modules' own weights become views of the fused
ones: nothing is stored twice).

Covers Llama, Qwen2, Qwen3 and Mistral without an active sliding window; `unsupported` says why another base cannot.
"""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PretrainedConfig, PreTrainedModel

from sartor.models.attention import Attend, KeysValues
from sartor.models.quantised import Matrix, dense, quantise

ARCHITECTURES = ("llama", "qwen2", "qwen3", "mistral")


class AdapterView:
    """What an adapter changes in one pass over a frozen decoder. This one changes nothing; a method overrides its part."""

    virtual = 0
    """Positions that virtual tokens occupy before the first real one."""

    def embeds(self) -> Tensor | None:
        """Virtual tokens [virtual, hidden] that stand before all others."""
        return None

    def keys_values(self, layer: int) -> KeysValues | None:
        """Keys and values of virtual tokens that have no hidden states, [virtual, kv heads, d]."""
        return None

    def in_rows(self, row: Tensor, place: Tensor, width: int) -> "AdapterView":
        """The view of tokens [T] that lie in rows, at the places 0 … width − 1; every row has one, and the rows are in order."""
        return self

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        """A layer's product `group` (qkv, out, gate_up or down) of x [T, in] with its weight [out, in] → [T, out]."""
        return F.linear(x, dense(weight, x.dtype), bias)


FROZEN = AdapterView()


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
    """The weights of one block; matrices are [out, in] as in `nn.Linear`."""

    norm: Tensor
    qkv: Matrix
    qkv_bias: Tensor | None
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Matrix
    mlp_norm: Tensor
    gate_up: Matrix
    down: Matrix


def _fuse(linears: list[nn.Linear]) -> tuple[Tensor, Tensor | None]:
    weight = torch.cat([linear.weight.data for linear in linears])
    row = 0
    for linear in linears:
        linear.weight.data = weight[row : row + linear.out_features]
        row += linear.out_features
    biases = [linear.bias.data for linear in linears if linear.bias is not None]
    return weight, torch.cat(biases) if biases else None


class Decoder:
    """A causal language model as plain functions of its weights.

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

    def quantised(self, device: torch.device | str | None = None) -> "Decoder":
        """The same with every layer's matrices in 4 bits; embeddings, head and norms stay as they are.

        On `device`, where it is given: a layer at a time goes there, so it never holds more than one in full.
        """
        to = self.device if device is None else torch.device(device)

        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(to)

        layers = [
            Layer(
                norm=layer.norm.to(to),
                qkv=quantise(dense(layer.qkv, self.dtype).to(to)),
                qkv_bias=moved(layer.qkv_bias),
                q_norm=moved(layer.q_norm),
                k_norm=moved(layer.k_norm),
                out=quantise(dense(layer.out, self.dtype).to(to)),
                mlp_norm=layer.mlp_norm.to(to),
                gate_up=quantise(dense(layer.gate_up, self.dtype).to(to)),
                down=quantise(dense(layer.down, self.dtype).to(to)),
            )
            for layer in self.layers
        ]
        embedding = self.embedding.to(to)
        tied = self.head.data_ptr() == self.embedding.data_ptr()
        head = embedding if tied else self.head.to(to)
        other = self.with_weights(embedding, head, self.norm.to(to), layers)
        if device is not None:
            other._rotary = copy.deepcopy(self._rotary).to(to)
        return other

    def with_weights(self, embedding: Tensor, head: Tensor, norm: Tensor, layers: list[Layer]) -> "Decoder":
        """The same architecture over other numbers."""
        other = copy.copy(self)
        other.embedding, other.head, other.norm, other.layers = embedding, head, norm, layers
        return other

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

    def embed(self, ids: Tensor, view: AdapterView = FROZEN) -> Tensor:
        """Embeddings [virtual + T, hidden] of token ids [T], the view's virtual tokens before them."""
        x = F.embedding(ids, self.embedding)
        virtual = view.embeds()
        return x if virtual is None else torch.cat((virtual, x))

    def hidden(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        attend: Attend,
        view: AdapterView = FROZEN,
        first: int = 0,
        last: int | None = None,
        recompute: bool = False,
    ) -> Tensor:
        """What leaves the layers `first` to `last` − 1 (default: all), [T, hidden], for what enters them; no final norm.

        With `recompute` only what enters each layer is kept for the backward pass, which computes the layer again
        (Chen et al. 2016, 1604.06174).
        """
        for index, layer in enumerate(self.layers[first:last], first):
            given = (index, layer, x, rotary, attend, view)
            again = recompute and torch.is_grad_enabled()
            x = checkpoint(self._block, *given, use_reentrant=False) if again else self._block(*given)
        return x

    def _block(
        self, index: int, layer: Layer, x: Tensor, rotary: tuple[Tensor, Tensor], attend: Attend, view: AdapterView
    ) -> Tensor:
        q, k, v = self._project(index, layer, rms_norm(x, layer.norm, self.eps), rotary, view)
        x = x + view.linear(attend(index, q, k, v, view.keys_values(index)), layer.out, index, "out")
        gate_up = view.linear(rms_norm(x, layer.mlp_norm, self.eps), layer.gate_up, index, "gate_up")
        return x + view.linear(swiglu(gate_up), layer.down, index, "down")

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits [T, vocabulary] from hidden states [T, hidden] before the final norm."""
        return F.linear(rms_norm(hidden, self.norm, self.eps), self.head)

    def _project(
        self, index: int, layer: Layer, x: Tensor, rotary: tuple[Tensor, Tensor], view: AdapterView
    ) -> tuple[Tensor, Tensor, Tensor]:
        qkv = view.linear(x, layer.qkv, index, "qkv", layer.qkv_bias)
        qkv = qkv.view(len(x), self.heads + 2 * self.kv_heads, self.head_dim)
        qk, v = qkv.split((self.heads + self.kv_heads, self.kv_heads), dim=1)
        if layer.q_norm is not None and layer.k_norm is not None:
            q, k = qk.split((self.heads, self.kv_heads), dim=1)
            qk = torch.cat((rms_norm(q, layer.q_norm, self.eps), rms_norm(k, layer.k_norm, self.eps)), dim=1)
        q, k = rotate(qk, *rotary).split((self.heads, self.kv_heads), dim=1)
        return q, k, v


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x / √(mean x² + ε) · weight over the last dimension, in float32 (Zhang & Sennrich 2019, 1910.07467)."""
    if not x.requires_grad and not weight.requires_grad:
        return _rms_norm(x, weight, eps)[0]
    return RmsNorm.apply(x, weight, eps)  # type: ignore[no-any-return,no-untyped-call]


def _rms_norm(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    wide = x.float()
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return weight * (wide * scale).to(x.dtype), scale


class RmsNorm(torch.autograd.Function):
    """RMS norm: keeps x and one number a row, where autograd would keep three float32 copies."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:  # type: ignore[no-untyped-def]
        y, scale = _rms_norm(x, weight, eps)
        ctx.save_for_backward(x, weight, scale)
        return y

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:  # type: ignore[no-untyped-def]
        x, weight, scale = ctx.saved_tensors
        g = (grad * weight).float()
        normed = x * scale
        grad_weight = (grad * normed).flatten(0, -2).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        g.sub_(normed.mul_((g * normed).mean(-1, keepdim=True))).mul_(scale)
        return g.to(x.dtype), grad_weight, None


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding, halves convention (Su et al. 2021, 2104.09864): x [T, heads, d]."""
    return Rotate.apply(x, cos, sin)  # type: ignore[no-any-return,no-untyped-call]


class Rotate(torch.autograd.Function):
    """Three operations where autograd would record seven. Its gradient is the rotation back."""

    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(cos, sin)
        return _rotated(x, cos, sin, 1.0)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        cos, sin = ctx.saved_tensors
        return _rotated(grad, cos, sin, -1.0), None, None


def _rotated(x: Tensor, cos: Tensor, sin: Tensor, way: float) -> Tensor:
    half = x.shape[-1] // 2
    y, sin = x * cos, sin[..., :half]
    y[..., :half].addcmul_(x[..., half:], sin, value=-way)
    y[..., half:].addcmul_(x[..., :half], sin, value=way)
    return y


def swiglu(x: Tensor) -> Tensor:
    """silu(gate) · up of both side by side, [T, 2 · d] → [T, d] (Shazeer 2020, 2002.05202)."""
    return SwiGlu.apply(x)  # type: ignore[no-any-return,no-untyped-call]


class SwiGlu(torch.autograd.Function):
    """Keeps its input, where autograd would keep silu(gate) too."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        gate, up = x.chunk(2, dim=-1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        gate, up = x.chunk(2, dim=-1)
        found = torch.empty_like(x)
        of_gate, of_up = found.chunk(2, dim=-1)
        torch.mul(F.silu(gate), grad, out=of_up)
        torch.ops.aten.silu_backward.grad_input(grad * up, gate, grad_input=of_gate)
        return found
