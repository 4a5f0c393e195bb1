"""Several values a row: what stands and is not meant, what is meant and does not stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score
from tests.curate.pools import pool, row

from sartor.curate.check import make_check
from sartor.curate.embeddings import Embeddings
from sartor.curate.value_errors import LEAST, in_error, value_errors
from sartor.task import TaskSpec

TOPICS, ROWS, EACH = 6, 600, 2


@pytest.fixture(scope="module")
def planted():
    """Rows with two of six topics each, as sums of the topics' directions; one row in twenty has one topic for another."""
    draw = np.random.default_rng(0)
    directions = np.linalg.qr(draw.normal(size=(32, TOPICS)))[0].T
    truth = [set(draw.choice(TOPICS, EACH, replace=False).tolist()) for _ in range(ROWS)]
    meaning = np.array([directions[list(topics)].sum(axis=0) for topics in truth]) + draw.normal(size=(ROWS, 32)) * 0.1
    meaning = (meaning / np.linalg.norm(meaning, axis=1, keepdims=True)).astype(np.float32)
    rows, wrong = [], draw.random(ROWS) < 0.05
    for topics, bad in zip(truth, wrong, strict=True):
        given = set(topics)
        if bad:
            given ^= {draw.choice(sorted(given)), draw.choice(sorted(set(range(TOPICS)) - topics))}
        rows.append({("topic", str(topic)) for topic in given} | {("serial", str(draw.integers(3)))})
    return Embeddings(meaning, np.zeros((ROWS, 1), dtype=np.float32)), rows, truth, wrong


def test_swapped_values_come_first_and_both_halves_are_named(planted) -> None:
    embeddings, rows, truth, wrong = planted
    found = value_errors(embeddings, rows, np.arange(ROWS))
    assert average_precision_score(wrong, found.score) > 0.9
    assert wrong[found.score > 0.5].mean() > 0.9
    for place in np.flatnonzero(wrong & (found.score > 0.9)):
        meant = {("topic", str(topic)) for topic in truth[place]}
        worst = {found.values[at] for at in np.argsort(-found.wrong[place])[:2]}
        assert worst == meant ^ {value for value in rows[place] if value[0] == "topic"}


def test_a_value_that_the_text_does_not_tell_is_not_suspected(planted) -> None:
    embeddings, rows, _, _ = planted
    found = value_errors(embeddings, rows, np.arange(ROWS))
    serial = [at for at, value in enumerate(found.values) if value[0] == "serial"]
    assert len(serial) == 3 and found.wrong[:, serial].max() < 0.3


def test_values_of_few_rows_are_not_judged() -> None:
    rows = [{("code", "rare")} if place < LEAST - 1 else {("code", "usual")} for place in range(40)]
    embeddings = Embeddings(np.ones((40, 4), dtype=np.float32) / 2, np.zeros((40, 1), dtype=np.float32))
    found = value_errors(embeddings, rows, np.arange(40))
    assert found.values == [] and not found.score.any()


@given(arrays(np.float64, (8, 3), elements=st.floats(0.001, 0.999)), st.integers(0, 2**24 - 1))
def test_the_less_a_value_is_seen_the_more_it_is_in_error(probs, bits) -> None:
    given_ = np.array([bits >> at & 1 for at in range(24)], dtype=bool).reshape(8, 3)
    given_[0], given_[1] = True, False
    error = in_error(probs, given_)
    assert ((error >= 0) & (error <= 1)).all()
    less = in_error(probs * 0.5, given_)
    assert (less[given_] >= error[given_]).all() and (less[~given_] <= error[~given_]).all()


LOST = ["lost", "misplaced", "mislaid", "cannot find"]
THINGS = ["card", "purse", "wallet", "bag", "phone", "key", "credit card", "debit card"]
RATES = ["dollars", "euros", "yen", "pounds", "francs", "rupees", "kronor", "pesos"]
TEXTS = [(f"I {how} my {thing}", "loss") for how in LOST for thing in THINGS] + [
    (f"the exchange rate of {money} {when}", "rate")
    for money in RATES
    for when in ("today", "now", "at noon", "please")
]


@pytest.mark.real
def test_records_and_several_labels_are_mended_where_the_mend_is_plain() -> None:
    records = [row(str(n), text, f'{{"code":"{code}"}}') for n, (text, code) in enumerate(TEXTS)]
    records[3] = row("3", TEXTS[3][0], '{"code":"rate"}')
    found = make_check("label_errors", "extraction").look(pool(records, "extraction"))
    assert max(found, key=lambda place: found[place].score) == 3
    assert found[3].fix.target == '{"code":"loss"}' and found[3].evidence["suggested"] == "loss"

    spec = TaskSpec.model_validate(
        {"task": "t", "kind": "classification", "data": {"train": "-", "input": "q", "target": "t", "labels": "multi"}}
    )
    several = [row(str(n), text, labels=(code, "bank")[: 1 + n % 2]) for n, (text, code) in enumerate(TEXTS)]
    several[5] = row("5", TEXTS[5][0], labels=("rate", "bank"))
    from sartor.curate.pool import Pool

    found = make_check("label_errors", "classification").look(Pool(several, spec))
    worst = max(found, key=lambda place: found[place].score)
    assert worst == 5 and set(found[5].fix.labels) >= {"loss"} and "rate" not in found[5].fix.labels
