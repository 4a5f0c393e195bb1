"""The loss in chunks is the cross-entropy, and so is its gradient."""

import pytest
import torch
import torch.nn.functional as F

from sartor.train.loss import CHUNK, reply_loss


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
