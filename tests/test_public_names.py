"""The public names are frozen: a change here is a change for every user."""

from __future__ import annotations

import subprocess
import sys

import rmaudit

PUBLIC = [
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


def test_the_public_names() -> None:
    assert rmaudit.__all__ == PUBLIC
    assert all(hasattr(rmaudit, name) for name in PUBLIC)


def test_listing_probes_does_not_import_torch() -> None:
    code = (
        "import sys; from rmaudit import registry; registry.load_probes(); registry.load_report('html');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
