"""A task's base model in this process: opened at once, its weights loaded when something first needs them."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from transformers import PreTrainedModel

from sartor.errors import InputError
from sartor.flows.prepare import Task
from sartor.generate.forward import FastForward, Forward, PlainForward
from sartor.models.base import BaseModel, context_length, load, open_base, resolve
from sartor.models.decoder import Decoder, unsupported
from sartor.models.dtype import choose_dtype
from sartor.models.methods import fresh, is_full, refusal
from sartor.models.methods import load as load_weights
from sartor.models.template import Renderer
from sartor.progress import Progress, silent
from sartor.task import TrainSpec
from sartor.train.network import FastNetwork, Network, PlainNetwork
from sartor.train.trunk import Trunk


class LoadedBase:
    """Weights, number format and device of a base, and the networks and engines made of it."""

    def __init__(self, task: Task, progress: Progress = silent, weights: bool = True) -> None:
        """Raises InputError when the base is not on this machine; nothing is fetched.

        Without `weights`, its config and tokenizer are enough: for estimates.
        """
        self.opened: BaseModel = open_base(resolve(task.spec.base, task.folder, progress), weights)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.four_bits = task.spec.train.method == "qlora"
        """Whether the base's matrices are in 4 bits."""
        self.slow_because = unsupported(self.opened.config)
        """Why the fast path does not cover this base; None where it does."""

    @property
    def renderer(self) -> Renderer:
        return self.opened.renderer

    @property
    def context(self) -> int | None:
        return context_length(self.opened.config)

    @property
    def bytes_per_token(self) -> int:
        """Of the keys and values that generation keeps of a token."""
        config = self.opened.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return int(2 * config.num_hidden_layers * heads * head_dim * self.number_format[0].itemsize)

    @property
    def vocabulary(self) -> int:
        """How many tokens there are logits of."""
        size: int = self.opened.config.get_text_config().vocab_size
        return size

    @cached_property
    def number_format(self) -> tuple[torch.dtype, str]:
        """The format that is faster here, and the measurement behind the choice."""
        return choose_dtype(self.device)

    def check(self, spec: TrainSpec) -> None:
        """Raises InputError, before any weights are loaded, for what cannot be trained on this base, or on this machine."""
        if reason := refusal(self.opened.config, spec):
            raise InputError(reason)

    def network(self, spec: TrainSpec, *, trunks: Path | None = None, adapter: Path | None = None) -> Network:
        """What `spec` trains on this base, as training starts, or from an `adapter` that it has trained.

        Hidden states below `train.depth` are kept in the folder `trunks`, where one is given. Raises InputError for what
        cannot be trained on it.
        """
        if self.slow_because:
            whole = adapter is not None and is_full(adapter)
            network = PlainNetwork(
                self._trained(adapter) if adapter and whole else self.model(), spec, self.opened.name
            )
            if adapter and not whole:
                from peft import load_peft_weights, set_peft_model_state_dict

                set_peft_model_state_dict(network.model, load_peft_weights(str(adapter), device=self.device))
            return network
        weights, trunk = fresh(self._decoder, spec), None
        if adapter:
            weights.flat.copy_(load_weights(adapter, self._decoder).flat)
        if weights.first_layer and trunks:
            bits = "4-bit" if self.four_bits else str(self.number_format[0]).removeprefix("torch.")
            folder = trunks / f"{self.opened.hash[:16]}-{bits}-{weights.first_layer}"
            trunk = Trunk(self._decoder, weights.first_layer, folder)
        return FastNetwork(self._decoder, weights, self.opened.name, trunk)

    def forward(self, adapter: Path | None = None) -> Forward:
        """This base, with an adapter's folder where one is given, ready to generate."""
        if self.slow_because is None:
            return FastForward(self._decoder, load_weights(adapter, self._decoder) if adapter else None)
        return self.plain_forward(adapter)

    def plain_forward(self, adapter: Path | None = None) -> PlainForward:
        """The same through Transformers and PEFT."""
        if adapter is None:
            return PlainForward(self.model(), self.vocabulary)
        if is_full(adapter):
            return PlainForward(self._trained(adapter), self.vocabulary)
        from peft import PeftModel

        return PlainForward(PeftModel.from_pretrained(self.model(), str(adapter)), self.vocabulary)

    @cached_property
    def _decoder(self) -> Decoder:
        if self.four_bits:  # the card never holds the whole base in full
            return Decoder(load(self.opened, self.number_format[0], "cpu")).quantised(self.device)
        return Decoder(self.model())

    def _trained(self, folder: Path) -> PreTrainedModel:
        """The whole model that full fine-tuning has made of this base."""
        return load(replace(self.opened, path=folder), *self._where)

    @property
    def _where(self) -> tuple[torch.dtype, str]:
        return self.number_format[0], self.device

    def model(self) -> PreTrainedModel:
        """The model as Transformers has it; PEFT changes one in place, so each use loads its own."""
        return load(self.opened, *self._where)


class Bases:
    """A task's base, and the same in 4 bits, each opened once."""

    def __init__(self, task: Task, progress: Progress = silent) -> None:
        self._task, self._progress = task, progress
        self._opened = dict[bool, LoadedBase]()

    def of(self, train: TrainSpec) -> LoadedBase:
        """The one that such a training is of. Raises InputError as `LoadedBase` does."""
        narrow = train.method == "qlora"
        if narrow not in self._opened:
            spec = self._task.spec.model_copy(update={"train": train})
            self._opened[narrow] = LoadedBase(replace(self._task, spec=spec), self._progress)
        return self._opened[narrow]
