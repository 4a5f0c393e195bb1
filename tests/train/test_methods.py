"""One suite over every method: it gives what PEFT or Transformers gives, trains, is saved, read again, and resumed."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftConfig, PeftModel, get_peft_model
from pydantic import ValidationError
from tests.methods import (
    ALL,
    HELD,
    KNOWN_TO_PEFT,
    NOTHING_RANDOM,
    ON_THE_PLAIN_PATH,
    PAD,
    PREFIX,
    RATES,
    RECIPE,
    ROWS,
    SPECS,
    fresh_network,
    numbers,
    train_method,
    train_method_until_killed,
    train_starving,
)
from tests.networks import plain_model
from tests.processes import KILLED, exit_code
from tests.tiny import tiny_llama
from torch import Tensor
from transformers import AutoModelForCausalLM

from sartor.errors import InputError, SystemFailure
from sartor.generate.forward import FastForward, PlainForward
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh, load
from sartor.task import TrainSpec
from sartor.train.batches import Batch, collate
from sartor.train.loop import Recipe, train
from sartor.train.network import FastNetwork, Network, PlainNetwork

BOTH_PATHS = [(method, True) for method in ALL] + [(method, False) for method in ON_THE_PLAIN_PATH]
both_paths = pytest.mark.parametrize(
    ("method", "fast"), BOTH_PATHS, ids=lambda value: value if isinstance(value, str) else "fast" if value else "plain"
)


@pytest.fixture(params=SPECS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def network(base: Path, method: str, seed: int = 0) -> FastNetwork:
    """A fresh one, moved off its start a little so that every number of it shows."""
    decoder = Decoder(plain_model(base))
    made = FastNetwork(decoder, fresh(decoder, TrainSpec(**SPECS[method], seed=seed)), "tiny")
    with torch.no_grad():
        made.weights.flat += 0.03 * torch.randn(len(made.weights.flat), generator=torch.Generator().manual_seed(7))
    return made


def saved_logits(base: Path, folder: Path, method: str, ids: Tensor) -> Tensor:
    """By Transformers, and PEFT, from the files."""
    if method == "full":
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    else:
        model = PeftModel.from_pretrained(plain_model(base), str(folder))
    logits: Tensor = model.eval()(ids).logits[:, -ids.shape[1] :]
    return logits


@pytest.mark.parametrize("method", KNOWN_TO_PEFT)
def test_what_is_saved_gives_the_same_loss_in_peft(family: Path, method: str, tmp_path: Path) -> None:
    made = network(family, method)
    made.save(tmp_path)
    wanted = 0.0
    with torch.no_grad():
        for row in ROWS:
            logits = saved_logits(family, tmp_path, method, torch.tensor([row.prompt + row.reply]))[0]
            replied = logits[len(row.prompt) - 1 : -1].log_softmax(-1)
            wanted -= float(replied.gather(1, torch.tensor(row.reply)[:, None]).sum())
        for prefix in (0, PREFIX):
            assert float(made.loss(collate(ROWS, prefix, PAD))) == pytest.approx(wanted, rel=1e-5)


def test_read_again_it_is_the_same(family: Path, method: str, tmp_path: Path) -> None:
    made = network(family, method)
    made.save(tmp_path)
    again = load(tmp_path, Decoder(plain_model(family)))
    assert torch.equal(again.flat, made.weights.flat)


def test_the_engine_answers_as_the_trained_network(family: Path, method: str) -> None:
    made = network(family, method)
    for prefix in (0, PREFIX):
        reading = FastForward(made.decoder, made.weights).read(
            ROWS[0].prompt[:prefix], [row.prompt[prefix:] for row in ROWS], room=8
        )
        told = reading.logprobs([row.reply for row in ROWS])
        with torch.no_grad():
            assert -sum(told) == pytest.approx(float(made.loss(collate(ROWS, PREFIX, PAD))), rel=1e-5)


def test_gradients_are_those_of_small_steps(llama: Path, method: str) -> None:
    """The loss falls along the gradient by what the gradient says."""
    made = network(llama, method)
    batch = collate(ROWS, PREFIX, PAD)
    loss = made.loss(batch)
    loss.backward()
    squared = sum(float(leaf.grad.square().sum()) for leaf in made.trainable if leaf.grad is not None)
    step = 1e-3 / squared**0.5
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            for leaf in made.trainable:
                leaf += sign * step * leaf.grad
            values.append(float(made.loss(batch).double()))
            for leaf in made.trainable:
                leaf -= sign * step * leaf.grad
    if method != "dora":  # its norm is a constant to the gradient
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(squared, rel=2e-2)
    assert values[0] > values[1]


def test_it_learns(llama: Path, method: str, tmp_path: Path) -> None:
    decoder = Decoder(plain_model(llama))
    made = FastNetwork(decoder, fresh(decoder, TrainSpec(**SPECS[method])), "tiny")
    recipe = Recipe(RATES.get(method, 2e-2), epochs=30, batch_size=6, seed=0, pad=PAD)
    history = train(made, ROWS, [], recipe, tmp_path)
    assert history.losses[-1][1] < 0.9 * history.losses[0][1]


@pytest.fixture
def base(llama: Path, gpt2: Path, fast: bool) -> Path:
    """One that takes the path in question."""
    return llama if fast else gpt2


@both_paths
def test_killed_in_earnest_it_goes_on_to_the_same_bits(base: Path, method: str, fast: bool, tmp_path: Path) -> None:
    whole, history = train_method(base, method, fast, tmp_path / "whole")
    assert exit_code(train_method_until_killed, base, method, fast, tmp_path / "killed", 4) == KILLED
    made: list[int] = []
    resumed, again = train_method(base, method, fast, tmp_path / "killed", made.append)
    assert made == list(range(4, history.steps + 1))
    assert torch.equal(numbers(resumed), numbers(whole))
    assert (again.losses, again.validation, again.computed_tokens, again.held_tokens) == (
        history.losses, history.validation, history.computed_tokens, history.held_tokens,
    )  # fmt: skip
    assert again.attempts == 2


@both_paths
def test_one_seed_gives_one_result_and_another_seed_another(
    base: Path, method: str, fast: bool, tmp_path: Path
) -> None:
    first, again = (train_method(base, method, fast, tmp_path / name)[0] for name in "ab")
    assert torch.equal(numbers(first), numbers(again))
    starts = [numbers(fresh_network(base, method, seed, fast)) for seed in (0, 0, 1)]
    assert torch.equal(starts[0], starts[1])
    assert torch.equal(starts[0], starts[2]) == (method in NOTHING_RANDOM)


@both_paths
@pytest.mark.parametrize("where", ["loss", "gradient", "weight"])
def test_what_is_not_finite_stops_it_at_once_and_names_the_batch(
    base: Path, method: str, fast: bool, where: str, tmp_path: Path
) -> None:
    network = fresh_network(base, method, fast=fast)
    if where == "weight":
        recipe = Recipe(
            learning_rate=1e38, epochs=1, batch_size=3, seed=0, pad=PAD
        )  # the step itself leaves the numbers
        network.rate_ratios = [1e38] * len(network.trainable)
    else:
        recipe = RECIPE
        network.loss = spoilt(network, where, at=2)  # type: ignore[method-assign]
    step, what = (1, "a weight") if where == "weight" else (2, "loss or gradient")
    told: list[str] = []
    with pytest.raises(
        SystemFailure, match=f"^{what} is not finite at step {step}, rows .*: lower `train.learning_rate`"
    ):
        train(network, ROWS, HELD, recipe, tmp_path, lambda what, done, *_: told.append(f"{what} {done}"))
    assert told == [f"train {done}" for done in range(1, step)]
    assert not list(tmp_path.glob("*"))


def spoilt(network: Network, where: str, at: int) -> Any:
    """The network's loss, whose value or gradient is NaN from the `at`-th pass on."""
    loss, passes = network.loss, 0

    def spoiling(batch: Batch, smoothing: float = 0.0) -> Tensor:
        nonlocal passes
        passes += 1
        value = loss(batch, smoothing)
        if passes >= at and where == "loss":
            return value * float("nan")
        if passes >= at:
            value.register_hook(lambda grad: grad * float("nan"))
        return value

    return spoiling


