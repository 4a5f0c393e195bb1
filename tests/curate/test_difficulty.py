"""IFD beside its definition, by plain Transformers."""

from pathlib import Path

import numpy as np
import torch
from tests.curate.pools import row
from tests.tiny import tiny_llama
from transformers import AutoModelForCausalLM

from sartor.curate.difficulty import instruction_following_difficulty
from sartor.data.example import Message
from sartor.generate.forward import FastForward
from sartor.models.base import open_base, resolve
from sartor.models.decoder import Decoder

ROWS = [row("1", "where is my card", "card"), row("2", "and my money, please", "refund it now"), row("3", "hm", "x")]


def test_difficulty_is_the_ratio_of_two_perplexities(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    renderer = open_base(resolve(str(folder), tmp_path)).renderer

    def perplexity(messages: tuple[Message, ...], target: str) -> float:
        prompt, reply = renderer.prompt_ids(messages), renderer.reply_ids(target)
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *reply]])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        return float(torch.exp(-logits[range(len(reply)), reply].mean()))

    found = instruction_following_difficulty(FastForward(Decoder(model)), renderer, ROWS)
    blank = (Message("user", ""),)
    wanted = [perplexity(each.messages, each.target) / perplexity(blank, each.target) for each in ROWS]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_what_does_not_fit_loses_its_beginning(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    renderer = open_base(resolve(str(folder), tmp_path)).renderer
    long = row("1", "word " * 500, "card")
    found = instruction_following_difficulty(FastForward(Decoder(model)), renderer, [long], context=40)
    reply = renderer.reply_ids("card")
    losses = []
    for prompt in (renderer.prompt_ids(long.messages), renderer.prompt_ids((Message("user", ""),))):
        kept = prompt[-(40 - len(reply)) :]
        with torch.no_grad():
            logits = model(torch.tensor([[*kept, *reply]])).logits[0, len(kept) - 1 : -1].log_softmax(-1)
        losses.append(float(-logits[range(len(reply)), reply].mean()))
    np.testing.assert_allclose(found, np.exp(losses[0] - losses[1]), rtol=1e-4)
