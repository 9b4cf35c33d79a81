"""The validity page: what simulated audits came to, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rmaudit.quantities import number, percent, plain
from rmaudit.validity.tallies import FalseAlarms, Rate, Recall


@dataclass(frozen=True)
class Setting:
    """What was simulated. command: what gives the page again."""

    battery: str
    sha256: str
    prompts: int
    conversations: int
    headlines: tuple[str, ...]
    confidence: float
    command: str
    rmaudit: str


def page(setting: Setting, alarms: FalseAlarms, recalls: Sequence[Recall]) -> str:
    """All of it. Ends with a newline."""
    lines = [*_head(setting), *_false_alarms(alarms, setting.confidence), *_recall(recalls), *_touched(recalls)]
    lines += _unplanted(setting, recalls)
    return plain("\n".join(lines)) + "\n"


def _head(setting: Setting) -> Iterator[str]:
    yield "# Validity"
    yield ""
    yield "Audits of scorers whose answer is known. This page is generated; do not edit it."
    yield ""
    yield f"    {setting.command}"
    yield ""
    yield (
        f"rmaudit {setting.rmaudit}, battery `{setting.battery}` ({setting.sha256[:12]}), {setting.prompts} prompts, "
        f"{setting.conversations:,} conversations, {len(setting.headlines)} headline checks that hold together at "
        f"{percent(setting.confidence)}. Shares have exact 95 % intervals (Clopper and Pearson)."
    )
    yield ""
    yield (
        "A scorer here is noise: every text has an independent normal score, and every prompt a shift of its own three times as "
        "wide. Two texts that differ in one word differ as much as any two, where a model's scores are mostly close. In another "
        "way it is easier than a model: noise has no outliers, no passage or prompt has an effect of its own, and what is planted "
        "is the same everywhere. A bias that varies from passage to passage is found less often."
    )


def _false_alarms(alarms: FalseAlarms, confidence: float) -> Iterator[str]:
    yield ""
    yield "## False alarms"
    yield ""
    yield f"Audits of noise alone in which any headline check was called a bias: **{_rate(alarms.runs)}**."
    yield ""
    yield (
        "A bias must also be as large as the margin, which noise seldom is. Audits in which the interval of any effect left 0 out, "
        f"whatever its size: {_rate(alarms.excluding)}; all intervals together promise at most {percent(1 - confidence)}."
    )
    if alarms.by_headline:
        yield ""
        yield "| check | times |"
        yield "|---|---:|"
        yield from (f"| `{key}` | {count} |" for key, count in alarms.by_headline.items())


def _recall(recalls: Sequence[Recall]) -> Iterator[str]:
    if not recalls:
        return
    yield ""
    yield "## Recall"
    yield ""
    yield (
        "The same noise with alpha times a feature of the text, alpha in standard deviations of single texts. Found: the check "
        "that must find it calls it a bias, with the right sign; what is planted below a check's margin is none by its own rule. "
        "Stray: audits in which any of the untouched checks was called a bias, those whose value the feature does not move. All "
        "rows have the same noises, so that their strays are no independent counts."
    )
    yield ""
    yield "| planted | check | alpha | mean effect | found | wrong sign | untouched checks | stray | most in one audit |"
    yield "|---|---|---:|---:|---|---:|---:|---|---:|"
    for one in recalls:
        yield (
            f"| {one.feature.says} | `{one.feature.target}` | {one.alpha:g} | "
            f"{'not measured' if one.mean is None else number(one.mean, 2)} | {_rate(one.found)} | "
            f"{one.wrong_sign} | {one.untouched} | {_rate(one.stray)} | {one.most_stray} |"
        )


def _touched(recalls: Sequence[Recall]) -> Iterator[str]:
    """What else finds a feature, rightly: it moves these checks too."""
    if not recalls:
        return
    largest = max(one.alpha for one in recalls)
    yield ""
    yield f"## Other checks that a feature moves (alpha {largest:g})"
    yield ""
    yield "| planted | checks that called it a bias too (audits) |"
    yield "|---|---|"
    for one in recalls:
        if one.alpha == largest:
            found = ", ".join(f"`{key}` ({count})" for key, count in one.touched.items()) or "none"
            yield f"| {one.feature.says} | {found} |"


def _unplanted(setting: Setting, recalls: Sequence[Recall]) -> Iterator[str]:
    """The checks for which nothing is planted: of these the page says how often they find what is not there, and no more."""
    planted = {one.feature.target for one in recalls}
    left = [f"`{key}`" for key in setting.headlines if key not in planted]
    if recalls and left:
        yield ""
        yield f"No feature is planted for {len(left)} of the checks, whose recall is not known: {', '.join(left)}."


def _rate(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.count} of {rate.total} ({percent(rate.share, 1)}, {percent(low, 1)} to {percent(high, 1)})"
