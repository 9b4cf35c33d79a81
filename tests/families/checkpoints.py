"""Tiny checkpoints of every family: exactly the keys that its training code writes, on a random backbone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.tiny import EOS, PAD, TEMPLATE, save_tiny_reward_model

WIDTH = 32
#: The id of the first token behind the tiny vocabulary.
ADDED = 279
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """What a family's checkpoint holds.

    head: key -> shape. backbone: a name in tests.tiny. prefix: of the backbone's keys instead of transformers' own.
    config: entries of config.json. options: of `save_tiny_reward_model`; without any,
    EOS is the padding token and ends every turn, so that the rules for the position disagree.
    tokenizer: entries of tokenizer_config.json.
    side_files: name -> prefix of the head keys that lie there, without it. pickled: weights in pytorch_model.bin.
    keeps_logits: the language-model head stays. logits_bias: with a bias.
    """

    head: Shapes = field(default_factory=dict)
    backbone: str = "llama"
    prefix: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=lambda: {"pad_is_eos": True})
    tokenizer: dict[str, Any] = field(default_factory=dict)
    side_files: dict[str, str] = field(default_factory=dict)
    folder: str = "model"
    pickled: bool = False
    keeps_logits: bool = False
    logits_bias: bool = False


def save(layout: Layout, parent: Path, seed: int = 0) -> Path:
    """Write a checkpoint into a folder of `parent` and return it."""
    folder = save_tiny_reward_model(parent / layout.folder, layout.backbone, head="none", seed=seed, **layout.options)
    _add(folder / "config.json", layout.config)
    _add(folder / "tokenizer_config.json", layout.tokenizer)
    tensors = _renamed(load_file(folder / "model.safetensors"), layout, seed)
    head = head_of(layout, seed)
    for name, prefix in layout.side_files.items():
        inside = {key: head.pop(key) for key in list(head) if key.startswith(prefix)}
        _write(folder / name, {key.removeprefix(prefix): tensor for key, tensor in inside.items()})
    (folder / "model.safetensors").unlink()
    _write(folder / ("pytorch_model.bin" if layout.pickled else "model.safetensors"), {**tensors, **head})
    return folder


def head_of(layout: Layout, seed: int = 0) -> dict[str, Tensor]:
    """The head's tensors by key, random, with statistics that are far from those of a fresh module."""
    generator = torch.Generator().manual_seed(seed + 7)
    return {key: _values(key, shape, generator) for key, shape in layout.head.items()}


def _values(key: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    noise = torch.randn(shape, generator=generator)
    if key.endswith(("num_batches_tracked", "normalizer.count")):
        return torch.full(shape, 1234, dtype=torch.int64)
    if key.endswith(("running_var", "normalizer.var")):
        return 2 + noise.square()
    if key.endswith(("running_mean", "normalizer.mean")):
        return 1 + noise
    if key.endswith("logit_scale"):
        return 1.3 + 0.1 * noise
    return 0.6 * noise if key.startswith("gating.layers") else 0.3 * noise  # a gate that differs between prompts


def _renamed(tensors: dict[str, Tensor], layout: Layout, seed: int) -> dict[str, Tensor]:
    """The backbone under the family's prefix; the language-model head only where it belongs to the checkpoint."""
    [own] = {key.split(".")[0] + "." for key in tensors if key != "lm_head.weight"}
    prefix = own if layout.prefix is None else layout.prefix
    logits = tensors.pop("lm_head.weight")
    renamed = {prefix + key.removeprefix(own): tensor for key, tensor in tensors.items()}
    if layout.keeps_logits:
        renamed["lm_head.weight"] = logits
    if layout.logits_bias:
        renamed["lm_head.bias"] = torch.randn(len(logits), generator=torch.Generator().manual_seed(seed + 9))
    return renamed


def _add(file: Path, entries: dict[str, Any]) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))


def _write(file: Path, tensors: dict[str, Tensor]) -> None:
    write: Callable[..., None] = save_file if file.suffix == ".safetensors" else torch.save
    write(tensors, file)


def layer(key: str, wide: int = 1, narrow: int = WIDTH, *, bias: bool = True) -> Shapes:
    """The keys of a linear layer."""
    return {f"{key}.weight": (wide, narrow), **({f"{key}.bias": (wide,)} if bias else {})}


def layers(key: str, places: tuple[int, ...], *widths: int, bias: bool = True) -> Shapes:
    """The keys of linear layers on top of each other, by their places; the last one always has a bias."""
    pairs = zip(places, (WIDTH, *widths[:-1]), widths, strict=True)
    return {
        name: shape
        for place, narrow, wide in pairs
        for name, shape in layer(f"{key}.{place}", wide, narrow, bias=bias or place == places[-1]).items()
    }


