"""The command as a whole: light to start, and every end has its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sartor.cli.main import main

HEAVY = ("torch", "transformers", "polars", "sklearn", "scipy", "altair", "sqlalchemy", "numpy")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["init", "--help"], ["check", "--help"]], ids=" ".join
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]):
    code = (
        "import sys; from sartor.cli.main import main; code = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "sartor" in done.stdout


def test_alone_it_shows_its_help(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in ("init", "check", "run", "predict", "adapters", "models", "doctor"))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Makes `sartor init` fail in a given way."""

    def fail(error: BaseException) -> list[str]:
        def broken(*_: object) -> None:
            raise error

        monkeypatch.setattr("sartor.flows.init.init", broken)
        return ["init", "task", "--data", "rows.csv"]

    return fail


def test_what_nobody_expected_is_a_sentence_too(failing, capsys: pytest.CaptureFixture[str]):
    arguments = failing(RuntimeError("the moon\nfell"))
    assert main(arguments) == 3
    assert capsys.readouterr().err == (
        "error: unexpected RuntimeError: the moon fell; run it again with --debug to see where\n"
    )
    assert main([*arguments, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 3


def test_a_traceback_comes_with_debug_only(failing, capsys: pytest.CaptureFixture[str]):
    assert main([*failing(RuntimeError("the moon fell")), "--debug"]) == 3
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert "in broken" in error


def test_interrupted(failing, capsys: pytest.CaptureFixture[str]):
    assert main(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path):
    code = "from sartor.cli.main import main; import sys; sys.exit(main(['models', 'list', '--json']))"
    command = f'{sys.executable} -c "{code}" | true; test ${{PIPESTATUS[0]}} -lt 2'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
