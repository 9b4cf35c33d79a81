"""Where a model lies: a folder on this machine, or the local copy of a repository on the hub."""

from __future__ import annotations

import re
from pathlib import Path

from rmaudit.errors import CheckpointNotFoundError, UnsupportedModelError
from rmaudit.models.refusals import GGUF

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
#: The last two are pickles of heads that lie beside weights in another format; others are asked for where nothing else is.
_WANTED = [
    "*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "*.py", "*.tiktoken", "*_layer.pt", "value_head.bin"
]  # fmt: skip


def locate(path: str | Path, revision: str | None = None) -> Path:
    """Return the folder of a checkpoint.

    A folder that exists is used as it is, and nothing is asked of the hub. What is no folder and reads like
    `owner/name` is taken from the hub's cache or downloaded, unless a folder `owner` is here: then a folder was meant.
    revision: of a repository on the hub; None for the newest.
    Raises CheckpointNotFoundError where there is neither, UnsupportedModelError for a single file.
    """
    try:
        folder = Path(path).expanduser()
        is_folder, is_file = folder.is_dir(), folder.is_file()
        beside = bool(_HUB_ID.fullmatch(str(path))) and Path(folder.parts[0]).is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long, an unknown ~user, a zero byte
        raise CheckpointNotFoundError(
            f"{str(path)!r:.80} cannot be a folder ({error!s:.80}); give the folder that holds config.json and the weights"
        ) from error
    if is_folder:
        return folder
    if is_file:
        raise _single_file(folder)
    if beside:
        raise CheckpointNotFoundError(
            f"no folder {str(path)!r}, and since there is a folder {folder.parts[0]!r} the hub was not asked; "
            f"check the name, or, for the hub's {str(path)!r}, run this from another folder"
        )
    if not _HUB_ID.fullmatch(str(path)):
        raise CheckpointNotFoundError(
            f"no folder {str(path)!r}, and it is not a hub id either (owner/name); "
            "give the folder that holds config.json and the weights"
        )
    return _download(str(path), revision)


def _single_file(file: Path) -> UnsupportedModelError:
    if file.suffix == ".gguf":
        return UnsupportedModelError(f"{str(file)!r} is a GGUF file: {GGUF.told}")
    return UnsupportedModelError(f"{str(file)!r} is a file; give the folder that holds config.json and the weights")


def _download(hub_id: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, revision=revision, allow_patterns=_WANTED))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(hub_id, revision=revision, allow_patterns=[*_WANTED, "*.bin"]))
    except Exception as error:  # the hub client raises its own, httpx's and the system's errors alike
        raise CheckpointNotFoundError(
            f"no folder {hub_id!r} here, and the hub did not give it either ({type(error).__name__}: {error}); "
            "check the name, the network and, for a gated model, your token"
        ) from error
    return folder