def normalisations(key: str, places: tuple[int, ...], wide: int) -> Shapes:
    """The keys of batch normalisations."""
    names = ("weight", "bias", "running_mean", "running_var")
    return {
        **{f"{key}.{place}.{name}": (wide,) for place in places for name in names},
        **{f"{key}.{place}.num_batches_tracked": () for place in places},
    }


LLAMA_TOKENS = ("<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")
GEMMA_TOKENS = ("<start_of_turn>", "<end_of_turn>")
LLAMA_TEMPLATE = (
    "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA_TEMPLATE = (
    "{% for message in messages %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] }}<end_of_turn>\n{% endfor %}"
)
PLAIN_TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
#: The EOS token stands at the end alone, where a rule that takes it for padding reads the token before.
ENDED: dict[str, Any] = {"chat_template": PLAIN_TEMPLATE + EOS, "pad_is_eos": True}
LLAMA: dict[str, Any] = {"special_tokens": LLAMA_TOKENS, "chat_template": LLAMA_TEMPLATE}
GEMMA_PADDED: dict[str, Any] = {"special_tokens": GEMMA_TOKENS, "chat_template": GEMMA_TEMPLATE + PAD}
ANSWERS: dict[str, Any] = {"special_tokens": ("Yes", "No")}
V_HEAD = layer("v_head", bias=False)
NORMALISER: Shapes = {"normalizer.mean": (1,), "normalizer.var": (1,), "normalizer.count": (1,)}
GATE: Shapes = {"gating.logit_scale": (1,)}
QWEN = {"special_tokens": ("<extra_0>",)}
SHEPHERD = {
    "special_tokens": ("ки",),
    "chat_template": "{{ messages[0]['content'] }} {{ messages[1]['content'] }}",
    "template_writes_bos": False,
}


def _classifier(name: str, **entries: Any) -> dict[str, Any]:
    return {"architectures": [name], **entries}


def _beaver(kind: str, *, normalises: bool) -> dict[str, Any]:
    # The statistics in the configuration are those of a start, which the ones among the weights replace.
    return _classifier("LlamaForScore", score_type=kind, do_normalize=normalises, mean=[9.0], var=[9.0], score_dim=1)


_QRM_LLAMA = {
    **layer("regression_layer", 4 * 3, bias=False),
    "reward_transform_matrix": (4, 4),
    **GATE,
    **layers("gating.layers", (0, 3, 6, 9), 24, 24, 24, 4, bias=False),
    **normalisations("gating.layers", (2, 5, 8), 24),
}
_QRM_GEMMA = {
    **layer("regression_layer", 5 * 3, bias=False),
    **GATE,
    **layers("gating.layers", (0, 4, 8, 11), 24, 24, 24, 5, bias=False),
    **normalisations("gating.layers", (2, 6, 10), 24),
}
_LDL = {
    **layers("regression_layer.network", (0, 2, 4), 24, 24, 30),
    **layers("gating_layer.network", (0, 3, 6), 24, 24, 3),
}
_LDL_FILES = {"regression_layer.pt": "regression_layer.", "gating_layer.pt": "gating_layer."}

