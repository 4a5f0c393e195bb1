"""On 200 clinical summaries judged by experts, factual KPIs rank outputs as the experts do, better than shared words do."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT.parent / "shared" / "data" / "mts_dialog" / "metric_study.jsonl"


@pytest.mark.real
def test_factual_kpis_agree_with_experts_better_than_rouge_and_bleu(monkeypatch):
    if not STUDY.exists():
        pytest.skip("the study's rows are not in ../shared/data/mts_dialog")
    monkeypatch.syspath_prepend(ROOT / "bench")
    bench = importlib.import_module("facts_study")
    lines = [json.loads(line) for line in STUDY.read_text(encoding="utf-8").splitlines()]
    scores = bench.row_scores(lines)
    for human, (ours, sign) in bench.CLAIMS.items():
        expert = sign * np.array([line["human"][human] for line in lines])
        mine = bench.correlation(scores[ours], expert)
        for peer in bench.PEERS:
            assert mine > bench.correlation(scores[peer], expert) + 0.1, (human, peer)
