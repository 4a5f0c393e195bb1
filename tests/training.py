"""A small training for the tests of the loop, and the same in a process that is killed at a step."""

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file
from tests.networks import examples, fast_network
from tests.processes import die

from sartor.train.loop import History, Recipe, train
from sartor.train.network import FastNetwork

ROWS = examples(10, seed=1)
HELD = examples(13, seed=1)[10:]
RECIPE = Recipe(learning_rate=5e-3, epochs=3, batch_size=4, seed=0, pad=2)
STEPS = 9


def train_until(
    base: Path,
    scratch: Path,
    stop: Callable[[int], None] = lambda _: None,
    checkpoint_seconds: float = 20.0,
    device: str = "cpu",
) -> tuple[FastNetwork, History]:
    """A fresh network, trained; `stop` hears the number of every step that was made."""

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        stop(done)

    network = fast_network(base, device=device)
    return network, train(network, ROWS, HELD, RECIPE, scratch, progress, checkpoint_seconds)


def train_in_a_process(base: Path, scratch: Path, result: Path, dies_at: int, checkpoint_seconds: float) -> None:
    """As a program: the trained weights go into the file `result`."""

    def stop(step: int) -> None:
        if step == dies_at:
            die()

    network, _ = train_until(base, scratch, stop, checkpoint_seconds)
    save_file({"flat": network.weights.flat.detach()}, result)
