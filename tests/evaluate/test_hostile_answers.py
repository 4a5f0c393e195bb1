"""Whatever a system answers, every metric scores the row or says why it could not, and no row leaves the count."""

import time

import numpy as np
import pytest
from tests.evaluate.judging import MEASURED, METRICS, ready

SENTENCE = "the patient takes 5 mg of lisinopril daily and must not stop it before 3 May 2024"
HOSTILE = {
    "no answer": None,
    "empty": "",
    "white space": " \n\t\u00a0\u200b",
    "NaN": "NaN",
    "JSON with NaN": '{"a": NaN}',
    "an endless number": '{"a": 1e999}',
    "JSON cut off": '{"a": [1, 2',
    "wrong JSON": "{'a': 1,}",
    "JSON of another shape": '[{"start": 3, "end": "x"}, [], {"a": {"b": null}}, true, -1]',
    "deep JSON": "[" * 5_000 + "]" * 5_000,
    "right to left": "המטופל נוטל 5 מ\u0022ג \u202eليزينوبريل يوميا",
    "emoji": "💊👩🏽‍⚕️ 5 mg 🚫",
    "half a character": "\ud83d takes 5 mg",
    "control characters": "a\x00b\x1b[31m\ufffe",
    "combining marks": "e" + "\u0301" * 500,
}
LONG = {
    "words": f"{SENTENCE} " * 14_000,
    "one word": "a" * 1_000_000,
    "digits": "1" * 1_000_000,
    "a list": "[" + ",".join(f'"item {i}"' for i in range(80_000)) + "]",
    "objects": "[" + ",".join(f'{{"start":{i},"end":{i + 2}}}' for i in range(42_000)) + "]",
    "open brackets": "[" * 1_000_000,
    "spaces": "a" + " " * 1_000_000 + "b",
}


def test_the_long_answers_are_long():
    assert all(len(text) >= 950_000 for text in LONG.values())


@pytest.mark.parametrize(("kind", "name"), METRICS)
def test_hostile_answers_are_scored_and_counted(examples, answers, kind, name):
    target = '{"a":[1,2],"when":"2024-05-03"}'
    rows, given = examples([target] * len(HOSTILE)), answers(list(HOSTILE.values()), **MEASURED)
    judge = ready(name, kind, target)
    stats = judge.table(rows, given)
    assert len(stats) == len(rows)
    assert np.isfinite(stats).all()
    assert 0 <= judge.aggregate(stats) <= judge.maximum
    values = judge.per_row(stats)
    assert ((values >= 0) & (values <= judge.maximum)).all()
    worst = 0.0 if judge.higher_is_better else judge.maximum
    for i, row in enumerate(rows):
        if row.id in judge.unscored:
            assert values[i] == worst
            assert judge.unscored[row.id]


@pytest.mark.parametrize(("kind", "name"), {param.values[1]: param for param in METRICS}.values())
def test_no_metric_hangs_on_a_megabyte(examples, answers, kind, name):
    """Seconds at most: nothing is quadratic in the answer's length. The reference has the length of a page."""
    target = '{"a":["item 5","item 7"],"spans":[{"start":5,"end":9}],"note":"' + " ".join([SENTENCE] * 30) + '"}'
    texts = LONG if kind == "extraction" else {shape: LONG[shape] for shape in ("words", "one word", "spaces")}
    judge = ready(name, kind, target)
    for shape, text in texts.items():
        began = time.process_time()
        assert np.isfinite(judge.aggregate(judge.table(examples([target]), answers([text], **MEASURED)))), shape
        assert time.process_time() - began < 10, shape
