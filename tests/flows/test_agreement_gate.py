"""People's answers as a gate: nothing is trained on rows whose annotators agree too little."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tasks import LABELS, MakeTask, intents, write_task

import sartor
from sartor.cli.main import main
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.flows.check import check
from sartor.flows.prepare import prepare

TEST = intents(9, start=500)
COLUMNS = ["ana", "ben"]


def answered(count: int, unlike: int) -> list[dict[str, str]]:
    """Rows that two people answered, the first `unlike` of them not alike."""
    return [
        row | {"ana": row["label"], "ben": LABELS[(n + (n < unlike)) % len(LABELS)]}
        for n, row in enumerate(intents(count))
    ]


def gated(gate: float | None, columns: list[str] = COLUMNS) -> dict[str, Any]:
    return {"data": {"annotations": columns, **({"agreement": gate} if gate else {})}}


def test_rows_below_the_gate_are_not_trained_on(make_task: MakeTask) -> None:
    report = check(make_task(answered(40, unlike=16), TEST, "classification", **gated(0.67)))
    assert report.agreement and report.agreement.alpha is not None and report.agreement.alpha < 0.67
    [error] = report.of_level("error")
    assert error.startswith(f"annotators agree too little to train on: alpha {report.agreement.alpha:.3f}, 95 % ")
    assert "of 2 people on 40 rows" in error and "`data.agreement` asks for 0.67; settle" in error
    with pytest.raises(InputError, match="agree too little"):
        report.raise_for_errors()


def test_rows_above_it_are(make_task: MakeTask) -> None:
    report = check(make_task(answered(40, unlike=2), TEST, "classification", **gated(0.67)))
    assert report.of_level("error") == []
    [note] = report.of_level("note")
    assert note.startswith("annotators agree enough (`data.agreement: 0.67`): alpha 0.9")


def test_nothing_measured_is_not_agreement(make_task: MakeTask) -> None:
    once = [row | {"ben": ""} for row in answered(40, unlike=0)]
    for rows, columns in ((intents(40), []), (once, COLUMNS)):
        [error] = check(make_task(rows, TEST, "classification", **gated(0.67, columns))).of_level("error")
        assert error.startswith("no training row has answers of two people")


def test_only_the_rows_that_would_be_trained_on_count(make_task: MakeTask) -> None:
    """Without a test file a fifth is held out, and its annotators decide nothing."""
    task = make_task(answered(60, unlike=30), None, "classification", **gated(None))
    report = check(task)
    assert report.agreement and report.agreement.rows == 48
    prepared = prepare(task)
    ids = {example.id for side in (prepared.splits.train, prepared.splits.validation) for example in side}
    assert {example.id for example in prepared.learned} == ids


def test_without_a_gate_agreement_is_information(make_task: MakeTask) -> None:
    report = check(make_task(answered(40, unlike=16), TEST, "classification", **gated(None)))
    [note] = report.of_level("note")
    assert note.startswith("annotators: alpha 0.") and report.of_level("error") == []
    document = report.to_json()["agreement"]
    assert set(document) == {"alpha", "low", "high", "pairs", "rows", "annotators"}


def test_what_people_answered_trains_no_adapter_again(make_task: MakeTask) -> None:
    with_answers = prepare(make_task(answered(40, unlike=16), TEST, "classification", **gated(None))).splits
    without = prepare(make_task(intents(40), TEST, "classification")).splits
    for side in ("train", "validation", "test"):
        assert content_hash(getattr(with_answers, side)) == content_hash(getattr(without, side))


def test_a_gate_for_prose_and_columns_that_are_not_there_are_refused(make_task: MakeTask) -> None:
    with pytest.raises(InputError, match="`data.agreement` is for labels and JSON"):
        make_task(answered(40, unlike=0), TEST, **gated(0.67))
    with pytest.raises(InputError, match=r"no column `bene` \(`data.annotations`\); did you mean `ben`"):
        check(make_task(answered(40, unlike=0), TEST, "classification", **gated(None, ["ana", "bene"])))


def test_answers_stay_with_a_version_and_a_proof_keeps_to_the_gate(
    base: Path, tmp_path: Path, cache: Path, capsys
) -> None:
    rows = [*answered(40, unlike=16), answered(1, unlike=1)[0]]
    folder = write_task(tmp_path / "task", base, rows, TEST, "classification", **gated(0.67))
    project = sartor.open(folder)
    assert project.curate(["exact_duplicates", "disagreement"]).flagged("disagreement")
    assert main(["data", "show", "latest", "--dir", str(folder)]) == 0
    assert "annotators: alpha 0." in capsys.readouterr().out
    assert main(["data", "show", "latest", "--dir", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"]["rows"] == 40
    with pytest.raises(InputError, match="agree too little"):
        project.prove()
    assert main(["run", str(folder)]) == 2
    assert "agree too little" in capsys.readouterr().err