#: Every layout by a name of its own.
LAYOUTS: dict[str, Layout] = {
    "classifier": Layout(layer("score", bias=False), options=ENDED),
    "two outputs": Layout(layer("score", 2, bias=False), config=_classifier("LlamaForSequenceClassification")),
    "ctrl": Layout(layer("classifier", bias=False), "ctrl"),
    "token classifier": Layout(layer("score"), config=_classifier("LlamaForTokenClassification")),
    "openrlhf old": Layout(
        layer("value_head", bias=False),
        config={"mean": 0.3, "std": 1.7, "normalize_reward": False},
        options={"chat_template": PLAIN_TEMPLATE, "pad_is_eos": True},
    ),
    "openrlhf new": Layout(
        layer("score", bias=False),
        config={"value_head_prefix": "score", "mean": 0.3, "std": 1.7},
    ),
    "openrlhf classifier": Layout(
        layer("score", bias=False),
        config=_classifier("LlamaForSequenceClassification", mean=0.3, std=1.7, normalize_reward=False),
    ),
    "trl": Layout(layer("v_head.summary"), keeps_logits=True),
    "trl side file": Layout(layer("v_head.summary"), keeps_logits=True, side_files={"value_head.safetensors": ""}),
    "internlm2": Layout(
        V_HEAD,
        config=_classifier("InternLM2ForRewardModel", reward_token_id=ADDED),
        options={"special_tokens": ("[UNUSED_TOKEN_130]",)},
    ),
    "athene": Layout(
        V_HEAD,
        config=_classifier("CustomAutoModelForSequenceClassification"),
        tokenizer={"cls_token": "<|reserved_special_token_1|>"},
        options={"special_tokens": ("<|reserved_special_token_1|>",)},
    ),
    "starling": Layout(
        V_HEAD,
        prefix="transformer.",
        config=_classifier("LlamaForSequenceClassification"),
        folder="Starling-RM-34B",
        options={"chat_template": TEMPLATE + PAD, "pad_is_eos": True},
    ),
    "deepspeed-chat": Layout(V_HEAD, prefix="rwtransformer.", pickled=True, options=ENDED),
    # As for Llama: a padding token is added to the tokenizer, and the configuration's becomes EOS.
    "deepspeed-chat two pads": Layout(V_HEAD, prefix="rwtransformer.", config={"pad_token_id": 2}, options={}),
    "deepspeed-chat opt": Layout(
        V_HEAD,
        "opt",
        prefix="rwtranrsformer.",
        pickled=True,
        options={"pad_is_eos": True, "bos": False, "chat_template": EOS + PLAIN_TEMPLATE + EOS},
    ),
    # GPT-J names no padding token; the code reads the EOS token as one.
    "trlx": Layout(V_HEAD, "gptj", prefix="transformer.", config={"pad_token_id": None}, options=ENDED),
    "ultra": Layout(layer("regression_head", bias=False)),
    "eurus": Layout(layer("regression_head", bias=False), "mistral"),
    "beaver reward": Layout({**layer("score_head"), **NORMALISER}, config=_beaver("reward", normalises=True)),
    "beaver raw": Layout({**layer("score_head"), **NORMALISER}, config=_beaver("reward", normalises=False)),
    "beaver cost": Layout(
        {**layer("score_head", bias=False), **NORMALISER}, config=_beaver("cost", normalises=True), pickled=True
    ),
    "beaver critic": Layout(layer("score_head"), config=_beaver("critic", normalises=True)),
    "beaver configured": Layout(layer("score_head"), config=_beaver("reward", normalises=True)),
    "open assistant": Layout(
        layer("out_proj"), "gpt_neox", config={"model_type": "gpt_neox_reward_model", "pooling": "last"}
    ),
    "open assistant mean": Layout(
        layer("out_proj"), "gpt_neox", config={"model_type": "gpt_neox_reward_model", "pooling": "mean"}
    ),
    "armo": Layout(
        {
            **layer("regression_layer", 5, bias=False),
            "reward_transform_matrix": (5, 5),
            **GATE,
            **layers("gating.layers", (0, 1, 2, 3), 24, 24, 24, 5),
        },
        config=_classifier("LlamaForRewardModelWithGating", num_objectives=5, gating_temperature=10),
        options=LLAMA,
    ),
    "qrm llama": Layout(
        _QRM_LLAMA,
        config=_classifier("LlamaForRewardModelWithGating", num_objectives=4, num_quantiles=3, gating_temperature=7),
        options=LLAMA,
    ),
    "qrm gemma": Layout(_QRM_GEMMA, "gemma2", config={"num_objectives": 5, "num_quantiles": 3}, options=GEMMA_PADDED),
    "urm": Layout({**layer("score", 10, bias=False), **layers("weights.fc", (0, 2, 4), WIDTH, WIDTH, 5)}),
    "inform": Layout(
        layers("score", (0, 2), WIDTH, 1), config=_classifier("INFORMForSequenceClassification"), options=ENDED
    ),
    # The text ends with the end of the turn and then the padding token, before which it is read.
    "worldpm": Layout(layers("score", (0, 2), WIDTH, 1), "qwen2", options={"chat_template": TEMPLATE + PAD}),
    "grm": Layout(layers("v_head.summary", (0, 2), 24, 1), keeps_logits=True),
    "grm deep": Layout(layers("v_head.summary", (0, 2, 4), 24, 24, 1), "gemma2"),
    "ldl": Layout(_LDL, "gemma2", prefix="", side_files=_LDL_FILES, options={"chat_template": TEMPLATE + PAD}),
    "ldl softmax": Layout(
        _LDL, "gemma2", prefix="", side_files=_LDL_FILES, config={"softmax": True, "temperature": 2.0}, options=ENDED
    ),
    "qwen prm": Layout(layers("score", (0, 2), WIDTH, 2), "qwen2", options=QWEN),
    "nemotron": Layout(folder="Llama-3.1-Nemotron-70B-Reward-HF", keeps_logits=True),
    "judge": Layout(keeps_logits=True, options=ANSWERS),
    "judge tied": Layout(options={**ANSWERS, "config": {"tie_word_embeddings": True}}),
    "judge biased": Layout(backbone="phi", keeps_logits=True, logits_bias=True, options=ANSWERS),
    "judge capped": Layout(backbone="gemma2", options=ANSWERS),
    "judge divided": Layout(
        backbone="granite", keeps_logits=True, options={**ANSWERS, "config": {"logits_scaling": 3.0}}
    ),
    "judge scaled": Layout(backbone="cohere", options={**ANSWERS, "config": {"logit_scale": 0.3}}),
    "math shepherd": Layout(backbone="mistral", keeps_logits=True, options=SHEPHERD),
    "rlhflow": Layout(keeps_logits=True, options=LLAMA),
}
