"""What loading does with an adapter, step by step; where there is none, nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from rmaudit.errors import MissingRewardHeadError, UsageError, nearest
from rmaudit.models.adapters.adapter import Adapter
from rmaudit.models.adapters.fitting import Fitted, fit_adapter
from rmaudit.models.adapters.live import add_layers
from rmaudit.models.backbone import BackbonePlan
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.placement import DeviceMap

#: How an adapter may be used: merged into the weights, or as layers of its own.
MODES = ("merged", "live")


@dataclass
class AdapterUse:
    """An adapter, or None for a whole model, on the way to a reward model.

    mode: one of MODES. base: the base model's folder or hub id. has_tokenizer: whether the tokenizer lies beside the
    adapter. notes: for the load report.
    """

    adapter: Adapter | None
    mode: str = "merged"
    base: str = ""
    has_tokenizer: bool = False
    notes: list[str] = field(default_factory=list)
    _fitted: Fitted | None = None

    def fit(self, checkpoint: Checkpoint, plan: BackbonePlan) -> BackbonePlan:
        """The plan, and the checkpoint in place, as the adapter makes them. Raises as `fit_adapter`."""
        if self.adapter is None:
            return plan
        self._fitted = fit_adapter(self.adapter, checkpoint, plan, live=self.mode == "live")
        self.notes += self._fitted.notes
        return self._fitted.plan

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Inside, an error about a missing head says what became of the head of an adapter."""
        try:
            yield
        except MissingRewardHeadError as error:
            if self.adapter is None:
                raise
            raise MissingRewardHeadError(
                f"{self.adapter.folder}: neither this PEFT adapter nor its base model {self.base} holds a reward head. "
                "Without task_type SEQ_CLS and without modules_to_save the head of training was random, and is not "
                "saved: where that model is still in memory, merge_and_unload() and save it; otherwise train again "
                "with task_type SEQ_CLS. If this is a judge that answers in one word, name its answers: --judge-tokens "
                "Yes,No (judge_tokens=...)"
            ) from error

    def padded(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
        """The base's configuration with the padding token of training, which no config.json beside an adapter tells.

        TRL writes the tokenizer's padding token into the configuration that it trains with; the readout looks for it.
        """
        own = tokenizer.pad_token_id
        if not self.has_tokenizer or own is None:
            return config
        there = getattr(config.get_text_config(), "pad_token_id", None)
        if there is None:
            config = copy.deepcopy(config)
            config.get_text_config().pad_token_id = own
            self.notes.append(
                f"the padding token is that of the tokenizer beside the adapter ({tokenizer.pad_token}, {own}), with "
                "which TRL trains; the base model's configuration names none"
            )
        elif there != own:
            self.notes.append(
                f"the base model's configuration pads with token {there}, the tokenizer beside the adapter with {own}; "
                "scores are read with the former, TRL trains with the latter. Where a text ends in one of them that "
                "changes the position that is read (--position NAME, position=...)"
            )
        return config

    def finish(self, backbone: PreTrainedModel) -> None:
        """Put the layers of a live adapter into the backbone."""
        if self.adapter is not None and self._fitted is not None:
            add_layers(backbone, self.adapter, self._fitted.layers)

    @property
    def settings(self) -> Mapping[str, Any]:
        """For the fingerprint: what the checkpoint's merged weights do not say already."""
        return {"live adapter": self.adapter.digest()} if self.adapter and self.mode == "live" else {}

    @property
    def title(self) -> str:
        """For the load report: what was done; empty where there is no adapter."""
        return f"{self.adapter.settings.kind}, {self.mode}, on {self.base}" if self.adapter else ""

    def close(self) -> None:
        """Let go of the adapter's files."""
        if self.adapter is not None:
            self.adapter.close()


def check_mode(mode: str, device_map: DeviceMap | None) -> None:
    """Raise UsageError for an unknown mode, and for layers in a backbone that accelerate has divided."""
    if mode not in MODES:
        raise UsageError(f"unknown adapter mode {mode!r}{nearest(str(mode), MODES)}")
    if mode == "live" and device_map is not None:
        raise UsageError("adapter='live' and device_map: PEFT's layers go on one device only; load it merged")
