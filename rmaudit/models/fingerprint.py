"""A name for a model that changes exactly when its scores may."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch

from rmaudit.models.checkpoint import Checkpoint

_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt",
)  # fmt: skip
#: Entries of config.json that say who wrote it, not what it computes.
_VOLATILE = frozenset({"_name_or_path", "architectures", "transformers_version"})


def fingerprint(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of weights, configuration, tokenizer files and `settings` that change scores.

    Weights count by key, so the same tensors in other shards or with a wrapper's prefix are the same model.
    """
    digest = hashlib.sha256()
    config = {key: value for key, value in checkpoint.config.items() if key not in _VOLATILE}
    digest.update(json.dumps([config, dict(settings)], sort_keys=True).encode())
    for name in _TOKENIZER_FILES:
        file = checkpoint.folder / name
        if file.is_file():
            digest.update(f"\0{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for key in sorted(checkpoint.tensors):
        info = checkpoint.tensors[key]
        digest.update(f"\0{key}\0{info.dtype}\0{list(info.shape)}\0".encode())
        digest.update(checkpoint.read(key).reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
