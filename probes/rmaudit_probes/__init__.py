"""What to ask a reward model: the built-in probes and their battery.

`PACK` names each probe's factory; nothing is imported before it is asked for.
"""

from __future__ import annotations

from pathlib import Path

PACK = {
    "length_bias": "rmaudit_probes.length_bias:length_bias",
    "paraphrase_sensitivity": "rmaudit_probes.paraphrase_sensitivity:paraphrase_sensitivity",
    "ranking_consistency": "rmaudit_probes.ranking_consistency:ranking_consistency",
    "identity_gap": "rmaudit_probes.identity_gap:identity_gap",
    "placebo": "rmaudit_probes.placebo:placebo",
}

BATTERIES = {"core": Path(__file__).parent / "battery"}
