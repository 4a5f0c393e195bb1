"""Random models small enough to train in a test: two or three layers, grouped attention, a BPE tokenizer of 400 tokens.

Each function saves a Transformers folder (config, safetensors, tokenizer, chat template) and returns its path. Weights
are drawn wide (standard deviation 0.1), so that logits differ visibly and a wrong mask or position shows.
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

VOCABULARY = 400
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TEXT = [
    'Patient seen for type 2 diabetes and hypertension. {"icd": ["E11.9", "I10"], "cpt": ["99213"], "age": 57}',
    "My card was charged twice and the refund has not arrived yet; please cancel the transfer to my account.",
    "system user assistant: answer with the label of the intent, nothing else. balance_not_updated, lost_card.",
    "The quick brown fox jumps over the lazy dog. 0 1 2 3 4 5 6 7 8 9 yes no true false null select from where",
]


def tiny_tokenizer(chat_template: str | None = CHAT_TEMPLATE) -> PreTrainedTokenizerFast:
    """Byte-level BPE; `<|endoftext|>` 0, `<|im_start|>` 1 (bos), `<|im_end|>` 2 (eos and pad). No text is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        chat_template=chat_template,
    )


def tiny_sentencepiece() -> PreTrainedTokenizerFast:
    """As Llama 2's: a space is `▁`, one comes before any text and is lost when that is decoded, and a character that is no
    token is spelled in tokens of a byte each. `<unk>` 0, `<s>` 1 (bos), `</s>` 2 (eos)."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *"▁abcde", "▁a", "bc"]
    merges = [("▁", "a"), ("b", "c")]
    vocabulary = {piece: id for id, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def _save(
    model_class: type[PreTrainedModel], config: PreTrainedConfig, folder: Path, seed: int, template: str | None
) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = model_class(config)
        # Norms and biases start at ones and zeros, where mistakes with them hide.
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
        # The padding token's embedding starts at zero; it is the end of turn too, which could then never be learned.
        embedding = model.get_input_embeddings().weight.data
        embedding[config.pad_token_id] = 0.1 * torch.randn_like(embedding[0])
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tiny_tokenizer(template).save_pretrained(folder)
    return folder


_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.1,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
}


def tiny_llama(
    tmp_path: Path, *, tied: bool = True, kv_heads: int = 2, layers: int = _SIZES["num_hidden_layers"], seed: int = 0
) -> Path:
    """`kv_heads` 4 is plain multi-head attention, 1 multi-query."""
    sizes = _SIZES | {"num_key_value_heads": kv_heads, "num_hidden_layers": layers}
    config = LlamaConfig(**sizes, tie_word_embeddings=tied)
    return _save(LlamaForCausalLM, config, tmp_path / "tiny-llama", seed, CHAT_TEMPLATE)


def tiny_qwen2(tmp_path: Path, *, seed: int = 0) -> Path:
    """Biases on q, k, v."""
    return _save(Qwen2ForCausalLM, Qwen2Config(**_SIZES), tmp_path / "tiny-qwen2", seed, CHAT_TEMPLATE)


def tiny_qwen3(tmp_path: Path, *, seed: int = 0) -> Path:
    """Norms on q and k; heads wider than hidden_size / heads."""
    config = Qwen3Config(**_SIZES, head_dim=32)
    return _save(Qwen3ForCausalLM, config, tmp_path / "tiny-qwen3", seed, CHAT_TEMPLATE)


def tiny_mistral(tmp_path: Path, *, window: int | None = None, seed: int = 0) -> Path:
    config = MistralConfig(**_SIZES, sliding_window=window)
    return _save(MistralForCausalLM, config, tmp_path / "tiny-mistral", seed, CHAT_TEMPLATE)


def tiny_gpt2(tmp_path: Path, *, seed: int = 0) -> Path:
    """Outside the Llama family, learned positions, no chat template, no dropout."""
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_positions=512,
        initializer_range=0.1,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    return _save(GPT2LMHeadModel, config, tmp_path / "tiny-gpt2", seed, None)
