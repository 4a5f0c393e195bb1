"""Rows whose annotators disagree wait for a person, with who said what."""

from typing import Any

from tests.curate.pools import flagged, look, row

VOTES: dict[str, Any] = {"annotations": (("anna", "late"), ("ben", "lost"), ("carla", "late"))}


def test_the_score_is_the_share_of_the_answers_that_are_not_the_most_frequent() -> None:
    rows = [
        row("a", "Where?", labels=("late",), **VOTES),
        row("b", "Where is it?", labels=("late",), annotations=(("anna", "late"), ("ben", "late"))),
        row("c", "Lost?", labels=("lost",), annotations=(("anna", "lost"), ("ben", "late"))),
        row("d", "Late?", labels=("late",)),
    ]
    found = look("disagreement", rows, "classification")
    assert {place: each.score for place, each in found.items()} == {0: 0.3333, 2: 0.5}
    assert found[0].reason == "3 people gave 2 answers: 2 `late`, 1 `lost`"
    assert found[0].evidence["answers"] == [
        {"label": "late", "count": 2, "annotators": ["anna", "carla"]},
        {"label": "lost", "count": 1, "annotators": ["ben"]},
    ]


def test_several_labels_in_another_order_are_the_same_answer() -> None:
    same = row("a", "Where?", labels=("late", "lost"), annotations=(("anna", "late; lost"), ("ben", "lost; late")))
    less = row("b", "Where?", labels=("late", "lost"), annotations=(("anna", "late; lost"), ("ben", "late")))
    assert flagged("disagreement", [same, less], "classification") == ["b"]


def test_records_are_compared_and_not_quoted() -> None:
    annotations = (("anna", '{"name":"Ada"}'), ("ben", '{"name":"Bea"}'), ("carla", '{ "name": "Ada" }'))
    found = look("disagreement", [row("a", "Who?", '{"name":"Ada"}', annotations=annotations)], "extraction")
    assert found[0].evidence["answers"] == [
        {"count": 2, "annotators": ["anna", "carla"]},
        {"count": 1, "annotators": ["ben"]},
    ]
    assert found[0].reason == "3 people gave 2 answers"
