"""Training speed and memory on one GPU: Sartor beside TRL, plain PEFT and, where they are installed, Liger and Unsloth.

    python bench/gpu/speed.py FOLDER [--weights MODEL_FOLDER] [--only short billion …] [--out RESULTS]

FOLDER is what collect.py made. Every system sees the same rows: LoRA of rank 16 on all linear layers, batches of 16, bfloat16,
no gradient checkpointing but where it is named. Each measurement is a process of its own: a warm-up, then repeats of one epoch
with a fresh adapter; the clock runs from the first step to the end of the last one, the GPU awaited. bench/gpu/README.md says
what the systems and the measurements are.
"""

import argparse
import functools
import gc
import importlib.util
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "bench")]

RATE, RANK, BATCH = 5e-4, 16, 16
WIDE_PASS = 32_768
"""Tokens of one pass of `sartor wide`: a whole batch, as the others compute it."""
JOBS = (1, 2, 4, 8, 16)
JOB_ROWS = 128
TOGETHER_TOKENS = 16_384
QLORA_LIMIT = 24_000
"""Megabytes of a card that training an 8B base in 4 bits has to fit."""

BILLION = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
}
EIGHT_BILLION = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128_256,
    "tie_word_embeddings": False,
}
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}


@dataclass(frozen=True)
class Case:
    about: str
    file: str
    shape: dict[str, Any] = field(default_factory=dict)
    """What differs from the base's config; then the weights are random."""
    packs: bool = True


CASES = {
    "short": Case("135M, short system prompt", "short.jsonl"),
    "instruction": Case("135M, instruction of 300 tokens", "instruction.jsonl"),
    "notes": Case("135M, 256 to 1,024 tokens, no shared prefix", "notes.jsonl", packs=False),
    "billion": Case("1B, short system prompt", "short.jsonl", BILLION),
    "together": Case("135M, several jobs at once", "short.jsonl"),
    "together-billion": Case("1B, several jobs at once", "short.jsonl", BILLION),
    "qlora": Case("8B in 4 bits", "short.jsonl", EIGHT_BILLION, packs=False),
}
Run = tuple[float, float]
"""Seconds and mean loss of an epoch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what collect.py made")
    parser.add_argument("--weights", type=Path, help="Transformers folder of the base's weights; else they are random")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, help="use the first ROWS rows only")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, to see whether everything runs")
    parser.add_argument("--seconds", type=float, default=math.inf, help="start nothing after these, and end what runs")
    parser.add_argument("--profile", action="store_true", help="print where the time of one epoch of ours goes")
    parser.add_argument("--out", type=Path, help="folder for NAME.json")
    parser.add_argument("--name", default="gpu_speed")
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "SYSTEM"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args, *args.measure)))
        return
    report(args)


def report(args: argparse.Namespace) -> None:
    from record import record

    until = time.monotonic() + args.seconds
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for case in args.only:
        for system in systems_of(case, args.systems):
            if result := measured(args, case, system, until):
                found[case, system] = result
    rows = [line for (case, system), result in found.items() for line in lines(case, system, result)]
    if args.out and found:
        args.out.mkdir(parents=True, exist_ok=True)
        about = next(iter(found.values()))
        record(args.name, rows, ratios(found), folder=args.out, gpu=about["gpu"], versions=about["versions"])
    table(found)


def systems_of(case: str, systems: list[str]) -> list[str]:
    """Which of the systems a case compares."""
    if case in ("together", "together-billion", "qlora"):
        return ["sartor"] if "sartor" in systems else []
    return [system for system in systems if system != "sartor wide" or case == "notes"]


def measured(args: argparse.Namespace, case: str, system: str, until: float) -> dict[str, Any] | None:
    """The result of a process of its own; None, having said why, where there is none."""
    missing = [name for name in SYSTEMS[system][1] if importlib.util.find_spec(name) is None]
    left = until - time.monotonic()
    if missing or left <= 0:
        print(f"{case}, {system}: skipped, {', '.join(missing) + ' is not installed' if missing else 'no time left'}")
        return None
    command = [sys.executable, __file__, args.folder, "--measure", case, system, "--device", args.device]
    command += ["--repeats", args.repeats, *(["--weights", args.weights] if args.weights else [])]
    command += [*(["--rows", args.rows] if args.rows else []), *(["--tiny"] if args.tiny else [])]
    command += ["--profile"] if args.profile and system.startswith("sartor") else []
    start = time.monotonic()
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            timeout=None if math.isinf(left) else left,
        )
    except subprocess.TimeoutExpired:
        print(f"{case}, {system}: stopped, no time left", flush=True)
        return None
    if done.returncode:
        print(f"{case}, {system}: failed\n" + "\n".join(done.stderr.splitlines()[-12:]), flush=True)
        return None
    *said, last = done.stdout.splitlines()
    print("\n".join(said) if args.profile else "", end="\n" if args.profile else "")
    print(f"{case}, {system}, {time.monotonic() - start:.0f} s in all: {last}", flush=True)
    result: dict[str, Any] = json.loads(last)
    return result


def lines(case: str, system: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a result's file."""
    from record import row

    about = CASES[case].about
    made = []
    for jobs in result.get("jobs", ()):
        what = f"{about}: {jobs['jobs']} jobs"
        made.append(row("sartor together", what, jobs["together"], "examples/s"))
        made.append(row("sartor one by one", what, jobs["alone"], "examples/s"))
        made.append(row("sartor together", f"{what}: peak GPU memory", jobs["peak_mb"], "MB"))
    if "examples_per_second" in result:
        low, high = min(result["runs"]), max(result["runs"])
        made.append(row(system, about, result["examples_per_second"], "examples/s", low, high))
        made.append(row(system, f"{about}: loss", result["loss"], ""))
        made.append(row(system, f"{about}: peak GPU memory", result["peak_mb"], "MB"))
    if "building_mb" in result:
        made.append(row(system, f"{about}: peak GPU memory while the base is made", result["building_mb"], "MB"))
    return made


