"""What a reply may be, one token at a time: masks over the vocabulary, computed by llguidance.

A factory compiles its grammar once; each sequence gets a constraint of its own. All rows of a batch share one int32
bitmask (32 tokens a word), so a decoding step is: every constraint fills its row, one `apply_bitmask`, sample, every
constraint advances. A row that nobody fills allows everything.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, cast

import llguidance.hf
import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sartor.errors import InputError
from sartor.generate.schema import literal_pattern


class Constraint(Protocol):
    """The state of one reply."""

    @property
    def finished(self) -> bool:
        """Nothing may follow but a stop token: the reply is whole."""
        ...

    def fill(self, bitmask: torch.Tensor, row: int) -> None:
        """Write the tokens that may come next, stop tokens among them where the reply may end, into one row."""
        ...

    def advance(self, token: int) -> None:
        """Take the token that was chosen. Raises ValueError when it was not allowed."""
        ...

    def forced(self) -> list[int]:
        """Tokens that must come next, not yet taken; `advance` over them instead of asking the model.

        They are the tokenizer's own choice for the text. A token that what follows could lengthen is left to the model.
        """
        ...


ConstraintFactory = Callable[[], Constraint]


def new_bitmask(rows: int, vocab_size: int) -> torch.Tensor:
    """int32 [rows, ⌈vocab_size / 32⌉] on the CPU, everything allowed."""
    return torch.full((rows, -(-vocab_size // 32)), -1, dtype=torch.int32)


def apply_bitmask(logits: torch.Tensor, bitmask: torch.Tensor) -> None:
    """Set the logits [rows, vocab] of tokens that the bitmask forbids to -inf, in place, on any device."""
    bits = np.unpackbits(bitmask.numpy().view(np.uint8), axis=1, count=logits.shape[1], bitorder="little")
    logits.masked_fill_(torch.from_numpy(bits == 0).to(logits.device), float("-inf"))


class GrammarConstraint:
    """A constraint by an llguidance grammar."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    @property
    def finished(self) -> bool:
        return self._matcher.is_stopped()

    def fill(self, bitmask: torch.Tensor, row: int) -> None:
        words = bitmask[row]
        self._matcher.unsafe_compute_mask_ptr(words.data_ptr(), words.numel() * words.element_size())

    def advance(self, token: int) -> None:
        if not self._matcher.consume_token(token):
            raise ValueError(f"token {token} is not allowed here")

    def forced(self) -> list[int]:
        return self._matcher.compute_ff_tokens()


class JsonConstraint(GrammarConstraint):
    """Compact JSON (no white space between tokens) that satisfies a schema, its keys in the schema's order."""

    @staticmethod
    def factory(
        tokenizer: PreTrainedTokenizerBase, vocab_size: int, schema: dict[str, Any], stop: Sequence[int] | None = None
    ) -> Callable[[], "JsonConstraint"]:
        """`vocab_size` is the width of the logits, `stop` the ids that end a reply (default: the tokenizer's EOS).

        Raises InputError when the tokenizer is not a fast one, or the schema is invalid or too large.
        """
        grammar = LLMatcher.grammar_from_json_schema(
            schema, overrides={"whitespace_flexible": False, "json_allow_general_unicode_escapes": True}
        )
        matcher = _compile(tokenizer, vocab_size, stop, grammar, "the JSON schema")
        return lambda: JsonConstraint(matcher.deep_copy())


class RegexConstraint(GrammarConstraint):
    """Text that matches a regular expression as a whole (Rust's syntax, without look-around)."""

    @staticmethod
    def factory(
        tokenizer: PreTrainedTokenizerBase, vocab_size: int, pattern: str, stop: Sequence[int] | None = None
    ) -> Callable[[], "RegexConstraint"]:
        """As for `JsonConstraint.factory`."""
        grammar = LLMatcher.grammar_from_regex(pattern)
        matcher = _compile(tokenizer, vocab_size, stop, grammar, "the regular expression")
        return lambda: RegexConstraint(matcher.deep_copy())


