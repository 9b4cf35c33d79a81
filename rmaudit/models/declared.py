"""What a user says of a model that its files do not tell, and what a family may look at when it makes a head."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from rmaudit.errors import BrokenCheckpointError, UsageError, nearest
from rmaudit.models.heads import AGGREGATES
from rmaudit.models.positions import BY_NAME, Rule

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Declared:
    """The user's word on a reward model. None and False leave it to the files.

    family: name of the head's family, where the files fit several, or a Python file that offers one as FAMILY.
    position: "last", "last-non-pad" or "before-first-pad" instead of the family's rule.
    head_output: the index of the output that is the reward, or the weight of every output, for a head with several.
    judge_tokens: the answers of a judge, the good one first ("Yes", "No"); the score is the difference of their logits,
    or the logit of the one that is named alone.
    aggregate: "last", "min", "mean" or "product" of the values of the steps, for a process reward model.
    step_token: the token that ends a step, where the family does not know it.
    normalise: apply the mean and standard deviation that OpenRLHF stores.
    Raises UsageError for whatever is not legal.
    """

    family: str | None = None
    position: str | None = None
    head_output: int | tuple[float, ...] | None = None
    judge_tokens: tuple[str, ...] | None = None
    aggregate: str | None = None
    step_token: str | None = None
    normalise: bool = False

    def __post_init__(self) -> None:
        for name, legal in (("family", None), ("position", BY_NAME), ("aggregate", AGGREGATES), ("step_token", None)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise UsageError(f"{name}: expected a text, got {value!r:.80}")
            if value is not None and legal is not None and value not in legal:
                raise UsageError(f"unknown {name} {value!r}{nearest(value, legal)}")
        if not isinstance(self.normalise, bool):
            raise UsageError(f"normalise: expected True or False, got {self.normalise!r:.80}")
        _check_output(self.head_output)
        _check_tokens(self.judge_tokens)

    def said(self) -> dict[str, Any]:
        """What the user did say."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}


def _check_output(output: Any) -> None:
    weights = output if isinstance(output, tuple) else (output,)
    whole = not isinstance(output, tuple) and (output is None or isinstance(output, int))
    numbers = all(isinstance(weight, (int, float)) and not isinstance(weight, bool) for weight in weights)
    if isinstance(output, bool) or not (whole or (isinstance(output, tuple) and numbers)):
        raise UsageError(
            f"head_output: expected a whole number, or a tuple with a weight for each output, got {output!r:.80}"
        )


def _check_tokens(tokens: Any) -> None:
    texts = isinstance(tokens, tuple) and all(isinstance(token, str) and token for token in tokens)
    if tokens is not None and (not texts or len(tokens) not in (1, 2) or len(set(tokens)) != len(tokens)):
        raise UsageError(
            "judge_tokens: expected two different ones in a tuple, the good answer first (('Yes', 'No')), or one alone "
            f"(('Yes',)), got {tokens!r:.80}"
        )


def declare(others: Iterable[str] = (), **said: Any) -> Declared:
    """What a user says, checked; others: options that are legal beside. Raises UsageError as Declared does."""
    legal = [entry.name for entry in fields(Declared)]
    for name in said:
        if name not in legal:
            raise UsageError(f"unknown option {name!r}{nearest(name, [*legal, *others])}")
    read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    if isinstance(read.get("family"), Path):
        read["family"] = str(read["family"])
    return Declared(**read)


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
    def called(self) -> str:
        """The checkpoint's own name in lower case: of its folder, or of its repository, also in the hub's cache."""
        parts = Path(self.name).parts
        cached = [part for part in parts if part.startswith("models--")]
        return (cached[-1] if cached else parts[-1] if parts else "").lower()

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
    template: str = ""

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

    def rule(self, name: str, own: Rule | None = None) -> Rule:
        """The rule that the user asks for, or else `own`, or else the one of this name."""
        asked = self.declared.position
        return BY_NAME[asked or name](self.pad) if asked or own is None else own

    def flag(self, name: str) -> bool:
        """A yes or no of config.json, no where it is missing. Raises BrokenCheckpointError for anything else."""
        stored = self.config.get(name, False)
        if not isinstance(stored, bool):
            raise BrokenCheckpointError(f"config.json: {name} is {stored!r:.80}; expected true or false")
        return stored

    def number(self, name: str, default: float, above: float = -math.inf) -> float:
        """A number of config.json, or of the first entry of a list there.

        Raises BrokenCheckpointError for what is no finite number above `above`.
        """
        stored = self.config.get(name, default)
        value = stored[0] if isinstance(stored, list) and stored else stored
        whole = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not whole or not math.isfinite(value) or not value > above:
            least = "" if above == -math.inf else f" above {above:g}"
            raise BrokenCheckpointError(f"config.json: {name} is {stored!r:.80}; expected a finite number{least}")
        return float(value)
