"""Peer: supervised fine-tuning with TRL and PEFT, set up as their documentation shows, on a file of chat rows.

    python trl_sft.py --model FOLDER --data train.jsonl --rows 1000 --epochs 3 --save ADAPTER

Each row of --data: {"prompt": [chat messages], "completion": [one assistant message]}. LoRA on all linear layers, loss
on the completion only, gradient checkpointing off (it would only cost time here), no row truncated (the default cuts at
1,024 tokens); everything that is no option below is TRL's default. Two settings:

    default   as TRL does it untouched: float32 weights under bfloat16 autocast, rows in random order
    tuned     the fastest setting found on a CPU: rows of similar length in a forward pass, and the number format that
              the machine computes fastest: bfloat16 weights under autocast, or float32 throughout

The clock starts when the model is loaded and the rows are tokenised, and stops after the last step. The last line on
stdout is JSON: examples and computed tokens a second (padding included), seconds, peak resident memory in MB, mean
training loss; and the tokens of all rows, without padding. Nothing is downloaded: the model is a local folder.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a Transformers model")
    parser.add_argument("--data", type=Path, required=True, help="JSONL of prompt and completion")
    parser.add_argument("--rows", type=int, help="use the first ROWS rows only")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pass-rows", type=int, help="rows in one forward pass; a batch then takes several")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--setting", choices=["default", "tuned"], default="default")
    parser.add_argument(
        "--tuned-format", choices=["bfloat16", "float32"], default="bfloat16", help="of --setting tuned"
    )
    parser.add_argument("--save", type=Path, help="folder for the trained adapter")
    return parser.parse_args()


class CountingCollator:
    """The trainer's own collator; counts the tokens of the batches that it makes, padding included."""

    def __init__(self, collate: Any) -> None:
        self.collate, self.tokens = collate, 0

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = self.collate(rows)
        self.tokens += batch["input_ids"].numel()
        return batch


def main() -> None:
    args = arguments()
    tuned = args.setting == "tuned"
    narrow = args.tuned_format == "bfloat16"
    pass_rows = args.pass_rows or args.batch
    rows = [json.loads(line) for line in args.data.read_text(encoding="utf-8").splitlines()][: args.rows]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(
                args.model, dtype=torch.bfloat16 if tuned and narrow else torch.float32
            ),
            processing_class=AutoTokenizer.from_pretrained(args.model),
            train_dataset=Dataset.from_list(rows),
            peft_config=LoraConfig(
                r=args.rank, lora_alpha=2 * args.rank, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
            args=SFTConfig(
                output_dir=scratch,
                per_device_train_batch_size=pass_rows,
                gradient_accumulation_steps=args.batch // pass_rows,
                num_train_epochs=args.epochs,
                learning_rate=args.learning_rate,
                completion_only_loss=True,
                max_length=None,
                gradient_checkpointing=False,
                bf16=narrow if tuned else None,
                train_sampling_strategy="batch_rebalance" if tuned else "random",
                seed=args.seed,
                use_cpu=not torch.cuda.is_available(),
                save_strategy="no",
                report_to=[],
                logging_steps=10,
            ),
        )
        tokens = sum(len(ids) for ids in trainer.train_dataset["input_ids"])
        trainer.data_collator = counter = CountingCollator(trainer.data_collator)
        start = time.perf_counter()
        result = trainer.train()
        seconds = time.perf_counter() - start
        if args.save:
            trainer.save_model(str(args.save))
    line = {
        "peer": "trl",
        "setting": args.setting,
        "versions": {name: version(name) for name in ("trl", "peft", "transformers", "torch")},
        "rows": len(trainer.train_dataset),
        "tokens": tokens,
        "epochs": args.epochs,
        "batch": args.batch,
        "pass_rows": pass_rows,
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 2),
        "examples_per_second": round(len(rows) * args.epochs / seconds, 3),
        "computed_tokens_per_second": round(counter.tokens / seconds, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "loss": round(result.training_loss, 4),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
