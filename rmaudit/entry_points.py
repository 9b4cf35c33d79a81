"""What installed packages offer under an entry point, and what a file of the user's offers.

A package offers a dict under the entry point group, `{name: "module:attribute"}`; nothing is imported before it is
used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from rmaudit.errors import RmauditError, UsageError


def catalogue(group: str, *, needed: bool = True) -> dict[str, Any]:
    """All names registered in a group. Raises RmauditError where two packages claim one name, or none is installed."""
    found: dict[str, Any] = {}
    owner: dict[str, str] = {}
    for point in entry_points(group=group):
        for name, target in _offered(point).items():
            if name in found:
                raise RmauditError(f"{name!r} in {group} is claimed by {owner[name]} and {_origin(point)}; remove one")
            found[name], owner[name] = target, _origin(point)
    if not found and needed:
        raise RmauditError(f"no {group} are installed; in a checkout run: pip install --editable .")
    return found


def resolved(target: Any) -> Any:
    """What `module:attribute` names. Raises RmauditError where it cannot be imported."""
    module, _, attribute = str(target).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise RmauditError(f"{target} cannot be imported: {type(error).__name__}: {error}") from error


def run_file(file: Path) -> ModuleType:
    """Run a user's Python file as a module. Raises UsageError where that cannot be done."""
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    spec = importlib.util.spec_from_file_location(f"rmaudit_user_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up while it is being run
    try:
        spec.loader.exec_module(module)
    # A file that ends the program must not end it with a code that reads as a pass.
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise UsageError(f"{file}: the file fails when it is run: {type(error).__name__}: {error}") from error
    return module


def _offered(point: EntryPoint) -> dict[str, Any]:
    try:
        offered = point.load()
    except Exception as error:
        raise RmauditError(
            f"{_origin(point)} cannot be imported: {type(error).__name__}: {error}; remove it"
        ) from error
    if not isinstance(offered, dict):
        raise RmauditError(f"{_origin(point)} offers {type(offered).__name__} as {point.group}, expected a dict")
    return offered


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
