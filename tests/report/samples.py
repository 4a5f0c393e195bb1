"""Reports as real runs fill them: an extraction that the specialist wins, a classification that a rival wins, a tie."""

import json
import math
import random
from dataclasses import replace
from datetime import UTC, datetime

from sartor.report.view import (
    ComparisonView,
    ConfusionView,
    CostRow,
    CostView,
    DataView,
    DetailRow,
    Difference,
    KpiView,
    Mark,
    MetricView,
    MistakeView,
    PartRow,
    ReportData,
    SystemView,
    TrainingView,
)
from sartor.scale import Scale

WHEN = datetime(2026, 11, 23, 20, 49, tzinfo=UTC)


def wilson(value: float, n: int) -> Mark:
    """A mark with Wilson's 95 % interval."""
    z = 1.96
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Mark(value, max(0.0, middle - half), min(1.0, middle + half), n, "Wilson")


def record(dose: str, follow_up: int | None) -> str:
    return json.dumps(
        {
            "diagnoses": [{"code": "I10"}, {"code": "E11.9"}],
            "procedures": [{"code": "83036", "units": 1}, {"code": "80048", "units": 1}],
            "medications": [
                {"name": "lisinopril", "dose": dose, "frequency": "daily"},
                {"name": "metformin", "dose": "500 mg", "frequency": "twice daily"},
            ],
            "patient": {"age": 54, "sex": "F"},
            "follow_up_days": follow_up,
        }
    )


