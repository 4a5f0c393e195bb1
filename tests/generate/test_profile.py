from pathlib import Path

import numpy as np
import pytest

from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.generate.profile import UNLIKE, Profile


class Planted:
    """Two directions, by the first word, and a little of something else for each text."""

    def encode(self, texts: list[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), 16), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            vector[{"bill": 0, "card": 1}.get(text.split()[0], 2)] = 1
            vector[3:] = 0.1 * np.random.default_rng(len(text)).standard_normal(13)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rows(word: str, count: int, start: int = 0) -> list[Example]:
    return [
        Example(f"{word}{i}", (Message("user", f"{word} {'x' * i}"),), word, (word,), source=f"{word}.csv:{i}")
        for i in range(start, start + count)
    ]


@pytest.fixture
def profile() -> Profile:
    return Profile.fit(
        Planted(), [*rows("bill", 40), *rows("card", 60)], [*rows("bill", 10, 40), *rows("card", 15, 60)]
    )


def test_questions_fall_into_the_clusters_of_the_tasks_rows(profile: Profile) -> None:
    assert sorted(profile.sizes) == [50, 75]
    assert profile.labels == {"bill": 50, "card": 75}
    assert sorted(source.partition(".")[0] for source in profile.nearest) == ["bill", "card"]
    clusters, unlike = profile.look(Planted().encode(["bill now", "bill then", "card lost"]))
    assert clusters[0] == clusters[1] != clusters[2]
    assert profile.nearest[clusters[2]].startswith("card")
    assert unlike == [False] * 3


def test_what_is_of_no_cluster_is_unlike_and_a_twentieth_of_the_held_rows_themselves(profile: Profile) -> None:
    assert profile.look(Planted().encode(["weather today"]))[1] == [True]
    held = [row.question for row in [*rows("bill", 10, 40), *rows("card", 15, 60)]]
    assert sum(profile.look(Planted().encode(held))[1]) == 2


def test_what_is_saved_is_read_again(profile: Profile, tmp_path: Path) -> None:
    profile.save(tmp_path)
    found, asked = Profile.load(tmp_path), Planted().encode(["bill now", "card lost", "weather"])
    assert found.look(asked) == profile.look(asked)
    assert (found.labels, found.nearest, found.sizes) == (profile.labels, profile.nearest, profile.sizes)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(InputError, match="19 training rows and 9 of validation do not say"):
        Profile.fit(Planted(), rows("bill", 19), rows("bill", 9))
    with pytest.raises(InputError, match="50 training rows and 1"):
        Profile.fit(Planted(), rows("bill", 50), rows("bill", 1))


@pytest.mark.parametrize("held", [2, 10, 40, 300])
def test_as_many_new_questions_are_unlike_as_it_says(held: int) -> None:
    rng, least = np.random.default_rng(held), []
    for _ in range(2000):
        least.append(float(np.quantile(rng.random(held), UNLIKE)))  # of likeness, drawn from 0 to 1
    profile = Profile(np.eye(2), np.eye(2), ("a", "b"), (1, 1), 0.0, held, {})
    assert profile.unlike == pytest.approx(np.mean(least), abs=0.01)
