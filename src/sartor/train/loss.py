"""Cross-entropy at supervised positions only, head and loss in chunks: logits of the whole batch never exist."""

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 256
"""Supervised positions whose logits exist at one time."""


def reply_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Sum over positions of −log softmax(hidden · headᵀ)[target], in float32.

    hidden [N, hidden] after the final norm, head [vocabulary, hidden], targets [N] token ids → scalar.
    """
    return ReplyLoss.apply(hidden, head, targets)  # type: ignore[no-any-return,no-untyped-call]


class ReplyLoss(torch.autograd.Function):
    """Gradients are made in the forward pass, chunk by chunk, while the logits are at hand."""

    @staticmethod
    def forward(ctx, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        total = torch.zeros((), device=hidden.device)
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_head = torch.zeros_like(head) if ctx.needs_input_grad[1] else None
        for start in range(0, len(hidden), CHUNK):
            part = slice(start, start + CHUNK)
            log_probs = F.linear(hidden[part], head).float().log_softmax(-1)
            wanted = targets[part, None]
            total -= log_probs.gather(1, wanted).sum()
            if grad is not None:
                slope = log_probs.exp_()
                slope.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=slope.dtype))
                slope = slope.to(head.dtype)
                grad[part] = slope @ head
                if grad_head is not None:
                    grad_head.addmm_(slope.T, hidden[part])
        ctx.save_for_backward(grad, grad_head)
        return total

    @staticmethod
    def backward(ctx, scale: Tensor) -> tuple[Tensor, Tensor | None, None]:  # type: ignore[no-untyped-def]
        grad, grad_head = ctx.saved_tensors
        scale = scale.to(grad.dtype)
        return grad * scale, None if grad_head is None else grad_head * scale, None
