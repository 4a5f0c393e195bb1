"""The billing-notes example: its files are what its generator writes, and they hold what its README says."""

import json
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sartor.task_file import load_task

EXAMPLE = Path(__file__).parents[2] / "examples" / "billing-notes"
FILES = ("notes.jsonl", "held_out.jsonl", "key.jsonl")
Row = dict[str, Any]


def read(name: str) -> list[Row]:
    return [json.loads(line) for line in (EXAMPLE / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def notes() -> list[Row]:
    return read("notes.jsonl")


@pytest.fixture(scope="module")
def held_out() -> list[Row]:
    return read("held_out.jsonl")


@pytest.fixture(scope="module")
def key() -> list[Row]:
    return read("key.jsonl")


@pytest.fixture(scope="module")
def rows(notes: list[Row], held_out: list[Row]) -> dict[str, Row]:
    return {row["id"]: row for row in notes + held_out}


def defective(key: list[Row], *defects: str) -> set[str]:
    return {entry["row"] for entry in key if entry["defect"] in defects}


def likeness(rows: list[Row]) -> Iterator[tuple[Row, Row, float]]:
    """Of each two rows that share a word triple, the Jaccard index of their notes' word triples."""
    sizes: list[int] = []
    holders: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        words = re.findall(r"\w+", row["note"].lower())
        triples = set(zip(words, words[1:], words[2:], strict=False))
        shared = Counter(holder for triple in triples for holder in holders.get(triple, ()))
        for holder, count in shared.items():
            yield row, rows[holder], count / (len(triples) + sizes[holder] - count)
        for triple in triples:
            holders.setdefault(triple, []).append(len(sizes))
        sizes.append(len(triples))


def test_the_generator_writes_the_committed_files_byte_for_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "make.py", "--out", tmp_path], check=True, capture_output=True)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_there_are_rows_enough_and_every_id_is_used_once(notes: list[Row], held_out: list[Row]) -> None:
    assert len(notes) >= 1300
    assert len(held_out) >= 320
    ids = [row["id"] for row in notes + held_out]
    assert len(set(ids)) == len(ids)


def test_every_record_has_the_same_shape(rows: dict[str, Row]) -> None:
    for row in rows.values():
        assert list(row) == ["id", "note", "record", "patient", "visit"]
        record = row["record"]
        assert list(record) == ["dx", "cpt", "meds", "age", "sex"]
        assert 1 <= len(record["dx"]) <= 2
        assert all(re.fullmatch(r"[A-Z]\d\d(\.\w{1,4})?", code) for code in record["dx"])
        assert 1 <= len(record["cpt"]) <= 2
        assert all(re.fullmatch(r"\d{5}", code) for code in record["cpt"])
        assert len(record["meds"]) <= 2
        for med in record["meds"]:
            assert list(med) == ["drug", "dose", "freq"]
            assert re.fullmatch(r"[\d.]+ (mg|mcg|units|IU|%|puffs?|sprays?)", med["dose"])
        assert 2 <= record["age"] <= 89
        assert record["sex"] in ("F", "M")


def test_a_clean_record_can_be_read_off_its_note(rows: dict[str, Row], key: list[Row]) -> None:
    for name in sorted(rows.keys() - defective(key, "wrong-label", "contradiction", "near-duplicate")):
        note, record = rows[name]["note"].lower(), rows[name]["record"]
        assert re.search(rf"\b{record['age']}", note), name
        for med in record["meds"]:
            amount = med["dose"].split()[0]
            assert med["drug"].lower() in note, name
            assert amount in note.replace(",", "") or amount.removeprefix("0") in note, name
        if record["sex"] == "F":
            assert re.search(r"female|woman|lady|girl|she\b|her\b|\bf\b|\df\b", note), name
        else:
            assert re.search(r"male|man|boy|he\b|his\b|\bm\b|\dm\b", note), name


def test_one_patient_is_one_person(rows: dict[str, Row]) -> None:
    seen: dict[str, Row] = {}
    for row in sorted(rows.values(), key=lambda row: str(row["visit"])):
        earlier = seen.setdefault(row["patient"], row)
        assert earlier["record"]["sex"] == row["record"]["sex"]
        assert 0 <= row["record"]["age"] - earlier["record"]["age"] <= 2


def test_held_out_patients_are_new(notes: list[Row], held_out: list[Row]) -> None:
    assert not {row["patient"] for row in notes} & {row["patient"] for row in held_out}


def test_notes_resemble_each_other_only_where_it_was_planted(rows: dict[str, Row], key: list[Row]) -> None:
    second = defective(key, "duplicate", "near-duplicate", "contradiction")
    for row, other, index in likeness([row for row in rows.values() if row["id"] not in second]):
        assert index < 0.4, (row["id"], other["id"])


def test_every_code_of_the_held_out_rows_can_be_learned(notes: list[Row], held_out: list[Row]) -> None:
    learned = Counter(code for row in notes for code in row["record"]["dx"] + row["record"]["cpt"])
    wanted = {code for row in held_out for code in row["record"]["dx"] + row["record"]["cpt"]}
    assert min(learned[code] for code in wanted) >= 5


