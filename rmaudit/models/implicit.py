"""The implicit reward of direct preference optimisation: a policy against the reference it was trained from.

reward(x, y) = beta · (log p_policy(y | x) - log p_reference(y | x)), summed over the answer's tokens, up to a number that
depends on the prompt alone (Rafailov et al. 2023, arXiv 2305.18290).
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rmaudit.conversations import Conversation
from rmaudit.errors import FormattingError, UsageError
from rmaudit.models.declared import Declared
from rmaudit.models.families.family import HeadFamily
from rmaudit.models.families.tokens import logit_head
from rmaudit.models.formatting import Encoded
from rmaudit.models.heads import LogitHead
from rmaudit.models.loading import load_reward_model
from rmaudit.models.reward_model import RewardModel

#: A causal language model as a head: all rows of its language-model head, and no score.
LANGUAGE_MODEL = HeadFamily(
    name="language_model",
    title="language model: logits of all tokens",
    kind="no score of its own",
    parts={},
    keys="lm_head.weight",
    head=lambda tensors, given: logit_head(tensors, given, ()),
    all_tokens=True,
)

Logs = NDArray[np.float64]


@dataclass(eq=False)
class ImplicitReward:
    """The implicit reward of a policy, as a Scorer. Its two models have a vocabulary in common."""

    policy: RewardModel
    reference: RewardModel
    beta: float

    length_unit = "tokens"

    @property
    def name(self) -> str:
        """That of the policy."""
        return self.policy.name

    @property
    def fingerprint(self) -> str:
        """SHA-256 over both models and beta."""
        parts = f"{self.policy.fingerprint} {self.reference.fingerprint} {self.beta!r}"
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"policy": self.policy.name, "reference_model": self.reference.name, "beta": self.beta}

    def encode(self, conversation: Conversation) -> Encoded:
        """Token ids of a conversation. Raises as `RewardModel.encode`."""
        return self.policy.encode(conversation)

    def count_tokens(self, conversation: Conversation) -> int:
        """How many tokens the models read of a conversation."""
        return len(self.encode(conversation).ids)

    def score(self, conversations: Sequence[Conversation]) -> Logs:
        """Scores (n,) float64. Raises as `encode`, and FormattingError where the answer has no token of its own."""
        return np.array([float(parts.sum()) for parts in self.token_rewards(conversations)])

    def token_rewards(self, conversations: Sequence[Conversation]) -> list[Logs]:
        """What each token of each answer adds to its reward, (tokens,) float64; they add up to the score exactly."""
        ids = [self.encode(talk).ids for talk in conversations]
        starts = [self._answer_start(talk, own) for talk, own in zip(conversations, ids, strict=True)]
        own, other = (log_probabilities(model, ids, starts) for model in (self.policy, self.reference))
        return [self.beta * (mine - theirs) for mine, theirs in zip(own, other, strict=True)]

    def _answer_start(self, conversation: Conversation, ids: Sequence[int]) -> int:
        """The first token of the answer: the template's opening of the answer's turn belongs to the prompt.

        Found in the whole conversation, since a prompt that was cut begins elsewhere; what is cut lies before the answer.
        """
        if len(conversation) < 2:
            raise FormattingError("there is no prompt before the answer, so the answer has no probability given one")
        whole = copy.copy(self.policy.formatter)
        whole.max_length = None
        full = whole.encode(conversation).ids
        prompt = whole.opened(conversation[:-1])
        pairs = enumerate(zip(prompt, full, strict=False))
        start = next((index for index, (one, two) in pairs if one != two), min(len(prompt), len(full)))
        start -= len(full) - len(ids)
        if not 0 < start < len(ids):
            raise FormattingError(
                "the answer has no token of its own after a prompt, so it has no probability given one"
            )
        return start


@torch.inference_mode()
def log_probabilities(model: RewardModel, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Logs]:
    """Log probability of every token from `starts` on, given those before it, in nats; each (tokens,) float64."""
    positions = [range(start - 1, len(own) - 1) for own, start in zip(ids, starts, strict=True)]
    states = model.states(ids, positions=positions)
    return [_of_tokens(model, read, own[start:]) for read, own, start in zip(states, ids, starts, strict=True)]


def _of_tokens(model: RewardModel, states: Tensor, tokens: Sequence[int]) -> Logs:
    head = model.head
    assert isinstance(head, LogitHead)
    chosen: Logs = (
        torch.log_softmax(head.outputs(states).double(), dim=-1)
        .gather(1, torch.tensor(tokens, device=head.weight.device)[:, None])[:, 0]
        .cpu()
        .numpy()
    )
    return chosen


def load_implicit_reward(
    policy: str | Path, reference: str | Path, *, beta: float = 0.1, **options: Any
) -> ImplicitReward:
    """Load a policy and the model that it was trained from; options as of `load_reward_model`, for both.

    beta: the strength of the penalty in training; it scales all rewards, so it changes no comparison within this model.
    Raises UsageError for a beta that is not positive and for models that read texts as different tokens.
    """
    if isinstance(beta, bool) or not isinstance(beta, (int, float)) or not 0 < beta < math.inf:
        raise UsageError(f"beta: expected a number above 0, got {beta!r:.80}")
    said = sorted(options.keys() & {entry.name for entry in fields(Declared)})
    if said:
        raise UsageError(
            f"{', '.join(said)}: without effect on an implicit reward, which reads every token of an answer"
        )
    own = load_reward_model(policy, families=(LANGUAGE_MODEL,), **options)
    # The policy's template counts, since the reference may be a base model without one; an adapter is the policy's.
    shared = {name: value for name, value in options.items() if name not in ("base", "adapter")}
    other = load_reward_model(
        reference, families=(LANGUAGE_MODEL,), **{**shared, "chat_template": own.formatter.template}
    )
    if own.tokenizer.get_vocab() != other.tokenizer.get_vocab():
        raise UsageError(
            f"{policy} and {reference} have different vocabularies, so their probabilities of an answer are not of the same "
            "tokens; give the reference that the policy was trained from"
        )
    limits = [model.formatter.max_length for model in (own, other) if model.formatter.max_length is not None]
    own.formatter.max_length = min(limits, default=None)
    return ImplicitReward(own, other, float(beta))
