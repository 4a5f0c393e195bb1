from pathlib import Path
from typing import Annotated

import typer

from sartor.cli import terminal
from sartor.errors import InputError


def run(
    folder: terminal.Folder = Path(),
    tune: Annotated[
        bool,
        typer.Option("--tune", help="First search for the recipe of training, on validation rows; then train with it."),
    ] = False,
    trials: Annotated[int | None, typer.Option(help="With --tune: recipes to try, 2 to 64; default: 8.")] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, help="With --tune: seconds of training that the search may take; default: no limit."),
    ] = None,
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Then train with and without weights and preferences: did the KPIs move?"),
    ] = False,
    seeds: Annotated[int, typer.Option(min=2, help="With --prove: trainings of each of the two.")] = 3,
    as_json: terminal.Json = False,
) -> None:
    """Check, train, compare with the rivals and report; a second run repeats only what has changed."""
    import sartor

    if (trials is not None or budget is not None) and not tune:
        raise InputError("--trials and --budget say how far to search for a recipe: add --tune")
    if tune and prove:
        raise InputError("--prove proves what sartor.yaml says: write what --tune finds into it, then run with --prove")
    project = sartor.open(folder)
    tuned = None
    if tune:
        with terminal.progress(as_json) as progress:
            tuned = project.tune(trials or 8, budget, progress=progress)
        if not as_json:
            from sartor.cli.tuning_view import show

            show(tuned, terminal.console())
    with terminal.progress(as_json) as progress:
        result = project.run(progress=progress, tuned=tuned)
    if not as_json:
        print("\n".join(result.lines))
    proof = None
    if prove:
        with terminal.progress(as_json) as progress:
            proof = project.prove_training(seeds, progress=progress)
    if as_json:
        found = {"tuning": tuned.to_json() if tuned else None, "proof": proof.to_json() if proof else None}
        terminal.emit(result.to_json() | found)
    elif proof:
        print("\n".join([*proof.sentences, proof.costs]))
