"""Tiny random reward models on disk: what the tests load instead of downloads.

Every file is a function of the arguments alone, so two calls with the same arguments write the same bytes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedConfig

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
SPECIAL_TOKENS = (PAD, BOS, EOS, "<|system|>", "<|user|>", "<|assistant|>")

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}" + EOS + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

_COMMON: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_GPT2_STYLE: dict[str, Any] = {"n_embd": 32, "n_layer": 3, "n_head": 4}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "decoder_sparse_step": 1}

#: Configuration of every family beyond vocabulary, token ids and number of positions.
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": _COMMON,
    "qwen2": _COMMON,
    "qwen3": {**_COMMON, "head_dim": 8},
    "gemma2": {**_COMMON, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16},
    "mistral": {**_COMMON, "sliding_window": 16},
    "gpt2": _GPT2_STYLE,
    "gpt_neox": _COMMON,
    "opt": {**_COMMON, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "phi": _COMMON,
    "cohere": _COMMON,
    "granite": {**_COMMON, "embedding_multiplier": 2.0, "residual_multiplier": 0.7, "attention_multiplier": 0.3},
    "bloom": {"hidden_size": 32, "n_layer": 3, "n_head": 4},
    # Beyond the twelve that every room's tests run over:
    "gemma": {**_COMMON, "head_dim": 8},
    "gemma3_text": {**_COMMON, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16},
    "phi3": _COMMON,
    "olmo2": _COMMON,
    "stablelm": _COMMON,
    "starcoder2": {**_COMMON, "sliding_window": None},
    "falcon": {**_COMMON, "new_decoder_architecture": False, "alibi": False, "ffn_hidden_size": 64},
    "gptj": {**_GPT2_STYLE, "rotary_dim": 4},
    "gpt_neo": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 16,
    },
    "gpt_bigcode": _GPT2_STYLE,
    "mpt": {"d_model": 32, "n_layers": 3, "n_heads": 4},
    "mixtral": {**_COMMON, "num_local_experts": 4, "sliding_window": None},
    "qwen3_moe": {**_COMMON, **_EXPERTS, "head_dim": 8},
}

#: Families that can be scored and not traced through their layers.
UNTRACED: dict[str, dict[str, Any]] = {"ctrl": {"n_embd": 32, "n_layer": 3, "n_head": 4, "dff": 64}}

#: The families that every room's tests run over.
FAMILIES = tuple(CONFIGS)[:12]

#: How a family's configuration calls the number of positions, where it is not `max_position_embeddings`.
_POSITIONS_NAME = {
    "gpt2": "n_positions",
    "gptj": "n_positions",
    "gpt_bigcode": "n_positions",
    "ctrl": "n_positions",
    "mpt": "max_seq_len",
    "bloom": None,  # ALiBi knows distances, not positions
}


def save_tiny_reward_model(
    folder: str | Path,
    family: str = "llama",
    *,
    head: str = "sequence",
    seed: int = 0,
    pad_is_eos: bool = False,
    pad: bool = True,
    bos: bool = True,
    template_writes_bos: bool = True,
    chat_template: str | None = TEMPLATE,
    special_tokens: tuple[str, ...] = (),
    positions: int = 512,
    std: float = 0.2,
    config: dict[str, Any] | None = None,
    architectures: list[str] | None = None,
) -> Path:
    """Write a random decoder reward model and its byte-level tokenizer; return the folder.

    family: a key of CONFIGS or UNTRACED. `config` overrides entries: `{"word_embed_proj_dim": 16}` is an OPT with a
        narrower embedding.
    head: "sequence" (`score.weight`), "token" (`score.weight`, `score.bias`), "trl" (`v_head.summary.*` beside an
        `lm_head.weight`), "trl-side-file" (the value head in `value_head.safetensors`), "none" (a causal LM).
    pad_is_eos: the pad token is the end-of-sequence token. pad: False leaves tokenizer and config without a pad token.
    bos: the tokenizer defines a BOS token, and adds it itself where it is asked for special tokens.
    template_writes_bos: the chat template begins with the BOS token (where there is one).
    special_tokens: more of them, behind all other tokens of the vocabulary.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    template = chat_template
    if template is not None and bos and template_writes_bos:
        template = BOS + template
    tokenizer = save_tiny_tokenizer(
        folder, pad_is_eos=pad_is_eos, pad=pad, bos=bos, chat_template=template, special_tokens=special_tokens
    )
    ids = {
        "bos_token_id": tokenizer.token_to_id(BOS) if bos else None,
        "eos_token_id": tokenizer.token_to_id(EOS),
        "pad_token_id": tokenizer.token_to_id(EOS if pad_is_eos else PAD) if pad else None,
    }
    model_config = _config_of(family, tokenizer.get_vocab_size(), positions, {**ids, **(config or {})})
    _save_weights(folder, model_config, head, seed, std)
    save_config(folder, model_config, head, architectures or [_architecture(family, head)])
    return folder


