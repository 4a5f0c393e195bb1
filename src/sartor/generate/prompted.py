"""A language model that answers: the bare base with a prompt, the same with examples in the prompt, or a specialist."""

from collections.abc import Sequence

from sartor.data.example import Example
from sartor.generate.answer import Answer
from sartor.generate.constrain import ConstraintFactory
from sartor.generate.engine import GREEDY, Reply, Sampling, choose, chunks, generate
from sartor.generate.forward import Forward
from sartor.generate.trie import LabelTrie
from sartor.models.template import Renderer, few_shot, shared_prefix
from sartor.progress import Progress, silent


class PromptedSystem:
    """Answers by generation, constrained or free, or by label choice where a trie is given.

    `label choice` reads every label's probability and answers with the likeliest one: no other text can come out.
    A prompt that fills the base's `context` is not asked: its answer is an error, and counted.
    """

    def __init__(
        self,
        name: str,
        forward: Forward,
        renderer: Renderer,
        max_tokens: int,
        *,
        shots: Sequence[Example] = (),
        trie: LabelTrie | None = None,
        constrain: ConstraintFactory | None = None,
        sampling: Sampling = GREEDY,
        context: int | None = None,
    ) -> None:
        self.name = name
        self._forward, self._renderer = forward, renderer
        self._max_tokens, self._shots = max_tokens, tuple(shots)
        self._trie, self._constrain, self._sampling, self._context = trie, constrain, sampling, context

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        prompts = [self._renderer.prompt_ids(few_shot(example.messages, self._shots)) for example in examples]
        reply = int(self._trie.depth.max()) + 1 if self._trie else 1
        fits = [i for i, prompt in enumerate(prompts) if not self._context or len(prompt) + reply <= self._context]
        answers: dict[int, Answer] = {}
        for places in chunks([len(prompts[i]) for i in fits]):
            chunk = [fits[place] for place in places]
            asked = [examples[i] for i in chunk], [prompts[i] for i in chunk]
            answers.update(zip(chunk, self._answer(*asked), strict=True))
            progress(self.name, len(answers), len(examples))
        return [answers.get(i) or Answer(example.id, "", finish="error") for i, example in enumerate(examples)]

    def _answer(self, examples: list[Example], prompts: list[list[int]]) -> list[Answer]:
        prefix = min(shared_prefix(prompts), min(map(len, prompts)) - 1)
        if self._trie is not None:
            return self._choose(examples, prompts, prefix, self._trie)
        stop = self._renderer.stop_ids
        replies = generate(
            self._forward, prompts, prefix, stop, self._max_tokens, self._constrain, self._sampling, self._context
        )
        return [
            self._finished(example.id, prompt, reply)
            for example, prompt, reply in zip(examples, prompts, replies, strict=True)
        ]

    def _finished(self, id: str, prompt: list[int], reply: Reply) -> Answer:
        return Answer(
            id=id,
            text=self._renderer.text(reply.ids),
            prompt_tokens=len(prompt),
            completion_tokens=len(reply.ids),
            finish=reply.finish,
        )

    def _choose(self, examples: list[Example], prompts: list[list[int]], prefix: int, trie: LabelTrie) -> list[Answer]:
        answers = []
        for example, prompt, row in zip(examples, prompts, choose(self._forward, prompts, prefix, trie), strict=True):
            probs = dict(zip(trie.labels, map(float, row), strict=True))
            label = max(probs, key=probs.__getitem__)
            answers.append(
                Answer(
                    id=example.id,
                    text=label,
                    label_probs=probs,
                    prompt_tokens=len(prompt),
                    completion_tokens=len(trie.paths[trie.labels.index(label)]),
                )
            )
        return answers
