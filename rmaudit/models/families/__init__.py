"""The registry of reward heads: how each is recognised in a checkpoint, read from it and positioned.

The keys and shapes of the files decide, never the `architectures` string of the configuration, which is often wrong; that
string, the name of the checkpoint and the user's word only choose between families whose keys are the same.
A new head is a new row here, or in a package of its own under the entry point `rmaudit.families`.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from rmaudit.entry_points import catalogue, resolved, run_file
from rmaudit.errors import RmauditError, UsageError
from rmaudit.models.families import gated, linear, stacked, steps, tokens
from rmaudit.models.families.family import HeadFamily as HeadFamily
from rmaudit.models.families.family import Part as Part

#: The families that rmaudit brings along.
FAMILIES: tuple[HeadFamily, ...] = (
    *linear.FAMILIES,
    *stacked.FAMILIES,
    *gated.FAMILIES,
    *tokens.FAMILIES,
    *steps.FAMILIES,
)

GROUP = "rmaudit.families"


def known_families() -> tuple[HeadFamily, ...]:
    """The families that rmaudit brings along, and those of installed packages.

    Raises RmauditError where two of them have one name, or where a package offers something else than a HeadFamily.
    """
    names = {family.name for family in FAMILIES}
    found = list(FAMILIES)
    for name, target in catalogue(GROUP, needed=False).items():
        family = resolved(target) if isinstance(target, str) else target
        if not isinstance(family, HeadFamily):
            raise RmauditError(f"{target} is no rmaudit.models.HeadFamily but {type(family).__name__}")
        if family.name in names or family.name != name:
            raise RmauditError(
                f"a head family registers as {name!r} and calls itself {family.name!r}; the two must be equal, and no family of "
                "that name may exist"
            )
        names.add(name)
        found.append(family)
    return tuple(found)


def family_of_file(file: Path) -> HeadFamily:
    """The family that a user's Python file offers as FAMILY. Raises UsageError where it offers none."""
    family = getattr(run_file(file), "FAMILY", None)
    if not isinstance(family, HeadFamily):
        raise UsageError(f"{file}: expected FAMILY = rmaudit.models.HeadFamily(...) in it")
    return family


def source_of(family: HeadFamily) -> dict[str, str]:
    """What a fingerprint needs to know of a family: its name and, unless it is rmaudit's own, the code that makes its head."""
    module = family.head.__module__
    if module.partition(".")[0] == "rmaudit":
        return {"family": family.name}
    file = getattr(sys.modules.get(module), "__file__", None)
    code = Path(file).read_bytes() if file else repr(family).encode()
    return {"family": family.name, "family code": hashlib.sha256(code).hexdigest()}
