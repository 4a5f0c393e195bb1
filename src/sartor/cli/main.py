"""The `sartor` command: one file a verb, and one place where every error becomes a sentence and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from sartor.cli import (
    adapters,
    check,
    curate,
    curve,
    data,
    doctor,
    evaluate,
    init,
    models,
    predict,
    run,
    serve,
    terminal,
)
from sartor.errors import InputError, SartorError, SystemFailure

INTERRUPTED = 130

app = typer.Typer(name="sartor", add_completion=False, pretty_exceptions_enable=False, no_args_is_help=False)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(evaluate.compare)
app.add_typer(data.app, name="data")
app.add_typer(curate.app, name="curate")
app.add_typer(curve.app, name="curve")
app.add_typer(adapters.app, name="adapters")
app.add_typer(serve.app, name="serve")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        import sartor

        print(f"sartor {sartor.__version__}")
        raise typer.Exit


@app.callback()
def sartor(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; fits any verb.")] = False,
) -> None:
    """Fine-tuning, made to measure: from a file of examples to a small, proven specialist.

    Begin with `sartor init DIR --data FILE`, then `sartor check DIR` and `sartor run DIR`.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb. Gives the exit code: 0 ok, 1 a check said no, 2 the input is wrong, 3 the system failed, 130 Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, as_json = "--debug" in given, "--json" in given
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        code = app([each for each in given if each != "--debug"] or ["--help"], "sartor", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except typer.TyperException as problem:
        sentence = " ".join(problem.format_message().split())
        failure: SartorError = InputError(f"{sentence.rstrip('.')}; `sartor --help` shows what there is")
    except SartorError as problem:
        failure = problem
    except Exception as problem:
        said = " ".join(str(problem).split()) or "no message"
        failure = SystemFailure(f"unexpected {type(problem).__name__}: {said}; run it again with --debug to see where")
        failure.__cause__ = problem
    if debug:
        traceback.print_exception(failure)
    terminal.error(str(failure), failure.exit_code, as_json)
    return failure.exit_code


if __name__ == "__main__":
    sys.exit(main())
