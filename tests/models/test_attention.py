"""Groups behind each other attend as each would alone, whichever way it is computed."""

import pytest
import torch
from torch import Tensor

from sartor.models.attention import (
    ApartAttention,
    FlexAttention,
    Shape,
    SharedPrefixAttention,
    attention,
    segments_of,
)

SHAPES: list[list[Shape]] = [[(5, 3, 8)], [(0, 4, 8)], [(5, 3, 8), (0, 2, 16), (9, 1, 8), (2, 6, 24)]]
CPU = torch.device("cpu")


def drawn(shapes: list[Shape], heads: int = 4, kv_heads: int = 2, d: int = 16) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    tokens = sum(P + B * L for P, B, L in shapes)
    return [torch.randn(tokens, n, d, generator=generator) for n in (heads, kv_heads, kv_heads)]


def by_the_book(shapes: list[Shape], q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every example read alone after its prefix."""
    out, start, group = torch.zeros(len(q), q.shape[1] * q.shape[2]), 0, q.shape[1] // k.shape[1]
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
            out[places] = torch.einsum("hqk,khd->qhd", weights, values).flatten(1)
        start += P + B * L
    return out


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("way", [ApartAttention, FlexAttention, attention])
def test_it_is_that_of_every_example_alone(way: type, shapes: list[Shape]) -> None:
    q, k, v = drawn(shapes)
    with torch.no_grad():
        found = way(shapes, CPU)(0, q, k, v, None)
    torch.testing.assert_close(found, by_the_book(shapes, q, k, v), rtol=1e-4, atol=1e-5)


def test_one_group_is_no_list_of_groups() -> None:
    assert isinstance(attention([(1, 2, 8)], CPU), SharedPrefixAttention)


def test_segments_are_prefixes_and_examples() -> None:
    segments, prefixes = segments_of([(2, 2, 1), (0, 1, 3)])
    assert segments.tolist() == [0, 0, 1, 2, 4, 4, 4]
    assert prefixes.tolist() == [0, 0, 0, 0, 3, 3, 3]


@pytest.mark.gpu
@pytest.mark.parametrize("shapes", SHAPES)
def test_the_kernel_has_the_gradients_of_the_rectangles(shapes: list[Shape]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    gradients = []
    for device in ("cpu", "cuda"):
        inputs = [x.to(device).requires_grad_() for x in drawn(shapes)]
        attention(shapes, torch.device(device))(0, *inputs, None).square().sum().backward()
        gradients.append([x.grad.cpu() for x in inputs])
    for found, wanted in zip(*gradients, strict=True):
        assert (found - wanted).norm() <= 1e-3 * wanted.norm()