def billing_notes() -> ReportData:
    """Extraction: prompting near the floor, the specialist far above it."""
    rng = random.Random(0)
    marks = {
        "specialist": (0.914, 0.997, 0.613),
        "4-shot": (0.327, 0.813, 0.02),
        "zero-shot": (0.041, 0.517, 0.0),
        "endpoint small-instruct": (0.702, 0.98, 0.253),
    }
    kinds = {"specialist": "specialist", "endpoint small-instruct": "endpoint"}
    counts = {
        "specialist": {"cut at the limit": 1, "invalid JSON": 1},
        "4-shot": {"cut at the limit": 31, "invalid JSON": 56},
        "zero-shot": {"cut at the limit": 104, "invalid JSON": 145},
        "endpoint small-instruct": {"errors": 2, "invalid JSON": 6},
    }
    running = {
        "specialist": (71.0, 61_204, 0.0394),
        "4-shot": (203.0, 402_871, 0.1128),
        "zero-shot": (96.0, 101_338, 0.0533),
        "endpoint small-instruct": (44.0, 95_120, 0.0291),
    }
    names = ("field_f1", "json_valid", "exact_match")
    systems = tuple(
        SystemView(
            name,
            kinds.get(name, "prompt"),
            {metric: wilson(value, 300) for metric, value in zip(names, values, strict=True)},
            counts[name],
            *running[name],
        )
        for name, values in marks.items()
    )
    specialist = systems[0]
    fields = [
        ("diagnoses.code", 412, 0.94, 0.92, 0.41),
        ("procedures.code", 377, 0.91, 0.89, 0.35),
        ("procedures.units", 377, 0.97, 0.95, 0.5),
        ("medications.name", 298, 0.95, 0.94, 0.62),
        ("medications.dose", 298, 0.86, 0.84, 0.28),
        ("medications.frequency", 281, 0.83, 0.8, 0.19),
        ("patient.age", 300, 0.99, 0.99, 0.7),
        ("patient.sex", 300, 0.98, 0.98, 0.66),
        ("follow_up_days", 164, 0.81, 0.76, 0.12),
    ]
    loss = [(k / 36, 0.12 + 1.9 * math.exp(-k / 14) + rng.gauss(0, 0.035)) for k in range(1, 109)]
    return ReportData(
        task="billing-notes",
        kind="extraction",
        base="smollm2-135m-q4",
        created_at=WHEN,
        outcome="specialist wins",
        headline="The specialist reaches field F1 .91 (.88–.94); the best rival, endpoint small-instruct, .70 "
        "(.65–.75): +21 points (17–25), n = 300.",
        sentences=(
            "Field F1 .91 (.88–.94) may or may not reach its goal .90: the interval holds it.",
            "Valid JSON .997 (.98–.9994) may or may not reach its hard goal .99: the interval holds it.",
            "Exact match .61 (.56–.67) misses its goal .70.",
        ),
        kpis=(
            KpiView("field_f1", specialist.scores["field_f1"], 0.90, "unclear"),
            KpiView("json_valid", specialist.scores["json_valid"], 0.99, "unclear", hard=True),
            KpiView("exact_match", specialist.scores["exact_match"], 0.70, "missed"),
        ),
        metrics={
            "field_f1": MetricView(
                "field F1",
                "share of fields that are right; missing and invented ones count against it",
                "field_f1|micro|paths:leaf|norm:nfkc+strip|v1",
            ),
            "json_valid": MetricView("valid JSON", "answers that parse and fit the schema", "json_valid|schema|v1"),
            "exact_match": MetricView("exact match", "records without a single error", "exact_match|json|v1"),
        },
        systems=systems,
        data=DataView(
            train=540,
            validation=60,
            test=300,
            format="JSONL, one object a row",
            dropped=(("repeats a test row", 7), ("longer than 1,024 tokens", 2)),
            duplicates=14,
            leakage=7,
            parts=tuple(PartRow(name, int(support * 1.8), support) for name, support, *_ in fields),
            lengths=tuple(max(60, int(rng.lognormvariate(5.2, 0.32))) for _ in range(540)),
            max_length=512,
            notes=("The rows are synthetic and written for this example.",),
        ),
        cost=CostView(
            "USD",
            (
                CostRow("labels", 600, "rows", 1.5, "configured", 900.0),
                CostRow("training", 4.2 / 60, "h", 2.0, "measured", 0.14),
                CostRow("rivals and evaluation", 414 / 3600, "h", 2.0, "measured", 0.23),
                CostRow("endpoint small-instruct", 0.09512, "M tokens", 0.31, "modelled", 0.0295),
            ),
        ),
        comparisons=tuple(
            ComparisonView(
                rival, "field_f1", d, d - 0.041, d + 0.04, p, "approximate randomisation", 0.055, 300, "better"
            )
            for rival, d, p in (
                ("endpoint small-instruct", 0.212, 0.0001),
                ("4-shot", 0.587, 0.0001),
                ("zero-shot", 0.873, 0.0001),
            )
        ),
        details=tuple(DetailRow(name, n, p, r, 2 * p * r / (p + r)) for name, n, p, r, _ in fields),
        rival_details=tuple(DetailRow(name, n, f, f, min(1.0, f * 1.6)) for name, n, _, _, f in fields),
        confusions=(
            ConfusionView("follow_up_days", "(missing)", 31),
            ConfusionView("medications.frequency", "(other value)", 27),
            ConfusionView("medications.dose", "(other value)", 22),
            ConfusionView("(absent)", "follow_up_days", 12),
        ),
        mistakes=(
            MistakeView(
                "n-0412",
                "held_out.jsonl:12",
                "54F, seen for med check. BP 142/88 today. Lisinopril up from 10 to 20 mg, take in the morning. "
                "Metformin stays 500 BID. Labs drawn (A1c, BMP). RTC 6 wks.",
                record("20 mg", 42),
                record("10 mg", None),
                (
                    Difference("medications[0].dose", "20 mg", "10 mg"),
                    Difference("follow_up_days", "42", None),
                ),
                right_rivals=("endpoint small-instruct",),
            ),
            MistakeView(
                "n-0077",
                "held_out.jsonl:77",
                "7 y/o boy, itchy rash both elbows x 2 wks. Hydrocortisone 1 % cream thin layer bid. No f/u needed.",
                '{"diagnoses":[{"code":"L20.9"}],"patient":{"age":7,"sex":"M"}}',
                '{"diagnoses":[{"code":"L30.9"}],"patient":{"age":7,"sex":"M"},"follow_up_days":14}',
                (
                    Difference("diagnoses[0].code", "L20.9", "L30.9"),
                    Difference("follow_up_days", None, "14"),
                ),
            ),
        ),
        training=TrainingView(
            "LoRA, rank 16, on all linear layers",
            tuple(loss),
            ((1.0, 0.341), (2.0, 0.228), (3.0, 0.219)),
            252.0,
            6.43,
            241_902,
            5e-4,
            "auto: 5e-4 for LoRA on a base under 1 B parameters",
            3.0,
            8,
            "",
            4_884_480,
            1_940_000_000,
            0.14,
        ),
        provenance=(
            ("Base weights", "sha256:6c1f0f6b5cc5d3c1a8c8d7f8d7f3d1d9b6a1e2c3d4e5f60718293a4b5c6d7e8f"),
            ("Chat template", "sha256:0c9d5f1b2a3948576a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b"),
            ("Dataset version", "sha256:b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184"),
            ("Test set", "sha256:591785b794601e212b260e25925636fd591785b794601e212b260e25925636fd"),
            ("Adapter", "sha256:2c624232cdd221771294dfbb310aca000a0df6ac8b66b696d90ef06fdefb64a3"),
            ("Seed", "0"),
            ("Versions", "sartor 0.1.0, torch 2.13.0, transformers 5.23, peft 0.21"),
            ("Machine", "2 cores, bf16 matmul, no GPU"),
        ),
        test_openings=2,
        warnings=("7 training rows repeat a test row and were left out of training.",),
        adapter="billing-notes@1",
        path="tasks/billing-notes/report.html",
    )