class LabelsConstraint(GrammarConstraint):
    """One or more of the labels joined by the separator, (A|B|C)(; (A|B|C))*, at most as many as there are labels."""

    @staticmethod
    def pattern(labels: Sequence[str], separator: str = "; ") -> str:
        one = label_pattern(labels)
        return f"{one}(?:{literal_pattern(separator)}{one}){{0,{len(labels) - 1}}}"

    @staticmethod
    def factory(
        tokenizer: PreTrainedTokenizerBase,
        vocab_size: int,
        labels: Sequence[str],
        separator: str = "; ",
        stop: Sequence[int] | None = None,
    ) -> Callable[[], "LabelsConstraint"]:
        """As for `JsonConstraint.factory`. A label may be chosen twice: whoever reads the reply takes it as a set."""
        if not labels:
            raise InputError("there is no label to choose from: the training rows name none")
        grammar = LLMatcher.grammar_from_regex(LabelsConstraint.pattern(labels, separator))
        matcher = _compile(tokenizer, vocab_size, stop, grammar, "the list of labels")
        return lambda: LabelsConstraint(matcher.deep_copy())


def label_pattern(labels: Sequence[str]) -> str:
    """The regular expression of one of them."""
    return "(?:" + "|".join(map(literal_pattern, labels)) + ")"


def tokenizing(
    tokenizer: PreTrainedTokenizerBase, vocab_size: int, stop: Sequence[int]
) -> Callable[[str], tuple[int, ...]]:
    """What makes tokens of any part of a text, byte for byte. Raises InputError where llguidance cannot read the tokenizer."""
    own = _ll_tokenizer(tokenizer, vocab_size, tuple(stop))
    return lambda text: tuple(own.tokenize_bytes(text.encode()))


def json_grammar(schema: dict[str, Any]) -> str:
    """What `JsonConstraint` allows, but for escapes that need not be, in llguidance's Lark, which other programs read too."""
    return "start: %json " + json.dumps({**schema, "x-guidance": {"whitespace_flexible": False}})


def regex_grammar(pattern: str) -> str:
    """What `RegexConstraint` allows, in the same language."""
    found: str = json.loads(LLMatcher.grammar_from_regex(pattern))["grammars"][0]["lark_grammar"]
    return found


def spelling(tokenizer: PreTrainedTokenizerBase, vocab_size: int, stop: Sequence[int]) -> Callable[[list[int]], bytes]:
    """How tokens are spelled: in bytes, since one may be no more than a part of a character.

    Where llguidance cannot read the tokenizer, its own text stands for them.
    """
    try:
        return _ll_tokenizer(tokenizer, vocab_size, tuple(stop)).decode_bytes
    except InputError:
        return lambda ids: str(tokenizer.decode(ids, clean_up_tokenization_spaces=False)).encode()


def _compile(
    tokenizer: PreTrainedTokenizerBase, vocab_size: int, stop: Sequence[int] | None, grammar: str, what: str
) -> LLMatcher:
    stop_ids = (tokenizer.eos_token_id,) if stop is None else tuple(stop)
    matcher = LLMatcher(_ll_tokenizer(tokenizer, vocab_size, stop_ids), grammar, log_level=0)
    if matcher.is_error():
        reason = matcher.get_error().strip().splitlines()[0]
        raise InputError(f"{what} cannot be enforced ({reason}): set `generate.constrained: false`")
    return matcher


@lru_cache(maxsize=4)
def _ll_tokenizer(tokenizer: PreTrainedTokenizerBase, vocab_size: int, stop: tuple[int, ...]) -> LLTokenizer:
    """The tokenizer as llguidance sees it, kept because building one takes a second."""
    try:
        return llguidance.hf.from_tokenizer(
            cast(PreTrainedTokenizerFast, tokenizer), n_vocab=vocab_size, eos_token=list(stop)
        )
    except ValueError as error:
        raise InputError(
            f"constrained answers need a fast tokenizer that llguidance can read ({error}): "
            "set `generate.constrained: false`"
        ) from None
