"""The base with an adapter in its weights, as a model folder of Transformers, if that answers as the adapter does.

Merged in float32 and rounded once, to the number format of the base's files; of a base in 4 bits, into what its codes stand for.
What was written is read again and stands beside the adapter on its base, on rows of validation, or of training where there are
too few (the test set decides nothing but verdicts):

    logits   mean Kullback-Leibler divergence of the next token, from the adapter's distribution, over the replies to some rows
    KPI      the task's first, of the engine's answers: no worse, by the paired test
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel

from sartor.adapters.card import CARD_NAME, render_card
from sartor.adapters.registry import AdapterVersion
from sartor.data.example import Example
from sartor.errors import GateError, InputError
from sartor.evaluate.compare import Comparison, compare
from sartor.evaluate.own import load_functions
from sartor.flows.ask import ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.judging import ask_judges
from sartor.flows.predict import adapter_entrant
from sartor.flows.prepare import Prepared, Task, prepare
from sartor.flows.systems import Answering, Entrant, specialist
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.models.base import BaseModel, context_length, load
from sartor.models.decoder import Decoder
from sartor.models.methods import is_full
from sartor.models.methods.weights import GROUPS
from sartor.models.quantised import dense
from sartor.progress import Progress, silent
from sartor.report.format import plural
from sartor.store import Store, disk_errors
from sartor.task import Method

MERGEABLE: tuple[Method, ...] = ("lora", "qlora", "ia3", "full")
REPLIES, TOKENS = 8, 32
"""Replies that are read both ways, and how many tokens of each."""
QUESTIONS = 32
"""Rows that are answered both ways."""
ALLOWED = {"float32": 1e-6, "float16": 2e-5, "bfloat16": 1e-3}
"""Nats, by the format that weights are rounded to: some ten times what rounding does to SmolLM2-135M (1e-11, 1e-6, 9e-5), which
grows with the square of a format's step."""
LOST = 0.1
"""The share of what the adapter changes, in nats as well, that rounding may lose."""


def merge(
    task: Task, store: Store, adapter: AdapterVersion, folder: Path, progress: Progress = silent
) -> dict[str, Any]:
    """Writes model, tokenizer, chat template, generation config and card into an empty folder; gives what the gates measured.

    Generation is greedy, and ends at whatever ends a reply here. Raises InputError for a method that the weights of a base cannot
    hold and for another base than the adapter's, GateError where the model is not what the adapter is.
    """
    method: Method = adapter.manifest["method"]
    if method not in MERGEABLE:
        raise InputError(
            f"{adapter.name} was trained with `method: {method}`, which the weights of its base cannot hold: export it with "
            "`--format peft`"
        )
    prepared, base = prepare(task), LoadedBase(_with(task, method), progress)
    entrant = adapter_entrant(task, base, adapter)
    known = {row.id: row for row in prepared.learned}  # with what evaluation reads of them
    rows = [known[row.id] for side in (prepared.splits.validation, prepared.splits.train) for row in side][:QUESTIONS]
    progress("merge", 0, 3, "weights")
    dtype = str(base.opened.config.dtype or torch.float32).removeprefix("torch.")
    replies = [_reply(base.opened, row) for row in rows[:REPLIES]]
    model = _wide(base)
    bare = _read(model, replies)
    adapted = _adapted(model, base, adapter.path)
    wanted = _read(adapted, replies)
    whole: PreTrainedModel = adapted.merge_and_unload() if isinstance(adapted, PeftModel) else adapted
    _save(whole.to(getattr(torch, dtype)), base.opened, folder)
    (folder / CARD_NAME).write_text(render_card(adapter.task, adapter.manifest, "merged"), encoding="utf-8")
    del model, adapted, whole
    progress("merge", 1, 3, "logits")
    written = LoadedBase(_with(task, "lora", str(folder)))
    apart = _divergence(wanted, _read(load(written.opened, torch.float32, base.device), replies))
    allowed = min(ALLOWED[dtype], LOST * _divergence(wanted, bare))
    if not apart <= allowed:
        raise GateError(
            f"{adapter.name} merged into {dtype} is {apart:.1g} nats from the adapter, on the replies to "
            f"{plural(len(replies), 'row')}, and {allowed:.1g} are allowed: export it with `--format peft`"
        )
    progress("merge", 2, 3, "answers")
    answering = Answering.from_json(adapter.manifest["answering"])
    merged = specialist(f"{adapter.name} merged", entrant.spec, written, answering, None, adapter.hash)
    found = _beside(task, store, prepared, entrant, merged, rows, progress)
    if found.verdict == "worse":
        raise GateError(
            f"{adapter.name} merged into {dtype} answers worse than the adapter: {found.metric} {found.value_a:.3g} "
            f"beside {found.value_b:.3g} on {plural(found.n, 'row')}, p = {found.p_value:.2g}; export it with `--format peft`"
        )
    progress("merge", 3, 3)
    return {
        "dtype": dtype,
        "nats": apart,
        "nats_allowed": allowed,
        "replies": len(replies),
        "kpi": found.metric,
        "merged": found.value_a,
        "adapter": found.value_b,
        "rows": found.n,
        "p_value": found.p_value,
    }


