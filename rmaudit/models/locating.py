"""Where a model lies: a folder on this machine, or the local copy of a repository on the hub."""

from __future__ import annotations

import re
from pathlib import Path

from rmaudit.errors import CheckpointNotFoundError, UnsupportedModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_EVERYTHING_BUT_PICKLES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "*.py", "*.tiktoken"]


def locate(path: str | Path) -> Path:
    """Return the folder of a checkpoint.

    A folder that exists is used as it is, and nothing is asked of the hub. What is no folder and reads like
    `owner/name` is taken from the hub's cache or downloaded.
    Raises CheckpointNotFoundError where there is neither, UnsupportedModelError for a single file.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise _single_file(folder)
    if not _HUB_ID.fullmatch(str(path)):
        raise CheckpointNotFoundError(
            f"no folder {str(path)!r}, and it is not a hub id either (owner/name); "
            "give the folder that holds config.json and the weights"
        )
    return _download(str(path))


def _single_file(file: Path) -> UnsupportedModelError:
    if file.suffix == ".gguf":
        return UnsupportedModelError(
            f"{str(file)!r} is a GGUF file: that format has no place for a reward head; give the folder of the "
            "original checkpoint (config.json and model.safetensors)"
        )
    return UnsupportedModelError(f"{str(file)!r} is a file; give the folder that holds config.json and the weights")


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=_EVERYTHING_BUT_PICKLES))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(hub_id, allow_patterns=[*_EVERYTHING_BUT_PICKLES, "*.bin"]))
    except Exception as error:  # the hub client raises its own, httpx's and the system's errors alike
        raise CheckpointNotFoundError(
            f"no folder {hub_id!r} here, and the hub did not give it either ({type(error).__name__}: {error}); "
            "check the name, the network and, for a gated model, your token"
        ) from error
    return folder
