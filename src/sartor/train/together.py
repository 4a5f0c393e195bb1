"""Several LoRA adapters trained at once over one frozen base: for seeds, folds, sweeps, and many small tasks.

    tokens   [ job 1: prefix, rows | job 2: prefix, rows | … ]

The base's products are computed for all tokens of a pass, and each adapter's for its own. Every job keeps its own rows,
optimiser, schedule, seed, validation and clipping (`Job`), joins when there is room and leaves when it has finished; its result
is that of its solo run but for the order of sums. It pays where one job does not fill the machine: docs/benchmarks.md says where.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sartor.errors import SartorError
from sartor.models.attention import attention
from sartor.models.decoder import Decoder, rms_norm
from sartor.models.methods.lora import LoraWeights
from sartor.train.batches import Batch, positions
from sartor.train.loop import History, Job
from sartor.train.loss import reply_loss
from sartor.train.network import FastNetwork

AT_ONCE = 16
"""Most jobs that train at one time; the others wait for one to leave."""

Piece = tuple[Job, Batch]


def train_together(jobs: Sequence[Job], tokens: int, at_once: int = AT_ONCE) -> list[History | SartorError]:
    """What `train` gives for each job, or the error that stopped it, which stops no other; at most `tokens` in a pass.

    All jobs are LoRA (not DoRA) networks on the same decoder.
    """
    results: dict[int, History | SartorError] = {}
    waiting, active = list(range(len(jobs))), list[int]()
    while waiting or active:
        while waiting and len(active) < at_once:
            active.append(waiting.pop(0))
        pieces = [(jobs[at], batch) for at in active if not jobs[at].finished for batch in jobs[at].passes()]
        losses = {
            place: loss
            for group in _passes(pieces, tokens)
            for place, loss in zip(group, _learn([pieces[place] for place in group]), strict=True)
        }
        if not _finite(pieces):  # of one job, which by 0 · NaN became all others': each alone shows whose it is
            losses = {place: _learn([piece])[0] for place, piece in enumerate(pieces)}
        for place, (job, batch) in enumerate(pieces):
            job.count(batch, losses[place])
        for at in list(active):
            try:
                if not jobs[at].finished:
                    jobs[at].step()
                if jobs[at].finished:
                    results[at] = jobs[at].finish()
            except SartorError as error:
                results[at] = error
            if at in results:
                active.remove(at)
    return [results[at] for at in range(len(jobs))]


def _learn(group: Sequence[Piece]) -> list[float]:
    """The losses of one pass, whose gradients are added to those of its jobs."""
    losses = pass_losses(group)
    torch.stack([loss / job.supervised for loss, (job, _) in zip(losses, group, strict=True)]).sum().backward()
    return [float(loss) for loss in torch.stack(losses).tolist()]


def _finite(pieces: Sequence[Piece]) -> bool:
    """Whether all jobs' gradients are; if not, all are taken back."""
    leaves = [leaf for job, _ in pieces for leaf in job.network.trainable]
    finite = bool(torch.stack([leaf.grad.sum() for leaf in leaves if leaf.grad is not None]).isfinite().all())
    for leaf in leaves if not finite else ():
        leaf.grad = None
    return finite


def _passes(pieces: Sequence[Piece], tokens: int) -> Iterator[list[int]]:
    """Places of pieces that can share a pass."""
    shapes = [adapter.shape for adapter in _of_one_base([job for job, _ in pieces])[1]]
    group, held = list[int](), 0
    for place in sorted(range(len(pieces)), key=shapes.__getitem__):
        size = pieces[place][1].tokens
        if group and (held + size > tokens or shapes[place] != shapes[group[0]]):
            yield group
            group, held = [], 0
        group.append(place)
        held += size
    if group:
        yield group


def pass_losses(pieces: Sequence[Piece]) -> list[Tensor]:
    """Of every piece the sum of its job's training loss over its supervised tokens, from one pass over the base."""
    decoder, adapters = _of_one_base([job for job, _ in pieces])
    batches = [batch for _, batch in pieces]
    device = decoder.device
    view = LoraWeights.many(adapters, [batch.tokens for batch in batches], decoder.dtype)
    ids = torch.cat([part for batch in batches for part in (batch.prefix, batch.ids)]).to(device)
    spots = torch.cat([positions(len(batch.prefix), batch.extents) for batch in batches]).to(device)
    attend = attention([(len(batch.prefix), batch.extents) for batch in batches], device)
    trunks = {id(job.network.trunk): job.network.trunk for job, _ in pieces if isinstance(job.network, FastNetwork)}
    trunk = next(iter(trunks.values())) if len(trunks) == 1 else None
    x = torch.cat([trunk(batch) for batch in batches]) if trunk else decoder.embed(ids)
    hidden = decoder.hidden(x, decoder.rotary(spots), attend, view, trunk.first if trunk else 0)
    losses, start = [], 0
    for job, batch in pieces:
        supervised = hidden[start + len(batch.prefix) + batch.predicts.to(device)]
        normed = rms_norm(supervised, decoder.norm, decoder.eps)
        weights = None if batch.weights is None else batch.weights.to(device)
        targets, smoothing = batch.targets.to(device), job.recipe.label_smoothing
        losses.append(reply_loss(normed, decoder.head, targets, weights, smoothing))
        start += batch.tokens
    return losses


def _of_one_base(jobs: Sequence[Job]) -> tuple[Decoder, list[LoraWeights]]:
    networks = [job.network for job in jobs]
    decoders = {id(network.decoder): network.decoder for network in networks if isinstance(network, FastNetwork)}
    weights = [network.weights for network in networks if isinstance(network, FastNetwork)]
    lora = [each for each in weights if type(each) is LoraWeights]
    if len(decoders) != 1 or len(lora) != len(jobs):
        raise ValueError("jobs train together only with LoRA on one decoder")
    return next(iter(decoders.values())), lora
