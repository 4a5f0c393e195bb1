"""A frozen base with a trainable adapter, as the loop sees it: a loss, its parameters, and a way to be saved.

`FastNetwork` runs the functional decoder with prefix sharing; `PlainNetwork` runs any causal language model through
Transformers and PEFT. Both give the same loss and gradients.
"""

import warnings
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from sartor.models.decoder import Decoder, SharedPrefixAttention, rms_norm
from sartor.models.lora import LoraWeights
from sartor.train.batches import Batch
from sartor.train.loss import reply_loss


class Network(Protocol):
    """What the training loop asks of a base with its adapter."""

    shares_prefix: bool
    """Whether a batch's shared prefix is computed once; otherwise batches are collated with prefix 0."""
    trainable: list[Tensor]

    def loss(self, batch: Batch) -> Tensor:
        """Sum of the cross-entropy over the batch's supervised tokens."""
        ...

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format."""
        ...


class FastNetwork:
    shares_prefix = True

    def __init__(self, decoder: Decoder, lora: LoraWeights, base_name: str) -> None:
        self.decoder, self.lora, self.base_name = decoder, lora.to(decoder.device), base_name
        self.trainable = [lora.flat]

    def loss(self, batch: Batch) -> Tensor:
        decoder = self.decoder
        device = decoder.device
        prefix, (rows, width) = len(batch.prefix), batch.ids.shape
        ids = torch.cat((batch.prefix, batch.ids.flatten())).to(device)
        spots = torch.arange(prefix + width, device=device)
        cos, sin = decoder.rotary(spots)
        row_spots = torch.cat((spots[:prefix], spots[prefix:].repeat(rows)))
        attend = SharedPrefixAttention(prefix, rows, width, device)
        hidden = decoder.hidden(ids, (cos[row_spots], sin[row_spots]), attend, self.lora.view(decoder.dtype))
        supervised = hidden[prefix + batch.predicts.to(device)]
        return reply_loss(rms_norm(supervised, decoder.norm, decoder.eps), decoder.head, batch.targets.to(device))

    def save(self, folder: Path) -> None:
        self.lora.save(folder, self.base_name)


class PlainNetwork:
    shares_prefix = False

    def __init__(self, model: PreTrainedModel, rank: int, alpha: float, seed: int, base_name: str) -> None:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        config = LoraConfig(
            r=rank,
            lora_alpha=alpha,  # type: ignore[arg-type]
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what PEFT sets right by itself
            self.model = get_peft_model(model, config)
        # PEFT would write the base's folder, and a set in any order: the same adapter's files would not be the same.
        config.base_model_name_or_path = base_name
        config.target_modules = sorted(config.target_modules or ())
        self.trainable: list[Tensor] = [p for p in self.model.parameters() if p.requires_grad]

    def loss(self, batch: Batch) -> Tensor:
        device = self.trainable[0].device
        seen = torch.arange(batch.ids.shape[1]) < batch.lengths[:, None]
        rows, columns = batch.predicts // batch.ids.shape[1], batch.predicts % batch.ids.shape[1]
        logits = self.model(input_ids=batch.ids.to(device), attention_mask=seen.long().to(device)).logits
        supervised = logits[rows.to(device), columns.to(device)].float()
        return torch.nn.functional.cross_entropy(supervised, batch.targets.to(device), reduction="sum")

    def save(self, folder: Path) -> None:
        # Left to itself, PEFT asks the hub for the base's config.
        self.model.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)
