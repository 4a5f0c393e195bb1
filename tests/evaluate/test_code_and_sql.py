"""Programs count as right when their tests pass, queries when their rows are the reference's; no row leaves the count."""

import random
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.errors import InputError, SystemFailure
from sartor.evaluate import sandbox
from sartor.evaluate.metric import Metric, Scope, check_kpis, metric, metric_names
from sartor.evaluate.metrics.code import compiles, outcome_of, pass_at_k, without_fence
from sartor.evaluate.metrics.sql import is_ordered
from sartor.evaluate.scorecard import score
from sartor.generate.answer import Answer
from sartor.task import DataSpec, GenerateSpec, KpiSpec, TaskSpec

SQUARE = "def f(x):\n    return x * x\n"
TESTS = ["assert f(2) == 4", "assert f(-3) == 9"]
STAFF = """
CREATE TABLE staff (name TEXT, team TEXT, pay REAL);
INSERT INTO staff VALUES ('Ada', 'a', 0.1), ('Bo', 'a', 0.2), ('Cy', 'b', 0.3), ('Cy', 'b', 0.3);
"""


def row(target: str, tests: Any, id: str = "1") -> Example:
    return Example(id, (Message("user", "q"),), target, columns={"tests": tests})


def judge(name: str, kind: Any, tests: str | None = "tests", named: bool = False) -> Metric:
    options = {name: KpiSpec(name=name)} if named else {}
    return metric(name, Scope(kind, options=options, data=DataSpec(train="rows.jsonl", tests=tests)))


@pytest.fixture
def scored(answers: Callable[..., list[Any]]) -> Callable[..., tuple[list[float], dict[str, str]]]:
    """Row scores and the reasons of rows that could not be scored."""

    def score(found: Metric, rows: list[Example], texts: list[str | None]) -> tuple[list[float], dict[str, str]]:
        rows = [Example(str(i), r.messages, r.target, columns=r.columns) for i, r in enumerate(rows)]
        return found.per_row(found.table(rows, answers(texts))).tolist(), found.unscored

    return score


@pytest.fixture
def isolated() -> None:
    if all(map(sandbox.fault_of, ("bwrap", "namespaces"))):
        pytest.skip("no sandbox that isolates on this machine")


# --- code


@pytest.mark.parametrize(("kind", "decides"), [("code", "tests_pass"), ("sql", "execution_accuracy")])
def test_what_runs_decides_alone_whether_an_output_is_usable(kind: Any, decides: str):
    def hard(tests: str | None) -> list[str]:
        data = DataSpec(train="rows.jsonl", input="q", target="a", tests=tests)
        return [kpi.name for kpi in TaskSpec(task="t", kind=kind, data=data).kpi_list if kpi.hard]

    assert hard("tests") == [decides]
    assert hard(None) == ["exact_match"]


def test_the_kinds_first_metric_is_the_one_that_runs_the_answer():
    assert metric_names("code")[:2] == ["tests_pass", "compiles"]
    assert metric_names("sql")[:2] == ["execution_accuracy", "executes"]


def test_a_program_is_right_when_all_its_tests_pass(isolated: None, scored: Any):
    texts = [
        SQUARE,
        f"Here you are:\n```python\n{SQUARE}```\nDone.",
        "def f(x): return 4",
        "def f(x): retrun",
        "",
        None,
    ]
    marks, unscored = scored(judge("tests_pass", "code"), [row(SQUARE, TESTS)] * 6, texts)
    assert (marks, unscored) == ([1, 1, 0, 0, 0, 0], {})


def test_tests_are_a_list_or_a_text(isolated: None, scored: Any):
    rows = [row(SQUARE, TESTS), row(SQUARE, "\n".join(TESTS)), row(SQUARE, "import math\nassert math.sqrt(f(3)) == 3")]
    assert scored(judge("tests_pass", "code"), rows, [SQUARE] * 3)[0] == [1, 1, 1]


def test_a_row_whose_tests_cannot_be_run_counts_as_wrong_and_says_why(isolated: None, scored: Any):
    rows = [row(SQUARE, tests) for tests in (None, [], " ", 7, [1], ["assert f(2) =="], TESTS)]
    marks, unscored = scored(judge("tests_pass", "code"), rows, [SQUARE] * 7)
    assert marks == [0, 0, 0, 0, 0, 0, 1]
    assert list(unscored) == ["0", "1", "2", "3", "4", "5"]
    assert unscored["0"] == "the row has no unit tests"
    assert unscored["3"] == "its `tests` is neither text nor a list of texts"
    assert unscored["5"].startswith("its unit tests do not compile: invalid syntax")


