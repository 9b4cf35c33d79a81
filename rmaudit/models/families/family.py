"""A family: one way in which a reward head is packaged, read and positioned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from rmaudit.models.declared import Evidence, Given
from rmaudit.models.heads import Head
from rmaudit.models.positions import Rule
from rmaudit.models.shaping import Shaping
from rmaudit.models.tensor_files import TensorInfo

Infos = Mapping[str, TensorInfo]
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Part:
    """One tensor of a head.

    key: its name in the files, the prefixes of wrappers taken off. shape: a word for each dimension: a number, `width`
    (that of the readout vector), or another name, which stands for the same number wherever the family uses it; empty
    for a scalar. optional: the files may lack it. folded: its numbers go into the head's arithmetic, and the head holds no
    tensor of that role; any other is compared with the file.
    """

    key: str
    shape: str
    optional: bool = False
    folded: bool = False


#: The role of a tensor in the head -> the part of the checkpoint.
Parts: TypeAlias = Mapping[str, Part]


def always(evidence: Evidence) -> bool:
    """Keys and shapes alone decide."""
    return True


@dataclass(frozen=True)
class HeadFamily:
    """One way of packaging a reward head. A checkpoint is of this family if its head keys are exactly these parts.

    title: what it is, with its formula. kind: how its score depends on what it reads, for people. models: examples.
    parts: the head's tensors, or a function of the head's keys and shapes that gives them (None: not this family).
    head: the head from its tensors by role. position: where it is read. shaping: what happens to a conversation
    beside the chat template. claims: what else must be so; for families whose keys others have too.
    notes: what a reader of the load report should know. keys: what to tell people of the parts, where those are a
    function.
    token_rows: for a head made of rows of the language-model head, the tokens whose rows; then `parts` has none.
    all_tokens: for one that is made of all of them.
    takes: what it heeds of the user's word beside family and position; the rest is refused, never ignored.
    """

    name: str
    title: str
    kind: str
    parts: Parts | Callable[[Infos, Evidence], Parts | None]
    head: Callable[[Tensors, Given], Head]
    position: Callable[[Given], Rule] = lambda given: given.rule("last")
    shaping: Callable[[Given], Shaping] = lambda given: Shaping()
    claims: Callable[[Evidence], bool] = always
    token_rows: Callable[[Given], tuple[int, ...]] | None = None
    all_tokens: bool = False
    takes: frozenset[str] = frozenset()
    notes: Callable[[Given], Sequence[str]] = lambda given: ()
    keys: str = ""
    models: str = ""

    @property
    def reads_logits(self) -> bool:
        """Whether its head is made of the language-model head."""
        return self.all_tokens or self.token_rows is not None

    def parts_of(self, head: Infos, evidence: Evidence) -> Parts | None:
        """The parts of a head with exactly these keys; None where they are not this family's."""
        parts = self._parts(head, evidence)
        known = {part.key for part in parts.values()}
        return parts if parts and head.keys() <= known and self.is_within(head, evidence) else None

    def is_within(self, head: Infos, evidence: Evidence) -> bool:
        """Whether all that this family needs is there, perhaps beside other keys."""
        parts = self._parts(head, evidence)
        return bool(parts) and all(part.optional or part.key in head for part in parts.values())

    def needs(self, head: Infos, evidence: Evidence) -> set[str]:
        """The keys that it cannot do without."""
        return {part.key for part in self._parts(head, evidence).values() if not part.optional}

    @property
    def known_keys(self) -> str:
        """Its keys, for an error or a table; those in brackets may be missing."""
        if self.keys or callable(self.parts):
            return self.keys
        return " + ".join(f"[{part.key}]" if part.optional else part.key for part in self.parts.values())

    def _parts(self, head: Infos, evidence: Evidence) -> Parts:
        return (self.parts(head, evidence) if callable(self.parts) else self.parts) or {}
