"""What llama.cpp reads and answers: a Llama as a GGUF file, and log probabilities from its own engine in another process."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gguf import GGUFWriter
from tests.tiny import tiny_tokenizer
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.layers": "blk",
}


def write_gguf(
    model: LlamaForCausalLM, path: Path, pre: str = "smollm", tokenizer: PreTrainedTokenizerFast | None = None
) -> Path:
    """As llama.cpp's converter writes a Llama: float32, rotary halves of q and k interleaved. `tokenizer`: the tiny one."""
    config = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    tokenizer = tokenizer or tiny_tokenizer()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    special = tokenizer.added_tokens_decoder
    writer.add_token_types([3 if token in special else 1 for token in range(len(tokenizer))])
    writer.add_token_merges(_merges(tokenizer.backend_tokenizer))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(tokenizer.chat_template)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        for ours, theirs in _NAMES.items():
            name = name.replace(ours, theirs)
        if "attn_q" in name or "attn_k" in name:
            heads = config.num_attention_heads if "attn_q" in name else config.num_key_value_heads
            tensor = tensor.view(heads, 2, -1, config.hidden_size).transpose(1, 2).reshape(tensor.shape)
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _merges(tokenizer: Tokenizer) -> list[str]:
    return [
        pair if isinstance(pair, str) else " ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]
    ]


def likeliest(base: Path, adapter: Path, prompts: Sequence[list[int]], scale: float) -> list[dict[int, float]]:
    """log p of the ten likeliest tokens after each prompt, by the token, with `scale` times the adapter; all in float32."""
    asked = {"base": str(base), "adapter": str(adapter), "prompts": list(prompts), "scale": scale}
    done = subprocess.run([sys.executable, "-c", _ASK, json.dumps(asked)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return [{int(token): value for token, value in each.items()} for each in found]


_ASK = """
import json, sys
import xllamacpp

asked = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.warmup = asked["base"], 512, 1, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED  # in 16 bits
params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(asked["adapter"], asked["scale"])]
server, found = xllamacpp.Server(params), []
for prompt in asked["prompts"]:
    answer = server.handle_completions(
        {"prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 10, "cache_prompt": False}
    )
    [token] = answer["choices"][0]["logprobs"]["content"]
    found.append({each["id"]: each["logprob"] for each in token["top_logprobs"]})
print(json.dumps(found))
"""
