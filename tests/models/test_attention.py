"""Groups behind each other attend as each would alone, whichever way it is computed."""

import pytest
import torch
from torch import Tensor

from sartor.models.attention import (
    ApartAttention,
    Shape,
    SharedPrefixAttention,
    StackedAttention,
    attention,
)

SHAPES: list[list[Shape]] = [[(5, 3, 8)], [(0, 4, 8)], [(5, 3, 8), (0, 2, 16), (9, 1, 8), (2, 6, 24)]]
CPU = torch.device("cpu")


def drawn(shapes: list[Shape], heads: int = 4, kv_heads: int = 2, d: int = 16) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    tokens = sum(P + B * L for P, B, L in shapes)
    return [torch.randn(tokens, n, d, generator=generator).requires_grad_() for n in (heads, kv_heads, kv_heads)]


def by_the_book(shapes: list[Shape], q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every example read alone after its prefix."""
    parts, start, group = dict[int, Tensor](), 0, q.shape[1] // k.shape[1]
    for P, B, L in shapes:
        prefix = list(range(start, start + P))
        for b in range(B):
            places = prefix + list(range(start + P + b * L, start + P + (b + 1) * L))
            queries, keys, values = (
                q[places],
                k[places].repeat_interleave(group, 1),
                v[places].repeat_interleave(group, 1),
            )
            scores = torch.einsum("qhd,khd->hqk", queries, keys) / q.shape[2] ** 0.5
            hidden = torch.ones(len(places), len(places), dtype=torch.bool).triu(1)
            weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
            parts |= dict(zip(places, torch.einsum("hqk,khd->qhd", weights, values).flatten(1), strict=True))
        start += P + B * L
    return torch.stack([parts[place] for place in range(len(q))])


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("way", [ApartAttention, StackedAttention, attention])
def test_it_is_that_of_every_example_alone(way: type, shapes: list[Shape]) -> None:
    q, k, v = drawn(shapes)
    found = way(shapes, CPU)(0, q, k, v, None)
    wanted = by_the_book(shapes, q, k, v)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    for mine, true in zip(*(torch.autograd.grad((x * slope).sum(), (q, k, v)) for x in (found, wanted)), strict=True):
        torch.testing.assert_close(mine, true, rtol=1e-4, atol=1e-5)


def test_one_group_is_no_list_of_groups() -> None:
    assert isinstance(attention([(1, 2, 8)], CPU), SharedPrefixAttention)


@pytest.mark.gpu
@pytest.mark.parametrize("shapes", SHAPES)
def test_on_a_gpu_it_has_the_gradients_of_the_cpu(shapes: list[Shape]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    gradients = []
    for device in ("cpu", "cuda"):
        inputs = [x.detach().to(device).requires_grad_() for x in drawn(shapes)]
        attention(shapes, torch.device(device))(0, *inputs, None).square().sum().backward()
        gradients.append([x.grad.cpu() for x in inputs])
    for found, wanted in zip(*gradients, strict=True):
        assert (found - wanted).norm() <= 1e-3 * wanted.norm()