def ratios(found: dict[tuple[str, str], dict[str, Any]]) -> dict[str, float]:
    made: dict[str, float] = {}
    for (case, system), result in found.items():
        about = CASES[case].about
        for jobs in result.get("jobs", ()):
            made[f"{about}: {jobs['jobs']}, together / one by one"] = jobs["together"] / jobs["alone"]
        ours = found.get((case, "sartor"))
        if ours and not system.startswith("sartor"):
            made[f"{about}: speed, sartor / {system}"] = ours["examples_per_second"] / result["examples_per_second"]
            if ours["peak_mb"]:
                made[f"{about}: memory, {system} / sartor"] = result["peak_mb"] / ours["peak_mb"]
    return made


def table(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    print(f"\n{'':46}{'':14}{'examples/s':>12}{'MB':>9}{'loss':>8}")
    for (case, system), result in found.items():
        about = CASES[case].about
        for jobs in result.get("jobs", ()):
            ratio = jobs["together"] / jobs["alone"]
            print(
                f"{about:46}{jobs['jobs']:<2} jobs       {jobs['together']:12.1f}{jobs['peak_mb']:9.0f}   "
                f"{ratio:.2f} × one by one ({jobs['alone']:.1f})"
            )
        if "examples_per_second" in result:
            numbers = f"{result['examples_per_second']:12.1f}{result['peak_mb']:9.0f}{result['loss']:8.3f}"
            verdict = ("" if result["peak_mb"] < QLORA_LIMIT else "   TOO MUCH MEMORY") if case == "qlora" else ""
            print(f"{about:46}{system:14}{numbers}{verdict}")


# --- in the process of one measurement ------------------------------------------------------------------------------------


def measure(args: argparse.Namespace, case: str, system: str) -> dict[str, Any]:
    about = {
        "gpu": torch.cuda.get_device_name() if args.device == "cuda" else "none",
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", *SYSTEMS[system][2])},
    }
    if case == "qlora":
        return qlora(args, CASES[case]) | about
    if case.startswith("together"):
        return together(args, CASES[case]) | about
    once = functools.partial(SYSTEMS[system][0], args, CASES[case])
    once(0)
    reset_peak(args)
    return summary(args, [once(seed) for seed in range(args.repeats)], len(read(args, CASES[case]))) | about


def summary(args: argparse.Namespace, runs: list[Run], rows: int) -> dict[str, Any]:
    rates = [round(rows / seconds, 2) for seconds, _ in runs]
    return {
        "examples_per_second": statistics.median(rates),
        "runs": rates,
        "rows": rows,
        "peak_mb": peak(args),
        "loss": round(statistics.mean(loss for _, loss in runs), 4),
    }


def read(args: argparse.Namespace, case: Case) -> list[dict[str, Any]]:
    with (args.folder / case.file).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file][: args.rows]


