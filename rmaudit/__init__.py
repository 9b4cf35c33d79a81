"""rmaudit: audit decoder-based reward models for length bias, paraphrase sensitivity, ranking consistency and more.

The public names below are loaded on first use, so that listing probes or rendering a report never waits for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmaudit import lazily

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rmaudit.api import attribute as attribute
    from rmaudit.api import audit as audit
    from rmaudit.api import examine as examine
    from rmaudit.api import gate as gate
    from rmaudit.api import load as load
    from rmaudit.api import score as score
    from rmaudit.attribution import Attribution as Attribution
    from rmaudit.battery import Battery as Battery
    from rmaudit.conversations import Conversation as Conversation
    from rmaudit.errors import RmauditError as RmauditError
    from rmaudit.measuring import Settings as Settings
    from rmaudit.models import RewardModel as RewardModel
    from rmaudit.policy import Gate as Gate
    from rmaudit.probe import Probe as Probe
    from rmaudit.probe import ProbeCard as ProbeCard
    from rmaudit.record import Finding as Finding
    from rmaudit.record import Record as Record
    from rmaudit.report import Report as Report
    from rmaudit.scorers import Scorer as Scorer
    from rmaudit.stimuli import Contrast as Contrast
    from rmaudit.stimuli import ScoredStimuli as ScoredStimuli
    from rmaudit.stimuli import Stimulus as Stimulus
    from rmaudit.stimuli import mean_difference as mean_difference

_HOME_OF = {
    "attribute": "api",
    "audit": "api",
    "examine": "api",
    "gate": "api",
    "load": "api",
    "score": "api",
    "Attribution": "attribution",
    "Battery": "battery",
    "Contrast": "stimuli",
    "Conversation": "conversations",
    "Finding": "record",
    "Gate": "policy",
    "Probe": "probe",
    "ProbeCard": "probe",
    "Record": "record",
    "Report": "report",
    "RewardModel": "models",
    "RmauditError": "errors",
    "ScoredStimuli": "stimuli",
    "Scorer": "scorers",
    "Settings": "measuring",
    "Stimulus": "stimuli",
    "mean_difference": "stimuli",
}

__all__ = [
    "Attribution",
    "Battery",
    "Contrast",
    "Conversation",
    "Finding",
    "Gate",
    "Probe",
    "ProbeCard",
    "Record",
    "Report",
    "RewardModel",
    "RmauditError",
    "ScoredStimuli",
    "Scorer",
    "Settings",
    "Stimulus",
    "attribute",
    "audit",
    "examine",
    "gate",
    "load",
    "mean_difference",
    "score",
]

__getattr__ = lazily.names(__name__, _HOME_OF)
