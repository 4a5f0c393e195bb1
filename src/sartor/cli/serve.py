import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from sartor.cli import terminal

app = typer.Typer(cls=terminal.RunByDefault, help="The project's specialists behind an OpenAI-compatible API.")
keys = typer.Typer(help="The keys by which programs ask a server.")
app.add_typer(keys, name="keys")


@app.command("run")
def run(
    folder: terminal.Folder = Path(),
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8321,
    base: Annotated[str | None, typer.Option(help="Which base, where the tasks are on several.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="A certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="What a request may take.")] = 600.0,
    unsure: Annotated[
        Literal["base", "refuse"],
        typer.Option(help="Who answers what the router finds no task for: the base, or nobody."),
    ] = "base",
    memory: Annotated[
        float, typer.Option(min=0, help="GiB of adapters that stay loaded; those asked least recently go.")
    ] = 2.0,
    as_json: terminal.Json = False,
) -> None:
    """The project's specialists behind an OpenAI-compatible API, until Ctrl-C."""
    import sartor
    from sartor.serve.run import serve

    def began(url: str) -> None:
        if as_json:
            terminal.emit_line({"url": url})
        else:
            print(f"{url} is served; Ctrl-C ends it")
        sys.stdout.flush()

    most_bytes = int(memory * (1 << 30))
    serve(sartor.open(folder), host, port, base, tls_cert, tls_key, seconds, unsure, most_bytes, began)


@app.command()
def chat(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL …", help="One or more: a task, TASK@VERSION, or the base.")
    ],
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the project.")] = Path(),
    base: Annotated[str | None, typer.Option(help="Which base, where the tasks are on several.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Without the bare base beside them.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Try models at the terminal, beside the bare base: a line is a message, an empty line begins anew."""
    import sartor
    from sartor.serve.chat import Turns, replies
    from sartor.serve.worker import Worker

    worker = Worker(sartor.open(folder).serving.specialists(base))
    own = worker.specialists.base.name
    asked = list(dict.fromkeys([*models, *([] if alone else [own])]))
    turns: list[Turns] = [()] * len(asked)
    for line in terminal.lines("> "):
        if not line.strip():
            turns = [()] * len(asked)
            continue
        turns = [(*before, ("user", line)) for before in turns]
        said = [""] * len(asked)
        for place, text in replies(worker, asked, turns):
            said[place] += text
        turns = [(*before, ("assistant", text)) for before, text in zip(turns, said, strict=True)]
        if as_json:
            terminal.emit_line({"message": line, "replies": dict(zip(asked, said, strict=True))})
        else:
            for model, text in zip(asked, said, strict=True):
                print(f"{model}: {text}")
        sys.stdout.flush()


@app.command("fit-router")
def fit_router(
    folder: terminal.Folder = Path(),
    foreign: Annotated[Path | None, typer.Option(help="A text file, a line each, of what is of no task.")] = None,
    goal: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the routed test rows that must go right.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="Which base, where the tasks are on several.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """What `model: "auto"` goes by: which specialist a message is for, or none. Kept if it passes."""
    import sartor

    texts = [line for line in terminal.read_lines(foreign, "--foreign") if line.strip()] if foreign else []
    card = sartor.open(folder).serving.fit_router(texts, goal, base)
    if as_json:
        terminal.emit(card.to_json())
    else:
        from rich.table import Table

        table = Table("of", "share (95 %)", "rows", box=None, pad_edge=False)
        shares = {
            "routed test rows, those that go right": card.accuracy,
            "test rows, those that are routed": card.answered,
        }
        shares |= {f"{task}, those that go there": share for task, share in card.tasks.items()}
        if card.foreign:
            shares["foreign texts, those that are not routed"] = card.foreign
        for what, share in shares.items():
            table.add_row(what, f"{share.value:.3f} ({share.low:.3f}–{share.high:.3f})", f"{share.n:,}")
        terminal.console().print(table)
        print(
            f"{card.verdict}: {card.accuracy.low:.3f} at least, {card.goal:g} wanted; calibration error {card.calibration:.3f}"
        )
    if card.verdict != "PROMOTE":
        raise typer.Exit(1)


@app.command()
def watch(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """From now on count what a task is asked, against its own rows; nothing of what is said is kept."""
    import sartor

    task = sartor.open(folder).serving.watch()
    if as_json:
        terminal.emit({"task": task, "watched": True})
    else:
        print(f"the requests of {task} are counted from now on; `sartor serve drift` says what has moved")


@app.command()
def drift(
    folder: terminal.Folder = Path(),
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back.")] = 30,
    as_json: terminal.Json = False,
) -> None:
    """Whether what a task is asked has moved away from what it was trained on."""
    import sartor

    found = sartor.open(folder).serving.drift(days=days)
    if as_json:
        terminal.emit(found.to_json())
    else:
        from sartor.cli.drift_view import show

        show(found, terminal.console())
    if found.verdict == "RETRAIN":
        raise typer.Exit(1)


@app.command()
def feedback(
    folder: terminal.Folder = Path(),
    out: Annotated[
        Path | None, typer.Option(help="A file to write them to, JSON Lines, for people to look through.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Then forget what was written to --out.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """What programs sent back of a task's replies: ratings and corrected answers, as rows."""
    import sartor
    from sartor.errors import InputError

    terminal.check_file(out, "--out")
    if remove and out is None:
        raise InputError("--remove forgets what was written to a file: name one with --out")
    project = sartor.open(folder)
    rows = project.serving.feedback()
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    if out:
        out.write_bytes("".join(line + "\n" for line in lines).encode())
    if remove:
        project.serving.forget([row["feedback"]["id"] for row in rows])
    if as_json:
        terminal.emit({"rows": len(rows), "file": str(out)} if out else {"rows": rows})
    elif out:
        print(f"{len(rows):,} rows in {out}")
    else:
        print("\n".join(lines) or "no feedback yet; programs send it to /v1/feedback")


@keys.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    folder: terminal.Folder = Path(),
    model: Annotated[
        list[str] | None, typer.Option(help="A model, or a pattern such as 'billing-*'; repeatable. Default: all.")
    ] = None,
    verb: Annotated[list[str] | None, typer.Option(help="chat, files or fine-tune; repeatable. Default: chat.")] = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests at most.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """A new key, which is shown this once."""
    import sartor

    key = sartor.open(folder).serving.keys.make(name, tuple(model or ["*"]), tuple(verb or ["chat"]), per_minute)
    if as_json:
        terminal.emit({"name": name, "key": key})
    else:
        print(key)


@keys.command("list")
def list_keys(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """Whose keys there are, and for what."""
    import sartor

    found = sartor.open(folder).serving.keys.list()
    if as_json:
        terminal.emit({"keys": [asdict(key) for key in found]})
        return
    if not found:
        print("no key yet; `sartor serve keys add NAME` makes one")
        return
    from rich.table import Table

    table = Table("name", "models", "for", "a minute", "made (UTC)", "revoked (UTC)", box=None, pad_edge=False)
    for key in found:
        often = "" if key.per_minute is None else f"{key.per_minute:,}"
        times = key.created_at[:16], (key.revoked_at or "")[:16]
        table.add_row(key.name, ", ".join(key.models), ", ".join(key.verbs), often, *times)
    terminal.console().print(table)


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    folder: terminal.Folder = Path(),
    as_json: terminal.Json = False,
) -> None:
    """Not accepted any more, from now on."""
    import sartor

    sartor.open(folder).serving.keys.revoke(name)
    if as_json:
        terminal.emit({"name": name, "revoked": True})
    else:
        print(f"the key of {name} is revoked")