def tokenizer_of(args: argparse.Namespace) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(args.folder / "base", local_files_only=True)


def config_of(args: argparse.Namespace, shape: dict[str, Any]) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(args.folder / "base", local_files_only=True)
    for name, value in (shape | TINY if args.tiny else shape).items():
        setattr(config, name, value)
    return config


def dtype_of(args: argparse.Namespace) -> torch.dtype:
    return torch.bfloat16 if args.device == "cuda" else torch.float32


def model_of(args: argparse.Namespace, case: Case) -> Any:
    """The base on the device, with the weights of `--weights` where they are for this shape."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    gc.collect()  # of what the run before this one left
    if args.weights and not case.shape and not args.tiny:
        return AutoModelForCausalLM.from_pretrained(args.weights, dtype=dtype_of(args)).to(args.device)
    torch.manual_seed(0)
    with torch.device(args.device):
        return AutoModelForCausalLM.from_config(config_of(args, case.shape), dtype=dtype_of(args))


def settle(args: argparse.Namespace) -> float:
    """The time when the device has done all that was asked of it."""
    if args.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def reset_peak(args: argparse.Namespace) -> None:
    gc.collect()
    if args.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak(args: argparse.Namespace) -> float:
    return torch.cuda.max_memory_allocated() // 1_000_000 if args.device == "cuda" else 0


# --- Sartor ---------------------------------------------------------------------------------------------------------------


def sartor(args: argparse.Namespace, case: Case, seed: int, pass_tokens: int | None = None) -> Run:
    from sartor.models.decoder import Decoder

    decoder = Decoder(model_of(args, case).eval().requires_grad_(False))
    return solo(args, decoder, encoded(args, case), case, seed, pass_tokens)


def sartor_wide(args: argparse.Namespace, case: Case, seed: int) -> Run:
    return sartor(args, case, seed, WIDE_PASS)


def encoded(args: argparse.Namespace, case: Case) -> tuple[list[Any], int]:
    """The rows as the product makes them, and the token that pads them."""
    from sartor.data.example import Message
    from sartor.models.template import Renderer
    from sartor.train.batches import Encoded

    renderer = Renderer(tokenizer_of(args), "base")
    made = []
    for at, row in enumerate(read(args, case)):
        prompt = renderer.prompt_ids([Message(turn["role"], turn["content"]) for turn in row["prompt"]])
        made.append(Encoded(str(at), tuple(prompt), tuple(renderer.reply_ids(row["completion"][0]["content"]))))
    return made, min(renderer.stop_ids)


def job_parts(decoder: Any, case: Case, seed: int, pad: int, pass_tokens: int | None) -> tuple[Any, Any]:
    """A network with a fresh adapter and its recipe for one epoch."""
    from sartor.models.methods import fresh
    from sartor.task import TrainSpec
    from sartor.train import loop
    from sartor.train.network import FastNetwork

    loop.Checkpoint.save = lambda *_: None  # type: ignore[method-assign]  # no disk is measured
    network = FastNetwork(decoder, fresh(decoder, TrainSpec(rank=RANK, seed=seed)), "base")
    network.packs = case.packs
    return network, loop.Recipe(RATE, 1, BATCH, seed, pad, pass_tokens or loop.PASS_TOKENS)


def solo(
    args: argparse.Namespace, decoder: Any, rows: tuple[list[Any], int], case: Case, seed: int, wide: int | None = None
) -> Run:
    from sartor.train.loop import train

    network, recipe = job_parts(decoder, case, seed, rows[1], wide)

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        if done == total:
            settle(args)

    run = functools.partial(train, network, rows[0], [], recipe, progress=progress, checkpoint_seconds=math.inf)
    with tempfile.TemporaryDirectory() as scratch:
        history = profiled(args, run, Path(scratch)) if args.profile and seed == 1 else run(Path(scratch))
    return history.seconds, statistics.mean(loss for _, loss in history.losses)


def profiled(args: argparse.Namespace, run: Callable[[Path], Any], scratch: Path) -> Any:
    """One epoch under PyTorch's profiler: a table of what takes longest on the device."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if args.device == "cuda" else [])]
    with profile(activities=activities) as found:
        history = run(scratch)
    order = "self_cuda_time_total" if args.device == "cuda" else "self_cpu_time_total"
    print(found.key_averages().table(sort_by=order, row_limit=15, max_name_column_width=40))
    return history


