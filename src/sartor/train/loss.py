"""Cross-entropy at supervised positions only, head and loss in chunks: logits of the whole batch never exist."""

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 256
"""Supervised positions whose logits exist at one time."""


def reply_loss(
    hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Sum over positions of −w · Σ q · log softmax(hidden · headᵀ), in float32.

    q is 1 at the target; with `smoothing` ε it is 1 − ε there, and ε is spread over the whole vocabulary, the target included
    (Szegedy et al. 2016, 1512.00567, section 7; torch's `label_smoothing`).

    hidden [N, hidden] after the final norm, head [vocabulary, hidden], targets [N] token ids, weights [N] (None: 1 each)
    → scalar.
    """
    return ReplyLoss.apply(hidden, head, targets, weights, smoothing)  # type: ignore[no-any-return,no-untyped-call]


def token_losses(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """−log softmax(hidden · headᵀ)[target] of every position, [N] in float32: for a loss that is no sum over positions."""
    return TokenLosses.apply(hidden, head, targets)  # type: ignore[no-any-return,no-untyped-call]


def _slope(log_probs: Tensor, wanted: Tensor, smoothing: float = 0.0) -> Tensor:
    """The gradient of −Σ q · log p in the logits, p − q, in the place of log p [n, vocabulary]; wanted [n, 1]."""
    slope = log_probs.exp_()
    if smoothing:
        slope -= smoothing / slope.shape[1]
    return slope.scatter_add_(1, wanted, torch.full_like(wanted, smoothing - 1, dtype=slope.dtype))


class ReplyLoss(torch.autograd.Function):
    """Gradients are made in the forward pass, chunk by chunk, while the logits are at hand."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float
    ) -> Tensor:
        total = torch.zeros((), device=hidden.device)
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_head = torch.zeros_like(head) if ctx.needs_input_grad[1] else None
        for start in range(0, len(hidden), CHUNK):
            part = slice(start, start + CHUNK)
            log_probs = F.linear(hidden[part], head).float().log_softmax(-1)
            wanted = targets[part, None]
            likely = log_probs.gather(1, wanted)
            if smoothing:
                likely = torch.lerp(likely, log_probs.mean(1, keepdim=True), smoothing)
            total -= (likely if weights is None else likely * weights[part, None]).sum()
            if grad is not None:
                slope = _slope(log_probs, wanted, smoothing)
                if weights is not None:
                    slope *= weights[part, None]
                slope = slope.to(head.dtype)
                grad[part] = slope @ head
                if grad_head is not None:
                    grad_head.addmm_(slope.T, hidden[part])
        ctx.save_for_backward(grad, grad_head)
        return total

    @staticmethod
    def backward(ctx, scale: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[no-untyped-def]
        grad, grad_head = ctx.saved_tensors
        scale = scale.to(grad.dtype)
        return grad * scale, None if grad_head is None else grad_head * scale, None, None, None


class TokenLosses(torch.autograd.Function):
    """As above; a head that is trained sees its logits a second time, since only then is known how much each counts."""

    @staticmethod
    def forward(ctx, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        losses = torch.empty(len(hidden), device=hidden.device)
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(hidden), CHUNK):
            part = slice(start, start + CHUNK)
            log_probs = F.linear(hidden[part], head).float().log_softmax(-1)
            wanted = targets[part, None]
            losses[part] = -log_probs.gather(1, wanted)[:, 0]
            if grad is not None:
                grad[part] = _slope(log_probs, wanted).to(head.dtype) @ head
        ctx.save_for_backward(grad, *((hidden, head, targets) if ctx.needs_input_grad[1] else ()))
        return losses

    @staticmethod
    def backward(ctx, scale: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[no-untyped-def]
        grad, *more = ctx.saved_tensors
        grad_head = None
        if more:
            hidden, head, targets = more
            grad_head = torch.zeros_like(head)
            for start in range(0, len(hidden), CHUNK):
                part = slice(start, start + CHUNK)
                log_probs = F.linear(hidden[part], head).float().log_softmax(-1)
                slope = _slope(log_probs, targets[part, None]) * scale[part, None]
                grad_head.addmm_(slope.to(head.dtype).T, hidden[part])
        return (grad * scale[:, None]).to(grad.dtype), grad_head, None
