"""A router knows its tasks' texts from each other, and what is of none of them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sartor.errors import InputError
from sartor.generate.router import Router

TASKS = ("bills", "cards", "loans")


class Points:
    """An encoder for tests: `bills 7` is a point near that of its task, any other word one of its own."""

    def __init__(self, noise: float = 0.15) -> None:
        self.noise = noise

    def encode(self, texts: list[str], *_: object) -> NDArray[np.floating]:
        found = []
        for text in texts:
            task, _, number = text.partition(" ")
            point = np.zeros(16)
            point[TASKS.index(task) if task in TASKS else 8 + len(task) % 8] = 1
            noise = np.random.default_rng(int(number or 0)).normal(0, self.noise, 16)
            found.append((point + noise) / np.linalg.norm(point + noise))
        return np.array(found)


def texts(start: int, count: int) -> dict[str, list[str]]:
    return {task: [f"{task} {start + 1000 * at + n}" for n in range(count)] for at, task in enumerate(TASKS)}


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.fit(Points(), texts(0, 60), texts(200, 40))


def test_texts_go_to_their_task_and_foreign_ones_nowhere(router: Router) -> None:
    for task, asked in texts(400, 50).items():
        routes = router.route(asked)
        assert sum(route.task == task for route in routes) >= 42
        assert not [route for route in routes if route.task not in (task, None)]
    foreign = router.route([f"weather {n}" for n in range(50)])
    assert all(route.task is None for route in foreign)
    assert max(route.likeness for route in foreign) < router.least_likeness


def test_a_route_tells_what_else_it_might_be(router: Router) -> None:
    [route] = router.route(["cards 3"])
    assert route.alternatives[0] == ("cards", route.probability)
    assert {task for task, _ in route.alternatives} == set(TASKS)
    assert sum(p for _, p in route.alternatives) == pytest.approx(1)


def test_where_tasks_are_hard_to_tell_it_goes_by_probability() -> None:
    router = Router.fit(Points(0.4), texts(0, 100), texts(200, 100))
    asked = [(task, text) for task, each in texts(400, 100).items() for text in each]
    routes = router.route([text for _, text in asked])
    pairs = [(route, task) for route, (task, _) in zip(routes, asked, strict=True)]
    right = [route.task == task for route, task in pairs if route.task]
    likeliest = [route.alternatives[0][0] == task for route, task in pairs]
    assert router.least_probability > 0.5
    assert np.mean(right) > np.mean(likeliest) + 0.02
    assert len(right) > 100


def test_it_is_the_same_when_it_was_saved(router: Router, tmp_path: Path) -> None:
    router.save(tmp_path)
    again = Router.load(tmp_path, Points())
    asked = [text for each in texts(400, 10).values() for text in each]
    for one, other in zip(router.route(asked), again.route(asked), strict=True):
        assert one.task == other.task
        assert one.probability == pytest.approx(other.probability)
        assert one.likeness == pytest.approx(other.likeness, abs=1e-2)


def test_probabilities_are_calibrated_on_what_is_held(router: Router) -> None:
    assert 0.05 < router.temperature < 20
    assert 0.5 <= router.least_probability <= 1


def test_one_task_or_nothing_held_is_refused() -> None:
    with pytest.raises(InputError, match="two tasks"):
        Router.fit(Points(), {"bills": ["bills 1"]}, {"bills": ["bills 2"]})
    with pytest.raises(InputError, match="validation"):
        Router.fit(Points(), texts(0, 5), {})
