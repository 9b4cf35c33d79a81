"""A reward model: token ids -> readout vector -> score."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rmaudit.conversations import Conversation
from rmaudit.errors import FormattingError, ScoringError
from rmaudit.models.batching import Batch, batches, padded
from rmaudit.models.formatting import Encoded, Formatter
from rmaudit.models.heads import LinearHead
from rmaudit.models.layers import Trunk, check_trunk, find_trunk, recorded_states
from rmaudit.models.load_report import LoadReport
from rmaudit.models.rotary import forget_longer_texts, rope_limit

Ids = Sequence[int]

#: Most tokens of a padded batch, where the caller names no other number.
TOKEN_BUDGET = 4096


@dataclass(eq=False)
class RewardModel:
    """A decoder and its reward head, in evaluation mode.

    The score of a sequence is head(h), h being the backbone's output at the sequence's last token. It depends on the
    sequence alone: not on batch mates, padding, or which id the tokenizer uses for padding.
    """

    name: str  #: path or hub id as given
    backbone: PreTrainedModel
    head: LinearHead
    tokenizer: PreTrainedTokenizerBase
    formatter: Formatter
    load_report: LoadReport
    fingerprint: str  #: SHA-256 over files and options that change scores

    def encode(self, conversation: Conversation) -> Encoded:
        """Token ids of a conversation. Raises DataError, FormattingError, TooLongError."""
        return self.formatter.encode(conversation)

    def count_tokens(self, conversation: Conversation) -> int:
        """How many tokens the model reads of a conversation."""
        return len(self.encode(conversation).ids)

    def score(self, conversations: Sequence[Conversation]) -> NDArray[np.float64]:
        """Scores (n,) float64. Raises as `encode`, and ScoringError where a score is not finite."""
        return self.score_ids([self.encode(conversation).ids for conversation in conversations])

    def readout(self, conversations: Sequence[Conversation]) -> Tensor:
        """Readout vectors (n, hidden) float32, on the CPU."""
        return self.readout_ids([self.encode(conversation).ids for conversation in conversations])

    def score_ids(
        self,
        ids: Sequence[Ids],
        *,
        batch_size: int | None = None,
        token_budget: int = TOKEN_BUDGET,
        padding_side: str = "right",
    ) -> NDArray[np.float64]:
        """Scores (n,) float64 of token sequences.

        batch_size: sequences at a time, in the order given; None sorts them by length and fills batches up to
        `token_budget` tokens, padding included. Sequences beyond `rope_limit` are computed alone. Raises FormattingError
        (an empty sequence, an unknown id) and ScoringError (a score that is not finite).
        """
        readouts = self.readout_ids(ids, batch_size=batch_size, token_budget=token_budget, padding_side=padding_side)
        with torch.inference_mode():
            scores: NDArray[np.float64] = self.head(readouts).double().cpu().numpy()
        wrong = np.flatnonzero(~np.isfinite(scores))
        if wrong.size:
            half = self.load_report.dtype in ("float16", "bfloat16")
            advice = (
                "half precision overflows where float32 does not, load it with dtype='float32'"
                if half
                else "float32 hardly overflows: look for infinite numbers or NaN in the checkpoint"
            )
            raise ScoringError(
                f"{wrong.size} of {scores.size} scores are not finite, the first at index {wrong[0]}, computing in "
                f"{self.load_report.dtype}; {advice}"
            )
        return scores

    def readout_ids(
        self,
        ids: Sequence[Ids],
        *,
        batch_size: int | None = None,
        token_budget: int = TOKEN_BUDGET,
        padding_side: str = "right",
    ) -> Tensor:
        """Readout vectors (n, hidden) float32 of token sequences, on the CPU; options as in `score_ids`."""
        self.check_ids(ids)
        readouts = torch.empty((len(ids), self.load_report.readout_width), dtype=torch.float32)
        for chosen in batches([len(sequence) for sequence in ids], batch_size, token_budget, self.rope_limit):
            batch = padded([ids[index] for index in chosen], self._filler, padding_side)
            readouts[chosen] = self._readout(batch).float().cpu()
        return readouts

    def hidden_states(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | dict[str, Tensor] | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """The backbone's output (batch, length, hidden) after the final norm, in the backbone's dtype.

        attention_mask: (batch, length) of ones and zeros, or what the backbone takes besides; None means no padding.
        position_ids: (batch, length); None counts the real tokens of each row. Gradients flow if they are enabled.
        """
        given = input_ids if input_ids is not None else inputs_embeds
        assert given is not None, "input_ids or inputs_embeds"
        if attention_mask is None:
            attention_mask = torch.ones(given.shape[:2], dtype=torch.long, device=given.device)
        if position_ids is None and isinstance(attention_mask, Tensor) and attention_mask.ndim == 2:
            position_ids = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
        arguments: dict[str, Any] = {"attention_mask": attention_mask, "use_cache": False}
        arguments["input_ids" if inputs_embeds is None else "inputs_embeds"] = given
        if position_ids is not None and self.takes_positions:
            arguments["position_ids"] = position_ids
        if self.rope_limit is not None:
            forget_longer_texts(self.backbone)
        states: Tensor = self.backbone(**arguments).last_hidden_state
        return states

    def layer_states(self, ids: Ids) -> list[Tensor]:
        """Residual stream at the readout position, each (hidden,) in the backbone's dtype, on its device.

        What enters the first layer, then what leaves each layer: one more than there are layers. The last one, through
        `trunk.finish` (final norm and projection), is the readout. Raises AttributionError where it is not.
        """
        self.check_ids([ids])
        batch = padded([ids], self._filler)
        with torch.inference_mode(), recorded_states(self.trunk) as states:
            readout = self._readout(batch)[0]
            check_trunk(self.trunk, [state[0, -1] for state in states], readout)
        # Copied outside inference mode, so that a caller may differentiate what it computes from them.
        return [state[0, -1].clone() for state in states]

    @cached_property
    def trunk(self) -> Trunk:
        """The backbone's layers, final norm and projection. Raises AttributionError where they are not found."""
        return find_trunk(self.backbone)

    @property
    def final_norm(self) -> nn.Module | None:
        """The norm after the last layer; None where there is none."""
        return self.trunk.final_norm

    @property
    def device(self) -> torch.device:
        """Where the backbone computes."""
        return self.backbone.device

    @cached_property
    def takes_positions(self) -> bool:
        """Whether the backbone is told positions; ALiBi families (bloom, mpt) derive distances from the mask."""
        return "position_ids" in inspect.signature(self.backbone.forward).parameters

    @cached_property
    def rope_limit(self) -> int | None:
        """Tokens of the longest sequence whose score others beside it leave alone; None where that holds for all.

        Rotary frequencies of some models change with the longest text of a forward pass.
        """
        return rope_limit(self.backbone.config)

    @property
    def _filler(self) -> int:
        """An id to pad with. Any legal one will do, since padding is masked and never read."""
        pad = self.tokenizer.pad_token_id
        return pad if pad is not None and 0 <= pad < self.load_report.vocabulary else 0

    def _readout(self, batch: Batch) -> Tensor:
        """Readout vectors (batch, hidden) in the backbone's dtype."""
        with torch.inference_mode():
            batch = batch.to(self.device)
            states = self.hidden_states(batch.input_ids, batch.attention_mask, batch.position_ids)
            return states[torch.arange(len(states), device=self.device), batch.last]

    def check_ids(self, ids: Sequence[Ids]) -> None:
        """Raise FormattingError for a sequence without tokens, or with an id that the model has no embedding for."""
        vocabulary = self.load_report.vocabulary
        for index, sequence in enumerate(ids):
            if not len(sequence):
                raise FormattingError(f"sequence {index} has no token; there is no position to read a score at")
            if max(sequence) >= vocabulary or min(sequence) < 0:
                raise FormattingError(
                    f"sequence {index} has a token id outside 0..{vocabulary - 1}: "
                    "the tokenizer does not belong to these weights"
                )
