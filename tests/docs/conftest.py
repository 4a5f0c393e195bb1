"""Stand-ins for the built-in models: random ones, small enough that whole pages run in seconds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.docs.checkout import Checkout
from tests.tiny import VOCABULARY, tiny_llama, tiny_tokenizer
from transformers import BertConfig, BertModel

from sartor.models.builtin import BASE, ENCODER
from sartor.models.encoder import WIDTH


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of models that holds, under the built-in names, a Llama and a BERT of two or three tiny layers."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SARTOR_CACHE", str(cache))
        base, encoder = BASE.path, ENCODER.path
    base.parent.mkdir(parents=True)
    tiny_llama(cache).rename(base)
    config = base / "config.json"
    settings = json.loads(config.read_text()) | {"max_position_embeddings": 4096}
    config.write_text(json.dumps(settings))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sizes = {"num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64}
        BertModel(BertConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, **sizes)).save_pretrained(encoder)
    tiny_tokenizer(None).save_pretrained(encoder)
    return cache


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkout]:
    with Checkout(tmp_path) as checkout:
        monkeypatch.chdir(checkout.folder)
        yield checkout
