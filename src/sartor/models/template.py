"""Messages in, token ids out: the one place where prompts and replies are rendered, for training and for serving.

A prompt is the chat template's text up to where the assistant speaks. A reply is tokenised apart from it and ends with
the template's end-of-turn token, so that training sees the very boundary that generation starts from. What a template
does is measured with probe conversations when a `Renderer` is made, never guessed from its name.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerBase

from sartor.data.example import Example, Message
from sartor.errors import InputError

PLAIN = (
    "{% if starts_with_bos %}{{ bos_token }}{% endif %}"
    "{% for message in messages %}{{ message.content }}"
    "{% if message.role == 'system' %}{{ '\\n\\n' }}"
    "{% elif message.role == 'user' %}{{ '\\n' }}"
    "{% else %}{{ eos_token + '\\n\\n' }}{% endif %}{% endfor %}"
)
"""What bases without a chat template get: `{system}⏎⏎{user}⏎`, and a reply that ends with the eos token."""

# Some templates write the date of rendering into the prompt; a fixed one keeps training and serving alike.
_DATE = datetime(2024, 7, 26)
_NOW = re.compile(r"""strftime_now\(\s*(['"])(.*?)\1\s*\)""")
_SYSTEM, _USER, _REPLY = "Sartor Probes: System.", "Sartor Probes: A Question?", "Yes It Does, 42"


def template_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """The tokenizer's own chat template, the default one where it has several, or `PLAIN` where it has none."""
    return str(tokenizer.get_chat_template()) if tokenizer.chat_template else PLAIN


class Renderer:
    """Renders for one tokenizer. Raises InputError when its template cannot be trained on."""

    notes: tuple[str, ...]
    """What a careful user wants to know of this template, a sentence each."""
    stop_ids: frozenset[int]
    """Generation ends at any of these: the end of turn, and every eos the base names."""
    end_id: int
    """The end-of-turn token, supervised at the end of every reply."""
    template_hash: str
    """sha256 of the chat template's text; travels with each adapter."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, base_name: str, eos_ids: Collection[int] = ()) -> None:
        """`eos_ids` are those of the base's generation config."""
        self.tokenizer = tokenizer
        self.base_name = base_name
        self._template = template_text(tokenizer)
        self.template_hash = hashlib.sha256(self._template.encode()).hexdigest()
        self._options: dict[str, Any] = {}
        self._takes_system = True
        self._prompt_tail = ""
        self._reply_lead = ""
        self._anchor: list[int] = []
        notes: list[str] = []
        self._set_options(notes)
        prompt = self._probe_prompt(notes)
        full = self._probe(Message("user", _USER), Message("assistant", _REPLY))
        self.end_id = self._probe_end(full, notes)
        self.stop_ids = frozenset({self.end_id, *eos_ids} | ({self._eos} if self._eos is not None else set()))
        self._probe_reply(prompt, full, notes)
        self._compare_ids(prompt, eos_ids, notes)
        self.notes = tuple(notes)

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """The prompt as text, special tokens spelled out.

        Raises InputError when the template refuses the conversation (roles out of order, say).
        """
        try:
            return self._render(messages) + self._prompt_tail
        except TemplateError as error:
            roles = ", ".join(message.role for message in messages)
            raise InputError(
                f"the chat template of {self.base_name} refuses a conversation of {roles}: {error}"
            ) from error

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, up to where the reply starts."""
        return self._encode(self.prompt_text(messages))

    def reply_ids(self, target: str) -> list[int]:
        """The reply's tokens, the end of turn last. Special tokens spelled in a target are plain text here."""
        return [*self._encode_reply(target), self.end_id]

    def reply_places(self, target: str) -> list[tuple[int, int]]:
        """For each token of `reply_ids`, the characters `target[start:end]` that it spells; none for the end of turn.

        Raises InputError for a tokenizer that cannot tell.
        """
        ids = self._encode_reply(target)
        for lead in ("\n", self._reply_lead) if self._anchor else (self._reply_lead,):
            try:
                coded = self.tokenizer(
                    lead + target, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
                )
            except NotImplementedError:
                break
            skipped = len(coded["input_ids"]) - len(ids)
            if coded["input_ids"][skipped:] == ids:
                places = [(max(0, a - len(lead)), max(0, b - len(lead))) for a, b in coded["offset_mapping"][skipped:]]
                return [*places, (len(target), len(target))]
        raise InputError(
            f"the tokenizer of {self.base_name} does not tell which characters a token spells, as `train.fact_weight` and "
            "`train.field_weight` need it to: remove them, or choose another base"
        )

    def text(self, ids: Sequence[int]) -> str:
        """The reply that generated `ids` spell, up to the first stop token; `text(reply_ids(target)) == target`."""
        end = next((place for place, token in enumerate(ids) if token in self.stop_ids), len(ids))
        text = self.tokenizer.decode(list(ids[:end]), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text).removeprefix(self._reply_lead)

    def _render(self, messages: Sequence[Message], generate: bool = True) -> str:
        if not self._takes_system and messages[0].role == "system":
            first, second, *rest = messages
            messages = [Message(second.role, f"{first.content}\n\n{second.content}"), *rest]
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text = self.tokenizer.apply_chat_template(
            turns, chat_template=self._template, tokenize=False, add_generation_prompt=generate, **self._options
        )
        return str(text)

    def _encode(self, text: str, plain: bool = False) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=plain)["input_ids"]
        return ids

    def _encode_reply(self, target: str) -> list[int]:
        if self._anchor:
            ids = self._encode("\n" + target, plain=True)
            if ids[: len(self._anchor)] == self._anchor:
                return ids[len(self._anchor) :]
        return self._encode(self._reply_lead + target, plain=True)

    @property
    def _eos(self) -> int | None:
        eos: int | None = self.tokenizer.eos_token_id
        return eos

    def _set_options(self, notes: list[str]) -> None:
        if self._template is PLAIN:
            if self._eos is None:
                raise InputError(
                    f"{self.base_name} has neither a chat template nor an eos token, so a reply could not end: "
                    "name one as `eos_token` in tokenizer_config.json"
                )
            first = self.tokenizer("x")["input_ids"][:1]
            self._options["starts_with_bos"] = self.tokenizer.bos_token_id is not None and (
                first == [self.tokenizer.bos_token_id]
            )
            notes.append(
                f"{self.base_name} has no chat template: prompts are `{{system}}⏎⏎{{user}}⏎`, replies end with "
                f"{self.tokenizer.eos_token}"
            )
        if "enable_thinking" in self._template:
            self._options["enable_thinking"] = False
            notes.append("the chat template can let the model think before it replies: that is switched off")
        if "strftime_now" in self._template:
            self._template = _NOW.sub(lambda call: repr(_DATE.strftime(call[2])), self._template)
            notes.append(f"the chat template writes today's date into the prompt: it is fixed at {_DATE:%Y-%m-%d}")

    def _probe(self, *messages: Message) -> str:
        try:
            return self._render(messages, generate=messages[-1].role == "user")
        except (TemplateError, TypeError, ValueError) as error:
            raise InputError(f"the chat template of {self.base_name} cannot be rendered: {error}") from error

    def _probe_prompt(self, notes: list[str]) -> str:
        """The text of a prompt without a system message, having looked what the template does to messages."""
        user = Message("user", _USER)
        prompt = self._probe(user)
        if _USER not in prompt:
            how = "lower-cases" if _USER.lower() in prompt else "changes or drops"
            raise InputError(
                f"the chat template of {self.base_name} {how} the user's message; "
                f"put a template that keeps it into {self.base_name}'s folder (chat_template.jinja)"
            )
        padded = f"  {_USER}\n"
        if padded not in self._probe(Message("user", padded)):
            notes.append("the chat template strips the whitespace around messages")
        try:
            before, found, after = self._probe(Message("system", _SYSTEM), user).partition(_SYSTEM)
        except InputError:
            found = ""
        self._takes_system = bool(found)
        if not found:
            notes.append("the chat template takes no system message: the system prompt opens the first user message")
        elif prompt.startswith(before) and prompt.endswith(after):
            own = prompt[len(before) : len(prompt) - len(after)].strip()
            if own:
                notes.append(f"the chat template adds its own system prompt where a task has none: {own!r}")
        return prompt

    def _probe_end(self, full: str, notes: list[str]) -> int:
        """The first special token after a reply; eos where the template writes none."""
        if _REPLY not in full:
            raise InputError(
                f"the chat template of {self.base_name} changes the assistant's reply, so what is trained would not be "
                f"what is served; put a template that keeps it into {self.base_name}'s folder (chat_template.jinja)"
            )
        after = full[full.rindex(_REPLY) + len(_REPLY) :]
        special = {*self.tokenizer.all_special_ids, *self.tokenizer.added_tokens_decoder}
        ids = self._encode(after)
        place = next((place for place, token in enumerate(ids) if token in special), None)
        if place is None:
            if self._eos is None:
                raise InputError(
                    f"the chat template of {self.base_name} ends a reply without a special token and the tokenizer has "
                    "no eos token: name one as `eos_token` in tokenizer_config.json"
                )
            notes.append(
                f"the chat template ends a reply without a special token: replies end with {self.tokenizer.eos_token}"
            )
            return self._eos
        if place > 0:
            token = self.tokenizer.convert_ids_to_tokens(ids[place])
            notes.append(f"the chat template writes text between a reply and {token}: it is left out")
        return ids[place]

    def _probe_reply(self, prompt: str, full: str, notes: list[str]) -> None:
        """Find how a reply is tokenised so that prompt and reply together are what the template's own text gives."""
        start = full.rindex(_REPLY)
        if not full.startswith(prompt):
            notes.append(
                "the chat template renders a finished reply differently from the prompt for a new one: "
                "training and serving both follow the prompt"
            )
            return
        lead = full[len(prompt) : start]
        if lead.strip():  # a header of the reply, such as a closed block of thoughts
            self._prompt_tail, lead = lead, ""
        whole = self._encode(full[: start + len(_REPLY)])
        head = self._encode(prompt + self._prompt_tail)
        for way in (("", []), (lead, []), ("", self._encode("\n"))):
            self._reply_lead, self._anchor = way
            if head + self._encode_reply(_REPLY) == whole:
                return
        self._reply_lead, self._anchor = lead, []
        notes.append(
            "a reply tokenised on its own differs from the same reply in its conversation: "
            "training and serving both tokenise it on its own"
        )

    def _compare_ids(self, prompt: str, eos_ids: Collection[int], notes: list[str]) -> None:
        ids, bos, pad = self._encode(prompt), self.tokenizer.bos_token_id, self.tokenizer.pad_token_id
        end = self.tokenizer.convert_ids_to_tokens(self.end_id)
        if bos is not None and ids[:2] == [bos, bos] and bos != self.end_id:
            raise InputError(
                f"the chat template of {self.base_name} starts a prompt with two {self.tokenizer.bos_token} tokens; "
                "remove one from chat_template.jinja"
            )
        if self.tokenizer(prompt)["input_ids"] != ids:
            notes.append(
                "the tokenizer adds special tokens of its own (a second BOS, say) to rendered text: Sartor does not, "
                "and no other server of these adapters should"
            )
        if eos_ids and self.end_id not in eos_ids:
            notes.append(f"the base's generation config does not name {end} as eos: Sartor stops there all the same")
        if pad == self.end_id:
            notes.append(f"padding and end of turn are the same token {end}: loss is masked by position, never by id")


def few_shot(messages: Sequence[Message], shots: Sequence[Example]) -> tuple[Message, ...]:
    """The conversation with each shot's turns and target put before its last user turn; shots' system prompts go."""
    turns = [
        turn
        for shot in shots
        for turn in (*(m for m in shot.messages if m.role != "system"), Message("assistant", shot.target))
    ]
    return (*messages[:-1], *turns, messages[-1])


def shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many leading tokens all prompts have in common; 0 for no prompts."""
    if not prompts:
        return 0
    # The lexicographically first and last differ wherever any two do.
    low, high = min(prompts, key=list), max(prompts, key=list)
    return next((place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
