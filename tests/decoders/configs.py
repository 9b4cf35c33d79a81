"""A tiny configuration of every decoder that transformers knows, made from its default by shrinking what is a size.

A type that a newer transformers adds is covered without a word here if the rules below suffice for it, and fails the
tests if they do not.
"""

from __future__ import annotations

import inspect
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

_SIZES: dict[int, str] = {
    279: "vocab_size vocab_size_per_layer_input",  # of the tokenizer that tests/tiny.py writes
    64: "max_position_embeddings n_positions max_seq_len context_length model_max_length mamba_d_ssm"
    " ffn_dim n_inner dff ffn_hidden_size dim_ff",
    48: "intermediate_size dense_intermediate_size intermediate_size_mlp",
    32: "hidden_size n_embd d_model embedding_dim word_embed_proj_dim lru_width attention_hidden_size ple_embed_dim"
    " out_hidden_size vision_output_dim projector_output_dim projector_input_dim ext_pw_out_channel nemo_conv_channels"
    " depthwise_separable_out_channel adapter_in_dim adapter_out_dim adapter_input_size base_channels embed_dim",
    16: "moe_intermediate_size expert_ffn_hidden_size shared_expert_intermediate_size shared_intermediate_size"
    " shared_experts_intermediate_size moe_shared_expert_intermediate_size q_lora_rank kv_lora_rank o_lora_rank"
    " mamba_chunk_size chunk_size mamba_headdim rel_extent router_hidden_size",
    8: "index_topk head_dim kv_channels dim_head qk_head_dim v_head_dim swa_head_dim index_head_dim"
    " query_pre_attn_scalar laurel_rank hidden_size_per_layer_input hc_lowrank adapter_rank"
    " linear_key_head_dim linear_value_head_dim linear_head_dim"
    " mamba_d_state state_size ssm_state_size mamba_n_heads mamba_d_head mamba_num_heads mamba_head_dim"
    " sliding_window sliding_window_size window_size local_attention attention_window_size attention_chunk_size",
    4: "num_attention_heads n_head n_heads num_heads attention_heads swa_num_attention_heads linear_num_heads"
    " linear_num_value_heads num_experts num_local_experts n_routed_experts moe_num_experts qk_rope_head_dim"
    " qk_nope_head_dim rotary_dim mamba_dt_rank time_step_rank d_rel"
    " index_block_size",
    2: "num_hidden_layers n_layer n_layers num_layers num_key_value_heads swa_num_key_value_heads index_n_heads"
    " n_groups num_experts_per_tok num_experts_per_token moe_topk moe_k n_group num_expert_group n_mamba_heads"
    " linear_num_key_heads index_topk_blocks",
    1: "topk_group",
}
#: Settings that are sizes, under whatever name a configuration has them, and what they become.
SIZES = {name: size for size, names in _SIZES.items() for name in names.split()}
SIZES.update(pad_token_id=0, bos_token_id=1, eos_token_id=2)

_LAYER_COUNTS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
#: Settings with one entry per layer: every kind that the default has is kept.
_LAYER_KINDS = ("layer_types", "mlp_layer_types", "layers_block_type")

#: Here the size of a head is that of its rotary part.
_ROTARY_HEAD = {"head_dim": 4}
_LINEAR_AND_FULL = ["linear_attention", "full_attention"]
_SLIDING_AND_FULL = ["sliding_attention", "full_attention"]

