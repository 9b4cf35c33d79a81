"""The catalogue of probes as Markdown: `python -m rmaudit_probes.catalogue > probes/README.md`."""

from __future__ import annotations

from rmaudit.probe import ProbeCard
from rmaudit.registry import load_probes
from rmaudit_probes import PACK

HEAD = """# Probes

What rmaudit asks a reward model. Generated from the probes' own cards by `python -m rmaudit_probes.catalogue`.
"""


def catalogue() -> str:
    """One section per built-in probe, in their order."""
    return "\n".join([HEAD, *(_section(probe.card) for probe in load_probes(PACK))])


def _section(card: ProbeCard) -> str:
    references = "\n".join(f"- {reference}" for reference in card.references)
    data = f" Also runs on your own {' and '.join(card.accepts)} data (`--data`)." if card.accepts else ""
    return (
        f"## {card.name}: {card.question}\n\n{card.why}\n\n"
        f"**How.** {card.protocol}{data}\n\n"
        f"**Headline.** `{card.name}.{card.headline}`, {card.unit}. {card.harm}\n\n"
        f"**What it cannot tell.** {card.cannot_tell}\n\n"
        f"**Sources.**\n{references}\n"
    )


if __name__ == "__main__":
    print(catalogue(), end="")
