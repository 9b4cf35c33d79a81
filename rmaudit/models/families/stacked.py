"""Families whose head has layers with a non-linearity between them."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.declared import Evidence, Given
from rmaudit.models.families.family import HeadFamily, Infos, Part, Parts, Tensors
from rmaudit.models.heads import Head, LayerStack, MlpHead


def stack_parts(head: Infos, prefix: str, outputs: str = "outputs") -> dict[str, Part]:
    """Parts of linear layers `<prefix><place>.weight` and `.bias` in the order of their places.

    The first layer reads the readout vector, each other what the one before gives, and the last gives `outputs`.
    """
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.weight")
    matches = [match for key in head if (match := pattern.fullmatch(key)) and len(head[key].shape) == 2]
    places = sorted({int(match.group(1)) for match in matches})
    parts: dict[str, Part] = {}
    for number, place in enumerate(places):
        wide = outputs if number == len(places) - 1 else f"{prefix}wide{number}"
        narrow = "width" if number == 0 else f"{prefix}wide{number - 1}"
        parts[f"layer_{number}_weight"] = Part(f"{prefix}{place}.weight", f"{wide} {narrow}")
        if f"{prefix}{place}.bias" in head:
            parts[f"layer_{number}_bias"] = Part(f"{prefix}{place}.bias", wide)
    return parts


def biased_parts(head: Infos, prefix: str, outputs: str = "outputs", apart: int = 2) -> dict[str, Part]:
    """`stack_parts` of at least two layers, each with a bias, so many places apart; nothing where they are not so.

    What stands at the places between has no tensors and so is not in the file: at other distances it would be unknown.
    """
    found = stack_parts(head, prefix, outputs)
    count = sum(role.endswith("_weight") for role in found)
    as_written = [f"{prefix}{number * apart}.{name}" for number in range(count) for name in ("weight", "bias")]
    return found if count > 1 and [part.key for part in found.values()] == as_written else {}


def mlp_parts(prefix: str, outputs: str = "1") -> Callable[[Infos, Evidence], Parts | None]:
    """Parts of a head of at least two layers under a prefix."""
    return lambda head, evidence: biased_parts(head, prefix, outputs) or None


class UrmHead(Head):
    """score = Σ_k network(h)_k · (W h)_2k: attributes' means (even outputs), weighed by a network of the same h.

    The odd outputs, the attributes' deviations, have no say. The network has SELU between its layers and nothing after
    them. weight: (2 · attributes, width). Source: URM (arXiv 2410.00847).
    """

    kind = "non-linear"
    weight: Tensor

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of readout vectors (n, k, width)."""
        last = h[:, -1].to(self.weight)
        means = functional.linear(last, self.weight).view(len(h), -1, 2)[:, :, 0]
        return (means * LayerStack(dict(self.named_buffers()), torch.selu)(last)).sum(dim=-1)


def _urm_parts(head: Infos, evidence: Evidence) -> Parts | None:
    network = biased_parts(head, "weights.fc.", outputs="attributes")
    return {"weight": Part("score.weight", "outputs width"), **network} if network else None


def _urm_head(tensors: Tensors, given: Given) -> Head:
    _require_rows("score.weight", tensors, "weight", 2, tensors[_last_layer(tensors)])
    return UrmHead(tensors)


