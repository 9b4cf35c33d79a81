"""The checkup of a loaded reward model, in full for `rmaudit doctor` and shortened inside every audit."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rmaudit.checkup.invariants import Ids, Invariant, check_invariants
from rmaudit.checkup.sensitivity import Sensitivity, sensitivities
from rmaudit.checkup.texts import PAIRS, SHORT, Pair
from rmaudit.conversations import Conversation
from rmaudit.errors import FormattingError
from rmaudit.models import RewardModel
from rmaudit.models.format_notes import disagreement
from rmaudit.models.positions import disputed

#: Scores of random readouts that are compared, to see what a head in the model's own dtype does to them.
_RANDOM = 1000


@dataclass(frozen=True)
class Rounding:
    """What the model's own number format does to scores, in score units.

    head: largest change of a score if the head were computed in it; ties: pairs of different scores that would be equal
    then, of `pairs` pairs of random readouts. company: largest change with batch, padding and order.
    """

    dtype: str
    head: float
    ties: int
    pairs: int
    company: float


@dataclass(frozen=True)
class Checkup:
    """What was found.

    disagreements: texts for which the rules for the readout position differ, of `texts`. untried: pairs of built-in texts
    that the model does not take, each with the reason.
    """

    invariants: tuple[Invariant, ...]
    disagreements: int
    texts: int
    rounding: Rounding | None = None
    sensitivities: tuple[Sensitivity, ...] = ()
    untried: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every invariant holds."""
        return all(invariant.holds for invariant in self.invariants)

    def as_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        plain = asdict(self)
        lists = {name: list(value) for name, value in plain.items() if isinstance(value, tuple)}
        return {"holds": self.holds, **plain, **lists}


def examine(rm: RewardModel, *, short: bool = False) -> Checkup:
    """Try the invariants on built-in texts and, unless `short`, measure rounding and what of the format scores hang on.

    Raises FormattingError where the model takes no pair of these texts (its template, its length), ScoringError for a
    score that is not finite.
    """
    conversations, ids, untried = _taken(rm, PAIRS[:SHORT] if short else PAIRS)
    invariants = tuple(check_invariants(rm, ids))
    checkup = Checkup(invariants, note_disagreements(rm, ids), len(ids), untried=tuple(untried))
    if short:
        return checkup
    company = max(found.largest for found in invariants if found.largest is not None)
    found = tuple(sensitivities(rm, conversations))
    return replace(checkup, rounding=_rounding(rm, ids, company), sensitivities=found)


def _taken(rm: RewardModel, pairs: Sequence[Pair]) -> tuple[list[Conversation], list[Ids], list[str]]:
    """The conversations of the pairs that the model takes, their ids, and why it does not take the others.

    Raises FormattingError where it takes none.
    """
    conversations: list[Conversation] = []
    ids: list[Ids] = []
    untried: list[str] = []
    for pair in pairs:
        try:
            ids += [rm.encode(talk).ids for talk in pair]
            conversations += pair
        except FormattingError as error:
            untried.append(f"{pair[0][-2]['content']!r:.50}: {error}")
    if not ids:
        raise FormattingError(f"none of the checkup's texts can be scored: {untried[0]}")
    return conversations, ids, untried


def note_disagreements(rm: RewardModel, ids: Sequence[Ids]) -> int:
    """For how many sequences the rules for the readout position name different tokens; the load report is told of it."""
    report = rm.load_report
    found = [sequence for sequence in ids if disputed(rm.rule, sequence, report.config_pad_token_id)]
    if found and not report.disagreement:
        report.disagreement = disagreement(rm.formatter, found[0], rm.rule, report.config_pad_token_id)
        report.notes.append(report.disagreement)
    return len(found)


def _rounding(rm: RewardModel, ids: Sequence[Ids], company: float) -> Rounding:
    read = rm.read_ids(ids)
    exact = rm.scores_of(read)
    rounded = _in_dtype(rm, read)
    generator = torch.Generator().manual_seed(0)
    spread = torch.cat(read).std(dim=0)
    random = [read[0] + 0.1 * spread * torch.randn(read[0].shape, generator=generator) for _ in range(_RANDOM)]
    finely, coarsely = rm.scores_of(random), _in_dtype(rm, random)
    ties = int(((coarsely[::2] == coarsely[1::2]) & (finely[::2] != finely[1::2])).sum())
    return Rounding(rm.load_report.dtype, float(np.abs(rounded - exact).max()), ties, _RANDOM // 2, company)


def _in_dtype(rm: RewardModel, read: Sequence[Tensor]) -> NDArray[np.float64]:
    """The scores that the head would give if it computed in the model's own dtype, as most tools have it do."""
    dtype = rm.backbone.dtype
    native = replace(rm, head=copy.deepcopy(rm.head).to(dtype))
    return native.scores_of([vectors.to(dtype) for vectors in read])
