"""Which configurations are decoders that a reward can be read from, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    MODEL_MAPPING_NAMES,
)

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError

#: Attend to both sides although transformers does not list them as masked language models.
_MORE_ENCODERS = frozenset({"xlnet", "canine", "layoutlmv2", "layoutlmv3", "lilt", "markuplm", "bros"})
#: Those that transformers lists as masked language models too, such as BART, are told apart by their settings.
_ENCODERS = _MORE_ENCODERS | (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() - MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.keys()
)
_BLACK_BOX = "Audit it as a black box (any callable that scores conversations)"


def read_architecture(folder: Path, config: Mapping[str, Any], allow_remote_code: bool) -> PreTrainedConfig:
    """The typed configuration of a decoder.

    config: the content of config.json. Raises UnsupportedModelError for encoders, encoder-decoders, quantised
    checkpoints and types that transformers does not know (unless remote code is allowed), BrokenCheckpointError
    where the configuration itself is not valid.
    """
    model_type = config.get("model_type")
    if model_type is not None and not isinstance(model_type, str):
        raise BrokenCheckpointError(f"{folder}/config.json: model_type is {model_type!r:.80}; expected a name")
    if model_type in _ENCODERS:
        raise UnsupportedModelError(
            f"{folder}: {model_type} is an encoder: every token sees the whole text, so there is no last-token readout "
            f"to trace. {_BLACK_BOX}"
        )
    code = config.get("auto_map")
    remote = isinstance(code, dict) and "AutoModel" in code
    if model_type not in MODEL_MAPPING_NAMES and not (remote and allow_remote_code):
        raise _unknown_type(folder, model_type, remote)
    try:
        loaded: PreTrainedConfig = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=allow_remote_code
        )
    except Exception as error:  # a configuration class may raise anything about the values it is given
        raise BrokenCheckpointError(f"{folder}/config.json: {type(error).__name__}: {error}") from error
    _refuse_by_settings(folder, loaded)
    return loaded


def _refuse_by_settings(folder: Path, config: PreTrainedConfig) -> None:
    # The type's own word counts too: saved from a decoder's settings, a BART is still no decoder.
    if getattr(config, "is_encoder_decoder", False) or getattr(type(config), "is_encoder_decoder", False):
        raise UnsupportedModelError(
            f"{folder}: {config.model_type} is an encoder-decoder; rmaudit reads a reward at the last token of a "
            f"decoder. {_BLACK_BOX}"
        )
    quantised = getattr(config, "quantization_config", None)
    if quantised:
        method = quantised.get("quant_method", "unknown method") if isinstance(quantised, dict) else quantised
        raise UnsupportedModelError(
            f"{folder}: the weights are quantised ({method}); give the unquantised checkpoint, whose weights can be "
            "compared with the files"
        )


def _unknown_type(folder: Path, model_type: Any, remote: bool) -> UnsupportedModelError:
    if model_type is None:
        return UnsupportedModelError(f"{folder}/config.json: no model_type in it; the backbone is unknown")
    advice = "a newer transformers may know it"
    if remote:
        advice = "it ships its own code; if you have read it and trust it: --allow-remote-code, allow_remote_code=True"
    return UnsupportedModelError(
        f"{folder}: model type {model_type!r} is unknown to transformers {transformers.__version__}; {advice}"
    )


def readout_width(config: PreTrainedConfig) -> int:
    """Width of the backbone's output. OPT projects its hidden states back to the width of its embedding."""
    text = config.get_text_config()
    return int(getattr(text, "word_embed_proj_dim", None) or text.hidden_size)


def longest_input(config: PreTrainedConfig) -> int | None:
    """How many tokens the backbone was made for; None where nothing in its configuration bounds them (ALiBi)."""
    text = config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None) or getattr(text, "max_seq_len", None)
    return int(positions) if positions else None