def together(args: argparse.Namespace, case: Case) -> dict[str, Any]:
    """Several jobs in one pass beside the same jobs one after another; in the latter, job after job is timed once."""
    from sartor.models.decoder import Decoder
    from sartor.train.loop import Job
    from sartor.train.together import train_together

    decoder = Decoder(model_of(args, case).eval().requires_grad_(False))
    rows = encoded(args, case)
    rows = rows[0][:JOB_ROWS], rows[1]

    def at_once(count: int) -> float:
        with tempfile.TemporaryDirectory() as scratch:
            jobs = []
            for seed in range(count):
                network, recipe = job_parts(decoder, case, seed, rows[1], None)
                jobs.append(Job(network, rows[0], [], recipe, Path(scratch) / str(seed), checkpoint_seconds=math.inf))
            start = settle(args)
            results = train_together(jobs, TOGETHER_TOKENS)
            seconds = settle(args) - start
        for result in results:
            if isinstance(result, Exception):
                raise result
        return seconds

    counts = JOBS[:2] if args.tiny else JOBS
    solo(args, decoder, rows, case, 0)
    alone = [[solo(args, decoder, rows, case, seed)[0] for seed in range(counts[-1])] for _ in range(args.repeats)]
    made = []
    for count in counts:
        at_once(count)
        reset_peak(args)
        seconds = statistics.median(at_once(count) for _ in range(args.repeats))
        solos = statistics.median(sum(each[:count]) for each in alone)
        examples = count * len(rows[0])
        speeds = {"together": round(examples / seconds, 2), "alone": round(examples / solos, 2)}
        made.append({"jobs": count, **speeds, "peak_mb": peak(args)})
    return {"jobs": made}


def qlora(args: argparse.Namespace, case: Case) -> dict[str, Any]:
    """An 8B base of random weights, made and put into 4 bits one layer at a time; then its training."""
    from transformers import AutoModelForCausalLM

    from sartor.models.decoder import Decoder

    reset_peak(args)
    config = config_of(args, case.shape)
    layer = config_of(args, case.shape | {"num_hidden_layers": 1})
    layer.num_hidden_layers = 1
    torch.manual_seed(0)
    with torch.device(args.device):
        one = Decoder(AutoModelForCausalLM.from_config(layer, dtype=dtype_of(args)).requires_grad_(False))
    layers = []
    for _ in range(config.num_hidden_layers):
        for matrix in (one.layers[0].qkv, one.layers[0].out, one.layers[0].gate_up, one.layers[0].down):
            assert isinstance(matrix, torch.Tensor)
            matrix.normal_(0, config.initializer_range)
        layers += one.quantised().layers
    decoder = one.with_weights(one.embedding, one.head, one.norm, layers)
    decoder.config = config
    del one
    building = peak(args)
    rows, pad = encoded(args, case)
    rows = rows[: 4 * BATCH]
    solo(args, decoder, (rows, pad), case, 0)
    reset_peak(args)
    runs = [solo(args, decoder, (rows, pad), case, seed) for seed in range(args.repeats)]
    return summary(args, runs, len(rows)) | {"building_mb": building}


# --- the others -----------------------------------------------------------------------------------------------------------


def lora_config() -> Any:
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0, target_modules="all-linear")