#: What the rules above get wrong, or what their default leaves out: recurrent layers without attention, say.
OVERRIDES: dict[str, dict[str, Any]] = {
    "axk1": _ROTARY_HEAD,
    "bamba": {"attn_layer_indices": [1]},
    "bert-generation": {"is_decoder": True},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 1e4},
        "ffn_config": {"hidden_size": 32, "ffn_hidden_size": 16, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "deepseek_v3": {**_ROTARY_HEAD, "first_k_dense_replace": 1},
    "dots1": {"n_shared_experts": 1, "first_k_dense_replace": 1},
    "dots3_note_text": {
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 4,
        "swa_q_lora_rank": 16,
        "swa_kv_lora_rank": 16,
        "swa_head_dim": 8,
        "swa_qk_nope_head_dim": 4,
        "swa_v_head_dim": 8,
    },
    "emu3": {"vocabulary_map": {"<image>": 5}},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 2,
        "layer_types": 2 * _SLIDING_AND_FULL,
        "intermediate_size": 4 * [48],
        "activation_sparsity_pattern": [0.5, 0.0, 0.0, 0.0],
    },
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": _LINEAR_AND_FULL},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "longcat_flash": {**_ROTARY_HEAD, "zero_expert_num": 2},
    "mamba2": {"num_heads": 8},
    "qwen4_exp_text": {
        "ngram_vocab_size_base": 500,
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
    },
    "recurrent_gemma": {"num_hidden_layers": 3},
    "xlstm": {"hidden_size": 128, "embedding_dim": 128},
    "youtu": _ROTARY_HEAD,
    "zamba": {
        "num_hidden_layers": 3,
        "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "num_key_value_heads": 4,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
    },
    "zamba2": {"num_key_value_heads": 4},
    "zaya": {"num_experts_per_tok": 1},
}

_ENCODER = "encoder: every token sees the whole text; refused"
_BOTH = "encoder and decoder, or the decoder of such a pair; refused"
_DRAFTS = "drafts tokens for another model, whose states it reads; refused"
#: Why a type is in no row of the table. The masked language models and translators of transformers come on top.
NOT_COVERED = {
    **dict.fromkeys(("canine", "layoutlmv2", "layoutlmv3", "lilt", "markuplm", "xlnet"), _ENCODER),
    **dict.fromkeys(("musicgen", "musicgen_melody", "trocr", "whisper"), _BOTH),
    **dict.fromkeys(("gemma4_assistant", "gemma4_unified_assistant"), _DRAFTS),
    "blt": "reads bytes in patches of its own making; refused",
    "cpmant": "tokens of its prompt see those after them; refused",
    "gemma3n": "its vision tower needs the library timm; its text model is gemma3n_text",
    "llama4": "AutoModel builds it with its language-model head and gives no hidden states; its text model is "
    "llama4_text",
}

#: Their files, as transformers writes them, name the backbone's weights without a prefix.
UNPREFIXED = frozenset({"deepseek_v4", "emu3"})


def not_covered() -> dict[str, str]:
    """Every type that transformers can classify sequences or write text with and that is no decoder here, and why."""
    families = {**MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES, **MODEL_FOR_CAUSAL_LM_MAPPING_NAMES}
    reasons = {
        **dict.fromkeys(MODEL_FOR_MASKED_LM_MAPPING_NAMES, _ENCODER),
        **dict.fromkeys(MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES, _BOTH),
        **NOT_COVERED,
    }
    return {model_type: reasons[model_type] for model_type in sorted(families) if model_type in reasons}


def covered() -> list[str]:
    """Every other type: new ones of a newer transformers are among them."""
    families = {**MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES, **MODEL_FOR_CAUSAL_LM_MAPPING_NAMES}
    return sorted(families.keys() - not_covered().keys())


def tiny_config(model_type: str, **changes: Any) -> PreTrainedConfig:
    """The tiny configuration of a model type; `changes` override it.

    Where the default has layers of several kinds, so has this one, one of each.
    """
    default = AutoConfig.for_model(model_type)
    return AutoConfig.for_model(model_type, **{**_shrunk(default), **changes})


def _shrunk(default: PreTrainedConfig) -> dict[str, Any]:
    """Settings that make a configuration of this class tiny, those of its parts included."""
    taken = inspect.signature(type(default)).parameters
    settings: dict[str, Any] = {name: size for name, size in SIZES.items() if name in taken}
    kinds = {name: list(dict.fromkeys(vars(default).get(name) or ())) for name in _LAYER_KINDS if name in taken}
    layers = max([2, *map(len, kinds.values())])
    settings.update({name: layers for name in _LAYER_COUNTS if name in taken})
    settings.update({name: (layers * of)[:layers] for name, of in kinds.items() if of})
    if "kv_lora_rank" in taken:  # latent attention: as many key heads as query heads
        settings["num_key_value_heads"] = SIZES["num_attention_heads"]
    parts = {name: part for name, part in vars(default).items() if isinstance(part, PreTrainedConfig)}
    settings.update({name: _shrunk(part) for name, part in parts.items() if name in taken})
    return {**settings, **OVERRIDES.get(default.model_type, {})}
