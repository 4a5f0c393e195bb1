"""General metrics equal sacrebleu and rouge-score exactly, on 1,000 varied rows."""

import json
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from tests.evaluate.judging import ready

from sartor.errors import InputError
from sartor.evaluate.metric import Scope, metric

ROOT = Path(__file__).resolve().parents[2]
DIALOGUES = ROOT.parent / "shared" / "data" / "mts_dialog" / "train.jsonl"
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}


def corpus(path: Path, *columns: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)[column]) for line in lines for column in columns]


def varied(texts: list[str], n: int = 1000, seed: int = 0) -> tuple[list[str], list[str]]:
    """Targets, and answers that drop, double, move, mistype or change some of their words, or are others' altogether."""
    rng = np.random.default_rng(seed)
    targets = [texts[i][:600] for i in rng.integers(0, len(texts), n)]
    return targets, [_changed(target, texts, rng) for target in targets]


def _changed(target: str, texts: list[str], rng: np.random.Generator) -> str:
    words, way = target.split(), rng.integers(0, 8)
    if way == 0:
        return ["", "…", "💊", "ok", target.upper(), target][rng.integers(0, 6)]
    if way == 1:
        return texts[rng.integers(0, len(texts))][:600]
    kept = [word for word in words if rng.random() > 0.25] * (2 if way == 2 else 1)
    if way == 3:
        rng.shuffle(kept)
    return " ".join(word[::-1] if rng.random() < 0.1 else word for word in kept)


def check(texts: list[str], examples, answers) -> None:
    targets, said = varied(texts)
    rows, given, scope = examples(targets), answers(said), Scope("summarization")
    said, stripped = [text.strip() for text in said], [target.strip() for target in targets]
    found = {name: metric(name, scope) for name in (*ROUGE, "bleu", "chrf")}
    tables = {name: judge.table(rows, given) for name, judge in found.items()}
    scorer = RougeScorer(list(ROUGE.values()))
    theirs = [scorer.score(target, text) for target, text in zip(targets, said, strict=True)]
    for name, key in ROUGE.items():
        assert found[name].per_row(tables[name]).tolist() == [scores[key].fmeasure for scores in theirs]
    assert found["bleu"].aggregate(tables["bleu"]) == sacrebleu.corpus_bleu(said, [stripped]).score
    assert found["chrf"].aggregate(tables["chrf"]) == sacrebleu.corpus_chrf(said, [stripped]).score
    sentences = [sacrebleu.sentence_chrf(text, [target]).score for text, target in zip(said, stripped, strict=True)]
    assert found["chrf"].per_row(tables["chrf"]) == pytest.approx(sentences, abs=1e-12)
    rows_of_bleu = [sacrebleu.sentence_bleu(text, [target]).score for text, target in zip(said, stripped, strict=True)]
    assert found["bleu"].per_row(tables["bleu"]) == pytest.approx(rows_of_bleu, abs=1e-12)


@pytest.mark.real
def test_bleu_chrf_and_rouge_are_sacrebleus_and_rouge_scores_on_clinical_notes(examples, answers):
    if not DIALOGUES.exists():
        pytest.skip("mts_dialog is not in ../shared/data")
    check(corpus(DIALOGUES, "note", "dialogue"), examples, answers)


def test_bleu_chrf_and_rouge_are_sacrebleus_and_rouge_scores_on_our_own_example(examples, answers):
    check(
        (ROOT / "docs" / "explanation" / "evaluation.md").read_text(encoding="utf-8").split("\n\n"), examples, answers
    )


def test_a_signature_names_package_and_settings():
    scope = Scope("summarization")
    assert metric("chrf", scope).signature.startswith("chrf|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.")
    assert metric("rouge_2", scope).signature == "rouge_2|rouge-score 0.1.2|stemmer:no"


@pytest.mark.real
def test_similarity_knows_a_paraphrase_from_another_matter_and_no_number_from_another(examples, answers):
    target = "The patient must take 5 mg of lisinopril every day."
    said = [
        "Lisinopril 5 mg is to be taken daily.",
        "The invoice is due in June.",
        "",
        target,
        target.replace("5", "50"),
    ]
    judge = ready("similarity", "summarization")
    alike, other, nothing, same, dose = judge.per_row(judge.table(examples([target] * 5), answers(said)))
    assert same == pytest.approx(1.0, abs=1e-6)
    assert same > alike > 0.6 > 0.3 > other >= nothing == 0.0
    assert dose > alike


def test_similarity_without_the_encoder_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("SARTOR_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="run `sartor models pull all-minilm-l6-v2`"):
        metric("similarity", Scope("summarization"))