def plain_peft(args: argparse.Namespace, case: Case, seed: int) -> Run:
    """The training loop of PEFT's documentation, the loss on the reply only."""
    from peft import get_peft_model
    from transformers import get_linear_schedule_with_warmup

    tokenizer = tokenizer_of(args)
    rows = []
    for row in read(args, case):
        prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        both = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=False)
        rows.append((both, [-100] * len(prompt) + both[len(prompt) :]))
    model = get_peft_model(model_of(args, case), lora_config())
    torch.manual_seed(seed)
    collate = functools.partial(padded, pad=tokenizer.pad_token_id or 0)
    pinned = args.device == "cuda"
    loader = torch.utils.data.DataLoader(rows, BATCH, shuffle=True, collate_fn=collate, pin_memory=pinned)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=2, num_training_steps=len(loader))
    model.train()
    total = torch.zeros((), device=args.device)
    start = settle(args)
    for batch in loader:
        batch = {name: tensor.to(args.device) for name, tensor in batch.items()}
        loss = model(**batch).loss
        total += loss.detach().float()
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return settle(args) - start, float(total) / len(loader)


def padded(rows: list[tuple[list[int], list[int]]], pad: int) -> dict[str, torch.Tensor]:
    width = max(len(ids) for ids, _ in rows)
    return {
        "input_ids": torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in rows]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows]),
        "labels": torch.tensor([labels + [-100] * (width - len(labels)) for _, labels in rows]),
    }


def trl(args: argparse.Namespace, case: Case, seed: int, **settings: Any) -> Run:
    """TRL at its fastest: bfloat16 weights, rows of similar length in a batch, no gradient checkpointing."""
    tuned = {"gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"}
    return sft(args, case, seed, model_of(args, case), lora_config(), **(tuned | settings))


def trl_default(args: argparse.Namespace, case: Case, seed: int) -> Run:
    """TRL untouched: float32 weights under autocast, rows in random order, gradient checkpointing."""
    return sft(args, case, seed, model_of(args, case).float(), lora_config())


def trl_liger(args: argparse.Namespace, case: Case, seed: int) -> Run:
    """TRL at its fastest, with the kernels of Liger."""
    return trl(args, case, seed, use_liger_kernel=True)


def unsloth(args: argparse.Namespace, case: Case, seed: int) -> Run:
    """Unsloth as its documentation shows it, on bfloat16 weights and without its gradient checkpointing."""
    from unsloth import FastLanguageModel

    with tempfile.TemporaryDirectory() as folder:
        model_of(args, case).save_pretrained(folder)
        tokenizer_of(args).save_pretrained(folder)
        model, _ = FastLanguageModel.from_pretrained(
            folder, max_seq_length=2048, dtype=torch.bfloat16, load_in_4bit=False
        )
    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = FastLanguageModel.get_peft_model(
        model,
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0,
        target_modules=modules,
        use_gradient_checkpointing=False,
        random_state=seed,
    )
    return sft(args, case, seed, model, None, gradient_checkpointing=False)


def sft(args: argparse.Namespace, case: Case, seed: int, model: Any, peft: Any, **settings: Any) -> Run:
    """An epoch of TRL's trainer; its clock starts with the first batch."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    times: list[float] = []

    class Clock(TrainerCallback):
        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            times.append(settle(args))

        on_epoch_end = on_epoch_begin

    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer_of(args),
            train_dataset=Dataset.from_list(read(args, case)),
            peft_config=peft,
            callbacks=[Clock()],
            args=SFTConfig(
                output_dir=scratch,
                per_device_train_batch_size=BATCH,
                num_train_epochs=1,
                learning_rate=RATE,
                completion_only_loss=True,
                max_length=None,
                seed=seed,
                use_cpu=args.device == "cpu",
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                **settings,
            ),
        )
        result = trainer.train()
    return times[-1] - times[0], float(result.training_loss)


SYSTEMS: dict[str, tuple[Callable[..., Run], tuple[str, ...], tuple[str, ...]]] = {
    "sartor": (sartor, (), ()),
    "sartor wide": (sartor_wide, (), ()),
    "trl": (trl, ("trl", "datasets"), ("trl", "datasets")),
    "trl default": (trl_default, ("trl", "datasets"), ("trl", "datasets")),
    "trl liger": (trl_liger, ("trl", "datasets", "liger_kernel"), ("trl", "liger_kernel")),
    "peft": (plain_peft, ("peft",), ()),
    "unsloth": (unsloth, ("unsloth", "trl"), ("trl", "unsloth")),
}
"""What measures a system, the modules and the distributions that it needs."""


if __name__ == "__main__":
    main()
