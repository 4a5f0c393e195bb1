"""What training a task will take: its workload, counted from its batches, on this machine or on a named one."""

from collections.abc import Sequence

import torch

from sartor.flows.base import LoadedBase
from sartor.flows.check_report import Cost
from sartor.models.estimate import Machine, Workload, estimate, this_machine
from sartor.task import TaskSpec
from sartor.train.batches import Encoded, common_prefix, epoch_batches, most_tokens, pass_tokens, passes, step_rows
from sartor.train.loss import CHUNK


def cost_of_training(
    base: LoadedBase,
    train: Sequence[Encoded],
    validation: Sequence[Encoded],
    spec: TaskSpec,
    machine: Machine | None,
    price: float | None,
) -> Cost:
    """The estimate for a machine at `price` an hour; without a machine for this one, by default at `costs.hour`."""
    if machine is None:
        dtype = base.number_format[0]
        machine = this_machine(dtype, base.device)
        price = spec.costs.hour if price is None else price
    else:
        dtype = torch.bfloat16
    work = workload(train, validation, spec, dtype, fast=base.slow_because is None)
    expected = estimate(base.opened.config, work, spec.train, dtype, machine.memory_bytes)
    seconds = spec.train.seeds * expected.seconds(machine)
    return Cost(
        machine=machine.name,
        number_format=str(dtype).removeprefix("torch."),
        parameters=expected.parameters,
        trainable=expected.trainable,
        tokens=spec.train.seeds * work.tokens,
        seconds=seconds,
        memory_bytes=expected.memory_bytes,
        gradient_checkpointing=expected.recompute,
        machine_memory_bytes=machine.memory_bytes,
        money=seconds / 3600 * price if price else None,
        currency=spec.costs.currency,
    )


def workload(
    train: Sequence[Encoded], validation: Sequence[Encoded], spec: TaskSpec, dtype: torch.dtype, fast: bool
) -> Workload:
    """What the loop will compute, taking every epoch to be like the first.

    The fast path computes the shared prefix once a batch and the head at supervised positions only; the plain path
    neither. Prompt tuning computes its virtual tokens where it computes the prefix: once a batch, or in each row.
    """
    virtual = spec.train.virtual_tokens if spec.train.method == "prompt" else 0
    prefix = common_prefix([*train, *validation]) if fast else 0
    lengths = [len(row) for row in train]
    tokens = 0
    most, heaviest = most_tokens(spec.train, dtype), (0, 0)
    for batch in epoch_batches(lengths, step_rows(spec.train.batch_size, len(train)), spec.train.seed, 0):
        groups = passes([train[place] for place in batch], prefix, most, packed=fast)
        sizes = [pass_tokens(group, prefix, packed=fast) for group in groups]
        tokens += sum(sizes) + virtual * (len(groups) if fast else len(batch))
        replies = [sum(len(reply.reply) for row in group for reply in row.replies) for group in groups]
        heaviest = max(heaviest, *zip(sizes, replies, strict=True))
    held = sum(len(row) - prefix for row in validation)
    supervised = sum(len(row.reply) for row in train)
    held_supervised = sum(len(row.reply) for row in validation)
    return Workload(
        tokens=spec.train.epochs * tokens,
        supervised=spec.train.epochs * (supervised if fast else tokens),
        longest=max(lengths),
        batch_tokens=heaviest[0],
        batch_supervised=min(CHUNK, heaviest[1]) if fast else heaviest[0],
        held_tokens=spec.train.epochs * held,
        held_supervised=spec.train.epochs * (held_supervised if fast else held),
    )
