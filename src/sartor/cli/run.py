from pathlib import Path
from typing import Annotated

import typer

from sartor.cli import terminal


def run(
    folder: terminal.Folder = Path(),
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Then train with and without weights and preferences: did the KPIs move?"),
    ] = False,
    seeds: Annotated[int, typer.Option(min=2, help="With --prove: trainings of each of the two.")] = 3,
    as_json: terminal.Json = False,
) -> None:
    """Check, train, compare with the rivals and report; a second run repeats only what has changed."""
    import sartor

    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        result = project.run(progress=progress)
    if not as_json:
        print("\n".join(result.lines))
    proof = None
    if prove:
        with terminal.progress(as_json) as progress:
            proof = project.prove_training(seeds, progress=progress)
    if as_json:
        terminal.emit(result.to_json() | {"proof": proof.to_json() if proof else None})
    elif proof:
        print("\n".join([*proof.sentences, proof.costs]))
