"""A name for a model that changes whenever a file or an option changes that its scores may depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.reading import unreadable
from rmaudit.models.tensor_files import as_bytes

#: Files beside weights and configuration that make token ids or compute: vocabularies, merges, code.
_OTHER_FILES = (
    "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "*vocab*.json", "*vocab*.txt", "merges.txt",
    "tekken.json", "normalizer.json", "*.model", "*.tiktoken", "*.bpe", "*.spm", "*.codes", "*.py",
)  # fmt: skip
#: Entries of config.json that say who wrote it, not what it computes.
_VOLATILE = frozenset({"_name_or_path", "architectures", "transformers_version"})


def fingerprint(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of weights, configuration, files of the tokenizer and of code, and `settings`.

    settings: the options on which scores depend, the chat template's text among them, wherever it came from.
    Weights count by key, so the same tensors in other shards or with a wrapper's prefix are the same model. Other files
    count by name and content, whether they are used or not: equal fingerprints mean equal scores (on one machine with one
    version of the libraries), different ones need not mean different scores.
    """
    digest = hashlib.sha256()
    config = {key: value for key, value in checkpoint.config.items() if key not in _VOLATILE}
    digest.update(json.dumps([config, dict(settings)], sort_keys=True).encode())
    for file in _other_files(checkpoint):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise unreadable(file, error) from error
        digest.update(f"\0{file.name}\0".encode() + hashlib.sha256(content).digest())
    for key in sorted(checkpoint.tensors):
        info = checkpoint.tensors[key]
        digest.update(f"\0{key}\0{info.dtype}\0{list(info.shape)}\0".encode())
        digest.update(as_bytes(checkpoint.read(key)).numpy().data)
    return digest.hexdigest()


def _other_files(checkpoint: Checkpoint) -> list[Path]:
    """Those of the model's folder by name, then those of the tokenizer's where that is another one."""
    folders = dict.fromkeys((checkpoint.folder, checkpoint.tokenizer_folder or checkpoint.folder))
    return [
        file
        for folder in folders
        for file in sorted({file for pattern in _OTHER_FILES for file in folder.glob(pattern) if file.is_file()})
    ]