def support_intents() -> ReportData:
    """Classification with 77 classes: the encoder with a linear model wins."""
    rng = random.Random(1)
    topics = (
        "card arrival|card payment fee charged|cash withdrawal not recognised|exchange rate|pin blocked|top up failed"
    )
    verbs = (
        "pending|wrong amount|declined|reverted|disputed|by bank transfer charge|not received|limits|activate|cancel"
    )
    labels = [f"{topic} {verb}".replace(" ", "_") for topic in topics.split("|") for verb in verbs.split("|")]
    labels += [f"{verb}_{k}" for k, verb in enumerate(["verify_my_identity", "why", "top_up", "refund"] * 5)]
    labels = sorted(set(labels))[:77]
    values = {
        "encoder + linear": (0.842, 0.838, 1.2, 0, 0.0007),
        "specialist": (0.694, 0.671, 88.0, 29_411, 0.0489),
        "4-shot": (0.122, 0.09, 301.0, 221_840, 0.1672),
        "zero-shot": (0.036, 0.014, 64.0, 30_102, 0.0356),
    }
    kinds = {"specialist": "specialist", "encoder + linear": "encoder"}
    systems = tuple(
        SystemView(
            name,
            kinds.get(name, "prompt"),
            {
                "accuracy": wilson(accuracy, 500),
                "macro_f1": Mark(macro, max(0.0, macro - 0.045), macro + 0.04, 500, "BCa bootstrap"),
            },
            {"not a label": 3} if name == "4-shot" else {},
            seconds,
            tokens,
            money,
        )
        for name, (accuracy, macro, seconds, tokens, money) in values.items()
    )
    details, rival = [], []
    for label in labels:
        f1 = min(1.0, max(0.0, rng.gauss(0.69, 0.18)))
        better = min(1.0, max(0.0, f1 + rng.gauss(0.14, 0.1)))
        support = rng.randint(3, 11)
        details.append(DetailRow(label, support, min(1.0, f1 * 1.04), f1 * 0.97, f1))
        rival.append(DetailRow(label, support, better, better, better))
    by_name = {system.name: system for system in systems}
    return ReportData(
        task="support-intents",
        kind="classification",
        base="smollm2-135m-q4",
        created_at=WHEN,
        outcome="rival wins",
        headline="A rival wins: encoder + linear reaches accuracy .84 (.81–.87), the specialist .69 (.65–.73): "
        "−15 points (−19 to −11), n = 500.",
        sentences=(
            "Accuracy .69 (.65–.73) misses its goal .90.",
            "Macro-F1 .67 (.63–.71) may or may not reach its goal .70: the interval holds it.",
        ),
        kpis=(
            KpiView("accuracy", by_name["specialist"].scores["accuracy"], 0.90, "missed"),
            KpiView("macro_f1", by_name["specialist"].scores["macro_f1"], 0.70, "unclear"),
        ),
        metrics={
            "accuracy": MetricView("accuracy", "share of rows with the right label", "accuracy|v1"),
            "macro_f1": MetricView("macro-F1", "F1 of each class, averaged: rare classes count fully", "f1|macro|v1"),
        },
        systems=systems,
        data=DataView(
            900,
            100,
            500,
            "CSV, UTF-8, comma",
            duplicates=3,
            leakage=6,
            parts=tuple(PartRow(row.name, rng.randint(5, 20), row.support) for row in details),
            lengths=tuple(max(31, int(rng.gauss(55, 9))) for _ in range(900)),
            max_length=8192,
            notes=("A seeded sample of 1,000 of 10,003 rows, by label.",),
        ),
        cost=CostView(
            "EUR",
            (
                CostRow("training", 158 / 3600, "h", 2.0, "measured", 0.0878),
                CostRow("rivals and evaluation", 454 / 3600, "h", 2.0, "measured", 0.2522),
            ),
        ),
        comparisons=(
            ComparisonView(
                "encoder + linear",
                "accuracy",
                -0.148,
                -0.186,
                -0.109,
                0.00001,
                "mid-p McNemar",
                0.056,
                500,
                "worse",
            ),
            ComparisonView("4-shot", "accuracy", 0.572, 0.524, 0.617, 0.00001, "mid-p McNemar", 0.056, 500, "better"),
            ComparisonView(
                "zero-shot", "accuracy", 0.658, 0.612, 0.701, 0.00001, "mid-p McNemar", 0.056, 500, "better"
            ),
        ),
        details=tuple(details),
        rival_details=tuple(rival),
        confusions=tuple(
            ConfusionView(labels[rng.randrange(77)], labels[rng.randrange(77)], max(1, 3 - k // 4)) for k in range(22)
        ),
        mistakes=tuple(
            MistakeView(
                str(k),
                f"test.csv:{k * 31 + 2}",
                "I still have not received my new card, I ordered over a week ago.",
                labels[k],
                labels[k + 11],
                (Difference("label", labels[k], labels[k + 11]),),
                0.93 - k / 20,
                ("encoder + linear",) if k % 2 else (),
            )
            for k in range(10)
        ),
        training=TrainingView(
            "LoRA, rank 16, on all linear layers",
            tuple((k / 57, 0.2 + 3.1 * math.exp(-k / 40) + rng.gauss(0, 0.06)) for k in range(1, 115)),
            ((1.0, 0.92), (2.0, 0.96)),
            158.0,
            17.1,
            99_100,
            5e-4,
            "auto: 5e-4 for LoRA on a base under 1 B parameters",
            2.0,
            16,
            "stopped after 2 of 3 epochs: the validation loss rose from 0.92 to 0.96",
            4_884_480,
            1_610_000_000,
            0.0878,
        ),
        provenance=(
            ("Test set", "sha256:591785b794601e212b260e25925636fd591785b794601e212b260e25925636fd"),
            ("Seed", "0"),
        ),
        adapter="support-intents@1",
        path="report.html",
    )


def visit_summaries() -> ReportData:
    """Summarization, a tie: the interval of the difference holds zero."""
    systems = (
        SystemView(
            "specialist",
            "specialist",
            {"rouge_l": Mark(0.312, 0.286, 0.339, 60, "BCa bootstrap"), "bleu": Mark(11.8, 9.1, 14.9, 60, "bootstrap")},
            {},
            210.0,
            90_113,
            0.12,
        ),
        SystemView(
            "8-shot",
            "prompt",
            {"rouge_l": Mark(0.301, 0.27, 0.33, 60, "BCa bootstrap"), "bleu": Mark(10.2, 7.4, 13.0, 60, "bootstrap")},
            {"cut at the limit": 3},
            540.0,
            402_113,
            0.30,
        ),
    )
    return replace(
        billing_notes(),
        task="visit-summaries",
        kind="summarization",
        outcome="tie",
        headline="A rival ties: 8-shot prompting reaches ROUGE-L .30 (.27–.33), the specialist .31 (.29–.34): "
        "+1.1 points (−2.1 to 4.4), which n = 60 cannot tell apart; about 3,300 rows would.",
        sentences=(),
        kpis=(KpiView("rouge_l", systems[0].scores["rouge_l"]),),
        metrics={
            "rouge_l": MetricView("ROUGE-L", "longest common subsequence with the reference, F-measure"),
            "bleu": MetricView(
                "BLEU", "n-gram overlap with the references", "BLEU|case:mixed|tok:13a|v2.5", Scale(100.0)
            ),
        },
        systems=systems,
        comparisons=(
            ComparisonView(
                "8-shot", "rouge_l", 0.011, -0.021, 0.044, 0.51, "approximate randomisation", 0.081, 60, "tie"
            ),
            ComparisonView("8-shot", "bleu", 1.6, -2.2, 5.1, 0.38, "approximate randomisation", 3.9, 60, "tie"),
        ),
        details=(),
        rival_details=(),
        confusions=(),
        mistakes=(
            MistakeView(
                "3",
                "test1.jsonl:3",
                "Doctor: What brings you back into the clinic today, miss? Patient: I came in for a refill of my blood "
                "pressure medicine. " * 20,
                "Symptoms: no fever, no chills. Refill of blood pressure medicine.",
                "The patient has fever and chills. Refill.",
            ),
        ),
        data=replace(billing_notes().data, test=60, parts=(), dropped=(), cut=12, notes=()),
        test_openings=1,
        warnings=(),
    )


SAMPLES = {"specialist": billing_notes, "rival": support_intents, "tie": visit_summaries}
