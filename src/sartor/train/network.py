"""A base with what is trained of it, as the loop sees it: a loss, its parameters, and a way to be saved.

`FastNetwork` runs the functional decoder with prefix sharing; `PlainNetwork` runs any causal language model through
Transformers and PEFT. Both give the same loss and gradients.
"""

import warnings
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from sartor.errors import InputError
from sartor.models.attention import attention
from sartor.models.decoder import FROZEN, AdapterView, Decoder, rms_norm
from sartor.models.methods import Weights, refusal
from sartor.task import TrainSpec
from sartor.train.batches import Batch, positions
from sartor.train.loss import reply_loss, token_losses
from sartor.train.trunk import Trunk


class Network(Protocol):
    """What the training loop asks of a base with what is trained of it."""

    packs: bool
    """Whether a batch is computed as it is: a shared prefix once, no padding. Otherwise it is collated with prefix 0."""
    trainable: list[Tensor]
    rate_ratios: list[float]
    """For each of `trainable`, by how much its learning rate exceeds the run's."""
    recompute: bool
    """Whether only what enters each layer is kept for the backward pass, and the rest computed again."""

    def tokens(self, batch: Batch) -> int:
        """Tokens that a pass over the batch computes, padding and virtual ones included."""
        ...

    def loss(self, batch: Batch, smoothing: float = 0.0) -> Tensor:
        """Sum of the cross-entropy over the batch's supervised tokens, each by its weight; `smoothing` as in `reply_loss`."""
        ...

    def log_likelihoods(self, batch: Batch, frozen: bool = False) -> Tensor:
        """log p of every reply of the batch, [B]; with `frozen`, of the base without what is trained beside it."""
        ...

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format, or the whole model in that of Transformers."""
        ...


class FastNetwork:
    packs = True

    def __init__(self, decoder: Decoder, weights: Weights, base_name: str, trunk: Trunk | None = None) -> None:
        """`trunk` remembers what the layers below the lowest changed one make of the rows."""
        self.decoder, self.weights, self.base_name, self.trunk = decoder, weights.to(decoder.device), base_name, trunk
        self.trainable, self.rate_ratios = weights.trainable, weights.rate_ratios
        self.recompute = False

    def tokens(self, batch: Batch) -> int:
        return batch.tokens + self.weights.virtual_inputs

    def loss(self, batch: Batch, smoothing: float = 0.0) -> Tensor:
        decoder, view = self.weights.apply(self.decoder)
        weights = None if batch.weights is None else batch.weights.to(decoder.device)
        supervised = self._supervised(batch, decoder, view)
        return reply_loss(supervised, decoder.head, batch.targets.to(decoder.device), weights, smoothing)

    def log_likelihoods(self, batch: Batch, frozen: bool = False) -> Tensor:
        decoder, view = (self.decoder, FROZEN) if frozen else self.weights.apply(self.decoder)
        losses = token_losses(self._supervised(batch, decoder, view), decoder.head, batch.targets.to(decoder.device))
        return _by_reply(-losses, batch)

    def _supervised(self, batch: Batch, decoder: Decoder, view: AdapterView) -> Tensor:
        """Hidden states [N, hidden] that predict the batch's targets, after the final norm."""
        device = decoder.device
        if self.trunk:
            x, lowest = self.trunk(batch), self.trunk.first
        else:
            x, lowest = decoder.embed(torch.cat((batch.prefix, batch.ids)).to(device), view), 0
        prefix = len(x) - len(batch.ids)
        first = view.virtual + len(batch.prefix) - prefix
        spots = first + positions(prefix, batch.extents).to(device)
        attend = attention([(prefix, batch.extents)], device)
        hidden = decoder.hidden(x, decoder.rotary(spots), attend, view, lowest, recompute=self.recompute)
        return rms_norm(hidden[prefix + batch.predicts.to(device)], decoder.norm, decoder.eps)

    def save(self, folder: Path) -> None:
        self.weights.save(folder, self.base_name)


