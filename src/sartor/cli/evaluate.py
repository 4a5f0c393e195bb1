from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sartor.cli import terminal
from sartor.errors import InputError
from sartor.task import Kind

if TYPE_CHECKING:
    from sartor.flows.evaluate import Judged

By = Annotated[str | None, typer.Option(help="Column to slice the scores by.")]
Data = Annotated[Path | None, typer.Option(help="File of rows with the task's columns; default: the test set.")]
Out = Annotated[Path | None, typer.Option(help="Write the scorecard as an HTML page here.")]


def evaluate(
    system: Annotated[str | None, typer.Argument(help="An adapter (NAME or NAME@VERSION), or a rival.")] = None,
    folder: terminal.Folder = Path(),
    data: Data = None,
    predictions: Annotated[Path | None, typer.Option(help="Score the outputs in this file.")] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="With --predictions: the kind of task; without it, the task in DIR judges.")
    ] = None,
    input: Annotated[list[str] | None, typer.Option(help="With --predictions: input column; may be repeated.")] = None,
    target: Annotated[
        str | None,
        typer.Option(help="With --predictions: column of the reference; default: `target`, where there is one."),
    ] = None,
    facts: Annotated[str | None, typer.Option(help="With --predictions: column of critical facts.")] = None,
    tests: Annotated[str | None, typer.Option(help="With --predictions: column of unit tests, or database.")] = None,
    group: Annotated[str | None, typer.Option(help="With --predictions: rows with the same value depend.")] = None,
    kpi: Annotated[
        list[str] | None,
        typer.Option(help="With --predictions: a metric to measure beside the usual ones; repeatable."),
    ] = None,
    by: By = None,
    out: Out = None,
    as_json: terminal.Json = False,
) -> None:
    """Score a system of the task, or outputs that were made elsewhere, by general metrics and by KPIs."""
    if system is None and predictions is None:
        raise InputError("name a system to evaluate, or a file of outputs with --predictions")
    columns = {"target": target, "facts": facts, "tests": tests, "group": group}
    about = [name for name, value in {"kind": kind, "input": input, "kpi": kpi, **columns}.items() if value]
    terminal.check_file(out, "--out")
    if predictions:
        if data:
            raise InputError(
                "--data is rows to be answered, --predictions is answers that were given: name one of the two"
            )
        if bool(kind) != bool(input) or (kind and system) or (about and not kind):
            raise InputError(
                "--predictions goes with --kind and --input, what the outputs are and what was asked, or with the folder of "
                "a task"
            )
        show(_outputs(predictions, kind, input or [], system, columns, kpi or [], by, as_json), out, as_json)
        return
    if about:
        raise InputError(f"--{about[0]} says what a file of outputs holds: name the file as --predictions")
    assert system is not None
    judge_named([system], folder, data, by, out, as_json)


def _outputs(
    file: Path,
    kind: Kind | None,
    inputs: list[str],
    folder: str | None,
    columns: dict[str, str | None],
    kpis: list[str],
    by: str | None,
    as_json: bool,
) -> "Judged":
    """Outputs of a file, judged by the kind's usual KPIs, or by those of the task in a folder."""
    import sartor
    from sartor.data.read import read_rows
    from sartor.flows.evaluate import OUTPUT, TARGET, judge_predictions, predictions_spec

    table = read_rows(file, outputs=[OUTPUT])
    if kind:
        for option, column in columns.items():
            if column:
                table.require(column, f"--{option}")
        usual = TARGET if TARGET in table.columns else None
        spec = predictions_spec(table, kind, inputs, **columns | {"target": columns["target"] or usual}, kpis=kpis)
        return judge_predictions(table, spec, file.parent, by)
    try:
        project = sartor.open(folder or Path())
    except InputError as error:
        raise InputError(f"{error}; or say with --kind and --input what {file.name} holds") from None
    with terminal.progress(as_json) as progress:
        return project.evaluate_outputs(table, by, progress=progress)


