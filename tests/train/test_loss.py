"""The loss in chunks is the cross-entropy, and so is its gradient."""

import pytest
import torch
import torch.nn.functional as F

from sartor.train.loss import CHUNK, reply_loss, token_losses


@pytest.mark.parametrize("positions", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_it_is_the_summed_cross_entropy_with_its_gradient(positions: int) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(positions, 16, generator=generator, requires_grad=True)
    head = torch.randn(50, 16, generator=generator)
    targets = torch.randint(50, (positions,), generator=generator)
    wanted = F.cross_entropy(hidden @ head.T, targets, reduction="sum")
    (wanted_slope,) = torch.autograd.grad(3 * wanted, hidden)
    found = reply_loss(hidden, head, targets)
    (slope,) = torch.autograd.grad(3 * found, hidden)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(slope, wanted_slope, rtol=1e-4, atol=1e-5)


def test_in_bfloat16_the_sum_is_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2000, 16, generator=generator).bfloat16().requires_grad_()
    head = torch.randn(50, 16, generator=generator).bfloat16()
    targets = torch.randint(50, (2000,), generator=generator)
    found = reply_loss(hidden, head, targets)
    found.backward()
    wanted = F.cross_entropy(hidden.detach().float() @ head.float().T, targets, reduction="sum")
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=0)
    assert found.dtype == torch.float32
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.bfloat16


def test_without_a_gradient_none_is_made() -> None:
    with torch.no_grad():
        loss = reply_loss(torch.ones(3, 4), torch.ones(5, 4), torch.zeros(3, dtype=torch.long))
    assert float(loss) == pytest.approx(3 * torch.tensor(5.0).log().item())


def drawn(positions: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, ...]:
    """Hidden states, a head, targets and weights, some of them 0."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(positions, 16, generator=generator, dtype=dtype, requires_grad=True)
    head = torch.randn(50, 16, generator=generator, dtype=dtype, requires_grad=True)
    weights = torch.rand(positions, generator=generator, dtype=dtype).mul_(4).floor_()
    return hidden, head, torch.randint(50, (positions,), generator=generator), weights


@pytest.mark.parametrize("positions", [1, CHUNK + 1])
def test_weighted_it_is_the_weighted_sum_with_its_gradients(positions: int) -> None:
    hidden, head, targets, weights = drawn(positions)
    wanted = F.cross_entropy(hidden @ head.T, targets, reduction="none") @ weights
    found = reply_loss(hidden, head, targets, weights)
    torch.testing.assert_close(found, wanted)
    for slope, wanted_slope in zip(
        *(torch.autograd.grad(3 * of, (hidden, head)) for of in (found, wanted)), strict=True
    ):
        torch.testing.assert_close(slope, wanted_slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("positions", [1, CHUNK + 1])
def test_losses_of_tokens_are_the_cross_entropies_with_their_gradients(positions: int) -> None:
    hidden, head, targets, weights = drawn(positions)
    wanted, found = F.cross_entropy(hidden @ head.T, targets, reduction="none"), token_losses(hidden, head, targets)
    torch.testing.assert_close(found, wanted)
    for slope, wanted_slope in zip(
        *(torch.autograd.grad((of * weights).square().sum(), (hidden, head)) for of in (found, wanted)), strict=True
    ):
        torch.testing.assert_close(slope, wanted_slope, rtol=1e-3, atol=1e-4)


def test_both_gradients_stand_up_to_finite_differences() -> None:
    """In steps that float32, which the loss is computed in, can tell apart."""
    hidden, head, targets, weights = drawn(5)

    def losses(hidden: torch.Tensor, head: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return reply_loss(hidden, head, targets, weights), token_losses(hidden, head, targets)

    assert torch.autograd.gradcheck(losses, (hidden, head), eps=1e-2, atol=2e-2, rtol=1e-2)
