"""A language model that answers: the bare base with a prompt, the same with examples in the prompt, or a specialist."""

from collections.abc import Sequence
from dataclasses import replace

from sartor.data.example import Example
from sartor.generate.answer import Answer
from sartor.generate.constrain import ConstraintFactory
from sartor.generate.engine import GREEDY, Reply, Sampling, choose, chunks, generate, likelihoods
from sartor.generate.forward import Forward
from sartor.generate.trie import LabelTrie
from sartor.models.template import Renderer, few_shot, shared_prefix
from sartor.progress import Progress, silent


class PromptedSystem:
    """Answers by generation, constrained or free, or by label choice where a trie is given.

    `label choice` reads every label's probability and answers with the likeliest one: no other text can come out.
    Otherwise a reply is generated for each of `draws`: the first is the answer, the rest are its `others`.
    A prompt that fills the base's `context` is not asked: its answer is an error, and counted. With `likelihood`, answers
    tell that of the reference, where prompt and reference fit.
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
        draws: Sequence[Sampling] = (GREEDY,),
        context: int | None = None,
        likelihood: bool = False,
    ) -> None:
        self.name, self._likelihood = name, likelihood
        self._forward, self._renderer = forward, renderer
        self._max_tokens, self._shots = max_tokens, tuple(shots)
        self._trie, self._constrain, self._draws, self._context = trie, constrain, tuple(draws), context

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        prompts = [self._renderer.prompt_ids(few_shot(example.messages, self._shots)) for example in examples]
        reply = int(self._trie.depth.max()) + 1 if self._trie else 1
        fits = [i for i, prompt in enumerate(prompts) if not self._context or len(prompt) + reply <= self._context]
        answers: dict[int, Answer] = {}
        for places in chunks([len(prompts[i]) for i in fits]):
            chunk = [fits[place] for place in places]
            asked = [examples[i] for i in chunk], [prompts[i] for i in chunk]
            answers.update(zip(chunk, self._answer(*asked), strict=True))
            if self._likelihood:
                answers |= self._with_likelihood(chunk, *asked, answers)
            progress(self.name, len(answers), len(examples))
        return [answers.get(i) or Answer(example.id, "", finish="error") for i, example in enumerate(examples)]

    def _answer(self, examples: list[Example], prompts: list[list[int]]) -> list[Answer]:
        prefix = min(shared_prefix(prompts), min(map(len, prompts)) - 1)
        if self._trie is not None:
            return self._choose(examples, prompts, prefix, self._trie)
        stop = self._renderer.stop_ids
        asked = self._forward, prompts, prefix, stop, self._max_tokens, self._constrain
        drawn = [generate(*asked, sampling, self._context) for sampling in self._draws]
        return [
            self._finished(example.id, prompt, replies)
            for example, prompt, *replies in zip(examples, prompts, *drawn, strict=True)
        ]

    def _finished(self, id: str, prompt: list[int], replies: Sequence[Reply]) -> Answer:
        text, *others = (self._renderer.text(reply.ids) for reply in replies)
        return Answer(
            id=id,
            text=text,
            others=tuple(others),
            prompt_tokens=len(prompt) * len(replies),
            completion_tokens=sum(len(reply.ids) for reply in replies),
            finish=replies[0].finish,
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

    def _with_likelihood(
        self, chunk: list[int], examples: list[Example], prompts: list[list[int]], answers: dict[int, Answer]
    ) -> dict[int, Answer]:
        """The chunk's answers with the log-likelihood of their references."""
        references = [self._renderer.reply_ids(example.target) for example in examples]
        fits = [
            k
            for k, (prompt, reference) in enumerate(zip(prompts, references, strict=True))
            if not self._context or len(prompt) + len(reference) <= self._context
        ]
        if not fits:
            return {}
        followed = [references[k] for k in fits]
        logprobs = likelihoods(self._forward, [prompts[k] for k in fits], followed)
        return {
            chunk[k]: replace(answers[chunk[k]], reference_logprob=logprob, reference_tokens=len(reference))
            for k, reference, logprob in zip(fits, followed, logprobs, strict=True)
        }
