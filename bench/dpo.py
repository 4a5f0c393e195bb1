"""Direct preference optimisation beside TRL: the same tiny model, adapter and pairs; is the loss the same, and its gradient?

    make bench-dpo        (or: .venv/bin/python bench/dpo.py [--peer PYTHON])

The model is a random Llama of three layers in float32, the adapter a LoRA whose B matrices are drawn too, and the pairs are
random words of different lengths. Both references are compared: the frozen base, and the policy as it starts. The peer runs
in its own environment (bench/peers/README.md).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from record import Row, record, row
from sartor.models.decoder import Decoder
from sartor.models.methods.lora import LoraWeights
from sartor.task import TrainSpec
from sartor.train.batches import Encoded, Pair, collate, common_prefix
from sartor.train.dpo import PreferenceNetwork, with_reference
from sartor.train.network import FastNetwork, PlainNetwork

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / "bench" / "peers" / ".venv-trl" / "bin" / "python"
WORDS, END, RANK, ALPHA, BETA, PAIRS = 400, 0, 8, 16.0, 0.1, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, default=PEER_PYTHON, help="the Python of the peer's environment")
    args = parser.parse_args()
    if not args.peer.exists():
        sys.exit("the peer is not installed: see bench/peers/README.md")
    with tempfile.TemporaryDirectory() as scratch:
        report(args.peer, Path(scratch))


def report(peer: Path, folder: Path) -> None:
    base, adapter, pairs = tiny_base(folder / "base"), folder / "adapter", random_pairs()
    lora = LoraWeights(AutoModelForCausalLM.from_pretrained(base).config, RANK, ALPHA)
    generator = torch.Generator().manual_seed(1)
    for name, tensor in lora.tensors().items():
        if ".lora_B." in name:
            tensor.normal_(0, 0.1, generator=generator)
    adapter.mkdir()
    lora.save(adapter, str(base))
    data = folder / "pairs.jsonl"
    data.write_text("".join(json.dumps(spelled(pair)) + "\n" for pair in pairs), encoding="utf-8")
    rows: list[Row] = []
    versions = {}
    for reference in ("base", "start"):
        told = subprocess.run(
            [
                *(peer, ROOT / "bench" / "peers" / "dpo.py", "--model", base, "--adapter", adapter, "--data", data),
                *("--beta", str(BETA), "--reference", reference, "--gradients", folder / "slopes"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        theirs, slopes = json.loads(told.stdout.splitlines()[-1]), load_file(folder / "slopes")
        versions = theirs["versions"]
        wanted = torch.cat([slopes[name].flatten() for name in lora.names])
        rows.append(row("trl", f"loss, reference {reference}", theirs["loss"], "nats"))
        rows.append(row("trl", f"gradient's norm, reference {reference}", theirs["gradient_norm"], ""))
        for path in ("fast", "plain"):
            loss, found = ours(path, base, lora, adapter, pairs, reference == "base")
            name = f"sartor, {path} path"
            rows.append(row(name, f"loss, reference {reference}", loss, "nats"))
            rows.append(row(name, f"gradient's norm, reference {reference}", float(found.norm()), ""))
            apart, off = abs(loss - theirs["loss"]) / theirs["loss"], float((found - wanted).norm() / wanted.norm())
            rows.append(row(name, f"loss apart, reference {reference}", 1e6 * apart, "millionths"))
            rows.append(row(name, f"gradients apart, reference {reference}", 1e6 * off, "millionths"))
    record("dpo", rows, {}, peer=versions, pairs=PAIRS, beta=BETA)


def ours(
    path: str, base: Path, lora: LoraWeights, adapter: Path, pairs: list[Pair], frozen: bool
) -> tuple[float, torch.Tensor]:
    """Mean loss over the pairs, and its gradient in the order of the adapter's tensors."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval().requires_grad_(False)
    if path == "fast":
        decoder = Decoder(model)
        network: FastNetwork | PlainNetwork = FastNetwork(decoder, LoraWeights.load(adapter, decoder), "tiny")
    else:
        network = PlainNetwork(model, TrainSpec(rank=RANK, alpha=ALPHA), "tiny")
        network.model = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), str(adapter), is_trainable=True
        )
        named = {name.replace(".default.", "."): each for name, each in network.model.named_parameters()}
        network.trainable = [named[name] for name in lora.names]
    judged = with_reference(network, pairs, END, frozen)
    preferring = PreferenceNetwork(network, BETA)
    batch = collate(judged, common_prefix(judged) if network.packs else 0, END)
    loss = preferring.loss(batch) / len(judged)
    loss.backward()
    return float(loss.detach()), torch.cat(
        [each.grad.flatten() for each in preferring.trainable if each.grad is not None]
    )


def tiny_base(folder: Path) -> Path:
    """Three layers of grouped attention, and a tokenizer that has a word for every number."""
    vocabulary = {"</s>": END} | {f"w{n}": n for n in range(1, WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.1,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=END,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>").save_pretrained(folder)
    return folder


def random_pairs() -> list[Pair]:
    """Prompts that share their first words, and two replies to each that end with the end of turn."""
    rng = random.Random(0)

    def words(least: int, most: int) -> tuple[int, ...]:
        return tuple(rng.randrange(1, WORDS) for _ in range(rng.randint(least, most)))

    shared = words(6, 6)
    pairs = []
    for place in range(PAIRS):
        prompt = shared + words(2, 20)
        chosen, rejected = ((*words(1, 12), END) for _ in range(2))
        pairs.append(Pair(Encoded(str(place), prompt, chosen), Encoded(str(place), prompt, rejected), 0.0))
    return pairs


def spelled(pair: Pair) -> dict[str, str]:
    """The pair as text; whoever reads it adds the end of turn."""
    prompt, chosen, rejected = (
        " ".join(f"w{token}" for token in ids if token != END)
        for ids in (pair.prompt, pair.chosen.reply, pair.rejected.reply)
    )
    return {"prompt": prompt, "chosen": f" {chosen}", "rejected": f" {rejected}"}


if __name__ == "__main__":
    main()
