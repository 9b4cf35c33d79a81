"""Reading the small files of a checkpoint, and saying why that failed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rmaudit.errors import BrokenCheckpointError

#: Bytes of a text that is parsed. An index of the largest models has about 10 MB, and this is safetensors' own limit.
LARGEST_JSON = 100_000_000


class JsonError(ValueError):
    """A text that is no JSON object, or one that readers would understand differently."""


def parse_object(text: bytes) -> dict[str, Any]:
    """The JSON object that a text holds.

    Raises JsonError for what is not UTF-8, not JSON, nested too deep or no object, and for a key that an object has
    twice: Python takes the last, other readers the first, so the file would be two models at once.
    """
    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_with_single_keys, parse_constant=_infinity)
        if b"\\ud" in text.lower():  # half of a surrogate pair can be neither printed nor hashed: this raises
            json.dumps(content, ensure_ascii=False).encode("utf-8")
    except JsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonError(f"not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise JsonError(f"expected a JSON object, found {type(content).__name__}")
    return content


def unreadable(file: Path, error: OSError) -> BrokenCheckpointError:
    """What the system said when it was asked for a file."""
    return BrokenCheckpointError(
        f"{file}: cannot be read ({error.strerror or type(error).__name__}); check the file and its permissions"
    )


def _with_single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        [(key, times)] = Counter(key for key, _ in pairs).most_common(1)
        raise JsonError(f"{key!r:.80} stands {times} times in one object, and readers differ in which one counts")
    return content


def _infinity(constant: str) -> float:
    """Real configurations hold Infinity, as the limit of a range (Mamba); no setting is meant to be NaN."""
    if constant == "NaN":
        raise JsonError("it holds NaN, which is neither JSON nor a setting")
    return float(constant)
