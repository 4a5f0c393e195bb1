"""Many adapters in one batch: what it costs beside the bare base, beside PEFT, and whether every row gets its own adapter.

    python bench/serve.py [--rows 16] [--tokens 32] [--rank 16] [--repeats 5]

So many rows, each with a random LoRA adapter of its own on all linear layers of the built-in base, are decoded greedily:

    base            all rows on the bare base
    one adapter     all rows on the same adapter
    own adapters    each row on its own, in one batch (`sartor.generate.running`)
    peft            the same by PEFT's mixed batch (`adapter_names`), prompts of one length, with Transformers' key-value cache

Tokens a second are medians of so many turns, in which all take part; ratios are medians over the turns. Reading prompts is not
timed: what PEFT takes to read them and write one token is taken off. Then every row's logits are held against PEFT with that
adapter alone, in float32. Results go to bench/results/serve.json.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import PeftModel

from record import Row, record, row
from sartor.flows.serving import GOLDEN
from sartor.generate.forward import FastForward
from sartor.generate.running import Running, running
from sartor.models.base import BaseModel, load, open_base, resolve
from sartor.models.builtin import BASE
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    opened = open_base(resolve(BASE.name, Path()))
    found, ratios = list[Row](), dict[str, float]()
    with TemporaryDirectory() as temporary:
        for dtype in (torch.bfloat16, torch.float32):
            fast, peft = systems(opened, dtype, args.rows, args.rank, Path(temporary))
            rows, quotients = timed(fast, peft, prompts(opened, args.rows), args.tokens, args.repeats, str(dtype)[6:])
            found += rows
            ratios |= quotients
        apart = parity(fast, peft, prompts(opened, args.rows), args.tokens)
        found.append(row("own adapters, float32", "largest difference of a logit from PEFT's", apart, ""))
    record("serve", found, ratios, threads=torch.get_num_threads(), batch=args.rows, rank=args.rank)


def prompts(opened: BaseModel, rows: int) -> list[list[int]]:
    """Of one length, so that PEFT need not pad."""
    ids = opened.tokenizer(GOLDEN * 4, add_special_tokens=False)["input_ids"]
    return [[*ids[place:], *ids[:place]] for place in range(rows)]


def systems(opened: BaseModel, dtype: torch.dtype, rows: int, rank: int, folder: Path) -> tuple[list[FastForward], Any]:
    """The base and its adapters as the engine has them, the base first; and all of them in one PEFT model."""
    decoder = Decoder(load(opened, dtype, "cpu"))
    fast, model = [FastForward(decoder)], load(opened, dtype, "cpu")
    for place in range(rows):
        weights = fresh(decoder, TrainSpec(rank=rank, seed=place))
        with torch.no_grad():
            weights.flat.add_(
                torch.randn(weights.flat.shape, generator=torch.Generator().manual_seed(place)), alpha=0.01
            )
        fast.append(FastForward(decoder, weights))
        (folder / str(place)).mkdir(exist_ok=True)
        weights.save(folder / str(place), opened.name)
        if place == 0:
            model = PeftModel.from_pretrained(model, str(folder / "0"), adapter_name="0")
        else:
            model.load_adapter(str(folder / str(place)), adapter_name=str(place))
    return fast, model.to(dtype).eval()


def timed(
    fast: list[FastForward], peft: Any, asked: list[list[int]], tokens: int, repeats: int, dtype: str
) -> tuple[list[Row], dict[str, float]]:
    base, *adapters = fast
    ways: dict[str, Callable[[], float]] = {
        "base": lambda: ours([base] * len(asked), asked, tokens),
        "one adapter": lambda: ours([adapters[0]] * len(asked), asked, tokens),
        "own adapters": lambda: ours(adapters, asked, tokens),
        "peft": lambda: theirs(peft, asked, tokens),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            seconds[name].append(way())
    seconds = {name: taken[1:] for name, taken in seconds.items()}  # the first turn warms up
    found = [
        row(f"{name}, {dtype}", "decoding", len(asked) * tokens / statistics.median(taken), "tokens/s")
        for name, taken in seconds.items()
    ]

    def quotient(slow: str, quick: str) -> float:
        return statistics.median(a / b for a, b in zip(seconds[slow], seconds[quick], strict=True))

    return found, {
        f"tokens/s, own adapters / base, {dtype}": quotient("base", "own adapters"),
        f"tokens/s, one adapter / base, {dtype}": quotient("base", "one adapter"),
        f"tokens/s, own adapters / peft, {dtype}": quotient("peft", "own adapters"),
    }


def ours(forwards: list[FastForward], asked: list[list[int]], tokens: int) -> float:
    """Seconds to decode so many tokens of every row."""
    batch, logits = joined(forwards, asked, tokens)
    start = time.perf_counter()
    for _ in range(tokens):
        batch.extend([[token] for token in logits.argmax(-1).tolist()])
        logits = batch.logits
    return time.perf_counter() - start


def joined(forwards: list[FastForward], asked: list[list[int]], tokens: int) -> tuple[Running, torch.Tensor]:
    """A batch of rows that have been read, and their next-token logits."""
    batch, logits = running(forwards[0]), []
    for forward, prompt in zip(forwards, asked, strict=True):
        reading = forward.read([], [prompt], 0)
        logits.append(reading.logits)
        batch.join(reading, forward, tokens)
    return batch, torch.cat(logits)


@torch.no_grad()
def theirs(peft: Any, asked: list[list[int]], tokens: int) -> float:
    ids, names = torch.tensor(asked), [str(place) for place in range(len(asked))]
    told = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "adapter_names": names}

    def run(new: int) -> float:
        start = time.perf_counter()
        peft.generate(**told, max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=0)
        return time.perf_counter() - start

    reading = run(1)
    return run(tokens + 1) - reading


@torch.no_grad()
def parity(fast: list[FastForward], peft: Any, asked: list[list[int]], tokens: int) -> float:
    """The largest difference of a logit, over the rows after some decoding, each from PEFT's with that adapter alone."""
    adapters, rows = fast[1:], [list(prompt) for prompt in asked]
    batch, logits = joined(adapters, asked, tokens)
    for _ in range(tokens):
        new = logits.argmax(-1).tolist()
        batch.extend([[token] for token in new])
        logits = batch.logits
        rows = [[*before, token] for before, token in zip(rows, new, strict=True)]
    apart = 0.0
    for place, (ids, own) in enumerate(zip(rows, logits, strict=True)):
        peft.set_adapter(str(place))
        apart = max(apart, float((peft(torch.tensor([ids])).logits[0, -1].float() - own).abs().max()))
    return apart


if __name__ == "__main__":
    main()
