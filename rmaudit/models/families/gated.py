"""Families whose outputs are weighed by a gate that reads the end of the prompt."""

from __future__ import annotations

import re
from functools import partial

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.declared import Evidence, Given
from rmaudit.models.families.family import HeadFamily, Infos, Part, Parts, Tensors
from rmaudit.models.families.stacked import stack_parts
from rmaudit.models.heads import GatedHead, Head
from rmaudit.models.positions import Rule, gate_and

#: What the chat template writes between a prompt and its answer: the gate reads its first token.
HEADERS = {
    "llama": "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "gemma2": "<end_of_turn>\n<start_of_turn>model\n",
}


def _parts(head: Infos, evidence: Evidence, quantiles: bool) -> Parts | None:
    """The gate's layers and normalisations, as numbered in the file: their places differ between releases."""
    network = stack_parts(head, "gating.layers.", outputs="objectives")
    if "regression_layer.weight" not in head or not network:
        return None
    return {
        "regression": Part("regression_layer.weight", f"{'outputs' if quantiles else 'objectives'} width"),
        "transform": Part("reward_transform_matrix", "objectives objectives", optional=True),
        "logit_scale": Part("gating.logit_scale", "1"),
        **network,
        **_normalisations(head, network),
    }


def _normalisations(head: Infos, network: Parts) -> Parts:
    """Batch normalisations, each after the linear layer that comes before it."""
    places = [int(part.key.split(".")[2]) for role, part in network.items() if re.fullmatch(r"layer_\d+_weight", role)]
    parts: dict[str, Part] = {}
    for key in head:
        if match := re.fullmatch(r"gating\.layers\.(\d+)\.running_mean", key):
            place = int(match.group(1))
            number = sum(other < place for other in places) - 1
            named = {"mean": "running_mean", "variance": "running_var", "weight": "weight", "bias": "bias"}
            for role, name in named.items():
                shape = f"gating.layers.wide{number}"
                parts[f"norm_{number}_{role}"] = Part(f"gating.layers.{place}.{name}", shape)
    return parts


def _notes(given: Given) -> list[str]:
    untold = (
        "config.json names no gating_temperature, so the gate has that of the code which the model was published with"
    )
    return [] if "gating_temperature" in given.config else [untold]


def _armo_head(tensors: Tensors, given: Given) -> Head:
    return GatedHead(tensors, temperature=given.number("gating_temperature", 10.0, above=0.0))


def _qrm_head(tensors: Tensors, given: Given) -> Head:
    last = max((role for role in tensors if role.startswith("layer_") and role.endswith("_weight")), key=_number)
    objectives, outputs = len(tensors[last]), len(tensors["regression"])
    quantiles = given.config.get("num_quantiles", outputs // objectives)
    if not isinstance(quantiles, int) or quantiles * objectives != outputs:
        raise BrokenCheckpointError(
            f"regression_layer.weight has {outputs} rows, where {objectives} objectives of {quantiles} quantiles "
            "(num_quantiles in config.json) have a row each; head and configuration are of different models"
        )
    temperature = given.number("gating_temperature", 10.0 if "transform" in tensors else 1.0, above=0.0)
    return GatedHead(tensors, quantiles=quantiles, temperature=temperature)


def _number(role: str) -> int:
    return int(role.split("_")[1])


def _position(given: Given) -> Rule:
    kind = given.typed.get_text_config().model_type
    if kind not in HEADERS:
        raise UnsupportedModelError(
            f"the head's gate reads where the answer begins, and what stands there is known for {' and '.join(HEADERS)}, "
            f"not for {kind}"
        )
    pattern = given.tokenizer(HEADERS[kind], add_special_tokens=False)["input_ids"]
    return gate_and(given.rule("before-first-pad"), pattern, "answer header")


FAMILIES: tuple[HeadFamily, ...] = (
    HeadFamily(
        name="armo",
        title="ArmoRM: objectives weighed by a gate on the prompt",
        kind="linear given the prompt",
        parts=partial(_parts, quantiles=False),
        keys="regression_layer.weight + [reward_transform_matrix] + gating.logit_scale + gating.layers.*",
        head=_armo_head,
        position=_position,
        notes=_notes,
        claims=lambda evidence: "num_quantiles" not in evidence.config,
        models="ArmoRM-Llama3-8B",
    ),
    HeadFamily(
        name="qrm",
        title="QRM: means of quantiles weighed by a gate on the prompt",
        kind="linear given the prompt",
        parts=partial(_parts, quantiles=True),
        keys="regression_layer.weight + [reward_transform_matrix] + gating.logit_scale + gating.layers.* with running_mean",
        head=_qrm_head,
        position=_position,
        notes=_notes,
        claims=lambda evidence: "num_quantiles" in evidence.config,
        models="QRM-Llama3(.1)-8B, QRM-Gemma-2-27B",
    ),
)