def _with(task: Task, method: Method, base: str | None = None) -> Task:
    """The task with the method that says how its base is loaded, and with another base where one is given."""
    spec = task.spec
    train = spec.train.model_copy(update={"method": method})
    return replace(task, spec=spec.model_copy(update={"train": train, "base": base or spec.base}))


def _wide(base: LoadedBase) -> PreTrainedModel:
    """The base in float32; one in 4 bits as what its codes stand for."""
    if not base.four_bits:
        return load(base.opened, torch.float32, base.device)
    model = base.model()
    decoder = Decoder(model)
    for layer, coded in zip(decoder.layers, decoder.quantised().layers, strict=True):
        for group in GROUPS:  # which the model's own matrices are views of
            getattr(layer, group).copy_(dense(getattr(coded, group), decoder.dtype))
    wide: PreTrainedModel = model.float()
    return wide


def _adapted(model: PreTrainedModel, base: LoadedBase, adapter: Path) -> Any:
    """PEFT's adapter on the model, or the whole model that full fine-tuning has made of it."""
    if is_full(adapter):
        return load(replace(base.opened, path=adapter), torch.float32, base.device)
    return PeftModel.from_pretrained(model, str(adapter))


def _save(model: PreTrainedModel, base: BaseModel, folder: Path) -> None:
    ends = {"bos_token_id": base.tokenizer.bos_token_id, "pad_token_id": base.tokenizer.pad_token_id}
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=sorted(base.renderer.stop_ids), **ends)
    model.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)


def _reply(base: BaseModel, row: Example) -> tuple[list[int], list[int]]:
    """Prompt and beginning of the reply, the end of the prompt where both are longer than the base reads."""
    reply = base.renderer.reply_ids(row.target)[:TOKENS]
    prompt = base.renderer.prompt_ids(row.messages)
    return prompt[-(context - len(reply)) :] if (context := context_length(base.config)) else prompt, reply


@torch.no_grad()
def _read(model: nn.Module, replies: Sequence[tuple[list[int], list[int]]]) -> Tensor:
    """Logits of the vocabulary for each token of the replies, [all tokens, vocabulary]."""
    device = next(model.parameters()).device
    found = []
    for prompt, reply in replies:
        logits = model(input_ids=torch.tensor([[*prompt, *reply]], device=device)).logits[0]
        found.append(logits[-len(reply) - 1 : -1].cpu())
    return torch.cat(found)


def _divergence(wanted: Tensor, found: Tensor) -> float:
    """Mean Kullback-Leibler divergence in nats, of logits; NaN where either has one."""
    wanted, found = wanted.double().log_softmax(-1), found.double().log_softmax(-1)
    return float((wanted.exp() * (wanted - found)).sum(-1).mean())


def _beside(
    task: Task,
    store: Store,
    prepared: Prepared,
    adapter: Entrant,
    merged: Entrant,
    rows: Sequence[Example],
    progress: Progress,
) -> Comparison:
    """The merged model less the adapter, by the first KPI of their answers."""
    spec = adapter.spec
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        pair = [ask_once(steps, store, each, rows, progress).answers for each in (merged, adapter)]
        asked = [line for answers in pair for line in zip(rows, answers, strict=True)]
        functions = load_functions(spec, task.folder) | ask_judges(steps, store, spec, asked, progress)
    first, seed = spec.kpi_list[0].name, spec.train.seed
    ours, theirs = pair
    return compare(first, merged.name, adapter.name, rows, ours, theirs, spec, seed, prepared.labels, functions)
