"""What an audit would cost, before anything is scored."""

from __future__ import annotations

from typing import Any

from rmaudit.auditing import plan_for
from rmaudit.models import RewardModel
from rmaudit.planning import Audit
from rmaudit.scorers import Scorer
from rmaudit.scoring import encode_all, packing_of, price


def price_audit(audit: Audit, scorer: Scorer) -> dict[str, Any]:
    """Counts of stimuli, distinct conversations, tokens, and tokens that will be computed (None for a black box)."""
    planned = plan_for(audit, scorer)
    owners = [owner for owner, _ in planned.stimuli]
    counts = {owner: owners.count(owner) for owner in dict.fromkeys(owners)}
    if not isinstance(scorer, RewardModel):
        total = sum(scorer.count_tokens(conversation) for conversation in planned.plan.unique)
        sizes: dict[str, Any] = {
            "stimuli": len(owners), "conversations": len(planned.plan.unique), "words": total, "tree_tokens": None
        }  # fmt: skip
    else:
        packing = packing_of(scorer)
        encoded = encode_all(scorer, planned.plan.unique, planned.name_of)
        found = price(planned.plan, [read.ids for read in encoded], packing)
        sizes = {
            "stimuli": found.stimuli, "conversations": found.unique, "tokens": found.tokens,
            "tree_tokens": found.tree_tokens, "packing": packing.mode.value,
        }  # fmt: skip
    return {**sizes, "by_probe": counts}


def in_words(price: dict[str, Any]) -> str:
    """The price as lines for the terminal."""
    lines = [f"{owner:<24}{count:>8,} stimuli" for owner, count in price["by_probe"].items()]
    lines.append(f"{'together':<24}{price['stimuli']:>8,} stimuli, {price['conversations']:,} different conversations")
    if price["tree_tokens"] is not None:
        saved = price["tokens"] / max(1, price["tree_tokens"])
        computed = f"{price['tree_tokens']:,} to be computed in {price['packing']} ({saved:.2f} times fewer)"
        lines.append(f"{price['tokens']:,} tokens, {computed if saved > 1 else 'all computed in ' + price['packing']}")
    return "\n".join(lines)
