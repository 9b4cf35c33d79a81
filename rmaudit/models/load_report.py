"""What was loaded and how it will be read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class LoadReport:
    """Everything about a loaded model on which its scores depend; the same for the same files and options.

    head: key in the checkpoint -> shape. head_dtype: what it is stored as. head_quantised: whether that is quantised;
    such a head scores, and is not attributed to. transform: what the head does to its outputs beyond its layers.
    position: the rule for where a sequence is read. pad_token_id: the tokenizer's; config_pad_token_id: the
    configuration's, which transformers' own pooling looks for. final_token_id: what every sequence ends with, where a
    family asks for it. max_length: tokens; None for no limit. adapter: method, mode and base model of a PEFT adapter;
    empty without one. disagreement: of the rules for where a
    sequence is read, in words; empty where none was seen. packing: how scores are computed, filled in by the scoring engine. notes: what a reader should
    know before comparing scores with another tool's.
    """

    name: str
    model_type: str
    family: str
    family_title: str
    head_kind: str
    head: dict[str, list[int]]
    head_dtype: str
    head_quantised: bool
    transform: str
    position: str
    dtype: str
    attention: str
    parameters: int
    layers: int
    hidden_size: int
    readout_width: int
    vocabulary: int
    bos_token_id: int | None
    eos_token_id: int | None
    pad_token_id: int | None
    config_pad_token_id: int | None
    final_token_id: int | None
    generation_prompt: bool
    bos_policy: str
    max_length: int | None
    max_length_from: str
    truncate: str | None
    template_sha256: str
    preamble: str
    ending: list[str]
    disagreement: str
    fingerprint: str
    adapter: str = ""
    packing: str = "not checked"
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)
