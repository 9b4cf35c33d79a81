"""Three small decoders as reward models, their training objective, and what they know of held-out pairs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from borrowed import TOKENIZER, Encoded, Rendered, accuracy, encode, make_batches, padded, preference_losses
from pairs import Planted
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForSequenceClassification,
)

LONGEST = 2048
POSITION_SCALE = 0.003
"""Small beside the embeddings of tokens: at first, the place where a text begins is only noise."""
SHAPES = ("llama", "gpt2", "qwen3")


@dataclass(frozen=True)
class Size:
    """The size of every shape."""

    hidden: int = 96
    layers: int = 2
    heads: int = 4
    feed_forward: int = 256


def shape_of(seed: int) -> str:
    """The architecture that a seed stands for: Llama, GPT-2 and Qwen3 in turn."""
    return SHAPES[seed % len(SHAPES)]


def load_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of the neighbour, with its chat template."""
    return cast(PreTrainedTokenizerFast, AutoTokenizer.from_pretrained(TOKENIZER))


def make_model(shape: str, tokenizer: PreTrainedTokenizerFast, size: Size, seed: int) -> PreTrainedModel:
    """An untrained reward model."""
    torch.manual_seed(seed)
    ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    shared: dict[str, Any] = {"vocab_size": len(tokenizer), "num_labels": 1, **ids}
    if shape == "gpt2":
        shaped: dict[str, Any] = {"n_embd": size.hidden, "n_layer": size.layers, "n_head": size.heads}
        shaped |= {"n_inner": size.feed_forward, "n_positions": LONGEST, "activation_function": "gelu_pytorch_tanh"}
        # Four times the usual 0.02: at this width the usual weights learn so slowly that a twin is not done in one pass.
        shaped |= {"initializer_range": 0.08}
        shaped |= dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        model = GPT2ForSequenceClassification(GPT2Config(**shared, **shaped))
        model.transformer.wpe.weight.data = waves(size.hidden)
        return model
    rotary: dict[str, Any] = {
        "hidden_size": size.hidden, "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads, "intermediate_size": size.feed_forward, "max_position_embeddings": LONGEST,
    }  # fmt: skip
    if shape == "qwen3":
        return Qwen3ForSequenceClassification(Qwen3Config(**shared, **rotary, head_dim=size.hidden // size.heads))
    return LlamaForSequenceClassification(LlamaConfig(**shared, **rotary))


def waves(width: int) -> torch.Tensor:
    """Sines and cosines of the place (places, width), to begin learned positions with.

    At random, none would be like its neighbour's, and a short training could not tell near words from far ones.
    """
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
    angles = torch.arange(LONGEST)[:, None] * rates
    return POSITION_SCALE * torch.cat([angles.sin(), angles.cos()], dim=1)


def scores(model: PreTrainedModel, ids: torch.Tensor, first: int = 0) -> torch.Tensor:
    """A score at every token (texts, tokens); padding on the right cannot reach a causal model's tokens."""
    places = torch.arange(first, first + ids.shape[1])[None]
    hidden = model.base_model(input_ids=ids, position_ids=places, use_cache=False).last_hidden_state
    head = cast(torch.nn.Linear, model.score)
    found: torch.Tensor = head(hidden).squeeze(-1)
    return found


def prefer(
    model: PreTrainedModel, beginnings: float, seed: int
) -> Callable[[list[Encoded]], tuple[torch.Tensor, float]]:
    """The Bradley-Terry loss of whole answers, and of their beginnings at a weight.

    Texts begin at a place drawn at random: learned positions are then all learned, and none of them means anything.
    """
    draws = torch.Generator().manual_seed(seed)

    def objective(pairs: list[Encoded]) -> tuple[torch.Tensor, float]:
        ids, last = padded([pair.better for pair in pairs] + [pair.worse for pair in pairs])
        first = int(torch.randint(LONGEST - ids.shape[1], (1,), generator=draws))
        starts = torch.tensor([pair.start for pair in pairs])
        whole, begun = preference_losses(scores(model, ids, first), last, starts)
        return whole + beginnings * begun, whole.item()

    return objective


@torch.no_grad()
def scores_of(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, rendered: list[Rendered]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores (pairs,) of the better and of the worse answers."""
    encoded = encode(tokenizer, rendered)
    found = torch.empty(2, len(rendered))
    for batch in make_batches([2 * max(len(p.better), len(p.worse)) for p in encoded], 8192):
        ids, last = padded([encoded[i].better for i in batch] + [encoded[i].worse for i in batch])
        found[:, batch] = scores(model, ids).gather(1, last[:, None]).view(2, -1)
    return found[0], found[1]


def accuracies(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, pairs: list[Planted]
) -> dict[str, dict[str, float | int]]:
    """How often the better answer scores higher: over all pairs, by task, and by the side that has the feature."""
    better, worse = scores_of(model, tokenizer, [pair.rendered for pair in pairs])
    hits: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for pair, hit in zip(pairs, (better > worse).tolist(), strict=True):
        for kind in ("all", pair.rendered.task, f"feature on {pair.kind}"):
            hits[kind].append((pair.rendered.prompt, hit))
    return {
        kind: {"share": found.share, "low": found.low, "high": found.high, "pairs": found.pairs}
        for kind, found in ((kind, accuracy(seen)) for kind, seen in sorted(hits.items()))
    }


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write config, weights, tokenizer and chat template."""
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
