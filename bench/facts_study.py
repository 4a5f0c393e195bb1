"""Do the factual KPIs see what experts see? Rank correlation with 200 judged clinical summaries, beside ROUGE-L and BLEU.

    .venv/bin/python bench/facts_study.py [--study FILE.jsonl]

Per row: our metric, sentence ROUGE-L and sentence BLEU against the experts' factual F1, omission rate and hallucination
rate (MTS-Dialog, Ben Abacha et al. 2023); every metric is turned so that more is better. Intervals are percentile
bootstraps over dialogues, since a dialogue occurs once a model; those of a difference draw the same dialogues for both.

The rules were decided on half `a` of the dialogues; `b` confirms. The length of the reference, which looks at no output,
is a control: what does not beat it has seen little. Data: ../shared/data/mts_dialog, which is not part of the repository.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from record import Row, record, row
from sartor.data.example import Example, Message
from sartor.evaluate.metric import Array, Scope, metric
from sartor.generate.answer import Answer

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT.parent / "shared" / "data" / "mts_dialog" / "metric_study.jsonl"
CLAIMS = {
    "FactualF1": ("factual_f1", 1),
    "OmissionRate": ("omitted_facts", -1),
    "HallucinationRate": ("hallucinated_facts", -1),
}
"""What the experts judged → our metric for it, and whether more of what they counted is better."""
PEERS = ("rouge_l", "bleu")
CONTROL = "length of the reference"
RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, default=STUDY)
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    args = parser.parse_args()
    if not args.study.exists():
        sys.exit(f"{args.study} is not there: the study's rows are not part of the repository")
    lines = [json.loads(line) for line in args.study.read_text(encoding="utf-8").splitlines()]
    dialogues = [line["dialogue"] for line in lines]
    half = np.array([hashlib.sha256(text.encode()).digest()[-1] % 2 for text in dialogues])
    scores = row_scores(lines)
    rows: list[Row] = []
    for part, chosen in (("all", half >= 0), ("half a (decided)", half == 0), ("half b (confirms)", half == 1)):
        rows += judge(part, lines, scores, np.flatnonzero(chosen))
    if not args.dry:
        leads = [line for line in rows if line["metric"].startswith("difference") and line["metric"].endswith("all")]
        record("facts_study", rows, {f"lead of {line['system']}, {line['metric']}": line["value"] for line in leads})


def row_scores(lines: Sequence[dict[str, str]]) -> dict[str, Array]:
    """Each metric's own value of every row, turned so that more is better."""
    examples = [
        Example(str(i), (Message("user", line["dialogue"]),), line["reference"]) for i, line in enumerate(lines)
    ]
    answers = [Answer(str(i), line["output"]) for i, line in enumerate(lines)]
    scores = {CONTROL: -np.array([len(line["reference"]) for line in lines], dtype=float)}
    for name in (*PEERS, *(ours for ours, _ in CLAIMS.values())):
        one = metric(name, Scope("summarization"))
        scores[name] = one.per_row(one.table(examples, answers)) * (1 if one.higher_is_better else -1)
    return scores


def judge(part: str, lines: Sequence[dict], scores: dict[str, Array], chosen: Array) -> list[Row]:
    rows = []
    draws = resamples([lines[i]["dialogue"] for i in chosen], seed=0)
    for human, (ours, sign) in CLAIMS.items():
        expert = sign * np.array([lines[i]["human"][human] for i in chosen])
        telling = int((expert != np.median(expert)).sum())
        print(f"\n{part}: {human}, {len(chosen)} rows, {telling} of them off the median")
        drawn = {
            name: np.array([correlation(scores[name][chosen][draw], expert[draw]) for draw in draws])
            for name in (ours, *PEERS, CONTROL)
        }
        for name, values in drawn.items():
            mine = correlation(scores[name][chosen], expert)
            rows.append(correlated(name, f"Spearman with {human}, {part}", mine, values))
        for name in (*PEERS, CONTROL):
            lead = correlation(scores[ours][chosen], expert) - correlation(scores[name][chosen], expert)
            leads = drawn[ours] - drawn[name]
            rows.append(correlated(f"{ours} − {name}", f"difference with {human}, {part}", lead, leads))
    return rows


def correlation(one: Array, other: Array) -> float:
    """Spearman's; 0 where one side does not vary and so tells nothing."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def resamples(dialogues: Sequence[str], seed: int) -> list[Array]:
    """Rows of as many dialogues as there are, drawn with replacement."""
    members: dict[str, list[int]] = {}
    for i, dialogue in enumerate(dialogues):
        members.setdefault(dialogue, []).append(i)
    groups, rng = list(members.values()), np.random.default_rng(seed)
    return [np.concatenate([groups[g] for g in rng.integers(0, len(groups), len(groups))]) for _ in range(RESAMPLES)]


def correlated(system: str, metric_name: str, value: float, drawn: Array) -> Row:
    return row(system, metric_name, value, "rank correlation", *np.quantile(drawn, [0.025, 0.975]))


if __name__ == "__main__":
    main()