def _config_of(family: str, vocabulary: int, positions: int, changes: dict[str, Any]) -> PreTrainedConfig:
    """The family's configuration with its own name for the number of positions; `changes` override it."""
    settings = {**(CONFIGS | UNTRACED)[family], "vocab_size": vocabulary}
    if positions_name := _POSITIONS_NAME.get(family, "max_position_embeddings"):
        settings[positions_name] = positions
    return AutoConfig.for_model(family, **{**settings, **changes})


def _save_weights(folder: Path, config: PreTrainedConfig, head: str, seed: int, std: float) -> None:
    tensors = random_backbone(config, seed, std)
    tensors, side_file = with_head(tensors, head, readout_width(config), seed)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if side_file:
        save_file(side_file, folder / "value_head.safetensors", metadata={"format": "pt"})


def save_config(folder: Path, config: PreTrainedConfig, head: str, architectures: list[str]) -> None:
    """Write config.json for a model with this head."""
    written = config.to_dict()
    written["architectures"] = architectures
    # As transformers writes it for one output: without it the library assumes two.
    written.update({"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}} if head in ("sequence", "token") else {})
    (folder / "config.json").write_text(json.dumps(written, indent=2, sort_keys=True, default=str) + "\n")


def save_tiny_tokenizer(
    folder: Path,
    *,
    pad_is_eos: bool = False,
    pad: bool = True,
    bos: bool = True,
    chat_template: str | None = TEMPLATE,
    special_tokens: tuple[str, ...] = (),
) -> Tokenizer:
    """Write tokenizer.json and tokenizer_config.json of a byte-level BPE with a few merges; any text round-trips."""
    tokenizer = _byte_level_tokenizer(bos, special_tokens)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": EOS,
        "model_max_length": 1000000000000000019884624838656,
        "clean_up_tokenization_spaces": False,
    }
    if bos:
        settings["bos_token"] = BOS
    if pad:
        settings["pad_token"] = EOS if pad_is_eos else PAD
    if chat_template is not None:
        settings["chat_template"] = chat_template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    return tokenizer


def _byte_level_tokenizer(bos: bool, special_tokens: tuple[str, ...] = ()) -> Tokenizer:
    merges = [
        ("Ġ", "t"),
        ("h", "e"),
        ("i", "n"),
        ("e", "r"),
        ("a", "n"),
        ("o", "n"),
        ("r", "e"),
        ("Ġ", "a"),
        ("e", "s"),
    ]
    merges += [("Ġt", "he"), ("in", "g"), ("an", "d"), ("Ġ", "s"), ("Ġ", "w"), ("o", "u"), ("i", "s"), ("e", "n")]
    pieces = [*SPECIAL_TOKENS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    pieces += special_tokens
    tokenizer = Tokenizer(models.BPE(vocab={piece: index for index, piece in enumerate(pieces)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = (*SPECIAL_TOKENS, *special_tokens)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
        )
    return tokenizer


def random_backbone(config: PreTrainedConfig, seed: int, std: float) -> dict[str, torch.Tensor]:
    """Random backbone weights under the keys that transformers itself would write for a model with a head."""
    with torch.random.fork_rng(devices=[]):  # all is made on the CPU
        torch.manual_seed(0)  # some classes draw one-dimensional weights themselves, which are only moved below
        model = AutoModel.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # Norms and biases stay near the value they start from (1, or 0 in Gemma), so that no layer dies.
            parameter.copy_(std * noise if parameter.ndim > 1 else parameter + 0.1 * noise)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)  # undoes transformers' own fusing of experts
        saved = load_file(Path(scratch) / "model.safetensors")
    return {f"{model.base_model_prefix}.{key}": tensor for key, tensor in saved.items()}


def with_head(
    tensors: dict[str, torch.Tensor], head: str, width: int, seed: int
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Add a head to the backbone's tensors; second, the tensors of a side file."""
    generator = torch.Generator().manual_seed(seed + 1)
    weight = 0.3 * torch.randn((1, width), generator=generator)
    bias = 0.5 + torch.rand((1,), generator=generator)
    if head == "sequence":
        return {**tensors, "score.weight": weight}, {}
    if head == "token":
        return {**tensors, "score.weight": weight, "score.bias": bias}, {}
    embedding = max((t for t in tensors.values() if t.ndim == 2), key=lambda tensor: tensor.shape[0])
    causal = {**tensors, "lm_head.weight": torch.randn(embedding.shape, generator=generator)}
    if head == "none":
        return causal, {}
    value_head = {"v_head.summary.weight": weight, "v_head.summary.bias": bias}
    if head == "trl":
        return {**causal, **value_head}, {}
    if head == "trl-side-file":
        return causal, value_head
    raise ValueError(f"unknown head {head!r}: sequence, token, trl, trl-side-file or none")


def readout_width(config: PreTrainedConfig) -> int:
    """Width of the vector that the head reads: OPT projects back to the width of its embedding."""
    return int(getattr(config, "word_embed_proj_dim", None) or config.hidden_size)


def _architecture(family: str, head: str) -> str:
    stem = {"gpt2": "GPT2", "gpt_neox": "GPTNeoX", "opt": "OPT"}.get(family, family.title().replace("_", ""))
    kinds = {"sequence": "SequenceClassification", "token": "TokenClassification"}
    return f"{stem}For{kinds.get(head, 'CausalLM')}"
