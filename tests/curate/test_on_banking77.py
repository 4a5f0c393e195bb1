"""The checks on real messages and the real encoder, with flaws planted in them."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from sartor.cli.main import main
from sartor.curate.embeddings import embed
from sartor.curate.label_errors import label_errors
from sartor.curate.neighbours import near_pairs, nearest
from sartor.curate.outliers import distance_to_classes, distance_to_rows, outliers
from sartor.curate.probabilities import out_of_fold
from sartor.errors import InputError
from sartor.models.encoder import Encoder

pytestmark = pytest.mark.real
CLASSES = 12


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    try:
        return Encoder.load()
    except InputError:
        pytest.skip("all-minilm-l6-v2 is not pulled")


@pytest.fixture(scope="module")
def messages(shared: Path) -> list[tuple[str, int]]:
    """The rows of the first dozen intents."""
    with (shared / "banking77" / "train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["category"] for row in rows})[:CLASSES]
    return [(row["text"], names.index(row["category"])) for row in rows if row["category"] in names]


def test_planted_label_errors_are_found(encoder: Encoder, messages: list[tuple[str, int]]) -> None:
    texts, truth = [text for text, _ in messages], np.array([label for _, label in messages])
    generator = np.random.default_rng(0)
    labels = np.where(generator.random(len(truth)) < 0.1, generator.integers(0, CLASSES, len(truth)), truth)
    embeddings = embed(texts, encoder)
    found = label_errors(out_of_fold(embeddings, nearest(embeddings.meaning), labels), labels)
    wrong = labels != truth
    assert average_precision_score(wrong, found.score) > 0.97
    assert (found.suggested == truth)[wrong].mean() > 0.9


def test_clauses_among_messages_are_outliers(encoder: Encoder, messages: list[tuple[str, int]], shared: Path) -> None:
    lines = (shared / "cuad" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    clauses = [json.loads(line)["clause"] for line in lines[:: len(lines) // 30]]
    vectors = encoder.encode([text for text, _ in messages] + clauses)
    labels = np.append([label for _, label in messages], np.arange(len(clauses)) % CLASSES)
    strange = np.arange(len(vectors)) >= len(messages)
    assert roc_auc_score(strange, outliers(distance_to_rows(nearest(vectors)))) > 0.97
    assert roc_auc_score(strange, outliers(distance_to_classes(vectors, labels))) > 0.99


def test_cosine_alone_calls_opposite_facts_near(encoder: Encoder) -> None:
    """Why semantic neighbours are reviewed, and never dropped by themselves."""
    texts = ["Give 5 mg daily, the patient is not allergic.", "Give 50 mg daily, the patient is allergic.", "Hello!"]
    pairs = near_pairs(nearest(encoder.encode(texts)), np.array([0, 1, 2]), threshold=0.85)
    assert [(pair.first, pair.second, pair.same_label) for pair in pairs] == [(0, 1, False)]


def test_the_ledger_ranks_planted_label_errors(encoder: Encoder, shared: Path, tmp_path: Path) -> None:
    """In one folder, so that the texts, which are the same, are read once."""
    generator = shared.parent / "bench" / "label_noise.py"
    if not generator.is_file():
        pytest.skip("../shared/bench/label_noise.py is not here")
    noisy, ledger = tmp_path / "noisy.csv", tmp_path / "ledger.jsonl"
    data = {"train": str(noisy), "input": "text", "target": "category"}
    (tmp_path / "sartor.yaml").write_text(json.dumps({"task": "intents", "kind": "classification", "data": data}))
    for kind, floor in (("uniform", 0.992), ("confusable", 0.92)):
        options = ["--label", "category", "--rate", "0.1", "--kind", kind, "--seed", "1", "--out", noisy]
        subprocess.run([sys.executable, generator, "--data", shared / "banking77" / "train.csv", *options], check=True)
        with noisy.open(encoding="utf-8") as file:
            wrong = [row["category"] != row["true_label"] for row in csv.DictReader(file)]
        assert main(["curate", str(tmp_path), "--plan", "--check", "label_errors", "--ledger", str(ledger)]) == 0
        score = np.zeros(len(wrong))
        for line in map(json.loads, ledger.read_text().splitlines()):
            score[line["row"]] = line["score"]
        assert average_precision_score(wrong, score) >= floor, kind
