"""`load_task`: a spec is read strictly, and every mistake is told with its file, line and key."""

from pathlib import Path

import pytest

from sartor.errors import InputError
from sartor.flows.methods import with_method
from sartor.task import KpiSpec, TrainSpec
from sartor.task_file import load_task

GOOD = """\
task: billing-notes
kind: extraction                # a comment
base: smollm2-135m-q4
data: {train: notes.jsonl, test: held_out.jsonl, input: note, target: record, group: null, subject: patient}
prompt: {system: "You code notes.", user: "{note}", target: "{record}"}
kpis: [{name: field_f1, goal: 0.90}, {name: json_valid, goal: 0.99, hard: true}]
train:
  method: lora
  epochs: 3
  learning_rate: 5e-4
costs: {label: 1.50, hour: 2, currency: USD}
"""


def refusal(folder: Path, text: str | bytes) -> str:
    """What `load_task` says to this spec, without the folder's name."""
    (folder / "sartor.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        load_task(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


def test_a_spec_is_read_from_its_folder_or_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "sartor.yaml").write_text(GOOD)
    spec = load_task(tmp_path)
    assert spec == load_task(tmp_path / "sartor.yaml")
    assert (spec.task, spec.kind, spec.data.subject, spec.data.group) == (
        "billing-notes",
        "extraction",
        "patient",
        None,
    )
    assert spec.kpis == (KpiSpec(name="field_f1", goal=0.9), KpiSpec(name="json_valid", goal=0.99, hard=True))
    assert spec.costs.hour == 2.0


def test_scalars_follow_yaml_1_2(tmp_path: Path) -> None:
    """PyYAML alone reads 5e-4 as text, `no` as false and 12:30 as 750."""
    (tmp_path / "sartor.yaml").write_text(GOOD.replace("billing-notes", "no").replace("hour: 2", "hour: +2.5e0"))
    spec = load_task(tmp_path)
    assert (spec.task, spec.train.learning_rate, spec.costs.hour) == ("no", 0.0005, 2.5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs", "epoch", "sartor.yaml, line 9: unknown key `epoch` under `train`; did you mean `epochs`?"),
        ("costs:", "epochs: 3\ncosts:", "sartor.yaml, line 11: unknown key `epochs`; it belongs under `train`"),
        (
            "name: json_valid",
            "nmae: json_valid",
            "line 6: unknown key `nmae` in item 2 of `kpis`; did you mean `name`?",
        ),
        ("epochs: 3", "zzz: 3", "line 9: unknown key `zzz` under `train`; known are `method`, `rank`"),
        ("epochs: 3", "epochs: three", 'line 9: `epochs` under `train` must be a whole number, not "three"'),
        ("epochs: 3", "epochs: 0", "line 9: `epochs` under `train` must be at least 1, not 0"),
        ("epochs: 3", "epochs: true", "line 9: `epochs` under `train` must be a whole number, not true"),
        ("5e-4", "fast", 'line 10: `learning_rate` under `train` must be `auto` or a number, not "fast"'),
        ("5e-4", "2", "line 10: `learning_rate` under `train` must be `auto` or at most 1, not 2"),
        ("extraction", "extractoin", 'not "extractoin"; did you mean `extraction`?'),
        ("hard: true", "hard: yes", 'line 6: `hard` in item 2 of `kpis` must be `true` or `false`, not "yes"'),
        ("billing-notes", "Billing Notes", "line 1: `task` must be a name of at most 64 lower-case letters"),
        ("hour: 2", "hour: .nan", "line 11: `hour` under `costs` must be a number, not NaN"),
        ("train: notes.jsonl, ", "", "sartor.yaml, line 4: the key `train` under `data` is missing; add it"),
        ("task: billing-notes\n", "", "sartor.yaml: the key `task` is missing; add it"),
        ("train: notes.jsonl", 'train: ""', "line 4: `train` under `data` must be text that is not blank"),
        ('user: "{note}"', "user: {note}", "line 5: `user` under `prompt` must be text"),
        ("name: json_valid", "name: field_f1", "line 6: the KPI `field_f1` is listed twice: remove one"),
        ('user: "{note}"', "messages: chat", "line 5: `messages` takes the whole conversation from a column"),
        ('user: "{note}", target: "{record}"', "messages: m", "remove `input` and `target` under `data`"),
        ("costs:", "generate: {samples: 0}\ncosts:", "line 11: `samples` under `generate` must be at least 1, not 0"),
        (
            "costs:",
            "generate: {samples: 5}\ncosts:",
            "line 11: `samples: 5` under `generate` at temperature 0 would be the same answer 5 times: set a `temperature`",
        ),
        (
            "extraction ",
            "classification\ngenerate: {samples: 5, temperature: 0.8} ",
            "`generate.samples` is not for `kind: classification`, which chooses labels: remove it",
        ),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert message in refusal(tmp_path, GOOD.replace(old, new))


def test_the_first_problem_is_told_and_the_others_are_counted(tmp_path: Path) -> None:
    text = GOOD.replace("epochs: 3", "epochs: 0").replace("extraction", "poetry")
    assert refusal(tmp_path, text).startswith("sartor.yaml, line 2: `kind` must be")
    assert refusal(tmp_path, text).endswith("(and 1 more problem)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "sartor.yaml is empty"),
        (b"# only a comment\n", "holds no `key: value` lines"),
        (b"- a\n- b\n", "holds no `key: value` lines"),
        (b"task: a\nkind: b\ntask: c\n", "line 3: the key `task` is written twice (first on line 1)"),
        (b"task: a\0b\n", "line 1: a NUL byte"),
        (b"task: a\nkind: caf\xe9\n", "line 2: byte 0xE9 is not UTF-8"),
        (b"task: a\nkind ext\nbase: b\n", "line 2: not valid YAML: a line that is no `key: value`"),
        (b"task: a: b\n", "line 1: not valid YAML: a second `: ` in the line"),
        (b"task: a\n\tkind: b\n", "line 2: not valid YAML: a tab"),
        (b"task: \x01\n", "line 1: the control character 0x01"),
        (b"task: !!python/object:os.system a\n", "line 1: the tag `!!python/object:os.system` is not supported"),
        (b"task: &a [1]\nkind: *a\n", "line 2: aliases"),
        (b"task: a\n---\ntask: b\n", "line 2: not valid YAML: expected a single document"),
        (b"? {a: b}\n: c\n", "line 1: a key must be plain text"),
        (b"[" * 5000, "nested too deep"),
        (b"a: " + b"x" * 1_000_001, "too many for a task"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_a_missing_spec_names_the_verb_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sartor.yaml does not exist; `sartor init"):
        load_task(tmp_path)


def test_another_method_keeps_the_settings_that_it_reads():
    spec = TrainSpec(rank=8, dora=True, depth=2, epochs=5, seed=3)
    assert with_method(spec, "lora").method_settings == TrainSpec(rank=8, depth=2).method_settings
    assert with_method(spec, "dora").method_settings == spec.method_settings
    assert with_method(spec, "lora+").lora_plus == 16.0 and with_method(spec, "rslora").rslora
    full = with_method(spec, "full")
    assert full == TrainSpec(method="full", epochs=5, seed=3)
    assert with_method(TrainSpec(method="prefix", virtual_tokens=7), "prompt").virtual_tokens == 7
    assert (
        with_method(TrainSpec(method="prefix", virtual_tokens=7), "lora").method_settings == TrainSpec().method_settings
    )
    with pytest.raises(InputError, match="no method `prefx`; did you mean `prefix`?"):
        with_method(spec, "prefx")
