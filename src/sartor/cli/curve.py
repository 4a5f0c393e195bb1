from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sartor.cli import terminal
from sartor.errors import InputError

if TYPE_CHECKING:
    from sartor.data.table import Table
    from sartor.flows.curve import LearningCurve

app = typer.Typer(cls=terminal.RunByDefault, help="How many examples are enough, and which to label next.")


@app.command("run")
def run(
    folder: terminal.Folder = Path(),
    sizes: Annotated[
        str | None, typer.Option(help="Training sizes, such as 100,200,400; default: `curve.sizes`.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=2, max=16, help="Trainings of each size; default: `curve.seeds`.")
    ] = None,
    elsewhere: Annotated[
        bool,
        typer.Option("--elsewhere", help="Then try what else the money could be spent on: trainings at the last size."),
    ] = False,
    points: Annotated[
        Path | None, typer.Option(help="In place of a task: a file of sizes, values and intervals measured elsewhere.")
    ] = None,
    label: Annotated[float | None, typer.Option(help="With --points: what a labelled row costs.")] = None,
    labels: Annotated[int | None, typer.Option(help="With --points: rows that could be had in all.")] = None,
    point: Annotated[float | None, typer.Option(help="With --points: what a point (a hundredth) is worth.")] = None,
    min_gain: Annotated[
        float | None, typer.Option(help="With --points, without --point: the least that more rows must bring.")
    ] = None,
    goal: Annotated[float | None, typer.Option(help="With --points: the goal, as a share.")] = None,
    currency: Annotated[str | None, typer.Option(help="With --points: of all money; default: USD.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the page here; default: curve.html beside the task.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """How many examples are enough: train on more and more rows until more labels stop paying."""
    from sartor.flows.curve_page import curve_page
    from sartor.store.disk import write_file

    terminal.check_file(out, "--out")
    given = {"label": label, "labels": labels, "point": point, "min_gain": min_gain, "goal": goal, "currency": currency}
    if points:
        if sizes or seeds or elsewhere or folder != Path():
            raise InputError(
                "--points has its sizes, and trains nothing: leave out DIR, --sizes, --seeds and --elsewhere"
            )
        drawn, page = _of_file(points, given), out
    else:
        if alone := [name for name, value in given.items() if value is not None]:
            option = alone[0].replace("_", "-")
            raise InputError(f"--{option} goes with --points; for a task write it into sartor.yaml")
        drawn, page = _of_task(folder, sizes, seeds, elsewhere, as_json)
        page = out or page
    if page:
        write_file(page, curve_page(drawn).encode())
    if as_json:
        terminal.emit(drawn.to_json() | {"page": str(page) if page else None})
        return
    from sartor.cli.curve_view import show

    show(drawn, terminal.console())
    if page:
        print(f"page: {page}")


@app.command("next")
def next_(
    pool: Annotated[Path, typer.Option(help="File of rows that could be labelled; labels in it are not read.")],
    size: Annotated[int, typer.Option(min=1, help="Rows to choose.")],
    folder: terminal.Folder = Path(),
    out: Annotated[
        Path | None, typer.Option(help="Write the chosen rows here; default: next.jsonl beside the task.")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Which rows to label next: those that the model is unsure of and no labelled row is like, beside as many at random."""
    import sartor
    from sartor.data.read import read_rows
    from sartor.store.disk import write_file

    terminal.check_file(out, "--out")
    project = sartor.open(folder)
    file = out or (project.here or project.root) / "next.jsonl"
    rows = read_rows(pool)
    _check_kept(file, pool, rows)
    with terminal.progress(as_json) as progress:
        made = project.curve_next(rows, size, progress=progress)
    write_file(file, made.jsonl.encode())
    if as_json:
        terminal.emit(made.to_json() | {"file": str(file)})
        return
    from sartor.cli.next_view import show

    show(made, terminal.console())
    print(f"rows to label: {file}")


def _check_kept(file: Path, pool: Path, rows: "Table") -> None:
    """Raises InputError where a file would be written over that holds more than rows of the pool: labels, it may be."""
    from sartor.flows.curve_next import lines

    if not file.exists():
        return
    if pool.exists() and file.samefile(pool):
        raise InputError(f"{file} is the pool itself: name another file with --out")
    there = set(file.read_bytes().decode("utf-8", "replace").split("\n")) - {""}
    if not there <= set(lines(rows.name, rows.rows)):
        raise InputError(
            f"{file} exists, and has lines that are not the pool's, labels perhaps: name another file with --out, or move it"
        )


def _of_task(
    folder: Path, sizes: str | None, seeds: int | None, elsewhere: bool, as_json: bool
) -> "tuple[LearningCurve, Path]":
    import sartor

    try:
        chosen = [int(size) for size in sizes.split(",")] if sizes else None
    except ValueError:
        raise InputError(f"--sizes {sizes}: write whole numbers with commas, such as 100,200,400") from None
    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        drawn = project.curve(chosen, seeds, elsewhere, progress=progress)
    return drawn, (project.here or project.root) / "curve.html"


def _of_file(points: Path, given: dict[str, Any]) -> "LearningCurve":
    from sartor.flows.curve_points import curve_of_file
    from sartor.task import CostSpec, CurveSpec

    known = {name: value for name, value in given.items() if value is not None}
    for name, value in known.items():
        if name == "currency":
            continue
        option = f"--{name.replace('_', '-')} {value:g}"
        if value < 0:
            raise InputError(f"{option} is negative: nothing costs, or is worth, less than nothing")
        if value == 0 and name in ("labels", "min_gain"):
            raise InputError(f"{option}: name a number above 0, or leave it out")
        if name == "goal" and value > 1:
            raise InputError(f"{option} is no share: write it between 0 and 1, such as .85")
    own = CurveSpec(**{key: known[key] for key in ("labels", "point", "min_gain") if key in known})
    costs = CostSpec(**{key: known[key] for key in ("label", "currency") if key in known})
    return curve_of_file(points, own, costs, known.get("goal"))
