"""What a user says of a model that its files do not tell, and what a family may look at when it makes a head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from rmaudit.errors import UsageError, nearest
from rmaudit.models.heads import AGGREGATES
from rmaudit.models.positions import BY_NAME, Rule

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Declared:
    """The user's word on a reward model. None and False leave it to the files.

    family: name of the head's family, where the files fit several, or a Python file that offers one as FAMILY.
    position: "last", "last-non-pad" or "before-first-pad" instead of the family's rule.
    output: the index of the output that is the reward, or the weight of every output, for a head with several.
    judge_tokens: the answers of a judge, the good one first ("Yes", "No"); the score is the difference of their logits,
    or the logit of the one that is named alone.
    aggregate: "last", "min", "mean" or "product" of the values of the steps, for a process reward model.
    step_token: the token that ends a step, where the family does not know it.
    normalise: apply the mean and standard deviation that OpenRLHF stores.
    Raises UsageError for a position, an aggregate or judge tokens that are not legal.
    """

    family: str | None = None
    position: str | None = None
    output: int | tuple[float, ...] | None = None
    judge_tokens: tuple[str, ...] | None = None
    aggregate: str | None = None
    step_token: str | None = None
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.position is not None and self.position not in BY_NAME:
            raise UsageError(f"unknown readout position {self.position!r}{nearest(str(self.position), BY_NAME)}")
        if self.aggregate is not None and self.aggregate not in AGGREGATES:
            raise UsageError(f"unknown aggregate {self.aggregate!r}{nearest(str(self.aggregate), AGGREGATES)}")
        tokens = self.judge_tokens
        if tokens is not None and (len(tokens) not in (1, 2) or len(set(tokens)) != len(tokens) or not all(tokens)):
            raise UsageError(
                f"judge tokens: expected two different ones, the good answer first (Yes, No), or one alone, got {tokens!r}"
            )


def declare(**said: Any) -> Declared:
    """What a user says, checked. Raises UsageError for what cannot be said, and for values that make no sense."""
    legal = [entry.name for entry in fields(Declared)]
    for name in said:
        if name not in legal:
            raise UsageError(f"unknown option {name!r}{nearest(name, legal)}")
    lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return Declared(**{**said, **lists})


@dataclass(frozen=True)
class Evidence:
    """What the files say beside the head's own keys and shapes, before any weight is read.

    width: of the readout vector. prefix: of the backbone's keys, wrappers taken off. wrappers: what was taken off.
    name: the folder or hub id.
    """

    config: Config
    width: int
    prefix: str = ""
    wrappers: frozenset[str] = frozenset()
    name: str = ""
    declared: Declared = field(default_factory=Declared)

    @property
    def architecture(self) -> str:
        """The first class name in the configuration; often wrong, so it only chooses between families of equal keys."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""


@dataclass(frozen=True)
class Given:
    """All that a family's head, position and format can be made from.

    evidence: what the family was recognised by. typed: the configuration as transformers reads it.
    """

    evidence: Evidence
    typed: PreTrainedConfig
    tokenizer: PreTrainedTokenizerBase

    @property
    def config(self) -> Config:
        """The content of config.json."""
        return self.evidence.config

    @property
    def declared(self) -> Declared:
        """The user's word."""
        return self.evidence.declared

    @property
    def pad(self) -> int | None:
        """The padding token's id in the configuration, which transformers' own pooling looks for."""
        pad: int | None = getattr(self.typed.get_text_config(), "pad_token_id", None)
        return pad

    def rule(self, name: str) -> Rule:
        """The rule that the user asks for, or else the family's own of this name."""
        return BY_NAME[self.declared.position or name](self.pad)
