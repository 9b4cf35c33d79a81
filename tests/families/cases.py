"""Which layout is loaded how, which family it is, and what its score must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.families import references as ref
from tests.families import references_read_twice as twice
from tests.families.checkpoints import LAYOUTS, save
from tests.families.references import Conversation, Files, Reference

#: Two short answers, and steps for the models that score them.
CONVERSATIONS: list[Conversation] = [
    [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": answer}]
    for answer in ("Green.", "Blue, I think.")
]
PARAGRAPHS: list[Conversation] = [
    [{"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": answer}]
    for answer in ("Two and three.\n\nThat is five.\n\nSo 5.", "It is six.", "First one.\n\nThen another.")
]
LINES: list[Conversation] = [
    [question, {**answer, "content": answer["content"].replace("\n\n", "\n")}] for question, answer in PARAGRAPHS
]
YES_NO = ("Yes", "No")
PLUS_MINUS = ("+", "-")

#: Prefixes of the backbone's keys that are neither `model.` nor named in the layout.
_OWN_PREFIX = {"gpt_neox": "gpt_neox.", "gptj": "transformer.", "ctrl": "transformer."}


@dataclass(frozen=True)
class Case:
    """A layout, loaded with what the user declares.

    tolerance: 0 unless the original multiplies with the whole vocabulary where only two rows count: the same sums, in
    another order. position, transform: words that the load report must have.
    """

    layout: str
    family: str
    reference: Reference
    declared: dict[str, Any] = field(default_factory=dict)
    conversations: list[Conversation] = field(default_factory=lambda: CONVERSATIONS)
    tolerance: float = 0.0
    position: str = "last token"
    transform: str = ""

    def save(self, parent: Path) -> Path:
        """Write the checkpoint."""
        return save(LAYOUTS[self.layout], parent)

    def files(self, folder: Path) -> Files:
        """The same files for the reference."""
        layout = LAYOUTS[self.layout]
        prefix = _OWN_PREFIX.get(layout.backbone, "model.") if layout.prefix is None else layout.prefix
        return Files(folder, prefix)


_LOGITS: dict[str, Any] = {"tolerance": 1e-6}
_JUDGE: dict[str, Any] = {**_LOGITS, "declared": {"judge_tokens": YES_NO}}
_NON_PAD = "last token that is not the padding token"
_FIRST_PAD = "token before the first padding token"
_TOKENIZERS = "token before the first padding token of the tokenizer"
_GATED = "token before the first padding token; gate: last answer header"


def _steps(layout: str, family: str, declared: dict[str, Any], **entries: Any) -> dict[str, Case]:
    """A process reward model under every aggregate."""
    references = twice.per_aggregate(getattr(twice, family))
    return {
        f"{layout}, {aggregate}": Case(
            layout,
            family,
            reference,
            {**declared, "aggregate": aggregate},
            transform=f"{aggregate} of the steps' probabilities",
            **entries,
        )
        for aggregate, reference in references.items()
    }


CASES: dict[str, Case] = {
    "classifier": Case(
        "classifier", "sequence_classification", ref.linear("score", ref.rightmost_non_pad), position=_NON_PAD
    ),
    "classifier, other position": Case(
        "classifier", "sequence_classification", ref.linear("score"), {"position": "last"}
    ),
    "classifier, older position": Case(
        "classifier",
        "sequence_classification",
        ref.linear("score", ref.first_pad),
        {"position": "before-first-pad"},
        position=_FIRST_PAD,
    ),
    "two outputs, one": Case(
        "two outputs",
        "sequence_classification",
        ref.output(1),
        {"head_output": 1},
        position=_NON_PAD,
        transform="outputs mixed by 0, 1",
    ),
    "two outputs, mixed": Case(
        "two outputs",
        "sequence_classification",
        ref.mixture((0.75, -0.5)),
        {"head_output": (0.75, -0.5)},
        position=_NON_PAD,
        transform="outputs mixed by 0.75, -0.5",
    ),
    "ctrl": Case("ctrl", "classifier", ref.linear("classifier", ref.rightmost_non_pad), position=_NON_PAD),
    "token classifier": Case("token classifier", "token_classification", ref.linear("score")),
    "openrlhf old": Case("openrlhf old", "openrlhf", ref.openrlhf),
    "openrlhf old, normalised": Case(
        "openrlhf old",
        "openrlhf",
        partial(ref.openrlhf, normalised=True),
        {"normalise": True},
        transform="(output - 0.3) / 1.7",
    ),
    "openrlhf new": Case("openrlhf new", "openrlhf", partial(ref.openrlhf, key="score")),
    "openrlhf new, normalised": Case(
        "openrlhf new",
        "openrlhf",
        partial(ref.openrlhf, key="score", normalised=True),
        {"normalise": True},
        transform="(output - 0.3) / 1.7",
    ),
    "openrlhf classifier": Case("openrlhf classifier", "openrlhf", partial(ref.openrlhf, key="score")),
    "trl": Case("trl", "trl_value_head", ref.linear("v_head.summary")),
    "trl side file": Case("trl side file", "trl_value_head", ref.linear("v_head.summary")),
    "internlm2": Case("internlm2", "internlm2", ref.internlm2),
    "athene": Case("athene", "athene", ref.athene, position="last end token"),
    "starling": Case("starling", "starling", ref.starling, position="token before the first token 0"),
    "deepspeed-chat": Case("deepspeed-chat", "deepspeed_chat", ref.deepspeed_chat, position=_TOKENIZERS),
    "deepspeed-chat two pads": Case(
        "deepspeed-chat two pads", "deepspeed_chat", ref.deepspeed_chat, position=_TOKENIZERS
    ),
    "deepspeed-chat opt": Case("deepspeed-chat opt", "deepspeed_chat", ref.deepspeed_chat_opt, position=_TOKENIZERS),
    "trlx": Case("trlx", "trlx", ref.trlx, position="token before the first end-of-sequence token"),
    "ultra": Case("ultra", "ultra", ref.linear("regression_head")),
    "eurus": Case("eurus", "ultra", ref.linear("regression_head")),
    "beaver raw": Case("beaver raw", "beaver", ref.beaver),
    "beaver critic": Case("beaver critic", "beaver", ref.beaver),
    "open assistant": Case("open assistant", "open_assistant", ref.open_assistant),
    "open assistant mean": Case(
        "open assistant mean", "open_assistant", ref.open_assistant, position="mean over all tokens"
    ),
    "armo": Case("armo", "armo", twice.armo, position=_GATED, transform="softmax(gate / 10) times"),
    "qrm llama": Case("qrm llama", "qrm", twice.qrm, position=_GATED, transform="softmax(gate / 7) times"),
    "qrm gemma": Case(
        "qrm gemma",
        "qrm",
        partial(twice.qrm, pattern=twice.GEMMA_GATE, temperature=1),
        position=_GATED,
        transform="softmax(gate / 1) times",
    ),
    "urm": Case("urm", "urm", ref.urm),
    "inform": Case("inform", "mlp_score", ref.mlp("score.", ref.first_pad), position=_FIRST_PAD),
    "worldpm": Case("worldpm", "mlp_score", ref.mlp("score.", ref.first_pad), position=_FIRST_PAD),
    "grm": Case("grm", "grm", ref.mlp("v_head.summary.", ref.last)),
    "grm deep": Case("grm deep", "grm", ref.mlp("v_head.summary.", ref.last)),
    "ldl": Case("ldl", "ldl", ref.ldl, position=_FIRST_PAD),
    "ldl softmax": Case("ldl softmax", "ldl", ref.ldl, position=_FIRST_PAD),
    "nemotron": Case("nemotron", "nemotron", twice.nemotron, **_LOGITS),
    "judge, one token": Case(
        "judge", "judge", partial(twice.judge, bad=None), {"judge_tokens": ("Yes",)}, tolerance=1e-6
    ),
    **{
        name: Case(name, "judge", twice.judge, transform=f"outputs mixed by 1, -1{told}", **_JUDGE)
        for name, told in {
            "judge": "",
            "judge tied": "",
            "judge biased": "",
            "judge capped": "; logits capped at 30",
            "judge divided": "; logits multiplied by 0.333333",
            "judge scaled": "; logits multiplied by 0.3",
        }.items()
    },
    **{
        f"beaver {kind}": Case(f"beaver {kind}", "beaver", ref.beaver, transform=told)
        for kind, told in {"reward": "(output - ", "cost": "-(output - 0) / ", "configured": "(output - 9) / 3"}.items()
    },
    **_steps("qwen prm", "qwen_prm", {}, conversations=PARAGRAPHS, position="every step token <extra_0>"),
    **_steps(
        "math shepherd",
        "math_shepherd",
        {"judge_tokens": PLUS_MINUS, "step_token": "ки"},
        conversations=LINES,
        position="every step token ки",
        **_LOGITS,
    ),
    **_steps(
        "rlhflow",
        "rlhflow_prm",
        {"family": "rlhflow_prm", "judge_tokens": PLUS_MINUS},
        conversations=PARAGRAPHS,
        position="every token before a step's verdict",
        **_LOGITS,
    ),
}