def test_a_task_without_a_column_of_tests_starts_no_sandbox(scored: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "_run", None)
    found = judge("tests_pass", "code", tests=None)
    marks, unscored = scored(found, [row(SQUARE, TESTS)], [SQUARE])
    assert marks == [0] and unscored == {"0": "the task names no column of unit tests as `data.tests`"}
    assert "|no tests|" in found.signature


def test_many_programs_at_once_are_scored_as_they_are_one_by_one(isolated: None, scored: Any):
    texts = [random.Random(i).choice([SQUARE, "def f(x): return 4", "x ="]) for i in range(24)]
    expected = [float(text == SQUARE) for text in texts]
    assert scored(judge("tests_pass", "code"), [row(SQUARE, TESTS)] * 24, texts)[0] == expected


def test_a_slow_reference_gives_its_rivals_four_times_its_own_time(isolated: None, monkeypatch: pytest.MonkeyPatch):
    found = judge("tests_pass", "code")
    slow = "import time\ndef f(x):\n    time.sleep(1.1)\n    return x * x"
    found.sandbox = sandbox.Sandbox(limits=sandbox.Limits(seconds=1, cpu_seconds=1))
    assert found.outcome(row(slow, TESTS[:1]), slow).status == "passed"
    assert found.outcome(row(SQUARE, TESTS[:1]), slow).status == "timeout"


def test_a_program_that_fails_says_how():
    found = judge("tests_pass", "code")
    wrong = {"x": "def f(x):\n    return x", "s": "def f(x:", "r": "def f(x):\n    raise KeyError(x)"}
    for id, program in wrong.items():
        assert found.score(row(SQUARE, TESTS, id), Answer(id, program)) == 0
    assert [found.reasons[id].partition(":")[0] for id in "xsr"] == ["failed", "syntax", "error"]
    assert "KeyError" in found.reasons["r"]


def test_without_a_sandbox_a_named_kpi_stops_the_run_and_a_usual_one_says_why(
    scored: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    sandbox.fault_of.cache_clear()
    try:
        with pytest.raises(SystemFailure, match="no sandbox for generated code"):
            scored(judge("tests_pass", "code", named=True), [row(SQUARE, TESTS)], [SQUARE])
        marks, unscored = scored(judge("tests_pass", "code"), [row(SQUARE, TESTS)], [SQUARE])
        assert marks == [0] and "no sandbox for generated code" in unscored["0"]
        assert "|no sandbox|" in judge("tests_pass", "code").signature
    finally:
        sandbox.fault_of.cache_clear()


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("x = 1", "x = 1"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("Sure!\n```python\nx = 1\n```\nAnd:\n```\ny = 2\n```", "x = 1\n"),
        ("```py\nx = 1", "x = 1"),
        ("x = '```'", "x = '```'"),
    ],
)
def test_a_fence_is_read_without_it(text: str, program: str):
    assert without_fence(text) == program


def test_compiles_asks_python_and_runs_nothing(scored: Any):
    texts = [
        "raise SystemExit",
        "```python\nx = 1\n```",
        "retrun 1",
        "",
        None,
        "(" * 10_000,
        "x\0",
        "'\ud800'",
        "x is 'a'",
    ]
    marks, _ = scored(judge("compiles", "code"), [row("", None)] * 9, texts)
    assert marks == [1, 1, 0, 0, 0, 0, 0, 0, 1]


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_draws_of_k_that_hold_a_right_one(n: int, data: st.DataObject):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws), abs=1e-12)


def test_pass_at_k_of_many_draws_neither_overflows_nor_leaves_its_range():
    assert pass_at_k(10_000, 1, 1) == pytest.approx(1e-4)
    assert pass_at_k(10_000, 0, 100) == 0 and pass_at_k(10_000, 9_950, 100) == 1
    with pytest.raises(ValueError, match="n = 3, c = 4, k = 1"):
        pass_at_k(3, 4, 1)


# Several programs a row: wrong ones differ from each other, so that none is known from another.

DRAWN = ["rww", "wrr", "www", "rrr", "rrw", "wwr"]
"""Right and wrong samples of each row, the answer first."""


def drawn(rows: list[str]) -> tuple[list[Example], list[Answer]]:
    """Rows whose tests differ, and answers with these samples."""
    answers = []
    for i, marks in enumerate(rows):
        text, *others = (f"{SQUARE}# {k}" if mark == "r" else f"def f(x): return {k}" for k, mark in enumerate(marks))
        answers.append(Answer(str(i), text, others=tuple(others)))
    return [row(SQUARE, [*TESTS, f"assert f({i + 9}) == {(i + 9) ** 2}"], str(i)) for i in range(len(rows))], answers


