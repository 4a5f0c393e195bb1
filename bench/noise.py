"""Wrong labels, planted in rows by the evaluators' generator."""

import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
GENERATOR = SHARED / "bench" / "label_noise.py"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, lines: Sequence[dict[str, str]], columns: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)


def planted(lines: Sequence[dict[str, str]], rate: float, kind: str, seed: int) -> list[dict[str, str]]:
    """The lines (`text`, `category`, …) with a share of wrong categories, and the true one as `true_label`.

    `kind` is `uniform`, or `confusable` for one of the three classes whose words are nearest.
    """
    if not GENERATOR.exists():
        sys.exit(f"{GENERATOR} is not there: the generator and its data are not part of the repository")
    with tempfile.TemporaryDirectory() as folder:
        clean, noisy = Path(folder) / "clean.csv", Path(folder) / "noisy.csv"
        write(clean, lines, list(lines[0]))
        options = ["--label", "category", "--rate", str(rate), "--kind", kind, "--seed", str(seed)]
        command = [sys.executable, GENERATOR, "--data", clean, *options, "--out", noisy]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        return read(noisy)