class LdlHead(Head):
    """score = expectation of a mixed distribution over ten levels from 0 to 1: label distribution learning.

    One network gives every attribute a distribution (softmax over its levels), another one the attributes' shares, of
    the same h. temperature: of the softmax that the shares go through; None leaves them as they are.
    Roles: `value_layer_<n>_*` and `share_layer_<n>_*`, leaky ReLU between layers.
    """

    kind = "non-linear"
    levels = 10

    def __init__(self, tensors: Tensors, temperature: float | None = None) -> None:
        super().__init__(tensors)
        self.temperature = temperature

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of readout vectors (n, k, width)."""
        tensors = dict(self.named_buffers())
        last = h[:, -1]
        values = LayerStack(tensors, functional.leaky_relu, "value_")(last)
        distributions = torch.softmax(values.view(len(h), -1, self.levels), dim=-1)
        shares = LayerStack(tensors, functional.leaky_relu, "share_")(last)
        if self.temperature is not None:
            shares = torch.softmax(shares / self.temperature, dim=1)
        mixed = torch.bmm(shares.unsqueeze(1), distributions).squeeze(1)
        return (mixed * torch.linspace(0, 1, self.levels, device=mixed.device)).sum(-1)


def _ldl_parts(head: Infos, evidence: Evidence) -> Parts | None:
    values = biased_parts(head, "regression_layer.network.", outputs="levels")
    shares = biased_parts(head, "gating_layer.network.", outputs="attributes", apart=3)
    if not values or not shares:
        return None
    named = (("value_", values), ("share_", shares))
    return {f"{prefix}{role}": part for prefix, parts in named for role, part in parts.items()}


def _ldl_head(tensors: Tensors, given: Given) -> Head:
    values, shares = _last_layer(tensors, "value_"), _last_layer(tensors, "share_")
    _require_rows("the last layer of regression_layer.pt", tensors, values, LdlHead.levels, tensors[shares])
    softened = given.flag("softmax")
    return LdlHead(tensors, given.number("temperature", 1.0, above=0.0) if softened else None)


def _last_layer(tensors: Tensors, prefix: str = "") -> str:
    """The role of the last layer's weight."""
    places = [int(match.group(1)) for role in tensors if (match := re.fullmatch(prefix + r"layer_(\d+)_weight", role))]
    return f"{prefix}layer_{max(places)}_weight"


def _require_rows(name: str, tensors: Tensors, role: str, each: int, attributes: Tensor) -> None:
    """Raise BrokenCheckpointError unless there are `each` rows for every attribute."""
    rows = len(tensors[role])
    if rows != each * len(attributes):
        raise BrokenCheckpointError(
            f"{name} has {rows} rows, where {len(attributes)} attributes have {each} each; the head's parts are of "
            "different models"
        )


FAMILIES: tuple[HeadFamily, ...] = (
    HeadFamily(
        name="mlp_score",
        title="layers with ReLU (INF-ORM, WorldPM, Qwen2.5-Math-RM): W2 relu(W1 h + b1) + b2",
        kind="non-linear",
        parts=mlp_parts("score."),
        keys="score.0.weight + score.0.bias + score.2.weight + score.2.bias",
        head=lambda tensors, given: MlpHead(tensors),
        position=lambda given: given.rule("before-first-pad"),
        models="INF-ORM-Llama3.1-70B, Qwen2.5-Math-RM-72B, WorldPM-72B",
    ),
    HeadFamily(
        name="grm",
        title="GRM: W2 relu(W1 h + b1) + b2",
        kind="non-linear",
        parts=mlp_parts("v_head.summary."),
        keys="v_head.summary.0.weight + v_head.summary.0.bias + v_head.summary.2.weight + v_head.summary.2.bias",
        head=lambda tensors, given: MlpHead(tensors),
        models="GRM-*-sftreg",
        notes=lambda given: (
            "GRM's own pipeline gave the model two BOS tokens; to score as it does: --bos-policy two (bos_policy=...)",
        ),
    ),
    HeadFamily(
        name="urm",
        title="URM: attributes weighed by a network of the same readout",
        kind="non-linear",
        parts=_urm_parts,
        keys="score.weight + weights.fc.{0,2,4}.weight + .bias",
        head=_urm_head,
        models="URM-LLaMa-3.1-8B",
    ),
    HeadFamily(
        name="ldl",
        title="LDL: expectation over ten levels, attributes weighed by a network of the same readout",
        kind="non-linear",
        parts=_ldl_parts,
        keys="regression_layer.network.{0,2,4}.* + gating_layer.network.{0,3,6}.*, in .pt files",
        head=_ldl_head,
        position=lambda given: given.rule("before-first-pad"),
        models="LDL-Reward-Gemma-2-27B",
    ),
)
