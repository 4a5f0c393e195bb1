"""Direct preference optimisation (Rafailov et al. 2023, 2305.18290): of two replies, one is to become likelier.

    loss = −log σ(β · [(log π(chosen) − log π(rejected)) − (log ρ(chosen) − log ρ(rejected))]) − α · log π(chosen) / |chosen|

π is what is trained and ρ the reference. The last term (Pang et al. 2024, 2404.19733) keeps the chosen reply likely: without it
both may become less likely, so long as the rejected one does so faster. ρ is asked once, before training, and each pair keeps its
margin: there is no second copy of any weights. The loop trains a `PreferenceNetwork` as any network; its rows are pairs.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from sartor.task import PASS_TOKENS
from sartor.train.batches import Batch, Pair, common_prefix, micro_batches
from sartor.train.network import Network


def dpo_loss(margins: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Loss of each pair, [P], from log π(chosen) − log π(rejected) and the same of the reference, [P] each."""
    return -F.logsigmoid(beta * (margins - reference))


class PreferenceNetwork:
    """A network that learns which of two replies is better; its batches are made of pairs."""

    def __init__(self, network: Network, beta: float, alpha: float = 0.0) -> None:
        self.network, self.beta, self.alpha = network, beta, alpha
        self.packs = network.packs
        self.trainable, self.rate_ratios = network.trainable, network.rate_ratios

    @property
    def recompute(self) -> bool:
        return self.network.recompute

    @recompute.setter
    def recompute(self, value: bool) -> None:
        self.network.recompute = value

    def tokens(self, batch: Batch) -> int:
        return self.network.tokens(batch)

    def loss(self, batch: Batch, smoothing: float = 0.0) -> Tensor:
        """Sum of the pairs' losses; there is no label in them to be smoothed."""
        assert batch.margins is not None, "the rows are pairs"
        found = self.network.log_likelihoods(batch)
        loss = dpo_loss(_margins(found), batch.margins.to(found.device), self.beta).sum()
        if self.alpha:
            tokens = torch.bincount(batch.owners, minlength=len(found)).to(found.device)
            loss = loss - self.alpha * (found / tokens)[0::2].sum()
        return loss

    def log_likelihoods(self, batch: Batch, frozen: bool = False) -> Tensor:
        return self.network.log_likelihoods(batch, frozen)

    def save(self, folder: Path) -> None:
        self.network.save(folder)


def with_reference(
    network: Network, pairs: Sequence[Pair], pad: int, frozen: bool, tokens: int = PASS_TOKENS
) -> list[Pair]:
    """The pairs with the margins of the network as it stands, or, with `frozen`, of its base.

    One forward pass, without gradients; at most `tokens` at a time.
    """
    prefix = common_prefix(pairs) if network.packs else 0
    order = sorted(range(len(pairs)), key=lambda place: len(pairs[place]))
    with torch.no_grad():
        batches = micro_batches([pairs[place] for place in order], prefix, pad, tokens, network.packs)
        margins = torch.cat([_margins(network.log_likelihoods(batch, frozen)) for batch in batches])
    found = dict(zip(order, margins.tolist(), strict=True))
    return [replace(pair, margin=found[place]) for place, pair in enumerate(pairs)]


def _margins(log_likelihoods: Tensor) -> Tensor:
    """Chosen less rejected: [2P] → [P]."""
    return log_likelihoods[0::2] - log_likelihoods[1::2]
