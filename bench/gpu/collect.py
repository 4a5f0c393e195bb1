"""What speed.py reads, put into one folder to carry to the machine with the GPU: a base without its weights, and rows.

    python bench/gpu/collect.py FOLDER [--base MODEL_FOLDER] [--data DATA_FOLDER]

FOLDER/base is config, tokenizer and chat template. A line of the JSONL files is {"prompt": [messages], "completion": [message]}:
short.jsonl        Banking77 under a short system prompt
instruction.jsonl  the same rows under an instruction of some 300 tokens
notes.jsonl        MTS-Dialog: a dialogue and its note, 256 to 1,024 tokens together
"""

import argparse
import csv
import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SHORT = "You sort messages from the customers of a bank. Answer with the intent of the message and nothing else."
INSTRUCTION = """\
You sort the messages that the customers of a bank write into its app, so that each reaches the team that can answer it.
Read the whole message first, then name the one intent that says best what the customer wants to happen next. An intent is a
few words in lower case, joined by underscores. Follow these rules:
1. Answer with the intent and nothing else: no quotes, no explanation, no greeting, no full stop at the end.
2. Where a message names two things, take the one that the customer asks about, not the one that only explains it.
3. A card that has not come yet belongs to card_arrival, and the question how long one takes to card_delivery_estimate. A card
that is gone is lost_or_stolen_card, even if the customer also asks for a new one.
4. Money that was sent and has not come is a matter of the transfer; money that was paid in and does not show is a matter of
the balance. A fee is never either of them: name the kind of fee.
5. A question about exchange rates is about the rate only when the customer doubts it; otherwise it is about where and how
money can be exchanged.
6. Spelling and tone do not matter. An angry message has the same intent as a polite one that asks for the same thing.
7. Where no intent fits well, take the nearest; there is none for other matters. Never invent one that you have not seen.
"""
NOTE = "Write the section of the clinical note that this conversation gives."
WEIGHTS = ("model.safetensors", "generation_config.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", type=Path, help="default: the built-in base, which must have been pulled")
    parser.add_argument("--data", type=Path, default=DATA, help="with banking77/train.csv and mts_dialog/train.jsonl")
    args = parser.parse_args()
    base = args.folder / "base"
    shutil.copytree(args.base or built_in(), base, ignore=shutil.ignore_patterns(*WEIGHTS), dirs_exist_ok=True)
    with (args.data / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        messages = random.Random(0).sample([(row["text"], row["category"]) for row in csv.DictReader(file)], 512)
    write(args.folder / "short.jsonl", (conversation(SHORT, *pair) for pair in messages))
    write(args.folder / "instruction.jsonl", (conversation(INSTRUCTION, *pair) for pair in messages[:256]))
    write(args.folder / "notes.jsonl", notes(args.data / "mts_dialog" / "train.jsonl", base, 96))


def conversation(system: str, asked: str, answer: str) -> dict[str, list[dict[str, str]]]:
    prompt = [{"role": "system", "content": system}, {"role": "user", "content": asked}]
    return {"prompt": prompt, "completion": [{"role": "assistant", "content": answer}]}


def notes(path: Path, base: Path, count: int) -> Iterable[dict[str, list[dict[str, str]]]]:
    """Rows of 256 to 1,024 tokens."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    made = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        both = conversation(NOTE, row["dialogue"], row["note"])
        text = tokenizer.apply_chat_template(both["prompt"] + both["completion"], tokenize=False)
        if 256 <= len(tokenizer(text)["input_ids"]) <= 1024:
            made.append(both)
    return random.Random(0).sample(made, count)


def write(path: Path, rows: Iterable[object]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(text.splitlines())} rows")


def built_in() -> Path:
    from sartor.models.builtin import BASE, pulled

    return pulled(BASE.name)


if __name__ == "__main__":
    main()