class PlainNetwork:
    packs = False
    recompute = False

    def __init__(self, model: PreTrainedModel, spec: TrainSpec, base_name: str) -> None:
        """Full fine-tuning is in float32, whatever the base is in. Raises InputError for what `refusal` names."""
        if reason := refusal(model.config, spec):
            raise InputError(reason)
        torch.manual_seed(spec.seed)
        self._dtype, self._virtual = model.dtype, spec.virtual_tokens if spec.method == "prompt" else 0
        full = spec.method == "full"
        self.model: Any = model.float().requires_grad_() if full else _with_peft(model, spec, base_name)
        named = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.trainable: list[Tensor] = list(named.values())
        self.rate_ratios = [spec.lora_plus if ".lora_B." in name else 1.0 for name in named]

    def tokens(self, batch: Batch) -> int:
        return len(batch.lengths) * (int(batch.lengths.max()) + self._virtual)

    def loss(self, batch: Batch, smoothing: float = 0.0) -> Tensor:
        losses = self._token_losses(batch, smoothing)
        return losses.sum() if batch.weights is None else losses @ batch.weights.to(losses.device)

    def log_likelihoods(self, batch: Batch, frozen: bool = False) -> Tensor:
        if not frozen:
            return _by_reply(-self._token_losses(batch), batch)
        with self.model.disable_adapter():
            return _by_reply(-self._token_losses(batch), batch)

    def _token_losses(self, batch: Batch, smoothing: float = 0.0) -> Tensor:
        device, lengths = self.trainable[0].device, batch.lengths
        ids = pad_sequence(batch.ids[: lengths.sum()].split(lengths.tolist()), batch_first=True)
        seen = torch.arange(ids.shape[1]) < lengths[:, None]
        columns = batch.predicts - (lengths.cumsum(0) - lengths)[batch.owners]
        logits = self.model(input_ids=ids.to(device), attention_mask=seen.long().to(device)).logits
        logits = logits[:, logits.shape[1] - ids.shape[1] :]  # without those of virtual tokens
        supervised = logits[batch.owners.to(device), columns.to(device)].float()
        targets = batch.targets.to(device)
        return torch.nn.functional.cross_entropy(supervised, targets, reduction="none", label_smoothing=smoothing)

    def save(self, folder: Path) -> None:
        if isinstance(self.model, PreTrainedModel):
            model: Any = self.model
            model.to(self._dtype).save_pretrained(str(folder))
            model.float()
            return
        # Left to itself, PEFT asks the hub for the base's config.
        self.model.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)


def _by_reply(values: Tensor, batch: Batch) -> Tensor:
    """Values [N] of supervised positions, summed by the row of the batch that they lie in: [B]."""
    return torch.zeros(len(batch.lengths), device=values.device).index_add(0, batch.owners.to(values.device), values)


def _with_peft(model: PreTrainedModel, spec: TrainSpec, base_name: str) -> Any:
    from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig, TaskType, get_peft_model

    task = TaskType.CAUSAL_LM
    match spec.method:
        case "lora":
            config: Any = LoraConfig(
                r=spec.rank,
                lora_alpha=spec.method_settings["alpha"],
                lora_dropout=0.0,
                target_modules="all-linear",
                use_rslora=spec.rslora,
                use_dora=spec.dora,
                task_type=task,
            )
        case "ia3":
            config = IA3Config(task_type=task)
        case "prompt":
            config = PromptTuningConfig(
                num_virtual_tokens=spec.virtual_tokens, prompt_tuning_init="SAMPLE_VOCAB", task_type=task
            )
        case _:
            config = PrefixTuningConfig(num_virtual_tokens=spec.virtual_tokens, task_type=task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what PEFT sets right by itself
        made = get_peft_model(model, config)
    # PEFT would write the base's folder, and a set in any order: the same adapter's files would not be the same.
    config.base_model_name_or_path = base_name
    if isinstance(getattr(config, "target_modules", None), set):
        config.target_modules = sorted(config.target_modules)
    return made
