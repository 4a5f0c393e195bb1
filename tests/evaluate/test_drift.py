from dataclasses import replace

import numpy as np
import pytest

from sartor.evaluate.drift import Measure, share, stability, verdict


def counts(rng: np.random.Generator, shares: list[float], n: int) -> dict[str, int]:
    return {str(place): int(times) for place, times in enumerate(rng.multinomial(n, shares))}


SAME = [0.3, 0.3, 0.2, 0.1, 0.05, 0.05]


def test_where_nothing_moves_nothing_is_said_to_have_moved() -> None:
    rng = np.random.default_rng(1)
    found = [stability("", counts(rng, SAME, 200), counts(rng, SAME, 800)) for _ in range(300)]
    assert sum(each.moved is True for each in found) <= 3
    assert np.mean([each.value for each in found]) < 0.02  # 0.031 on average, were chance not taken off
    assert sum(each.moved is False for each in found) > 270


def test_the_interval_covers_the_index_that_counts_without_end_would_have() -> None:
    rng = np.random.default_rng(2)
    moved = [0.1, 0.3, 0.2, 0.1, 0.15, 0.15]
    true = sum((a - b) * np.log(a / b) for a, b in zip(moved, SAME, strict=True))
    found = [stability("", counts(rng, moved, 400), counts(rng, SAME, 800)) for _ in range(300)]
    assert sum(each.low <= true <= each.high for each in found) >= 0.9 * 300
    assert np.mean([each.value for each in found]) == pytest.approx(true, rel=0.1)
    assert sum(each.moved is True for each in found) > 0.8 * 300


def test_few_requests_leave_it_open() -> None:
    assert stability("", {"a": 6, "b": 4}, {"a": 50, "b": 50}).moved is None


@pytest.mark.parametrize("buckets", [77, 150])
def test_of_many_labels_nothing_is_told_before_there_are_five_requests_each(buckets: int) -> None:
    rng = np.random.default_rng(buckets)
    same = rng.dirichlet(np.full(buckets, 3.0))
    other = same * np.exp(0.8 * rng.standard_normal(buckets))
    other /= other.sum()
    assert np.sum((other - same) * np.log(other / same)) > 0.5
    then = counts(rng, same.tolist(), 100 * buckets)
    for shares, moved in ((same, False), (other, True)):
        few = [stability("", counts(rng, shares.tolist(), 2 * buckets), then) for _ in range(10)]
        assert {each.moved for each in few} == {None}
        enough = [stability("", counts(rng, shares.tolist(), 8 * buckets), then) for _ in range(10)]
        assert {each.moved for each in enough} == {moved}


def test_a_bucket_that_training_never_saw_counts() -> None:
    found = stability("", {"a": 100, "new": 100}, {"a": 400, "b": 400})
    assert found.moved


@pytest.mark.parametrize(
    ("yes", "n", "then", "moved"),
    [(10, 200, 0.05, False), (60, 200, 0.05, True), (22, 200, 0.05, None), (0, 100, 0.0, False), (30, 200, 0.0, True)],
)
def test_a_share_has_moved_where_all_of_its_interval_is_above_twice_what_it_was(
    yes: int, n: int, then: float, moved: bool | None
) -> None:
    found = share("", yes, n, then)
    assert found.moved is moved
    assert found.low <= found.value == yes / n <= found.high


def test_the_verdict_is_the_worst_of_all() -> None:
    steady, open, moved = (Measure("", 0.1, low, high, 0.2, 100) for low, high in ((0, 0.1), (0, 0.3), (0.3, 0.4)))
    assert verdict([steady, steady]) == "STEADY"
    assert verdict([steady, open]) == verdict([]) == "INCONCLUSIVE"
    assert verdict([steady, open, moved]) == "RETRAIN"
    assert verdict([steady, replace(moved, decides=False)]) == "STEADY"