@pytest.mark.parametrize(
    ("layers", "megabytes", "rows", "length", "settings", "more"),
    [
        (3, 75, 64, 100, {"pass_tokens": 100_000}, set()),
        (16, 220, 1, 4000, {}, {"gradient_checkpointing"}),
        (3, 30, 1, 8000, {"method": "full"}, {"gradient_checkpointing", "max_length"}),
    ],
    ids=["a batch", "one long row", "one far too long row, full"],
)
def test_where_memory_ends_it_says_what_fits_and_that_fits(
    tmp_path: Path, layers: int, megabytes: int, rows: int, length: int, settings: dict[str, Any], more: set[str]
) -> None:
    """The limit is the operating system's, on a process of its own."""
    llama = tiny_llama(tmp_path, layers=layers)
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
    told = tmp_path / "first" / "told"
    assert exit_code(train_starving, llama, told, megabytes, rows, length, settings) == 0
    said = told.read_text()
    assert said.startswith("memory ran out at the largest pass, ")
    proposed = {
        key: json.loads(value) for key, value in re.findall(r"`train\.(\w+): (\w+)`", said) if key != "overlong"
    }
    assert set(proposed) == {"pass_tokens", *more}
    length = proposed.get("max_length", length)
    told = tmp_path / "again" / "told"
    assert exit_code(train_starving, llama, told, megabytes, rows, length, settings | proposed) == 0
    assert told.read_text() == "1"


