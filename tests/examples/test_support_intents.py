"""The support-intents example: its files are what its generator writes, and its key tells the truth about them."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sartor.task_file import load_task

EXAMPLE = Path(__file__).parents[2] / "examples" / "support-intents"
DEFECTS = {"duplicate": 24, "near-duplicate": 28, "wrong-label": 86, "contradiction": 8, "pii": 52}


def rows_of(name: str) -> list[dict[str, str]]:
    with (EXAMPLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def words(message: str) -> list[str]:
    return re.findall(r"\w+(?:['-]\w+)*|[^\w\s]", message.lower())


def likeness(one: set[str], other: set[str]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)


@pytest.fixture(scope="module")
def train() -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in rows_of("messages.csv")}


@pytest.fixture(scope="module")
def held_out() -> list[dict[str, str]]:
    return rows_of("held_out.csv")


@pytest.fixture(scope="module")
def key() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLE / "key.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_generator_writes_the_committed_files_byte_for_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", EXAMPLE / "make.py", "--out", tmp_path], check=True)
    for name in ("messages.csv", "held_out.csv", "key.jsonl"):
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_the_spec_names_columns_that_the_files_have(train: dict[str, dict[str, str]]) -> None:
    spec = load_task(EXAMPLE)
    columns = set(next(iter(train.values())))
    assert {spec.data.input, spec.data.target, spec.data.id, spec.data.subject} == columns
    assert [spec.data.train, spec.data.test] == ["messages.csv", "held_out.csv"]


def test_there_are_enough_rows_and_every_id_is_unique(
    train: dict[str, dict[str, str]], held_out: list[dict[str, str]]
) -> None:
    assert len(train) == len(rows_of("messages.csv")) >= 1600
    assert len({row["id"] for row in held_out} | set(train)) == len(train) + len(held_out)
    assert len(held_out) >= 420


def test_classes_are_many_unbalanced_and_the_same_in_both_files(
    train: dict[str, dict[str, str]], held_out: list[dict[str, str]]
) -> None:
    counts = Counter(row["intent"] for row in train.values())
    assert len(counts) == 29
    assert min(counts.values()) >= 25
    assert max(counts.values()) <= 150
    assert max(counts.values()) >= 4 * min(counts.values())
    assert set(counts) == {row["intent"] for row in held_out}
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", intent) for intent in counts)


def test_messages_are_one_line_of_ten_to_forty_five_words(
    train: dict[str, dict[str, str]], held_out: list[dict[str, str]], key: list[dict[str, Any]]
) -> None:
    retyped = {entry["row"] for entry in key if entry["defect"] == "near-duplicate"}
    for row in [*train.values(), *held_out]:
        slack = 3 if row["id"] in retyped else 0
        assert 10 <= len(words(row["message"])) <= 45 + slack, row
        assert row["message"].isprintable(), row


def test_no_slot_or_choice_is_left_unfilled(train: dict[str, dict[str, str]], held_out: list[dict[str, str]]) -> None:
    assert not [row for row in [*train.values(), *held_out] if re.search(r"[{}\[\]|]", row["message"])]


def test_the_files_share_no_customer_and_no_message(
    train: dict[str, dict[str, str]], held_out: list[dict[str, str]]
) -> None:
    assert not {row["customer"] for row in train.values()} & {row["customer"] for row in held_out}
    seen = [set(words(row["message"])) for row in train.values()]
    for row in held_out:
        mine = set(words(row["message"]))
        assert max(likeness(mine, other) for other in seen) < 0.6, row


def test_some_customers_write_more_than_once(train: dict[str, dict[str, str]]) -> None:
    messages = Counter(row["customer"] for row in train.values())
    assert sum(count > 1 for count in messages.values()) > 100
    assert max(messages.values()) <= 8


def test_the_key_has_each_defect_as_often_as_promised(key: list[dict[str, Any]]) -> None:
    assert Counter(entry["defect"] for entry in key) == DEFECTS
    assert all(set(entry) == {"row", "defect", "of", "detail"} for entry in key)


def test_no_row_has_two_defects_and_copies_are_made_of_clean_rows(
    train: dict[str, dict[str, str]], key: list[dict[str, Any]]
) -> None:
    planted = [entry["row"] for entry in key]
    assert len(set(planted)) == len(planted)
    assert set(planted) <= set(train)
    sources = [entry["of"] for entry in key if entry["of"]]
    assert len(set(sources)) == len(sources)
    assert set(sources) <= set(train) - set(planted)


def test_duplicates_and_contradictions_repeat_their_source(
    train: dict[str, dict[str, str]], key: list[dict[str, Any]]
) -> None:
    for entry in key:
        if entry["defect"] in ("duplicate", "near-duplicate", "contradiction"):
            row, source = train[entry["row"]], train[entry["of"]]
            same = row["message"] == source["message"]
            assert same == (entry["defect"] != "near-duplicate"), entry
            assert (row["intent"] == source["intent"]) == (entry["defect"] != "contradiction"), entry
        if entry["defect"] == "near-duplicate":
            assert entry["detail"]["edits"], entry


def test_wrong_labels_are_wrong_and_name_the_right_one(
    train: dict[str, dict[str, str]], key: list[dict[str, Any]]
) -> None:
    intents = {row["intent"] for row in train.values()}
    for entry in key:
        if "true" in entry["detail"]:
            assert entry["detail"]["true"] in intents - {train[entry["row"]]["intent"]}, entry
        if entry["defect"] == "contradiction":
            assert entry["detail"]["true"] == train[entry["of"]]["intent"], entry


def test_offsets_of_personal_data_are_exact(train: dict[str, dict[str, str]], key: list[dict[str, Any]]) -> None:
    kinds = Counter()
    for entry in key:
        if entry["defect"] == "pii":
            for span in entry["detail"]["spans"]:
                assert train[entry["row"]]["message"][span["start"] : span["end"]] == span["text"], entry
                kinds[span["kind"]] += 1
    assert set(kinds) == {"name", "phone", "email", "address", "card"}


def test_personal_data_are_nowhere_else(
    train: dict[str, dict[str, str]], held_out: list[dict[str, str]], key: list[dict[str, Any]]
) -> None:
    planted = [entry for entry in key if entry["defect"] == "pii"]
    texts = {span["text"].lower() for entry in planted for span in entry["detail"]["spans"]}
    rows = {entry["row"] for entry in planted}
    for row in [*held_out, *(row for row in train.values() if row["id"] not in rows)]:
        assert not [text for text in texts if text in row["message"].lower()], row
        assert not re.search(r"@|\d{7}|\d{3}[ .-]\d{3}[ .-]\d", row["message"]), row


def test_apart_from_planted_copies_no_two_messages_of_an_intent_are_nearly_the_same(
    train: dict[str, dict[str, str]], key: list[dict[str, Any]]
) -> None:
    truth = {entry["row"]: entry["detail"]["true"] for entry in key if "true" in entry["detail"]}
    copies = {entry["row"] for entry in key if entry["of"]}
    seen: dict[str, list[set[str]]] = {}
    for row in train.values():
        if row["id"] not in copies:
            mine = set(words(row["message"]))
            others = seen.setdefault(truth.get(row["id"], row["intent"]), [])
            assert all(likeness(mine, other) <= 0.6 for other in others), row
            others.append(mine)


def test_the_readme_counts_what_the_files_hold(
    train: dict[str, dict[str, str]], held_out: list[dict[str, str]], key: list[dict[str, Any]]
) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    counts = Counter(row["intent"] for row in train.values())
    tested = Counter(row["intent"] for row in held_out)
    table = re.findall(r"^\| `([a-z_]+)` \| .* \| (\d+) \| (\d+) \| .* \|$", readme, re.M)
    assert {intent: (int(n), int(m)) for intent, n, m in table} == {
        intent: (counts[intent], tested[intent]) for intent in counts
    }
    assert f"{len(train):,} training messages" in readme
    assert f"{len(held_out)} test messages" in readme
