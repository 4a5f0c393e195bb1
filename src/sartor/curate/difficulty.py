"""How hard an answer is to tell from its question, as the base sees it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sartor.data.example import Example, Message
from sartor.generate.engine import chunks, likelihoods
from sartor.generate.forward import Forward
from sartor.models.template import Renderer
from sartor.progress import Progress, silent


def instruction_following_difficulty(
    forward: Forward,
    renderer: Renderer,
    examples: Sequence[Example],
    context: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """[n]: perplexity of the target after its conversation over that after a blank one (IFD; 2308.12032, with a small base
    2402.00530). Near 0: the question tells all; 1 and more: it tells nothing.

    A conversation that does not fit into `context` tokens together with the target loses its beginning.
    """
    replies = [renderer.reply_ids(example.target) for example in examples]
    blank = renderer.prompt_ids((Message("user", ""),))
    asked = [renderer.prompt_ids(example.messages) for example in examples]
    means = np.zeros((2, len(examples)))
    for which, prompts in enumerate((asked, [blank] * len(examples))):
        if context:
            prompts = [prompt[-max(1, context - len(reply)) :] for prompt, reply in zip(prompts, replies, strict=True)]
        done = 0
        for places in chunks([len(prompt) + len(reply) for prompt, reply in zip(prompts, replies, strict=True)]):
            followed = [replies[place][:context] for place in places]
            sums = likelihoods(forward, [prompts[place] for place in places], followed)
            means[which, places] = np.array(sums) / list(map(len, followed))
            done += len(places)
            progress("difficulty", which * len(examples) + done, 2 * len(examples))
    difficulty: NDArray[np.float64] = np.exp(means[1] - means[0])
    return difficulty
