"""A task's own KPIs: a function in a file beside sartor.yaml."""

from pathlib import Path

import pytest

from sartor.errors import InputError
from sartor.evaluate.own import load_functions, source_hashes
from sartor.evaluate.scorecard import score
from sartor.task import KpiSpec

SOURCE = """
def kept(example, output):
    return example.target in output

def graded(example, output):
    return {"score": len(output) / 10, "reason": "its length"}

def broken(example, output):
    return 1 / 0 if output == "b" else float("nan") if output == "c" else True
"""


@pytest.fixture
def kpis(tmp_path: Path) -> Path:
    (tmp_path / "kpis.py").write_text(SOURCE)
    return tmp_path


def own(name: str, **more) -> KpiSpec:
    return KpiSpec(name=f"own_{name}", function=f"kpis.py:{name}", **more)


def test_a_function_is_a_kpi_with_interval_goal_and_signature(task, examples, answers, kpis):
    spec = task("summarization", own("kept", goal=0.5, hard=True), "rouge_l")
    rows, given = examples(["5 mg"] * 60), answers(["take 5 mg"] * 50 + ["take 50"] * 10)
    card = score("s", rows, given, spec, functions=load_functions(spec, kpis))
    found = card.primary
    assert (found.name, found.n, found.value) == ("own_kept", 60, pytest.approx(50 / 60))
    assert found.low < found.value < found.high
    assert (found.met, found.signature) == ("met", "own_kept|function:kpis.py:kept")
    assert card.usable is not None and card.usable.value == pytest.approx(50 / 60)


def test_numbers_and_dicts_are_scores_too(task, examples, answers, kpis):
    spec = task("generation", own("graded"))
    card = score("s", examples("aa"), answers(["xxxxx", "xxxxxxxxxx"]), spec, functions=load_functions(spec, kpis))
    assert [row.scores["own_graded"] for row in card.rows] == [0.5, 1.0]


def test_what_it_cannot_score_is_counted_with_the_reason_and_stays_in_the_denominator(task, examples, answers, kpis):
    spec = task("generation", own("broken"))
    card = score("s", examples("abc"), answers("abc"), spec, functions=load_functions(spec, kpis))
    assert (card.primary.n, card.primary.value) == (3, pytest.approx(1 / 3))
    assert card.primary.unscored == {
        "1": "kpis.py:broken raised ZeroDivisionError: division by zero",
        "2": "kpis.py:broken gave nan, not a bool or a number from 0 to 1",
    }


def test_another_function_is_another_input(task, kpis):
    spec = task("generation", own("kept"))
    before = source_hashes(spec, kpis)
    (kpis / "kpis.py").write_text(SOURCE + "# changed\n")
    assert source_hashes(spec, kpis) != before


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("kpi.py:kept", "names no file"),
        ("kept", "write it as `kpis.py:FUNCTION`"),
        ("kpis.py:keept", "has no function `keept`; did you mean `kept`?"),
        ("bad.py:f", "bad.py cannot be loaded: NameError"),
    ],
)
def test_a_function_that_is_not_there_is_one_sentence(task, kpis, function, said):
    (kpis / "bad.py").write_text("nothing")
    with pytest.raises(InputError, match=said):
        load_functions(task("generation", KpiSpec(name="own", function=function)), kpis)


def test_a_name_of_a_metric_is_taken(task, examples, answers, kpis):
    spec = task("generation", KpiSpec(name="bleu", function="kpis.py:kept"))
    with pytest.raises(InputError, match="`bleu` is a metric of generation already"):
        score("s", examples("a"), answers("a"), spec, functions=load_functions(spec, kpis))
