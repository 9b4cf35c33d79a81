"""Which family a head is of, found from keys and shapes before any weight is read."""

from __future__ import annotations

from collections.abc import Sequence

from rmaudit.errors import (
    BrokenCheckpointError,
    MissingRewardHeadError,
    ModelError,
    UnknownNameError,
    UnknownRewardHeadError,
    UsageError,
)
from rmaudit.models.declared import Evidence
from rmaudit.models.families.family import HeadFamily, Infos, Parts
from rmaudit.models.listing import some
from rmaudit.models.refusals import BLACK_BOX, refuse_known_head
from rmaudit.models.tensor_files import FLOATING

ALL_HEADS = "All that are known: python -m rmaudit.models.catalogue"
_COUNTED = "I64"  # what counters are stored as


def recognise(
    head: Infos, evidence: Evidence, families: Sequence[HeadFamily], where: str = "checkpoint"
) -> tuple[HeadFamily, Parts]:
    """The family whose head these tensors are, and the parts of the head that are there.

    head: key -> info of every tensor that is neither backbone nor language-model head. Raises MissingRewardHeadError
    (no head, and nothing declared that could be read instead), UnknownRewardHeadError (no family or several claim the
    keys), BrokenCheckpointError (a head of other shapes or of integers), UnknownNameError and UsageError for what was
    declared.
    """
    named = evidence.declared.family
    known = [family for family in families if named in (None, family.name)]
    if not known:
        raise UnknownNameError("head family", str(named), [family.name for family in families])
    if not head:
        reader = _of_tokens(known, evidence, where)
        _require_heeded(reader, evidence)
        return reader, {}
    if named is None:
        refuse_known_head(head, evidence.called, where)
    if evidence.declared.judge_tokens is not None:
        raise UsageError(
            f"{where}: judge tokens are given, but the files hold a head of their own ({some(sorted(head))}); leave them out"
        )
    fitting = [family for family in known if family.parts_of(head, evidence) is not None]
    claimants = fitting if named else [family for family in fitting if family.claims(evidence)]
    if len(claimants) > 1:  # families of the same keys: those whose shapes fit
        shaped = [family for family in claimants if not misfits(family, head, evidence)]
        claimants = shaped or claimants
    if len(claimants) != 1:
        raise _unclear(head, claimants or fitting, known, evidence, where)
    family = claimants[0]
    _require_heeded(family, evidence)
    _check(family, head, evidence, where)
    parts = family.parts_of(head, evidence) or {}
    return family, {role: part for role, part in parts.items() if part.key in head}


def misfits(family: HeadFamily, head: Infos, evidence: Evidence) -> list[tuple[str, str]]:
    """Keys of a head whose shape is not that of the family, each with the shape that would be."""
    sizes = {"width": evidence.width}
    wrong = []
    for part in (family.parts_of(head, evidence) or {}).values():
        if part.key not in head:
            continue
        names, shape = part.shape.split(), head[part.key].shape
        expected = [int(name) if name.isdigit() else sizes.get(name) for name in names]
        if len(shape) != len(names) or any(
            size not in (None, found) for size, found in zip(expected, shape, strict=True)
        ):
            wrong.append((part.key, f"[{', '.join(_told(name, sizes) for name in names)}]"))
            continue
        sizes.update(zip(names, shape, strict=True))
    return wrong


def _told(name: str, sizes: dict[str, int]) -> str:
    """A dimension: its number where that is known, else its last name."""
    return str(sizes[name]) if name in sizes else name.rpartition(".")[2]


def _of_tokens(families: Sequence[HeadFamily], evidence: Evidence, where: str) -> HeadFamily:
    """The family that reads the language-model head itself."""
    readers = [family for family in families if family.reads_logits]
    claimants = readers if evidence.declared.family else [family for family in readers if family.claims(evidence)]
    if len(claimants) == 1:
        return claimants[0]
    raise MissingRewardHeadError(
        f"{where}: a language model without a reward head (score.weight, v_head.weight ...); its score would be that of random "
        f"weights. {ALL_HEADS}. Give the folder of the trained reward model, not of its base model. If this is a "
        "judge that answers in one word, name its answers: --judge-tokens Yes,No (judge_tokens=...); if it was trained by "
        "direct preference optimisation, its reference model: --reference MODEL (reference=...)"
    )


