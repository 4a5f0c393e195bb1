"""What a run came to, put as the report's view of it."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sartor.evaluate.discrepancy import discrepancies
from sartor.evaluate.scorecard import Scorecard
from sartor.flows.ask import Answered
from sartor.flows.gap import gap_view
from sartor.flows.outcome import Outcome
from sartor.flows.systems import SPECIALIST
from sartor.report import view
from sartor.report.view import CostRow, CostView, DataView, MetricView, ReportData, SystemView, TrainingView
from sartor.task import Method, TrainSpec
from sartor.train.loop import History

LOSS_POINTS = 120
"""Most points of the training curve on the page; more are averaged."""


def build_report(outcome: Outcome, path: str) -> ReportData:
    """The page of a run; `path` is where it will be written."""
    spec, cards = outcome.task.spec, {card.system: card for card in outcome.scorecards}
    specialist, verdict = cards[SPECIALIST], outcome.verdict
    primary, test = spec.kpi_list[0].name, outcome.prepared.splits.test
    rivals = sorted((card for card in outcome.scorecards if card.system != SPECIALIST), key=lambda c: -c.primary.value)
    return ReportData(
        task=spec.task,
        kind=spec.kind,
        base=spec.base,
        created_at=datetime.fromisoformat(outcome.adapter.created_at),
        outcome=verdict.outcome,
        headline=verdict.headline,
        sentences=(*verdict.goals, *_usable(specialist)),
        kpis=tuple(
            view.KpiView(kpi.name, _mark(specialist, kpi.name), kpi.goal, specialist.scores[kpi.name].met, kpi.hard)
            for kpi in spec.kpi_list
        ),
        metrics={name: _metric(specialist, name) for name in specialist.scores},
        systems=tuple(_system(answered, cards[answered.name]) for answered in outcome.answered),
        data=_data(outcome),
        cost=_cost(outcome),
        comparisons=tuple(
            view.ComparisonView(
                rival=c.b,
                metric=c.metric,
                difference=c.difference,
                low=c.low,
                high=c.high,
                p_value=verdict.p_values[c.b] if c.metric == primary else c.p_value,
                test=c.test,
                mdd=c.mdd,
                n=c.n,
                verdict=c.verdict,
                note=c.note,
            )
            for c in outcome.comparisons
        ),
        details=_details(specialist),
        rival_details=_details(rivals[0]),
        confusions=tuple(view.ConfusionView(gold, said, rows) for gold, said, rows in specialist.confusions),
        mistakes=tuple(
            view.MistakeView(
                id=m.id,
                source=m.source,
                question=m.question,
                expected=m.expected,
                answered=m.answered,
                differences=tuple(view.Difference(d.field, d.expected, d.answered) for d in m.differences),
                confidence=m.confidence,
                reason=m.reason,
                right_rivals=tuple(m.right_rivals),
            )
            for m in outcome.mistakes
        ),
        gap=gap_view(
            spec, test, specialist, discrepancies(spec, test, specialist, outcome.scorecards, spec.train.seed)
        ),
        training=_training(outcome),
        provenance=_provenance(outcome),
        test_openings=outcome.test_openings,
        warnings=tuple(finding.text for finding in outcome.check.findings if finding.level == "warning"),
        adapter=f"{outcome.adapter.name} in {outcome.adapter.path}",
        path=path,
    )


def _usable(card: Scorecard) -> tuple[str, ...]:
    if card.usable is None:
        return ()
    found = card.usable
    return (
        f"Of its outputs {found.scale.estimate(found.value, found.low, found.high)} are usable: every hard KPI holds for them.",
    )


def _mark(card: Scorecard, name: str) -> view.Mark:
    score = card.scores[name]
    return view.Mark(score.value, score.low, score.high, score.n, score.method, score.note)


def _metric(card: Scorecard, name: str) -> MetricView:
    score = card.scores[name]
    return MetricView(score.title, score.about, score.signature, score.scale, score.higher_is_better)


def _system(answered: Answered, card: Scorecard) -> SystemView:
    return SystemView(
        name=answered.name,
        kind=answered.kind,
        scores={name: _mark(card, name) for name in card.scores},
        counts={what: count for what, count in card.counts.items() if count},
        seconds=answered.seconds,
        tokens=answered.tokens,
        money=answered.money,
    )


def _details(card: Scorecard) -> tuple[view.DetailRow, ...]:
    return tuple(view.DetailRow(d.name, d.support, d.precision, d.recall, d.f1) for d in card.details)


def _data(outcome: Outcome) -> DataView:
    checked, rows = outcome.check, outcome.check.rows
    dropped = (("longer than the limit", checked.lengths.dropped),) if checked.lengths.dropped else ()
    return DataView(
        train=rows["train"],
        validation=rows["validation"],
        test=rows["test"],
        format="; ".join(f"{file.name}: {file.format}" for file in checked.files),
        dropped=dropped,
        cut=checked.lengths.cut,
        duplicates=checked.repeated,
        leakage=len(checked.overlaps["test"].questions),
        parts=tuple(view.PartRow(part.name, part.train + part.validation, part.test) for part in checked.parts),
        lengths=checked.lengths.values,
        max_length=checked.lengths.limit,
        notes=(*checked.split_notes, *checked.template_notes),
    )


METHOD_NAMES: dict[Method, str] = {
    "lora": "LoRA on all linear layers",
    "qlora": "QLoRA on all linear layers, base in 4 bits",
    "ia3": "(IA)³",
    "bottleneck": "bottleneck adapters",
    "prompt": "prompt tuning",
    "prefix": "prefix tuning",
    "full": "full fine-tuning",
}


def describe(spec: TrainSpec) -> str:
    """The method in words, with what it was set to."""
    settings = spec.method_settings
    name = METHOD_NAMES[settings.pop("method")]
    told = [
        f"{key.replace('_', ' ')} {value:g}" if isinstance(value, float) else f"{key.replace('_', ' ')} {value}"
        for key, value in settings.items()
        if value not in (None, False) and (key, value) != ("lora_plus", 1.0)
    ]
    if spec.label_smoothing:
        told.append(f"label smoothing {spec.label_smoothing:g}")
    return ", ".join([name, *told])


def _training(outcome: Outcome) -> TrainingView:
    spec, trained, history = outcome.task.spec.train, outcome.trained, outcome.trained.history
    manifest, step = trained.manifest, trained.step
    why = "auto: 5e-4 · (2000 / hidden size)^0.781" if spec.learning_rate == "auto" else "set in sartor.yaml"
    return TrainingView(
        method=describe(spec) + _averaged(manifest) + _towards_the_kpi(manifest),
        train_loss=_curve(history, outcome.check.rows["train"], manifest["batch_size"]),
        validation_loss=tuple((float(epoch), loss) for epoch, loss in history.validation),
        seconds=history.seconds,
        examples_per_s=history.examples / history.seconds,
        tokens=history.computed_tokens,
        learning_rate=manifest["learning_rate"],
        learning_rate_why=f"found by a search. {' '.join(outcome.tuned.sentences)}" if outcome.tuned else why,
        epochs=float(history.epochs),
        batch_size=manifest["batch_size"],
        early_stop=_early_stop(history, spec.epochs),
        trainable=manifest["trainable"],
        peak_memory=step.usage.peak_memory_bytes,
        supervised=trained.meter.supervised_tokens,
        flops=trained.meter.flops,
        energy=trained.meter.energy_kwh,
        energy_from=trained.meter.energy_from,
        money=step.money,
    )


def _averaged(manifest: Mapping[str, Any]) -> str:
    """What several seeds came to, where there were several."""
    if not (found := manifest.get("average")):
        return ""
    seeds, losses = len(found["seeds"]), found["losses"]
    if found["kept"] != "average":
        worse = f"validation loss {min(losses):.3f}, that of their average {found['loss']:.3f}"
        return f"; the best of {seeds} seeds ({worse})"
    alone = f" (validation loss {found['loss']:.3f}, alone {min(losses):.3f} to {max(losses):.3f})" if losses else ""
    wide = f", as one adapter of rank {manifest['rank']}" if "rank" in manifest else ""
    return f"; the average of {seeds} seeds{wide}{alone}; losses below are of the best of them"


def _towards_the_kpi(manifest: Mapping[str, Any]) -> str:
    """What training was told of the KPIs: weights, and preferences with what they were made of."""
    weights = [f"{name} {manifest[name]}" for name in ("weight", "fact_weight", "field_weight") if name in manifest]
    said = "".join(f", {each}" for each in weights)
    if prefer := manifest.get("prefer"):
        outputs = f"{prefer['passed']:,} of {prefer['outputs']:,} outputs passed"
        if prefer["too_long"]:
            outputs += f", {prefer['too_long']:,} pairs left out as too long"
        if not prefer["kept"]:
            outputs += "; not kept, since it answered the validation rows no better"
        said += (
            f"; then {prefer['pairs']:,} pairs of preference, learning rate {prefer['learning_rate']:.2g} ({outputs})"
        )
    return said


def _early_stop(history: History, epochs: int) -> str:
    if not history.validation:
        return "no validation slice: the last epoch is kept"
    if history.stopped_early:
        return (
            f"stopped after {history.epochs} of {epochs} epochs: the validation loss rose; "
            f"epoch {history.best_epoch} is kept"
        )
    return f"epoch {history.best_epoch} has the lowest validation loss and is kept"


def _curve(history: History, rows: int, batch_size: int) -> tuple[tuple[float, float], ...]:
    """(epoch, mean loss) in at most `LOSS_POINTS` points."""
    per_epoch = -(-rows // batch_size)
    width = -(-len(history.losses) // LOSS_POINTS)
    groups = [history.losses[at : at + width] for at in range(0, len(history.losses), width)]
    return tuple((group[-1][0] / per_epoch, math.fsum(loss for _, loss in group) / len(group)) for group in groups)


def _cost(outcome: Outcome) -> CostView:
    spec = outcome.task.spec
    costs, rows = spec.costs, outcome.check.rows["train"] + outcome.check.rows["validation"]
    lines = [CostRow("labelled rows", rows, "rows", costs.label, "configured", outcome.label_cost)]
    step = outcome.trained.step
    if tuned := outcome.tuned:
        hours = tuned.halving.seconds / 3600
        lines.append(CostRow("search for a recipe", hours, "hours", costs.hour, "measured", tuned.money))
    lines.append(CostRow("training", step.usage.seconds / 3600, "hours", costs.hour, "measured", step.money))
    for a in outcome.answered:
        if a.endpoint is None:
            lines.append(CostRow(f"answers: {a.name}", a.seconds / 3600, "hours", costs.hour, "measured", a.money))
        elif a.money:
            lines.append(CostRow(f"tokens: {a.name}", a.tokens, "tokens", a.money / a.tokens, "configured", a.money))
    return CostView(costs.currency, tuple(lines))


def _provenance(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    manifest, dataset = outcome.trained.manifest, outcome.trained.manifest["dataset"]
    return (
        ("adapter", f"{outcome.adapter.name}, sha256 {outcome.adapter.hash}"),
        ("base", f"{manifest['base_model']}, sha256 {manifest['base_hash']}"),
        ("chat template", f"sha256 {manifest['template_hash']}"),
        *((f"{side} set", f"sha256 {hash}") for side, hash in dataset.items()),
        ("seed", str(manifest["seed"])),
        ("number format", manifest["number_format_why"]),
        ("threads", str(manifest["threads"])),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())),
    )