def passing(at: float | None, samples: int) -> Metric:
    option = KpiSpec(name="pass_at_k", at=at)
    data = DataSpec(train="rows.jsonl", tests="tests")
    return metric("pass_at_k", Scope("code", options={"pass_at_k": option}, data=data, samples=samples))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pass_at_k_of_a_file_is_the_mean_over_rows_of_all_draws_of_k_samples(isolated: None, k: int):
    found = passing(k, samples=3)
    each = [[any(mark == "r" for mark in some) for some in combinations(marks, k)] for marks in DRAWN]
    expected = [sum(hits) / len(hits) for hits in each]
    stats = found.table(*drawn(DRAWN))
    assert found.per_row(stats).tolist() == pytest.approx(expected, abs=1e-12)
    assert found.aggregate(stats) == pytest.approx(sum(expected) / len(expected), abs=1e-12)
    assert (found.title, found.unscored) == (f"pass@{k}", {})
    assert found.signature.startswith(f"pass_at_k|k:{k}|unbiased")


def test_every_sample_is_run_once_however_often_it_is_scored(isolated: None):
    outcome_of.cache_clear()
    rows = drawn(DRAWN)
    for found in (judge("tests_pass", "code"), passing(1, 3), passing(3, 3)):
        found.table(*rows)
    assert outcome_of.cache_info().misses == sum(map(len, DRAWN))


def test_a_row_with_fewer_samples_than_k_counts_as_wrong_and_says_why(isolated: None):
    rows, answers = drawn(["rrr", "rr", "r", "rrr"])
    answers[3] = Answer("3", "", finish="error")
    found = passing(2, samples=3)
    assert found.per_row(found.table(rows, answers)).tolist() == [1, 1, 0, 0]
    assert found.unscored == {
        "2": "the row has 1 of the 2 outputs that it takes",
        "3": "the row has 0 of the 2 outputs that it takes",
    }


def test_pass_at_k_is_shown_where_rows_have_several_outputs_and_counts_to_1_unless_told(isolated: None, task: Any):
    rows, answers = drawn(DRAWN)
    alone = task("code").model_copy(update={"data": DataSpec(train="r.jsonl", input="q", target="a", tests="tests")})
    several = alone.model_copy(update={"generate": GenerateSpec(samples=3, temperature=1.0)})
    assert "pass_at_k" not in score("s", rows, answers, alone).scores
    shown = score("s", rows, answers, several).scores["pass_at_k"]
    assert (shown.title, shown.n) == ("pass@1", 6)
    assert shown.value == pytest.approx(sum(marks.count("r") / 3 for marks in DRAWN) / 6)
    assert shown.low < shown.value < shown.high


@pytest.mark.parametrize(
    ("at", "samples", "words"),
    [
        (0.0, 3, "`at` of `pass_at_k` is k, a whole number of 1 or more, and not 0: correct it"),
        (1.5, 3, "a whole number of 1 or more, and not 1.5"),
        (-2.0, 3, "a whole number of 1 or more, and not -2"),
        (4.0, 3, r"`pass_at_k` at 4 needs 4 outputs a row, and a row has 3 at most: set `generate: \{samples: 4, temp"),
        (2.0, 1, "and a row has 1 at most"),
    ],
)
def test_a_k_that_cannot_be_meant_is_refused(task: Any, at: float, samples: int, words: str):
    drawing = {"generate": GenerateSpec(samples=samples, temperature=1.0)}
    with pytest.raises(InputError, match=words):
        check_kpis(task("code", KpiSpec(name="pass_at_k", at=at)).model_copy(update=drawing))


@given(st.text())
def test_any_text_compiles_or_does_not(text: str):
    assert compiles(text) in (True, False)


# --- SQL


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("SELECT name FROM staff", "SELECT name FROM staff ORDER BY name DESC", 1),
        ("SELECT name FROM staff", "SELECT DISTINCT name FROM staff", 0),
        ("SELECT name FROM staff ORDER BY name", "SELECT name FROM staff ORDER BY name DESC", 0),
        ("SELECT SUM(pay) FROM staff WHERE team = 'a'", "SELECT 0.3", 1),
        ("SELECT COUNT(*) FROM staff", "SELECT 4.0", 1),
        ("SELECT NULL", "SELECT NULL", 1),
        ("SELECT 1", "SELECT '1'", 0),
        ("SELECT name FROM staff", "```sql\nSELECT name FROM staff;\n```", 1),
        ("SELECT name FROM staff WHERE pay > 9", "SELECT name FROM staff WHERE pay > 99", 1),
        ("SELECT 1", "SELECT 1; SELECT 2", 0),
        ("SELECT 1", "", 0),
        ("SELECT 1", None, 0),
        ("SELECT 1", "SELECT nothing FROM staff", 0),
    ],
)
def test_a_query_is_right_when_it_gives_the_references_rows(
    scored: Any, reference: str, answer: str | None, right: float
):
    marks, unscored = scored(judge("execution_accuracy", "sql"), [row(reference, STAFF)], [answer])
    assert (marks, unscored) == ([right], {})


