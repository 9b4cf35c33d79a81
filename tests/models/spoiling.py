"""Reading and rewriting the files of a tiny model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rmaudit.models import load_reward_model

CONVERSATIONS = [
    [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": answer}]
    for answer in ("Green.", "Blue, I think.")
]
Tensors = dict[str, torch.Tensor]


def tensors_of(folder: Path) -> Tensors:
    return load_file(folder / "model.safetensors")


def rewrite(folder: Path, tensors: Tensors) -> Path:
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def reconfigure(folder: Path, **entries: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))
    return folder


def shard(folder: Path) -> Path:
    """Split the weights into two shards, the head in the last."""
    tensors = tensors_of(folder)
    names = {key: f"model-0000{1 if 'layers.0' in key else 2}-of-00002.safetensors" for key in tensors}
    for name in set(names.values()):
        save_file({key: tensors[key] for key in tensors if names[key] == name}, folder / name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    (folder / "model.safetensors").unlink()
    return folder


def refused(folder: Path, error: type[Exception], *expected: str) -> None:
    """Loading raises `error`, and says all of these."""
    with pytest.raises(error) as caught:
        load_reward_model(folder)
    for text in expected:
        assert re.search(text, str(caught.value)), str(caught.value)
