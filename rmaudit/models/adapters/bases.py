"""An adapter and its base model, found and read."""

from __future__ import annotations

from pathlib import Path

from rmaudit.errors import CheckpointNotFoundError, UsageError
from rmaudit.models.adapters.adapter import Adapter, read_adapter
from rmaudit.models.adapters.use import AdapterUse
from rmaudit.models.checkpoint import Checkpoint, read_checkpoint
from rmaudit.models.locating import locate
from rmaudit.models.weight_files import is_adapter

#: Any of these says that a folder holds a tokenizer of its own.
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt")
_TEMPLATE = "chat_template.jinja"
_OPTION = "give the base model's folder or hub id (--base PATH, base=...)"


def read_model(path: str | Path, base: str | Path | None = None, mode: str = "merged") -> tuple[Checkpoint, AdapterUse]:
    """Read the headers of a model, or of an adapter and the base model that it was trained on.

    base: folder or hub id of the base model; None looks where adapter_config.json says: as a folder, inside or beside
    the adapter's folder, on the hub. mode: "merged" or "live".
    Raises as `read_checkpoint` and `read_adapter`; UsageError for a base or a live adapter beside a whole model.
    """
    folder = locate(path)
    if not is_adapter(folder):
        if base is not None or mode != "merged":
            raise UsageError(f"base={base!r:.80}, adapter={mode!r}: {folder} is no PEFT adapter; leave them out")
        return read_checkpoint(folder), AdapterUse(None)
    adapter = read_adapter(folder)
    name, found = _find_base(adapter, base)
    checkpoint = read_checkpoint(found)
    use = AdapterUse(adapter, mode, name)
    if _holds_tokenizer(folder):
        use.has_tokenizer, checkpoint.tokenizer_folder = True, folder
    elif (folder / _TEMPLATE).is_file():
        use.notes.append(
            f"tokenizer and chat template are the base model's; {_TEMPLATE} beside the adapter, where no tokenizer "
            "lies, is not read (--chat-template FILE, chat_template=...)"
        )
    return checkpoint, use


def _holds_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _TOKENIZER_FILES)


def _find_base(adapter: Adapter, given: str | Path | None) -> tuple[str, Path]:
    """What to call the base model, and its folder."""
    if given is not None:
        return str(given), locate(given)
    name, file = adapter.settings.base, adapter.folder / "adapter_config.json"
    if name is None:
        raise CheckpointNotFoundError(f"{file}: it does not name the base model (base_model_name_or_path); {_OPTION}")
    try:
        for place in (Path(name), adapter.folder / name, adapter.folder.parent / name):
            if place.is_dir():
                return str(place), place
        return name, locate(name, adapter.settings.revision)
    except CheckpointNotFoundError as error:
        raise CheckpointNotFoundError(f"{file} names the base model {name!r}: {error}. Or {_OPTION}") from error
    except (OSError, ValueError) as error:  # too long for a path
        raise CheckpointNotFoundError(
            f"{file} names the base model {name!r:.80}, which cannot be a folder; {_OPTION}"
        ) from error
