"""Every error that rmaudit raises on purpose.

::

    RmauditError                     the caller can act on it; the command line prints it without a traceback
    ├── UsageError                   an option or argument that makes no sense
    │   └── UnknownNameError         a probe, report, check ... that does not exist; offers the nearest
    ├── DataError                    a file of conversations, pairs, rankings ... that cannot be read
    ├── ModelError                   a checkpoint that cannot be loaded as a reward model
    │   ├── CheckpointNotFoundError  no such folder, nothing under that id
    │   ├── BrokenCheckpointError    missing shard, damaged file, uncovered or missing backbone weights
    │   ├── MissingRewardHeadError   a causal language model, no reward head in the files
    │   ├── UnknownRewardHeadError   a head that no registered family claims, or several claim
    │   └── UnsupportedModelError    encoder, encoder-decoder, GGUF, remote code ...: not a decoder we can read
    ├── FormattingError              a conversation that cannot become token ids
    │   ├── MissingChatTemplateError
    │   └── TooLongError
    ├── ScoringError                 something other than one finite number per conversation came back
    ├── AttributionError             an attribution that cannot be given for this scorer
    ├── PolicyError                  a policy file with an unknown key, a wrong type or an unknown check
    └── RecordError                  a run folder that is missing, damaged or of another schema
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RmauditError(Exception):
    """Base of all errors that a user can act on."""


class UsageError(RmauditError):
    """An option or argument that makes no sense."""


class UnknownNameError(UsageError):
    """A name that is not registered."""

    def __init__(self, kind: str, name: str, legal: Iterable[str], hint: str = "") -> None:
        self.kind, self.name, self.legal = kind, name, sorted(legal)
        super().__init__(f"unknown {kind} {name!r}{nearest(name, self.legal)}{hint and '; ' + hint}")


class DataError(RmauditError):
    """A data file that cannot be read."""


class ModelError(RmauditError):
    """A checkpoint that cannot be loaded as a reward model."""


class CheckpointNotFoundError(ModelError):
    """No such folder, or nothing under that hub id."""


class BrokenCheckpointError(ModelError):
    """The files are damaged or incomplete."""


class MissingRewardHeadError(ModelError):
    """The checkpoint is a language model without a reward head."""


class UnknownRewardHeadError(ModelError):
    """No registered family claims the head's keys, or several do."""


class UnsupportedModelError(ModelError):
    """The model has no last-position readout that rmaudit can read."""


class FormattingError(RmauditError):
    """A conversation that cannot become token ids."""


class MissingChatTemplateError(FormattingError):
    """The tokenizer has no chat template and none was given."""


class TooLongError(FormattingError):
    """A conversation has more tokens than the model reads."""


class ScoringError(RmauditError):
    """A scorer returned something other than one finite number per conversation."""


class AttributionError(RmauditError):
    """An attribution that cannot be given for this scorer."""


class PolicyError(RmauditError):
    """A policy that cannot be applied."""


class RecordError(RmauditError):
    """A run folder that cannot be read."""


def nearest(name: str, legal: Iterable[str]) -> str:
    """Say which legal name is meant, or list them all: the tail of an error sentence."""
    legal = sorted(legal)
    close = [other for other in legal if name and other.startswith(name)] or get_close_matches(name, legal, n=1)
    if close:
        return f"; did you mean {close[0]!r}? Legal: {', '.join(legal)}"
    return f"; legal: {', '.join(legal)}" if legal else "; none is registered"
