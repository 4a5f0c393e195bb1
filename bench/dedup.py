"""Near-duplicates beside datasketch and semhash: what each merges of texts whose duplicates and traps are known.

    make bench-dedup        (or: .venv/bin/python bench/dedup.py [--seeds 1 2 3] [--truth FILE.jsonl …])

The texts are made by bench/dedup_texts.py for each seed, out of Banking77 where it is, else of examples/support-intents; or
they are read from files of the same form (`id`, `text`, `cluster`, `trap`). Precision, recall and F1 count pairs of rows of
one cluster; a trap is merged when it shares a cluster with the row that it imitates. Two originals may say the same and
count as a mistake. semhash gets the embeddings of the built-in MiniLM: its default model is not to be had offline.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dedup_texts import load, make
from record import Row, record, row
from sartor.curate.duplicates import find
from sartor.models.encoder import Encoder

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / "bench" / "peers" / ".venv-dedup" / "bin" / "python"
BANKING = ROOT.parent / "shared" / "data" / "banking77" / "train.csv"
SUPPORT = ROOT / "examples" / "support-intents" / "messages.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=BANKING if BANKING.exists() else SUPPORT)
    parser.add_argument("--column", default="text" if BANKING.exists() else "message")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--truth", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    sets = {f"seed {seed}": make(load(args.data, args.column), args.rows, seed) for seed in args.seeds}
    for path in args.truth:
        sets[path.stem] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines: list[Row] = []
    versions: dict[str, str] = {}
    ratios: dict[str, float] = {}
    encoder = Encoder.load()
    for name, rows in sets.items():
        texts = [row["text"] for row in rows]
        began = time.perf_counter()
        labels = {"sartor": ours(texts)}
        seconds = {"sartor": time.perf_counter() - began}
        for peer in ("datasketch", "datasketch 0.8", "semhash"):
            found = theirs(peer, texts, encoder.encode(texts) if peer == "semhash" else None)
            labels[peer], seconds[peer], versions[peer.split()[0]] = found["labels"], found["seconds"], found["version"]
        for system, found_labels in labels.items():
            lines += [row(system, f"{name}: {metric}", value, "share") for metric, value in score(rows, found_labels)]
            lines.append(row(system, f"{name}: {len(rows):,} rows", seconds[system], "s"))
        ratios[f"{name}: seconds, datasketch / sartor"] = seconds["datasketch"] / seconds["sartor"]
    record("dedup", lines, ratios, **versions)


def ours(texts: Sequence[str]) -> list[int]:
    """A label per row: its representative."""
    label = np.arange(len(texts))
    duplicates = find(texts).duplicates
    label[duplicates.rows] = duplicates.of
    found: list[int] = label.tolist()
    return found


def theirs(peer: str, texts: Sequence[str], embeddings: np.ndarray | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.json"
        path.write_text(json.dumps({"texts": texts}), encoding="utf-8")
        command = [PEER_PYTHON, ROOT / "bench" / "peers" / "dedup.py", peer, path]
        if embeddings is not None:
            np.save(path.with_suffix(".npy"), embeddings)
            command += ["--embeddings", path.with_suffix(".npy")]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def score(rows: Sequence[dict[str, Any]], labels: Sequence[int]) -> list[tuple[str, float]]:
    """Pairwise precision, recall and F1; traps merged with their source, in all and by kind; copies joined, by edit."""
    clusters = [row["cluster"] for row in rows]
    right, found, true = (pairs(keys) for keys in (zip(clusters, labels, strict=True), labels, clusters))
    lines = [("precision", right / found), ("recall", right / true), ("F1", 2 * right / (found + true))]
    traps = [row for row in rows if row["trap"] is not None]
    merged = [row for row in traps if labels[row["id"]] == labels[row["trap"]]]
    lines.append((f"traps merged, of {len(traps)}", len(merged) / len(traps)))
    kinds = Counter(row.get("edit", "") for row in traps)
    hit = Counter(row.get("edit", "") for row in merged)
    lines += [(f"traps merged, {kind}, of {count}", hit[kind] / count) for kind, count in sorted(kinds.items()) if kind]
    original = {row["cluster"]: row["id"] for row in rows if row.get("edit") == ""}
    copies = [row for row in rows if row["trap"] is None and row.get("edit")]
    edits = Counter(row["edit"] for row in copies)
    joined = Counter(row["edit"] for row in copies if labels[row["id"]] == labels[original[row["cluster"]]])
    lines += [(f"copies joined, {edit}, of {count}", joined[edit] / count) for edit, count in sorted(edits.items())]
    return lines


def pairs(keys: Any) -> int:
    """Pairs of rows with the same key."""
    return sum(count * (count - 1) // 2 for count in Counter(keys).values())


if __name__ == "__main__":
    main()
