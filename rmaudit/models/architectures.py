"""Which configurations are decoders that a reward can be read from, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    MODEL_MAPPING_NAMES,
)

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.listing import shown
from rmaudit.models.refusals import BLACK_BOX, ENCODER, ENCODER_DECODER

#: Attend to both sides although transformers does not list them as masked language models.
_MORE_ENCODERS = frozenset({"xlnet", "canine", "layoutlmv2", "layoutlmv3", "lilt", "markuplm", "bros"})
#: Those that transformers lists as masked language models too, such as BART, are told apart by their settings.
_ENCODERS = _MORE_ENCODERS | (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() - MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.keys()
)
#: What a checkpoint's own code may stand for.
_OWN_CLASSES = ("AutoModel", "AutoModelForSequenceClassification", "AutoModelForTokenClassification")
#: Layers or experts up to here are set up in no time, whether the files have them or not.
_FEW = 1000
#: Names that training code gave to a backbone which transformers knows by another.
_ALIASES = {"gpt_neox_reward_model": "gpt_neox"}  # Open Assistant


def read_architecture(
    folder: Path, config: Mapping[str, Any], allow_remote_code: bool, tensors: int
) -> PreTrainedConfig:
    """The typed configuration of a decoder.

    config: the content of config.json. tensors: how many the files hold. Raises UnsupportedModelError for encoders,
    encoder-decoders and types that transformers does not know (unless remote code is allowed), BrokenCheckpointError
    where the configuration itself is not valid.
    """
    model_type = config.get("model_type")
    if model_type is not None and not isinstance(model_type, str):
        raise BrokenCheckpointError(f"{folder}/config.json: model_type is {model_type!r:.80}; expected a name")
    if model_type in _ENCODERS:
        raise UnsupportedModelError(f"{folder}: {model_type} is an encoder: {ENCODER.told}")
    code = config.get("auto_map")
    remote = isinstance(code, dict) and "AutoModel" in code
    alias = _ALIASES.get(model_type or "")
    if (alias or model_type) not in MODEL_MAPPING_NAMES and not (remote and allow_remote_code):
        raise _unknown_type(folder, model_type, remote)
    _refuse_costly(folder, config, tensors)
    try:
        loaded: PreTrainedConfig
        if alias:
            loaded = CONFIG_MAPPING[alias].from_dict({**config, "model_type": alias})
        else:
            loaded = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=allow_remote_code)
    except Exception as error:  # a configuration class may raise anything about the values it is given
        raise BrokenCheckpointError(f"{folder}/config.json: {type(error).__name__}: {shown(error)}") from error
    _refuse_by_settings(folder, loaded)
    for part in (loaded, loaded.get_text_config()):
        # Quantised weights are decoded when they are read; transformers would set up modules for the undecoded ones.
        vars(part).pop("quantization_config", None)
    if loaded._attn_implementation not in ("eager", "sdpa"):
        # Any other is an optional package, or native code that transformers would fetch from the hub and run.
        loaded._attn_implementation = None
    return loaded


def _refuse_costly(folder: Path, config: Mapping[str, Any], tensors: int) -> None:
    """Refuse counts that take time or memory before the model can be compared with the files."""
    for name, value in _settings(config):
        counts = any(part in name for part in ("layer", "expert", "attention_types"))
        if counts and isinstance(value, int) and value > max(tensors, _FEW):
            raise BrokenCheckpointError(
                f"{folder}/config.json: {name} is {value}, and the files hold {tensors} tensors; "
                "weights and configuration are of different models"
            )


def _settings(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a configuration, nested ones too, under its dotted name."""
    if name:
        yield name, value
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield from _settings(entry, f"{name}.{key}".lstrip("."))


def _refuse_by_settings(folder: Path, config: PreTrainedConfig) -> None:
    # The type's own word counts too: saved from a decoder's settings, a BART is still no decoder.
    if getattr(config, "is_encoder_decoder", False) or getattr(type(config), "is_encoder_decoder", False):
        raise UnsupportedModelError(f"{folder}: {config.model_type} is an encoder-decoder: {ENCODER_DECODER.told}")


def _unknown_type(folder: Path, model_type: Any, remote: bool) -> UnsupportedModelError:
    if model_type is None:
        return UnsupportedModelError(f"{folder}/config.json: no model_type in it; the backbone is unknown")
    advice = "a newer transformers may know it"
    if remote:
        advice = "it ships its own code; if you have read it and trust it: --allow-remote-code, allow_remote_code=True"
    return UnsupportedModelError(
        f"{folder}: model type {model_type!r} is unknown to transformers {transformers.__version__}; {advice}"
    )


def code_notes(config: Mapping[str, Any], allowed: bool) -> list[str]:
    """What to tell of code that a checkpoint ships and that was not run, since transformers knows its type."""
    code = config.get("auto_map")
    named = [str(code[name]) for name in _OWN_CLASSES if name in code] if isinstance(code, dict) else []
    if allowed or not named:
        return []
    told = f"the checkpoint ships code of its own ({shown(named[0])}), which was not run"
    return [
        f"{told}: backbone and head are computed as transformers' {shown(config.get('model_type'))} and the family above"
    ]


def readout_width(config: PreTrainedConfig) -> int:
    """Width of the backbone's output. OPT projects its hidden states back to the width of its embedding.

    Raises UnsupportedModelError where the configuration names none, as of models made of several (BLT).
    """
    text = config.get_text_config()
    width = getattr(text, "word_embed_proj_dim", None) or getattr(text, "hidden_size", None)
    if not width:
        raise UnsupportedModelError(f"the configuration ({config.model_type}) names no hidden_size. {BLACK_BOX}")
    return _whole(width, "the width", config)


def longest_input(config: PreTrainedConfig) -> int | None:
    """How many tokens the backbone was made for; None where nothing in its configuration bounds them (ALiBi)."""
    text = config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None) or getattr(text, "max_seq_len", None)
    return _whole(positions, "max_position_embeddings", config) if positions else None


def _whole(value: Any, name: str, config: PreTrainedConfig) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BrokenCheckpointError(
            f"config.json ({config.model_type}): {name} is {value!r:.80}; expected a whole number, at least 1"
        )
    return value