# How many numbers, and what the path through Transformers makes of a method


@pytest.mark.parametrize("method", KNOWN_TO_PEFT)
def test_it_trains_as_many_numbers_as_peft_does(family: Path, method: str, tmp_path: Path) -> None:
    made = network(family, method)
    made.save(tmp_path)
    if method == "full":
        wanted = sum(p.numel() for p in AutoModelForCausalLM.from_pretrained(tmp_path).parameters())
    else:
        config = PeftConfig.from_pretrained(str(tmp_path))
        config.inference_mode = False
        tuned: Any = get_peft_model(plain_model(family), config)
        wanted, _ = tuned.get_nb_trainable_parameters()
    assert sum(tensor.numel() for tensor in made.trainable) == wanted


@pytest.mark.parametrize("method", ON_THE_PLAIN_PATH)
def test_on_the_plain_path_it_learns_and_what_is_saved_answers_the_same(
    gpt2: Path, method: str, tmp_path: Path
) -> None:
    made = fresh_network(gpt2, method, fast=False)
    recipe = Recipe(RATES.get(method, 2e-2), epochs=30, batch_size=6, seed=0, pad=PAD)
    history = train(made, ROWS, [], recipe, tmp_path / "scratch")
    assert history.losses[-1][1] < 0.95 * history.losses[0][1]
    made.save(tmp_path)
    if method == "full":
        model: Any = plain_model(tmp_path)
    else:
        model = PeftModel.from_pretrained(plain_model(gpt2), str(tmp_path))
    with torch.no_grad():
        wanted = float(made.loss(collate(ROWS, 0, PAD)))
    told = PlainForward(model.eval(), model.config.vocab_size).read([], [row.prompt for row in ROWS], room=16)
    assert -sum(told.logprobs([row.reply for row in ROWS])) == pytest.approx(wanted, rel=1e-4)


def test_on_the_plain_path_a_narrow_base_is_fully_tuned_in_float32_and_saved_as_it_was(
    gpt2: Path, tmp_path: Path
) -> None:
    made = PlainNetwork(plain_model(gpt2).to(torch.bfloat16), TrainSpec(method="full"), "tiny")
    assert {tensor.dtype for tensor in made.trainable} == {torch.float32}
    made.save(tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path, dtype="auto").dtype == torch.bfloat16
    assert {tensor.dtype for tensor in made.trainable} == {torch.float32}


