"""What rows mean, read once for a task and kept: later versions have mostly the same rows."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sartor.curate.embeddings import Embeddings, Vectors, spell
from sartor.jobs.steps import Steps
from sartor.models.builtin import ENCODER
from sartor.models.encoder import Encoder
from sartor.progress import Progress, silent
from sartor.store import Store
from sartor.store.canonical import digest


def embedded(
    steps: Steps,
    store: Store,
    texts: Sequence[str],
    seed: int,
    *,
    before: Callable[[], Sequence[str]] = tuple,
    progress: Progress = silent,
) -> Embeddings:
    """Both views of `texts`; what was read of an earlier version's texts is not read again."""
    known = list(dict.fromkeys(before()))
    vectors = dict(zip(known, meaning(steps, store, known, progress), strict=True))
    new = [text for text in dict.fromkeys(texts) if text not in vectors]
    vectors |= zip(new, meaning(steps, store, new, progress), strict=True)
    return Embeddings(np.stack([vectors[text] for text in texts]), spell(texts, seed))


def meaning(steps: Steps, store: Store, texts: Sequence[str], progress: Progress = silent) -> Vectors:
    """float32 [n, 384]: what the texts mean, of length 1 each; none where there are no texts."""
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    inputs = {"texts": digest(list(texts)), "encoder": ENCODER.sha256}
    return once(steps, store, "embed", inputs, lambda: Encoder.load().encode(texts, progress)).astype(np.float32)


def once(
    steps: Steps, store: Store, stage: str, inputs: dict[str, Any], read: Callable[[], NDArray[np.floating]]
) -> NDArray[np.floating]:
    """A step whose result is an array, kept in the store."""

    def work(_: Path) -> dict[str, Any]:
        buffer = io.BytesIO()
        np.save(buffer, read(), allow_pickle=False)
        return {"objects": {"array": store.objects.put(buffer.getvalue())}}

    kept = store.objects.get(steps.run(stage, inputs, work).outputs["objects"]["array"])
    array: NDArray[np.floating] = np.load(io.BytesIO(kept), allow_pickle=False)
    return array
