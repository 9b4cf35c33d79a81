"""Self-tests of a loaded reward model: what must not change its scores, and what does.

The names below are loaded on first use, so that `import rmaudit` does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmaudit import lazily

if TYPE_CHECKING:
    from rmaudit.checkup.examining import Checkup as Checkup
    from rmaudit.checkup.examining import examine as examine
    from rmaudit.checkup.examining import note_disagreements as note_disagreements
    from rmaudit.checkup.invariants import Invariant as Invariant
    from rmaudit.checkup.sensitivity import Sensitivity as Sensitivity

_HOME_OF = {
    "Checkup": "examining",
    "examine": "examining",
    "note_disagreements": "examining",
    "Invariant": "invariants",
    "Sensitivity": "sensitivity",
}

__all__ = ["Checkup", "Invariant", "Sensitivity", "examine", "note_disagreements"]

__getattr__ = lazily.names(__name__, _HOME_OF)
