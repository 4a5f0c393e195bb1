"""One renderer for training and serving: what a prompt is, how a reply ends, and what odd templates do."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny import CHAT_TEMPLATE, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sartor.data.example import Example, Message
from sartor.errors import InputError
from sartor.models.template import Renderer, few_shot, shared_prefix

TALK = [Message("system", "Be brief."), Message("user", "Is it so?")]
TINY = Renderer(tiny_tokenizer(), "tiny")
NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]))

LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]\n\n{{ m.content | trim }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n\n{% endif %}"
)
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
GEMMA = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
DATED = "Today is {{ strftime_now('%d %B %Y') }}\n" + CHAT_TEMPLATE
HEADED = CHAT_TEMPLATE.replace(
    "{{ message.content }}", "{% if message.role == 'assistant' %}<final>{% endif %}{{ message.content }}"
)


def renderer(template: str | None = CHAT_TEMPLATE, **settings: object) -> Renderer:
    tokenizer = tiny_tokenizer(template)
    for name, value in settings.items():
        setattr(tokenizer, name, value)
    return Renderer(tokenizer, "tiny")


def noted(renderer: Renderer, words: str) -> bool:
    return any(words in note for note in renderer.notes)


def test_a_prompt_is_the_templates_text_up_to_where_the_assistant_speaks() -> None:
    tiny = renderer()
    expected = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nIs it so?<|im_end|>\n<|im_start|>assistant\n"
    assert tiny.prompt_text(TALK) == expected
    assert tiny.tokenizer.decode(tiny.prompt_ids(TALK)) == expected


def test_prompt_and_reply_are_the_tokens_of_the_whole_conversation() -> None:
    tiny = renderer()
    whole = tiny.tokenizer.apply_chat_template(
        [{"role": "user", "content": "Is it so?"}, {"role": "assistant", "content": "It is."}], tokenize=False
    )
    ids = tiny.prompt_ids(TALK[1:]) + tiny.reply_ids("It is.")
    assert ids == tiny.tokenizer(whole, add_special_tokens=False)["input_ids"][: len(ids)]


def test_a_reply_ends_with_the_end_of_turn_which_stops_generation() -> None:
    tiny = renderer()
    assert tiny.reply_ids("yes")[-1] == tiny.end_id == tiny.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert tiny.end_id in tiny.stop_ids


def test_every_eos_of_the_generation_config_stops_too() -> None:
    assert Renderer(tiny_tokenizer(), "tiny", eos_ids=[0, 2]).stop_ids == {0, 2}


def test_a_generation_config_that_does_not_stop_at_the_end_of_turn_is_said() -> None:
    odd = Renderer(tiny_tokenizer(), "tiny", eos_ids=[0])
    assert 2 in odd.stop_ids
    assert noted(odd, "does not name <|im_end|> as eos")


@given(NO_SURROGATES)
def test_what_is_trained_is_what_is_read_back(target: str) -> None:
    assert TINY.text(TINY.reply_ids(target)) == target


def test_text_ends_at_the_first_stop_token() -> None:
    tiny = renderer()
    assert tiny.text([*tiny.reply_ids("yes"), *tiny.reply_ids("and more")]) == "yes"


def test_a_special_token_spelled_in_a_target_does_not_end_the_reply() -> None:
    tiny = renderer()
    ids = tiny.reply_ids("say <|im_end|> aloud")
    assert ids.index(tiny.end_id) == len(ids) - 1
    assert tiny.text(ids) == "say <|im_end|> aloud"


def test_a_base_without_template_gets_the_plain_one_and_says_so() -> None:
    plain = renderer(None)
    assert plain.prompt_text(TALK) == "Be brief.\n\nIs it so?\n"
    assert plain.end_id == plain.tokenizer.eos_token_id
    assert noted(plain, "no chat template")


def test_a_base_with_neither_template_nor_eos_is_refused() -> None:
    with pytest.raises(InputError, match="neither a chat template nor an eos token"):
        renderer(None, eos_token=None)


def test_the_plain_template_starts_with_bos_where_the_tokenizer_does() -> None:
    tokenizer = tiny_tokenizer(None)
    tokenizer.add_bos_token = True
    tokenizer.update_post_processor()
    plain = Renderer(tokenizer, "tiny")
    assert plain.prompt_ids(TALK)[:2].count(tokenizer.bos_token_id) == 1


def test_different_templates_have_different_hashes() -> None:
    assert len({renderer(template).template_hash for template in (None, CHAT_TEMPLATE, LLAMA3, QWEN3)}) == 4


def test_thinking_is_switched_off_so_that_the_reply_follows_the_prompt() -> None:
    qwen = renderer(QWEN3)
    assert qwen.prompt_text(TALK).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert noted(qwen, "switched off")


def test_a_header_that_the_template_writes_before_a_reply_belongs_to_the_prompt() -> None:
    assert renderer(HEADED).prompt_text(TALK).endswith("<|im_start|>assistant\n<final>")


def test_a_system_prompt_goes_into_the_first_user_message_where_the_template_takes_none() -> None:
    gemma = renderer(GEMMA)
    assert gemma.prompt_text(TALK) == "<|im_start|>user\nBe brief.\n\nIs it so?<|im_end|>\n<|im_start|>model\n"
    assert noted(gemma, "takes no system message")


def test_a_templates_own_system_prompt_is_named() -> None:
    own = "{% if messages[0].role != 'system' %}<|im_start|>system\nI am Tiny.<|im_end|>\n{% endif %}" + CHAT_TEMPLATE
    assert noted(renderer(own), "'I am Tiny.'")
    assert not noted(renderer(), "own system prompt")


def test_a_template_that_dates_its_prompts_gets_a_fixed_date() -> None:
    dated = renderer(DATED)
    assert dated.prompt_text(TALK).startswith("Today is 26 July 2024\n")
    assert noted(dated, "2024-07-26")


def test_a_template_that_strips_whitespace_says_so_but_targets_are_kept() -> None:
    llama = renderer(LLAMA3)
    assert noted(llama, "strips the whitespace")
    assert llama.text(llama.reply_ids("  kept\n")) == "  kept\n"


def test_padding_that_equals_the_end_of_turn_is_explained() -> None:
    assert noted(renderer(), "masked by position")
    assert not noted(renderer(pad_token="<|endoftext|>"), "masked by position")


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        (CHAT_TEMPLATE.replace("message.content", "message.content | lower"), "lower-cases the user's message"),
        ("{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}", "changes or drops the user's message"),
        (
            "{% for m in messages %}{{ m.content if m.role == 'user' else m.content | upper }}<|im_end|>{% endfor %}",
            "changes the assistant's reply",
        ),
        ("{{ raise_exception('never') }}", "cannot be rendered: never"),
        (CHAT_TEMPLATE.replace("{{ message.role }}", "{{ message.role if loop.first else 0 + '' }}"), "be rendered"),
        ("{% for m in messages %", "cannot be rendered"),
        ("{{ bos_token }}" + CHAT_TEMPLATE, "two <|im_start|> tokens"),
    ],
)
def test_a_template_that_cannot_be_trained_on_is_refused(template: str, complaint: str) -> None:
    with pytest.raises(InputError, match="template of tiny") as error:
        renderer(template)
    assert complaint in str(error.value)


def test_a_conversation_that_the_template_refuses_is_an_input_error() -> None:
    strict = renderer("{% if messages | length > 2 %}{{ raise_exception('too long') }}{% endif %}" + CHAT_TEMPLATE)
    with pytest.raises(InputError, match="system, user, user: too long"):
        strict.prompt_ids([*TALK, TALK[1]])


def test_a_reply_without_special_token_after_it_ends_with_eos() -> None:
    words = renderer("{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n\n{% endfor %}### assistant:\n")
    assert words.end_id == words.tokenizer.eos_token_id
    assert noted(words, "without a special token")


def sentencepiece(template: str) -> Renderer:
    """A tokenizer that puts a space before every text, as Llama 2's and Mistral's do."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    lines = ["Sartor Probes: A Question?", "Yes It Does, 42", "[INST] [/INST] user assistant yes no"]
    words = ["\n", *(word for line in lines for word in line.split())]
    trainer = trainers.BpeTrainer(vocab_size=150, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator(words * 2, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=template
    )
    return Renderer(fast, "tiny")


@pytest.mark.parametrize(
    "template",
    [
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
        "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}",
        "{% for m in messages %}{{ m.role }}\n{{ m.content }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}assistant\n{% endif %}",
    ],
    ids=["mistral", "zephyr"],
)
def test_tokenizers_that_prepend_a_space_keep_the_templates_boundary(template: str) -> None:
    spaced = sentencepiece(template)
    turns = [{"role": "user", "content": "A Question?"}, {"role": "assistant", "content": "Yes It Does"}]
    whole = spaced.tokenizer.apply_chat_template(turns, tokenize=False)
    ids = spaced.prompt_ids([Message("user", "A Question?")]) + spaced.reply_ids("Yes It Does")
    assert ids == spaced.tokenizer(whole, add_special_tokens=False)["input_ids"][: len(ids)]
    assert spaced.text(spaced.reply_ids("Yes It Does")) == "Yes It Does"
    assert not noted(spaced, "on its own")


def test_shots_come_before_the_last_user_turn_without_their_system_prompts() -> None:
    shot = Example("1", (Message("system", "Be brief."), Message("user", "Two?")), target="No.")
    assert few_shot(TALK, [shot, shot]) == (
        TALK[0],
        *(Message("user", "Two?"), Message("assistant", "No.")) * 2,
        TALK[1],
    )
    assert few_shot(TALK, []) == tuple(TALK)


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=5))
def test_the_shared_prefix_is_the_longest_common_one(prompts: list[list[int]]) -> None:
    columns = zip(*prompts, strict=False)
    assert shared_prefix(prompts) == len(list(itertools.takewhile(lambda column: len(set(column)) == 1, columns)))
