"""The linear system, on an encoder that counts words."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.generate.linear import STRENGTHS, LinearSystem


class WordCounts:
    """Each word adds one to the dimension that its checksum names; vectors have unit length, as an encoder's do."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.split():
                vector[zlib.crc32(word.encode()) % 64] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


WORDS = {
    "card_lost": "lost stolen missing gone card wallet",
    "top_up": "add money top up load account",
    "pin": "pin code number forgotten change secret",
}
FILLER = ["i", "my", "the", "please", "can", "you", "help", "today", "with", "it"]


def rows(
    count: int, seed: int, labels_a_row: tuple[int, ...] = (1,), names: Sequence[str] = tuple(WORDS)
) -> list[Example]:
    generator = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        labels = tuple(sorted(generator.choice(names, generator.choice(labels_a_row), replace=False).tolist()))
        words = [word for label in labels for word in generator.choice(WORDS[label].split(), 3)]
        text = " ".join(generator.permutation([*words, *generator.choice(FILLER, 3)]))
        messages = (Message("system", "ignored " + labels[0]), Message("user", text))
        examples.append(Example(str(number), messages, "; ".join(labels), labels))
    return examples


def test_it_learns_single_labels_and_gives_a_probability_for_each() -> None:
    system = LinearSystem.fit(WordCounts(), rows(120, seed=0), seed=0)
    test = rows(100, seed=1)
    answers = system.answer(test)
    assert [answer.id for answer in answers] == [example.id for example in test]
    assert sum(answer.text == example.target for answer, example in zip(answers, test, strict=True)) >= 95
    for answer in answers:
        assert answer.label_probs is not None
        assert answer.label_probs.keys() == set(WORDS)
        assert sum(answer.label_probs.values()) == pytest.approx(1)
        assert answer.text == max(answer.label_probs, key=lambda label: answer.label_probs[label])


def test_two_labels_are_a_softmax_as_well() -> None:
    names = ["card_lost", "pin"]
    system = LinearSystem.fit(WordCounts(), rows(60, seed=0, names=names), seed=0)
    test = rows(60, seed=1, names=names)
    answers = system.answer(test)
    assert sum(answer.text == example.target for answer, example in zip(answers, test, strict=True)) >= 57
    assert all(sum(answer.label_probs.values()) == pytest.approx(1) for answer in answers if answer.label_probs)


def test_it_learns_several_labels_a_row() -> None:
    system = LinearSystem.fit(WordCounts(), rows(300, seed=0, labels_a_row=(1, 2, 3)), seed=0)
    test = rows(100, seed=1, labels_a_row=(1, 2, 3))
    answers = system.answer(test)
    assert sum(set(a.text.split("; ")) == set(e.labels) for a, e in zip(answers, test, strict=True)) >= 85
    for answer in answers:
        assert answer.label_probs is not None and answer.label_probs.keys() == set(WORDS)
        sure = {label for label, prob in answer.label_probs.items() if prob >= 0.5}
        assert set(answer.text.split("; ")) == (sure or {max(answer.label_probs, key=answer.label_probs.__getitem__)})


def test_probabilities_of_several_labels_are_sklearns_one_against_the_rest() -> None:
    train, test = rows(120, seed=0, labels_a_row=(1, 2)), rows(30, seed=1, labels_a_row=(1, 2))
    names, encode = sorted(WORDS), WordCounts().encode
    gold = np.array([[name in example.labels for name in names] for example in train], dtype=int)
    answers = LinearSystem.fit(WordCounts(), train, seed=0).answer(test)
    ours = np.array([[(answer.label_probs or {})[name] for name in names] for answer in answers])
    theirs = [
        OneVsRestClassifier(LogisticRegression(C=strength, max_iter=1000))
        .fit(encode([example.question for example in train]), gold)
        .predict_proba(encode([example.question for example in test]))
        for strength in STRENGTHS
    ]
    assert min(np.abs(ours - each).max() for each in theirs) < 1e-3


def test_a_row_that_reaches_no_threshold_still_gets_its_best_label() -> None:
    system = LinearSystem.fit(WordCounts(), rows(100, seed=0, labels_a_row=(1, 2)), seed=0)
    [answer] = system.answer([Example("1", (Message("user", ""),), "")])
    assert answer.text in WORDS


def test_a_label_that_every_row_has_is_always_answered() -> None:
    always = [Example(e.id, e.messages, e.target, (*e.labels, "bank")) for e in rows(60, seed=0)]
    system = LinearSystem.fit(WordCounts(), always, seed=0, separator="|")
    assert all("bank" in answer.text.split("|") for answer in system.answer(rows(20, seed=1)))


def test_labels_of_one_row_are_learned_as_well() -> None:
    single = Example("x", (Message("user", "close everything now"),), "close", ("close",))
    system = LinearSystem.fit(WordCounts(), [*rows(30, seed=0), single], seed=0)
    [answer] = system.answer([single])
    assert answer.text == "close"


def test_the_penalty_is_chosen_on_held_out_rows_and_the_fit_repeats() -> None:
    first, second = (LinearSystem.fit(WordCounts(), rows(80, seed=0), seed=3) for _ in range(2))
    test = rows(20, seed=1)
    assert first.answer(test) == second.answer(test)
    assert sorted(STRENGTHS) == list(STRENGTHS)


def test_one_label_is_no_task() -> None:
    with pytest.raises(InputError, match=r"two labels or more, and the training rows have 1: \['pin'\]"):
        LinearSystem.fit(WordCounts(), rows(10, seed=0, names=["pin"]), seed=0)


@pytest.mark.parametrize("labels_a_row", [(1,), (1, 2)])
def test_saved_and_loaded_it_answers_the_same(labels_a_row: tuple[int, ...], tmp_path: Path) -> None:
    system = LinearSystem.fit(WordCounts(), rows(60, seed=0, labels_a_row=labels_a_row), seed=0)
    system.save(tmp_path / "linear.npz")
    loaded = LinearSystem.load(tmp_path / "linear.npz", WordCounts())
    test = rows(20, seed=1, labels_a_row=labels_a_row)
    assert loaded.answer(test) == system.answer(test)


def test_progress_is_told_in_chunks() -> None:
    seen: list[tuple[int, int]] = []
    system = LinearSystem.fit(WordCounts(), rows(30, seed=0), seed=0)
    system.answer(rows(600, seed=1), lambda what, done, total, detail="": seen.append((done, total)))
    assert seen == [(256, 600), (512, 600), (600, 600)]
