"""Duplicates by datasketch or semhash, at the settings that their documentation shows.

    python dedup.py datasketch rows.json
    python dedup.py semhash rows.json --embeddings rows.npy

`rows.json` holds {"texts": […]}. Prints {"seconds", "version", "labels"}: rows with one label are duplicates.

datasketch: the README's `MinHashLSH(threshold=0.5, num_perm=128)` over the set of a text's words, lower case; "datasketch 0.8"
is the same with a threshold that many use.
semhash: `self_deduplicate()` with its default threshold 0.9, over embeddings made before, whose time is not counted.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", choices=("datasketch", "datasketch 0.8", "semhash"))
    parser.add_argument("rows")
    parser.add_argument("--embeddings")
    args = parser.parse_args()
    texts = json.loads(Path(args.rows).read_text(encoding="utf-8"))["texts"]
    began = time.perf_counter()
    if args.system == "semhash":
        pairs = semhash(texts, np.load(args.embeddings))
    else:
        pairs = datasketch(texts, 0.8 if args.system.endswith("0.8") else 0.5)
    labels = joined(len(texts), pairs)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "version": version(args.system.split()[0]), "labels": labels}))


def datasketch(texts, threshold):
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=threshold, num_perm=128)
    pairs = []
    for i, text in enumerate(texts):
        minhash = MinHash(num_perm=128)
        minhash.update_batch([word.encode("utf-8") for word in set(text.lower().split())])
        pairs += [(i, other) for other in lsh.query(minhash)]
        lsh.insert(i, minhash)
    return pairs


def semhash(texts, embeddings):
    from semhash import SemHash

    records = [{"id": str(i), "text": text} for i, text in enumerate(texts)]
    found = SemHash.from_embeddings(embeddings, records, model=None, columns=["text"]).self_deduplicate()
    return [(int(one.record["id"]), int(one.duplicate_of["id"])) for one in found.filtered]


def joined(count, pairs):
    """Labels of the connected components."""
    label = list(range(count))

    def root(i):
        while label[i] != i:
            label[i] = label[label[i]]
            i = label[i]
        return i

    for i, j in pairs:
        label[root(i)] = root(j)
    return [root(i) for i in range(count)]


if __name__ == "__main__":
    main()
