"""Finding probes, batteries and reports by entry point: our own the same way as a stranger's.

A package offers a dict under the entry point group, `{name: "module:attribute"}`; nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from rmaudit.errors import RmauditError, UnknownNameError, UsageError
from rmaudit.probe import Probe
from rmaudit.report import Report

PROBES, BATTERIES, REPORTS = "rmaudit.probes", "rmaudit.batteries", "rmaudit.reports"


def catalogue(group: str) -> dict[str, Any]:
    """All names registered in a group. Raises RmauditError where two packages claim one name, or none is installed."""
    found: dict[str, Any] = {}
    owner: dict[str, str] = {}
    for point in entry_points(group=group):
        for name, target in _offered(point).items():
            if name in found:
                raise RmauditError(f"{name!r} in {group} is claimed by {owner[name]} and {_origin(point)}; remove one")
            found[name], owner[name] = target, _origin(point)
    if not found:
        raise RmauditError(f"no {group} are installed; in a checkout run: pip install --editable .")
    return found


def probe_names() -> list[str]:
    """Names of all registered probes, in the order their packages list them."""
    return list(catalogue(PROBES))


def load_probes(wanted: Iterable[str] | None = None) -> list[Probe]:
    """Make the probes with these names (all registered ones if None) or from these files (`./my_probe.py`).

    A file offers its probes in a dict `PACK = {name: factory}`. Raises UnknownNameError with the nearest name.
    """
    known = catalogue(PROBES)
    probes: list[Probe] = []
    for name in known if wanted is None else wanted:
        if name.endswith(".py"):
            probes += [_made(factory, name) for factory in _pack_of(Path(name)).values()]
        elif name in known:
            probes.append(_made(_resolved(known[name]), name))
        else:
            raise UnknownNameError("probe", name, known, "list them with: rmaudit probes")
    names = [probe.card.name for probe in probes]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"the probe {name!r} is asked for twice")
    return probes


def battery_folder(name: str) -> Path:
    """Folder of a registered battery, or `name` itself where it is a folder."""
    if Path(name).is_dir():
        return Path(name)
    known = catalogue(BATTERIES)
    if name not in known:
        raise UnknownNameError("battery", name, known, "or give a folder that holds items/*.jsonl and fillers.jsonl")
    return Path(known[name])


def load_report(name: str) -> Report:
    """The registered report of this name. Raises UnknownNameError with the nearest name."""
    known = catalogue(REPORTS)
    if name not in known:
        raise UnknownNameError("report", name, known)
    report = _resolved(known[name])
    if not isinstance(report, Report):
        raise RmauditError(f"{known[name]} is no rmaudit.report.Report but {type(report).__name__}")
    return report


def _made(factory: Any, name: str) -> Probe:
    try:
        probe = factory()
    except RmauditError:
        raise
    except Exception as error:
        raise UsageError(f"the probe {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(probe, Probe):
        raise RmauditError(f"the factory of {name!r} gave {type(probe).__name__}, expected rmaudit.Probe")
    return probe


def _resolved(target: Any) -> Any:
    module, _, attribute = str(target).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise RmauditError(f"{target} cannot be imported: {type(error).__name__}: {error}") from error


def _pack_of(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UsageError(f"{file}: no such probe file")
    spec = importlib.util.spec_from_file_location(f"rmaudit_user_probe_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file}: not a Python file")
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up while it is being run
    try:
        spec.loader.exec_module(module)
    # A file that ends the program must not end it with a code that reads as a pass.
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise UsageError(f"{file}: the file fails when it is run: {type(error).__name__}: {error}") from error
    pack = getattr(module, "PACK", None)
    if not isinstance(pack, dict) or not pack:
        raise UsageError(f"{file}: expected a dict PACK = {{name: factory}} in it")
    return pack


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
