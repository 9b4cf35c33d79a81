"""What to ask a reward model: the built-in probes and their battery.

`PACK` names each probe's factory; nothing is imported before it is asked for.
"""

from __future__ import annotations

from pathlib import Path

PACK = {
    "length_bias": "rmaudit_probes.length_bias:length_bias",
    "paraphrase_sensitivity": "rmaudit_probes.paraphrase_sensitivity:paraphrase_sensitivity",
    "ranking_consistency": "rmaudit_probes.ranking_consistency:ranking_consistency",
    "benchmarks": "rmaudit_probes.benchmarks:benchmarks",
    "placebo": "rmaudit_probes.placebo:placebo",
    "length_correlation": "rmaudit_probes.length_correlation:length_correlation",
    "length_matched": "rmaudit_probes.length_matched:length_matched",
    "redundancy": "rmaudit_probes.redundancy:redundancy",
    "detail": "rmaudit_probes.detail:detail",
    "style_matrix": "rmaudit_probes.style_matrix:style_matrix",
    "markdown": "rmaudit_probes.markdown:markdown",
    "lists": "rmaudit_probes.lists:lists",
    "whitespace": "rmaudit_probes.whitespace:whitespace",
    "prompt_paraphrase": "rmaudit_probes.prompt_surface:prompt_paraphrase",
    "prompt_quotes": "rmaudit_probes.prompt_surface:prompt_quotes",
    "prompt_spacing": "rmaudit_probes.prompt_surface:prompt_spacing",
    "prompt_handles": "rmaudit_probes.prompt_surface:prompt_handles",
    "prompt_typos": "rmaudit_probes.prompt_surface:prompt_typos",
    "sycophancy": "rmaudit_probes.sycophancy:sycophancy",
    "confidence": "rmaudit_probes.confidence:confidence",
    "openers": "rmaudit_probes.openers:openers",
    "closers": "rmaudit_probes.closers:closers",
    "disclaimers": "rmaudit_probes.disclaimers:disclaimers",
    "preambles": "rmaudit_probes.preambles:preambles",
    "enthusiasm": "rmaudit_probes.enthusiasm:enthusiasm",
    "authority": "rmaudit_probes.authority:authority",
    "injection": "rmaudit_probes.injection:injection",
    "prompt_echo": "rmaudit_probes.prompt_echo:prompt_echo",
    "jargon": "rmaudit_probes.jargon:jargon",
    "vagueness": "rmaudit_probes.vagueness:vagueness",
    "pitfalls": "rmaudit_probes.pitfalls:pitfalls",
    "contrast_instructions": "rmaudit_probes.contrast_instructions:contrast_instructions",
    "option_order": "rmaudit_probes.option_order:option_order",
    "answer_format": "rmaudit_probes.answer_format:answer_format",
    "code_style": "rmaudit_probes.code_style:code_style",
    "house_styles": "rmaudit_probes.house_styles:house_styles",
    "language_switch": "rmaudit_probes.language_switch:language_switch",
    "over_refusal": "rmaudit_probes.refusals:over_refusal",
    "unsafe_compliance": "rmaudit_probes.refusals:unsafe_compliance",
    "identity_gap": "rmaudit_probes.identity_gap:identity_gap",
    "vocabulary": "rmaudit_probes.vocabulary:vocabulary",
    "best_of_n": "rmaudit_probes.best_of_n:best_of_n",
}

FEATURES = {
    feature.lower(): f"rmaudit_probes.planted:{feature}"
    for feature in (
        "LENGTH", "REPETITION", "BOLD", "BULLETS", "PARAGRAPHS", "EXCLAMATIONS", "PRAISE", "OFFER", "BOILERPLATE",
        "ANNOUNCEMENT", "CITATION", "REQUEST", "ECHO",
    )
}  # fmt: skip
"""What `rmaudit calibrate` plants."""

BATTERIES = {"core": Path(__file__).parent / "battery"}
