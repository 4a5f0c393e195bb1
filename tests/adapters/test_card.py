"""The adapter card: Markdown that people, the hub and PEFT can read."""

import pytest
import yaml
from huggingface_hub import ModelCard

from sartor.adapters.card import render_card

MANIFEST = {
    "base_model": "smollm2-135m-q4",
    "method": "lora",
    "seed": 0,
    "hyperparameters": {"rank": 16, "targets": ["q_proj", "v_proj"]},
    "note": "a | b\nc",
}


def test_its_front_matter_is_what_peft_and_the_hub_expect() -> None:
    card = ModelCard(render_card("billing-notes", MANIFEST))
    assert card.data.base_model == "smollm2-135m-q4"
    assert card.data.library_name == "peft"
    assert card.data.tags == ["lora", "sartor", "billing-notes"]


def test_it_lists_all_of_the_manifest() -> None:
    text = render_card("billing-notes", MANIFEST)
    for line in (
        "| seed | 0 |",
        "| hyperparameters.rank | 16 |",
        "| hyperparameters.targets | q_proj, v_proj |",
        "| note | a \\| b c |",
    ):
        assert line in text.splitlines()


def test_a_base_with_an_awkward_name_stays_valid_yaml() -> None:
    text = render_card("notes", {"base_model": "models/my: base #1", "method": "lora"})
    assert yaml.safe_load(text.split("---")[1])["base_model"] == "models/my: base #1"


@pytest.mark.parametrize(
    ("method", "format", "library", "said", "unsaid"),
    [
        ("dora", "peft", "peft", "PeftModel.from_pretrained", "sartor predict"),
        ("full", "peft", "transformers", "AutoModelForCausalLM.from_pretrained", "PeftModel"),
        ("full", "merged", "transformers", "All weights of `mine`", "PeftModel"),
        ("lora", "merged", "transformers", "A lora adapter merged into `mine`", "PeftModel"),
        ("lora", "gguf", "llama.cpp", "--lora adapter.gguf", "PeftModel"),
        ("bottleneck", "peft", "sartor", "`sartor predict` runs it", "PeftModel"),
    ],
)
def test_it_says_what_loads_the_files(method: str, format: str, library: str, said: str, unsaid: str) -> None:
    text = render_card("notes", {"base_model": "mine", "method": method}, format)
    assert ModelCard(text).data.library_name == library
    assert said in text and unsaid not in text
