"""Peer: the loss of direct preference optimisation and its gradients, as TRL computes them, on one batch of pairs.

    python dpo.py --model FOLDER --adapter FOLDER --data pairs.jsonl --beta 0.1 --reference base --gradients FILE

Each row of --data: {"prompt": text, "chosen": text, "rejected": text}; the batch is all of them. --reference base compares
with the model alone, start with the adapter as it is, TRL's default for a model that comes with one. Nothing is trained: the
last line on stdout is JSON with the mean loss, the norm of its gradient in the adapter's weights and the reference's mean
margin; the gradients themselves go into a safetensors file, by PEFT's names. Nothing is downloaded.
"""

import argparse
import json
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--reference", choices=["base", "start"], default="start")
    parser.add_argument("--gradients", type=Path)
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.data.read_text(encoding="utf-8").splitlines()]

    def base() -> torch.nn.Module:
        return AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)

    with tempfile.TemporaryDirectory() as scratch:
        trainer = DPOTrainer(
            model=PeftModel.from_pretrained(base(), str(args.adapter), is_trainable=True),
            ref_model=base() if args.reference == "base" else None,
            processing_class=AutoTokenizer.from_pretrained(args.model),
            train_dataset=Dataset.from_list(rows),
            args=DPOConfig(
                output_dir=scratch,
                beta=args.beta,
                per_device_train_batch_size=len(rows),
                gradient_checkpointing=False,
                bf16=False,
                max_length=None,
                use_cpu=True,
                report_to=[],
            ),
        )
        [batch] = trainer.get_train_dataloader()
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
    named = trainer.model.named_parameters()
    slopes = {name.replace(".default.", "."): each.grad for name, each in named if each.grad is not None}
    if args.gradients:
        save_file({name: slope.contiguous() for name, slope in slopes.items()}, args.gradients)
    line = {
        "peer": "trl",
        "versions": {name: version(name) for name in ("trl", "peft", "transformers", "torch")},
        "pairs": len(rows),
        "beta": args.beta,
        "reference": args.reference,
        "loss": float(loss.detach()),
        "gradient_norm": float(torch.cat([slope.flatten() for slope in slopes.values()]).norm()),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