def test_a_query_executes_whether_or_not_it_is_right(scored: Any):
    texts = ["SELECT 7", "SELECT name FROM nobody", "SELEC 1", "", None, "-- nothing"]
    assert scored(judge("executes", "sql"), [row("SELECT 1", STAFF)] * 6, texts)[0] == [1, 0, 0, 0, 0, 0]


def test_a_row_without_a_database_or_a_sound_reference_says_why(scored: Any):
    rows = [row("SELECT 1", None), row("SELECT 1", "CREATE TABEL"), row("SELECT x", STAFF), row("SELECT 1", STAFF)]
    marks, unscored = scored(judge("execution_accuracy", "sql"), rows, ["SELECT 1"] * 4)
    assert marks == [0, 0, 0, 1]
    assert unscored == {
        "0": "the row has no script of a database in `tests`",
        "1": 'the script in `tests` does not run: near "TABEL": syntax error',
        "2": "the reference query does not run: no such column: x",
    }
    _, unscored = scored(judge("executes", "sql", tests=None), rows[:1], ["SELECT 1"])
    assert unscored == {"0": "the task names no column with a database's script as `data.tests`"}


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE staff",
        "DELETE FROM staff",
        "INSERT INTO staff VALUES ('Di', 'c', 1)",
        "CREATE TEMP TABLE t (x)",
        "ATTACH 'FILE' AS other",
        "VACUUM INTO 'FILE'",
        "PRAGMA writable_schema = 1",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('x')",
        "SELECT zeroblob(100000000)",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT zeroblob(1000000) FROM c",
        "BEGIN",
    ],
)
def test_a_query_can_only_read_and_not_without_end(scored: Any, query: str, tmp_path: Any):
    rows = [row("SELECT name FROM staff", STAFF)] * 2
    answer = query.replace("FILE", str(tmp_path / "written.db"))
    assert scored(judge("executes", "sql"), rows, [answer, "SELECT 1"])[0] == [0, 1]
    assert scored(judge("execution_accuracy", "sql"), rows, [answer, "SELECT name FROM staff"])[0] == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_takes_too_long_does_not_run(scored: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sartor.evaluate.metrics.sql.SECONDS", 0.2)
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c"
    assert scored(judge("executes", "sql"), [row("SELECT 1", STAFF)] * 2, [endless, "SELECT 1"])[0] == [0, 1]


def test_a_script_reaches_no_file(scored: Any, tmp_path: Any):
    script = f"ATTACH '{tmp_path / 'written.db'}' AS other; CREATE TABLE other.t (x);"
    _, unscored = scored(judge("executes", "sql"), [row("SELECT 1", script)], ["SELECT 1"])
    assert unscored == {"0": "the script in `tests` does not run: not authorized"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n by a limit 3", True),
        ("SELECT a FROM t ORDER/* ( */BY a", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t", False),
        ("SELECT 'ORDER BY' FROM t -- order by a", False),
        ('SELECT "order by", [order by], `order by` FROM t', False),
        ("SELECT order_by FROM t", False),
        ("SELECT ')' FROM t ORDER BY 1", True),
    ],
)
def test_a_reference_is_ordered_by_its_outer_order_by(query: str, ordered: bool):
    assert is_ordered(query) == ordered


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["NULL", "'a'", "0.1 + 0.2"])), min_size=1), st.randoms())
def test_rows_are_compared_as_a_multiset(rows: list[tuple[int, str]], order: random.Random):
    def query(rows: list[tuple[int, str]]) -> str:
        return "VALUES " + ", ".join(f"({number}, {text})" for number, text in rows)

    shuffled = order.sample(rows, len(rows))
    found = judge("execution_accuracy", "sql")
    texts = [query(shuffled), query([*shuffled, rows[0]])]
    marks = [found.score(row(query(rows), STAFF), Answer("1", text)) for text in texts]
    assert marks == [1, 0]