def test_virtual_tokens_of_a_prompt_are_counted_as_computed(llama: Path, gpt2: Path) -> None:
    batch = collate(ROWS, 0, PAD)
    assert fresh_network(llama, "lora").tokens(batch) == fresh_network(llama, "prefix").tokens(batch) == batch.tokens
    assert fresh_network(llama, "prompt").tokens(batch) == batch.tokens + 5
    padded = len(ROWS) * max(map(len, ROWS))
    assert fresh_network(gpt2, "prompt", fast=False).tokens(batch) == padded + 5 * len(ROWS)


# What it refuses


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"method": "bottleneck"},
            "`method: bottleneck` is for bases of the fast path, and gpt2 is none: choose another",
        ),
        ({"method": "qlora"}, "`method: qlora` is for bases of the fast path, and gpt2 is none: choose another"),
        ({"depth": 1}, "`train.depth` is for bases of the fast path, and gpt2 is none: remove it"),
    ],
)
def test_what_the_plain_path_cannot_do_is_refused(gpt2: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        PlainNetwork(plain_model(gpt2), TrainSpec(**settings), "tiny")


@pytest.mark.parametrize("method", ["lora", "qlora", "bottleneck"])
def test_more_layers_than_there_are_is_refused(llama: Path, method: str) -> None:
    with pytest.raises(InputError, match="`train.depth` is 4, and the base has 3 layers: lower it"):
        fresh(Decoder(plain_model(llama)), TrainSpec(method=method, depth=4))


def test_vectors_of_a_base_that_peft_does_not_know_are_refused(gpt2: Path) -> None:
    model = plain_model(gpt2)
    model.config.model_type = "gpt7"
    with pytest.raises(InputError, match="does not know where the vectors of a gpt7 belong: choose another method"):
        PlainNetwork(model, TrainSpec(method="ia3"), "tiny")


def test_four_bits_without_bitsandbytes_say_what_to_install(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.functional", None)
    decoder = Decoder(plain_model(llama))
    for four_bits in (lambda: fresh(decoder, TrainSpec(method="qlora")), decoder.quantised):
        with pytest.raises(
            InputError, match=r"needs bitsandbytes: install `sartor\[qlora\]`, or train with `method: lora`"
        ):
            four_bits()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "ia3", "rank": 8}, "`rank` is read by `method: lora | qlora | bottleneck`, and this is `method: ia3`"),
        ({"method": "full", "depth": 2}, "`depth` is read by `method: lora | qlora | bottleneck`, and this is `method: full`"),
        ({"virtual_tokens": 8}, "`virtual_tokens` is read by `method: prompt | prefix`, and this is `method: lora`"),
        ({"method": "prompt", "dora": True}, "`dora` is read by `method: lora | qlora`, and this is `method: prompt`"),
        ({"placement": "houlsby"}, "`placement` is read by `method: bottleneck`, and this is `method: lora`"),
        ({"method": "bottleneck", "alpha": 8.0}, "`alpha` is read by `method: lora | qlora`"),
        ({"rank": 0}, "greater than or equal to 1"),
        ({"rank": 513}, "less than or equal to 512"),
        ({"depth": 0}, "greater than or equal to 1"),
        ({"lora_plus": 0.0}, "greater than 0"),
        ({"method": "prefix", "virtual_tokens": 0}, "greater than or equal to 1"),
        ({"method": "adapters"}, "Input should be 'lora', 'qlora', 'ia3'"),
    ],
)  # fmt: skip
def test_a_setting_that_the_method_does_not_have_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TrainSpec(**settings)
    assert said in str(refused.value)


@pytest.mark.parametrize("method", ALL)
def test_a_spec_that_was_written_out_is_read_again(method: str) -> None:
    spec = TrainSpec(**ALL[method])
    assert TrainSpec.model_validate(spec.model_dump(mode="json")) == spec