def _require_heeded(family: HeadFamily, evidence: Evidence) -> None:
    """Raise UsageError for a word of the user without effect here: scores would not be those that were asked for."""
    idle = sorted(evidence.declared.said().keys() - family.takes - {"family", "position"})
    if idle:
        raise UsageError(f"{', '.join(idle)}: without effect on a head of family {family.name}; leave it out")


def _check(family: HeadFamily, head: Infos, evidence: Evidence, where: str) -> None:
    parts = family.parts_of(head, evidence) or {}
    for key, info in sorted(head.items()):
        counted = any(part.key == key and part.folded for part in parts.values()) and info.dtype == _COUNTED
        if info.dtype not in FLOATING and not counted:
            raise BrokenCheckpointError(
                f"{where}: {key} holds {info.dtype}, not floating point; a quantised head cannot be audited, "
                "save the model with its head unquantised"
            )
    for key, expected in misfits(family, head, evidence):
        raise _misfit(family, key, list(head[key].shape), expected, evidence.width, where)


def _misfit(family: HeadFamily, key: str, shape: list[int], expected: str, width: int, where: str) -> ModelError:
    told = f"{where}: {key} has shape {shape}"
    dimensions = expected.count(",") + 1
    if len(shape) == dimensions == 2 and expected.endswith(f", {width}]"):
        if shape[1] != width:
            other = "head and backbone are of different models"
            return BrokenCheckpointError(f"{told}, but the backbone gives vectors of width {width}; {other}")
        return UnknownRewardHeadError(f"{told}, where {family.title} has {expected}; it is another head than that one")
    return BrokenCheckpointError(
        f"{told}, where {family.title} has {expected}; save the head as its training code does"
    )


def _unclear(
    head: Infos, claimants: Sequence[HeadFamily], families: Sequence[HeadFamily], evidence: Evidence, where: str
) -> UnknownRewardHeadError:
    found = some(f"{key} {list(info.shape)}" for key, info in sorted(head.items()))
    whole = [family for family in families if family.is_within(head, evidence)]
    # score.weight alone is also within score.weight + score.bias: only the larger of two such heads counts.
    needs = {family.name: family.needs(head, evidence) for family in whole}
    whole = [family for family in whole if not any(needs[family.name] < other for other in needs.values())]
    if len(claimants) == 1:
        reason = (
            f"of that form is {claimants[0].name} ({claimants[0].title}), but the name or config.json speaks against it; if it "
            f"is one all the same: --family {claimants[0].name} (family=...)"
        )
    elif claimants:
        names = ", ".join(family.name for family in claimants)
        reason = f"several families have such a head ({names}); say which one it is: --family NAME (family=...)"
    elif len({frozenset(needs[family.name]) for family in whole}) > 1:
        names = ", ".join(family.name for family in whole)
        reason = f"heads of several families side by side ({names}); save only the one that was trained"
    else:
        reason = "no registered family has exactly these"
    return UnknownRewardHeadError(
        f"{where}: beside the backbone lie {found}: {reason}. {_nearest(head, families, evidence)}{ALL_HEADS}. "
        "If it is a linear head under another name, save it under one of these keys; to add a family of your own, see "
        "CONTRIBUTING.md; otherwise " + BLACK_BOX
    )


def _nearest(head: Infos, families: Sequence[HeadFamily], evidence: Evidence) -> str:
    """The families that have some of the keys."""
    near = [family for family in families if family.needs(head, evidence) & head.keys()]
    return f"Nearest: {'; '.join(f'{family.name} ({family.known_keys})' for family in near)}. " if near else ""
