from pathlib import Path

from sartor.cli import terminal


def run(folder: terminal.Folder = Path(), as_json: terminal.Json = False) -> None:
    """Check, train, compare with the rivals and report; a second run repeats only what has changed."""
    import sartor

    project = sartor.open(folder)
    with terminal.progress(as_json) as progress:
        result = project.run(progress=progress)
    if as_json:
        terminal.emit(result.to_json())
        return
    for line in result.lines:
        print(line)
