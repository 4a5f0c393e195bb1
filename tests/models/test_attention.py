"""Groups behind each other attend as each would alone, whichever way it is computed."""

import pytest
import torch
from torch import Tensor

from sartor.models import attention as module
from sartor.models.attention import PackedAttention, Segment, StackedAttention, attention

SEGMENTS: list[list[Segment]] = [
    [(5, [8, 8, 8])],
    [(0, [3, 40, 1, 9])],
    [(30, [7, 2, 61, 60])],
    [(1, [19])],
    [(5, [8, 6, 8]), (0, [16, 15]), (9, [1]), (2, [24, 60, 1, 1, 24, 3])],
]
CPU = torch.device("cpu")


def drawn(segments: list[Segment], heads: int = 4, kv_heads: int = 2, d: int = 16) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    tokens = sum(P + sum(lengths) for P, lengths in segments)
    return [torch.randn(tokens, n, d, generator=generator).requires_grad_() for n in (heads, kv_heads, kv_heads)]


def by_the_book(segments: list[Segment], q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every example read alone after its prefix."""
    parts, start, group = dict[int, Tensor](), 0, q.shape[1] // k.shape[1]
    for P, lengths in segments:
        prefix = list(range(start, start + P))
        start += P
        for length in lengths:
            places = prefix + list(range(start, start + length))
            start += length
            queries, keys, values = (
                q[places],
                k[places].repeat_interleave(group, 1),
                v[places].repeat_interleave(group, 1),
            )
            scores = torch.einsum("qhd,khd->hqk", queries, keys) / q.shape[2] ** 0.5
            hidden = torch.ones(len(places), len(places), dtype=torch.bool).triu(1)
            weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
            parts |= dict(zip(places, torch.einsum("hqk,khd->qhd", weights, values).flatten(1), strict=True))
    return torch.stack([parts[place] for place in range(len(q))])


@pytest.mark.parametrize("segments", SEGMENTS, ids=str)
@pytest.mark.parametrize("dense", [0, 32, 10_000])
@pytest.mark.parametrize("way", [PackedAttention, StackedAttention])
def test_it_is_that_of_every_example_alone(
    way: type, dense: int, segments: list[Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DENSE_SCORES", dense)
    q, k, v = drawn(segments)
    found = way(segments, CPU)(0, q, k, v, None)
    wanted = by_the_book(segments, q, k, v)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    for mine, true in zip(*(torch.autograd.grad((x * slope).sum(), (q, k, v)) for x in (found, wanted)), strict=True):
        torch.testing.assert_close(mine, true, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("segments", SEGMENTS, ids=str)
def test_on_a_gpu_it_has_the_gradients_of_the_cpu(segments: list[Segment]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    gradients = []
    for device in ("cpu", "cuda"):
        inputs = [x.detach().to(device).requires_grad_() for x in drawn(segments)]
        attention(segments, torch.device(device))(0, *inputs, None).square().sum().backward()
        gradients.append([x.grad.cpu() for x in inputs])
    for found, wanted in zip(*gradients, strict=True):
        assert (found - wanted).norm() <= 1e-3 * wanted.norm()