def compare(
    systems: Annotated[list[str] | None, typer.Argument(help="Two or more systems: adapters or rivals.")] = None,
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the task, or of the project.")] = Path(),
    methods: Annotated[
        str | None,
        typer.Option(help="In place of systems: methods of fine-tuning to tune, train and compare, such as lora,full."),
    ] = None,
    specialists: Annotated[
        str | None,
        typer.Option(
            help="In place of systems: tasks of the project, such as notes,intents, to compare a specialist for each with one "
            "adapter for all."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=2, help="With --methods and --specialists: trainings of each.")] = 3,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0, help="With --methods: seconds of training that tuning a method may take; default: no limit."
        ),
    ] = None,
    data: Data = None,
    by: By = None,
    out: Out = None,
    as_json: terminal.Json = False,
) -> None:
    """Score systems on the same rows, and test every two against each other; or train methods, or adapters, to compare them."""
    trains = [name for name, value in (("--methods", methods), ("--specialists", specialists)) if value is not None]
    if len(trains) > 1:
        raise InputError("--methods compares them on one task, --specialists compares tasks: name one of the two")
    if trains and (systems or data or by):
        raise InputError(f"{trains[0]} trains its own systems for the test set: leave out systems, --data and --by")
    if methods is not None:
        _compare_methods(_names(methods), folder, seeds, budget, out, as_json)
        return
    if specialists is not None:
        if budget is not None:
            raise InputError("--budget is for the tuning of --methods: leave it out")
        _compare_specialists(_names(specialists), folder, seeds, out, as_json)
        return
    if not systems or len(systems) < 2:
        raise InputError("name two or more systems to compare, such as `sartor compare zero-shot 4-shot`")
    judge_named(systems, folder, data, by, out, as_json)


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",")]


def _compare_specialists(tasks: list[str], folder: Path, seeds: int, out: Path | None, as_json: bool) -> None:
    import sartor

    terminal.check_file(out, "--out")
    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        found = project.compare_specialists(tasks, seeds, progress=progress)
    from sartor.flows.generalist_page import generalist_view

    shown = generalist_view(found)
    if out:
        from sartor.report.generalist import render_generalist
        from sartor.store.disk import write_file

        write_file(out, render_generalist(shown).encode())
    if as_json:
        terminal.emit(found.to_json())
        return
    from sartor.cli.generalist_view import show as show_generalist

    show_generalist(shown, terminal.console())
    if out:
        print(f"page: {out}")


def _compare_methods(
    methods: list[str], folder: Path, seeds: int, budget: float | None, out: Path | None, as_json: bool
) -> None:
    import sartor

    terminal.check_file(out, "--out")
    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        compared = project.compare_methods(methods, seeds, budget, progress=progress)
    if out:
        from sartor.flows.methods_table import methods_table
        from sartor.flows.scorecard_page import scorecard_page
        from sartor.store.disk import write_file

        write_file(out, scorecard_page(compared.judged, methods_table(compared)).encode())
    if as_json:
        terminal.emit(compared.to_json())
        return
    from sartor.cli.methods_view import show as show_methods

    show_methods(compared, terminal.console())
    if out:
        print(f"page: {out}")


def judge_named(
    systems: list[str], folder: Path, data: Path | None, by: str | None, out: Path | None, as_json: bool
) -> None:
    """Evaluate systems of the project's task and show what was found."""
    import sartor
    from sartor.data.read import read_rows

    terminal.check_file(out, "--out")
    project = sartor.open(folder)
    rows = read_rows(data) if data else None
    with terminal.progress(as_json) as progress:
        judged = project.evaluate(*systems, rows=rows, by=by, progress=progress)
    show(judged, out, as_json)


def show(judged: "Judged", out: Path | None, as_json: bool) -> None:
    """Print what was found, and write the page where one is wanted."""
    if out:
        from sartor.flows.scorecard_page import scorecard_page
        from sartor.store.disk import write_file

        write_file(out, scorecard_page(judged).encode())
    if as_json:
        terminal.emit(judged.to_json())
        return
    from sartor.cli.scores_view import show as show_scores

    show_scores(judged, terminal.console())
    if out:
        print(f"page: {out}")