def test_the_task_is_varied(notes: list[Row], key: list[Row]) -> None:
    clean = [row["record"] for row in notes if row["id"] not in defective(key, "wrong-label", "contradiction")]
    dx = Counter(code for record in clean for code in record["dx"])
    assert 50 <= len(dx) <= 60
    assert dx.most_common(1)[0][1] > 8 * min(dx.values())  # some are common, some rare
    assert len({code for record in clean for code in record["cpt"]}) >= 25
    assert len({med["drug"] for record in clean for med in record["meds"]}) >= 40
    assert len({med["freq"] for record in clean for med in record["meds"]}) >= 12


def test_rows_are_short_enough_to_train_on_a_cpu(notes: list[Row]) -> None:
    lengths = sorted(len(row["note"]) for row in notes)
    assert 180 <= statistics.median(lengths) <= 300
    assert lengths[-1] <= 400
    targets = sorted(len(json.dumps(row["record"], separators=(",", ":"))) for row in notes)
    assert statistics.median(targets) <= 125  # about 60 tokens: codes and numbers take one a character
    assert targets[-1] <= 210


def test_the_key_counts_what_was_planted(notes: list[Row], key: list[Row], rows: dict[str, Row]) -> None:
    named = [entry["row"] for entry in key]
    assert len(set(named)) == len(named)
    assert set(named) <= rows.keys()
    train = {row["id"] for row in notes}
    assert Counter(entry["defect"] for entry in key if entry["row"] in train) == {
        "duplicate": 14, "near-duplicate": 28, "contradiction": 8, "wrong-label": 54, "pii": 40,
    }  # fmt: skip
    assert Counter(entry["defect"] for entry in key if entry["row"] not in train) == {"pii": 8}


def test_second_versions_name_the_first(key: list[Row], rows: dict[str, Row]) -> None:
    spoiled = {entry["row"] for entry in key}
    for entry in key:
        row = rows[entry["row"]]
        if entry["defect"] in ("wrong-label", "pii"):
            assert entry["of"] is None
            continue
        assert entry["of"] not in spoiled
        first = rows[entry["of"]]
        assert (row["patient"], row["visit"]) == (first["patient"], first["visit"])
        assert (row["note"] == first["note"]) == (entry["defect"] != "near-duplicate")
        assert (row["record"] == first["record"]) == (entry["defect"] != "contradiction")


def test_near_duplicates_say_how_they_differ_and_keep_their_facts(key: list[Row], rows: dict[str, Row]) -> None:
    for entry in key:
        if entry["defect"] == "near-duplicate":
            assert 1 <= len(entry["detail"]["changed"]) <= 2
            note, first = rows[entry["row"]]["note"], rows[entry["of"]]["note"]
            assert Counter(re.findall(r"\d+", note)) == Counter(re.findall(r"\d+", first))


def test_wrong_records_are_wrong_in_one_field_and_the_key_has_the_right_one(
    key: list[Row], rows: dict[str, Row]
) -> None:
    kinds: Counter[str] = Counter()
    for entry in key:
        if entry["defect"] in ("wrong-label", "contradiction"):
            kind, field, correct = (entry["detail"][part] for part in ("kind", "field", "correct"))
            wrong = rows[entry["row"]]["record"][field]
            assert wrong != correct
            assert len(wrong) == len(correct) - (kind == "missing-med")
            kinds[kind] += 1
            if entry["of"]:
                assert rows[entry["of"]]["record"] == {**rows[entry["row"]]["record"], field: correct}
    assert set(kinds) == {"wrong-dx", "wrong-cpt", "dose-times-ten", "missing-med", "wrong-freq"}


def test_spans_of_personal_data_are_exact(key: list[Row], rows: dict[str, Row]) -> None:
    kinds: Counter[str] = Counter()
    for entry in key:
        if entry["defect"] == "pii":
            spans = entry["detail"]["spans"]
            assert spans
            for span in spans:
                assert rows[entry["row"]]["note"][span["start"] : span["end"]] == span["text"]
                kinds[span["kind"]] += 1
    assert set(kinds) == {"name", "birth date", "mrn", "phone", "email", "address"}


def test_personal_data_occurs_nowhere_else(key: list[Row], rows: dict[str, Row]) -> None:
    for name in sorted(rows.keys() - defective(key, "pii")):
        assert not re.search(r"@|555-|\bMRN\b|\bborn\b", rows[name]["note"], re.IGNORECASE), name


def test_the_task_file_is_valid_and_names_these_columns(notes: list[Row]) -> None:
    spec = load_task(EXAMPLE)
    assert (spec.task, spec.kind) == ("billing-notes", "extraction")
    assert {spec.data.input, spec.data.target, spec.data.id, spec.data.subject} <= notes[0].keys()
    assert (EXAMPLE / spec.data.train).exists()
    assert spec.data.test
    assert (EXAMPLE / spec.data.test).exists()
