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
from rmaudit.errors import AttributionError, FormattingError, ScoringError
from rmaudit.models import overflow
from rmaudit.models.batching import Batch, batches, padded
from rmaudit.models.formatting import Encoded, Formatter
from rmaudit.models.heads import Head, LinearMap
from rmaudit.models.layers import Trunk, check_trunk, find_trunk, recorded_states
from rmaudit.models.load_report import LoadReport
from rmaudit.models.placement import input_device
from rmaudit.models.positions import Rule
from rmaudit.models.rotary import forget_longer_texts, rope_limit
from rmaudit.models.shaping import check_steps
from rmaudit.scorers import checked_scores

Ids = Sequence[int]

#: Most tokens of a padded batch, where the caller names no other number.
TOKEN_BUDGET = 4096

#: Layers that padding on the left is tried with, how long a text, and how much padding.
_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}
_TRIED_TOKENS, _TRIED_PADDING = 192, 5


@dataclass(eq=False)
class RewardModel:
    """A decoder and its reward head, in evaluation mode.

    The score of a sequence is head(h), h being the backbone's output at the positions that the family's rule names, mostly
    the last token alone. It depends on the sequence alone: not on batch mates, padding or order.
    """

    name: str  #: path or hub id as given
    backbone: PreTrainedModel
    head: Head
    rule: Rule  #: where a sequence is read
    tokenizer: PreTrainedTokenizerBase
    formatter: Formatter
    load_report: LoadReport
    fingerprint: str  #: SHA-256 over files and options that change scores

    length_unit = "tokens"

    def encode(self, conversation: Conversation) -> Encoded:
        """Token ids of a conversation. Raises DataError, TooLongError, and FormattingError as `check_steps` does, too."""
        return self._checked_steps(conversation, self.formatter.encode(conversation))

    def encoded(self, conversation: Conversation, text: str, written: list[int]) -> Encoded:
        """`encode` of a conversation of which `formatter.readable` gave `text`, and `formatter.tokenize_all` its ids."""
        return self._checked_steps(conversation, self.formatter.encoded(conversation, text, written))

    def _checked_steps(self, conversation: Conversation, encoded: Encoded) -> Encoded:
        if (steps := self.formatter.shaping.steps) is not None:
            check_steps(steps, conversation, len(self.positions(encoded.ids)))
        return encoded

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
        options: dict[str, Any] = {
            "batch_size": batch_size, "token_budget": token_budget, "padding_side": padding_side
        }  # fmt: skip
        scores = self.scores_of(self.read_ids(ids, **options))
        return self.checked(scores)

    def checked(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same scores. Raises ScoringError where one is not finite, with what to do about it in this dtype."""
        dtype = self.load_report.dtype
        return checked_scores(scores, len(scores), f"the model, computing in {dtype},", overflow.ADVICE.get(dtype, ""))

    def readout_ids(self, ids: Sequence[Ids], **options: Any) -> Tensor:
        """Readout vectors (n, width) float32 of token sequences, on the CPU; options as in `score_ids`.

        Where a family reads several positions, that of the last one.
        """
        read = self.read_ids(ids, **options)
        return (
            torch.stack([vectors[-1] for vectors in read]) if read else torch.empty((0, self.load_report.readout_width))
        )

    def read_ids(self, ids: Sequence[Ids], **options: Any) -> list[Tensor]:
        """What the head reads of each token sequence, (k, width) float32 on the CPU; options as in `score_ids`."""
        self.check_ids(ids)
        positions = [list(self.positions(sequence)) for sequence in ids]
        states = self.states(ids, positions=positions, **options)
        return [self.pooled(vectors) for vectors in states]

    def positions(self, ids: Ids) -> tuple[int, ...]:
        """Where a sequence is read, by the family's rule. Raises FormattingError where the rule finds no position."""
        return self.rule.find(ids)

    def pooled(self, vectors: Tensor) -> Tensor:
        """What the head reads of the vectors (..., k, width) at the positions: these, or their mean (..., 1, width)."""
        return vectors.mean(dim=-2, keepdim=True) if self.rule.mean else vectors

    def scores_of(self, read: Sequence[Tensor]) -> NDArray[np.float64]:
        """Scores (n,) float64 of what was read of n sequences, each (k, width) with a k of its own."""
        scores = np.full(len(read), np.nan)
        sizes = [len(vectors) for vectors in read]
        with torch.inference_mode():
            for size in set(sizes):
                same = [index for index, other in enumerate(sizes) if other == size]
                given = self.head(torch.stack([read[index] for index in same]))
                if given.shape != (len(same),):
                    raise ScoringError(
                        f"{type(self.head).__name__} gave an array of shape {tuple(given.shape)} for {len(same)} texts; expected one "
                        "score for each, (n,)"
                    )
                scores[same] = given.double().cpu().numpy()
        return scores

    def states(
        self,
        ids: Sequence[Ids],
        *,
        positions: Sequence[Sequence[int]] | None = None,
        batch_size: int | None = None,
        token_budget: int = TOKEN_BUDGET,
        padding_side: str = "right",
    ) -> list[Tensor]:
        """The backbone's output (k, width) float32, on the CPU, at k positions of each sequence; None for all of its tokens."""
        if padding_side == "left" and not self.pads_left:
            padding_side = "right"  # scores do not depend on it, so that one may as well be taken
        found: list[Tensor] = [torch.empty(0)] * len(ids)
        for chosen in batches([len(sequence) for sequence in ids], batch_size, token_budget, self.rope_limit):
            batch = padded([ids[index] for index in chosen], self._filler, padding_side)
            states = self._states(batch)
            for row, (index, start) in enumerate(zip(chosen, batch.starts.tolist(), strict=True)):
                wanted = range(len(ids[index])) if positions is None else positions[index]
                found[index] = states[row, [start + place for place in wanted]].float().cpu()
        return found

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

    def _states(self, batch: Batch) -> Tensor:
        """The backbone's output (batch, length, width) in its dtype."""
        with torch.inference_mode():
            batch = batch.to(self.device)
            return self.hidden_states(batch.input_ids, batch.attention_mask, batch.position_ids)

    def layer_states(self, ids: Ids) -> list[Tensor]:
        """Residual stream at the k positions that are read, each (k, hidden) in the backbone's dtype, on its device.

        What enters the first layer, then what leaves each layer: one more than there are layers. The last one, through
        `trunk.finish` (final norm and projection), is what the head reads. Raises AttributionError where it is not.
        """
        self.check_ids([ids])
        places = list(self.positions(ids))
        batch = padded([ids], self._filler).to(self.device)
        with torch.inference_mode(), recorded_states(self.trunk) as states:
            read = self.hidden_states(batch.input_ids, batch.attention_mask, batch.position_ids)[0, places]
            check_trunk(self.trunk, [state[0, places] for state in states], read)
        # Copied outside inference mode, so that a caller may differentiate what it computes from them.
        return [state[0, places].clone() for state in states]

    def require_exact_head(self) -> None:
        """Raise AttributionError where the head is stored quantised."""
        if self.load_report.head_quantised:
            raise AttributionError(
                f"the head is stored quantised ({self.load_report.head_dtype}): what it was trained to is rounded away, so parts "
                "of the score would be those of the rounding; save the model with its head unquantised (leave 'score' out: "
                "llm_int8_skip_modules, modules_to_not_convert or ignore); its scores can be audited as they are"
            )

    def linear_map(self, ids: Ids) -> LinearMap:
        """The map from the vectors (k, width) at the k positions of `positions(ids)` to the score.

        Raises AttributionError where the head is not linear in them, or stored quantised.
        """
        self.require_exact_head()
        [vectors] = self.states([ids], positions=[self.positions(ids)])
        found = self.head.linear_map(self.pooled(vectors))
        if not self.rule.mean:
            return found
        return LinearMap((found.weights / len(vectors)).expand(len(vectors), -1), found.bias)

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
        """Where the backbone wants its token ids."""
        return input_device(self.backbone)

    @cached_property
    def takes_positions(self) -> bool:
        """Whether the backbone is told positions; ALiBi families (bloom, mpt) derive distances from the mask."""
        return "position_ids" in inspect.signature(self.backbone.forward).parameters

    @cached_property
    def pads_left(self) -> bool:
        """Whether padding on the left leaves readouts alone, by a trial.

        Some decoders read it as text (rwkv, xlstm, recurrent_gemma) or count blocks from the first column (deepseek_v4), and
        in some recurrent layers (qwen3_5) it costs precision, so it is tried with attention only. Padding on the right is
        behind everything that a decoder reads, so nothing can go wrong there.
        """
        kinds = getattr(self.backbone.config.get_text_config(), "layer_types", None) or ()
        length = min(_TRIED_TOKENS, self.load_report.max_length or _TRIED_TOKENS) - _TRIED_PADDING
        if not set(kinds) <= _ATTENTION or length < 1:
            return False
        ids = [index % self.load_report.vocabulary for index in range(1, length + 1)]
        batches_of = ([ids], [ids, ids + [1] * _TRIED_PADDING])
        alone, beside = (self._states(padded(rows, self._filler, "left"))[0, -1].float() for rows in batches_of)
        tolerance = max(1e-4, 16 * torch.finfo(self.backbone.dtype).eps)
        return bool((alone - beside).abs().max() <= tolerance * alone.abs().max())

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
