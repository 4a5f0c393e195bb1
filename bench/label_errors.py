"""Does the ranking of label errors find planted ones? Beside a plain probe and cleanlab, on Banking77 and on CUAD.

    .venv/bin/python bench/label_errors.py [--dry] [--seeds 1 2 3]

../shared/bench/label_noise.py plants 10 % wrong labels, at random (`uniform`) or among the three nearest classes (`confusable`).
The plain probe is logistic regression on MiniLM (C = 3), five folds. The same rankings on our probabilities show what the
probabilities do and what the score does. cleanlab, if it can be imported (`pip install cleanlab==2.9.0`): its default is
self-confidence, so only its other ways have rows. CUAD's clauses: one row a text, texts filed under several
categories left out, contracts kept in one fold. Settings were chosen on seeds 11–13 of the generator.
"""

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from noise import SHARED, planted, read
from record import Row, record, row
from sartor.curate.embeddings import Embeddings, Vectors, spell
from sartor.curate.label_errors import Labels, Matrix, label_errors
from sartor.curate.neighbours import nearest
from sartor.curate.probabilities import FOLDS, assign_folds, out_of_fold
from sartor.models.encoder import Encoder

CHECKED = 1000
"""Rows that a person looks at."""
KINDS = ("uniform", "confusable")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    args = parser.parse_args()
    encoder = Encoder.load()
    rows: list[Row] = []
    for name, lines in (("Banking77", banking()), ("CUAD", clauses())):
        texts = [line["text"] for line in lines]
        started = time.perf_counter()
        meaning = encoder.encode(texts)
        rows.append(row(f"{name}, embedding", f"{len(texts):,} rows", time.perf_counter() - started, "s"))
        groups = np.unique([line.get("group", str(i)) for i, line in enumerate(lines)], return_inverse=True)[1]
        for kind in KINDS:
            scored = [one_seed(lines, meaning, groups, kind, seed) for seed in args.seeds]
            for system, metric in scored[0]:
                values = [seed[system, metric] for seed in scored]
                unit = "s" if metric == "time" else "share"
                spread = (float(np.mean(values)), min(values), max(values))
                rows.append(
                    row(
                        f"{name} {kind}, {system}",
                        f"{metric} (mean, least and most of seeds)",
                        spread[0],
                        unit,
                        *spread[1:],
                    )
                )
                rows += [
                    row(f"{name} {kind}, {system}", f"{metric}, seed {seed}", value, unit)
                    for seed, value in zip(args.seeds, values, strict=True)
                    if metric == "AUPRC"
                ]
    if not args.dry:
        record("label_errors", rows, {}, seeds=args.seeds, noise=0.1)


def banking() -> list[dict[str, str]]:
    return read(SHARED / "data" / "banking77" / "train.csv")


def clauses() -> list[dict[str, str]]:
    """One row a text; what lies under several categories is no error of one label."""
    text = (SHARED / "data" / "cuad" / "train.jsonl").read_text(encoding="utf-8")
    filed: dict[str, list[dict[str, str]]] = {}
    for line in map(json.loads, text.splitlines()):
        clause = {"text": line["clause"], "category": line["category"], "group": line["contract"]}
        filed.setdefault(" ".join(line["clause"].lower().split()), []).append(clause)
    return [same[0] for same in filed.values() if len({clause["category"] for clause in same}) == 1]


def plant(lines: list[dict[str, str]], kind: str, seed: int) -> tuple[Labels, Labels]:
    """Labels [n] with errors, and the true ones."""
    noisy = planted(lines, 0.1, kind, seed)
    names, truth = np.unique([line["true_label"] for line in noisy], return_inverse=True)
    return np.searchsorted(names, [line["category"] for line in noisy]), truth


def one_seed(
    lines: list[dict[str, str]], meaning: Vectors, groups: Labels, kind: str, seed: int
) -> dict[tuple[str, str], float]:
    """(system, metric) → value"""
    labels, truth = plant(lines, kind, seed)
    wrong = labels != truth
    started = time.perf_counter()
    embeddings = Embeddings(meaning, spell([line["text"] for line in lines]))
    ours = out_of_fold(embeddings, nearest(meaning), labels, groups)
    found = label_errors(ours, labels)
    took = time.perf_counter() - started
    flagged = found.score >= 0.5
    result = {
        ("Sartor", "time"): took,
        ("Sartor", "precision of flags"): float(wrong[flagged].mean()),
        ("Sartor", "recall of flags"): float(flagged[wrong].mean()),
        ("Sartor", "true label suggested, of errors"): float((found.suggested == truth)[wrong].mean()),
    }
    plain = plain_probe(meaning, labels, groups)
    systems = {"Sartor": found.score, **dict(baselines(plain, labels, "plain probe"))}
    systems |= dict(baselines(ours, labels, "Sartor's probabilities"))
    for system, score in systems.items():
        order = np.argsort(-score, kind="stable")
        result[system, "AUPRC"] = float(average_precision_score(wrong, score))
        result[system, "precision in the first 10 %"] = float(wrong[order[: len(wrong) // 10]].mean())
        result[system, f"errors found in the first {CHECKED:,}"] = float(wrong[order[:CHECKED]].sum() / wrong.sum())
    return result


def plain_probe(vectors: Vectors, labels: Labels, groups: Labels) -> Matrix:
    folds = assign_folds(labels, groups, seed=0)
    probs = np.zeros((len(labels), int(labels.max()) + 1))
    for fold in range(FOLDS):
        model = LogisticRegression(C=3, solver="newton-cg", max_iter=1000).fit(
            vectors[folds != fold], labels[folds != fold]
        )
        probs[np.ix_(folds == fold, model.classes_)] = model.predict_proba(vectors[folds == fold])
    return probs


def baselines(probs: Matrix, labels: Labels, of: str) -> Iterator[tuple[str, Matrix]]:
    """Scores by self-confidence, the margins of probabilities and of their logarithms, and cleanlab's ways."""
    rows = np.arange(len(labels))
    for name, values in (("margin", probs), ("log margin", np.log(probs + 1e-12))):
        others = values.copy()
        others[rows, labels] = -np.inf
        yield f"{of}, {name}", others.max(axis=1) - values[rows, labels]
    yield f"{of}, self-confidence", -probs[rows, labels]
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        return
    smooth = (probs + 1e-6) / (probs + 1e-6).sum(axis=1, keepdims=True)
    for method, adjusted in (
        ("self_confidence", True),
        ("normalized_margin", True),
        ("confidence_weighted_entropy", False),
    ):
        scores = get_label_quality_scores(labels, smooth, method=method, adjust_pred_probs=adjusted)
        yield f"{of}, cleanlab {method}{' adjusted' * adjusted}", -scores


if __name__ == "__main__":
    main()
