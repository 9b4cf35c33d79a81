"""Names in an error sentence."""

from __future__ import annotations

from collections.abc import Iterable


def some(names: Iterable[str], limit: int = 8) -> str:
    """Join names, the first few of many."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more
