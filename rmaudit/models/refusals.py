"""What is refused by design, why, and what to do instead: the other half of the table of what loads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rmaudit.errors import UnknownRewardHeadError

BLACK_BOX = "audit it as a black box (any callable that scores conversations)"


@dataclass(frozen=True)
class Refusal:
    """A kind of model that rmaudit does not load.

    title: what it is. models: examples. reason, way_out: for the error and the table. keys: head keys that tell it, as
    regular expressions that must all occur; empty where something else tells it. name: what else the checkpoint's name must
    hold, in lower case, where others have the same keys.
    """

    title: str
    models: str
    reason: str
    way_out: str
    keys: tuple[str, ...] = ()
    name: str = ""

    @property
    def told(self) -> str:
        """Reason and way out, for an error."""
        return f"{self.reason}; {self.way_out}"


ENCODER = Refusal(
    "encoders",
    "OpenAssistant DeBERTa, PairRM, RoBERTa and BERT reward models",
    "every token sees the whole text, so there is no last-token readout to trace",
    BLACK_BOX,
)
ENCODER_DECODER = Refusal(
    "encoder-decoders",
    "SteamSHP (T5), T5Gemma, BART",
    "rmaudit reads a reward at the last token of a decoder",
    BLACK_BOX,
)
GGUF = Refusal(
    "GGUF files",
    "llama.cpp conversions",
    "that format has no place for a reward head",
    "give the folder of the original checkpoint (config.json and model.safetensors)",
)
GENERATIVE = Refusal(
    "generative judges",
    "Prometheus, RISE-Judge, Skywork-Critic, GenRM",
    "they write their verdict as text, and have no scalar head",
    f"where the verdict is one token, name both answers (judge_tokens=...); else {BLACK_BOX}",
)
NOT_TRANSFORMERS = Refusal(
    "models in no transformers format, and remote services",
    "Nemotron-4-340B-Reward (NeMo), scoring services",
    "there are no weights that transformers can read",
    BLACK_BOX,
)
PAIRWISE = Refusal(
    "pairwise judges",
    "pair-preference-model-LLaMA3, Decision-Tree-Reward, PairRM",
    "they compare two answers, and the answer to one conversation alone is no number",
    BLACK_BOX,
)
PIECEWISE = Refusal(
    "Skywork-o1-Open-PRM",
    "Skywork-o1-Open-PRM-1.5B, 7B",
    "its steps are tokenised one by one and end in line breaks, which also stand elsewhere",
    "register a family of your own (CONTRIBUTING.md), or " + BLACK_BOX,
    (r"v_head\.summary\.weight", r"v_head\.summary\.bias"),
    "open-prm",
)
REFERENCED = Refusal(
    "POLAR",
    "POLAR-1.8B, 7B",
    "it compares an answer with a reference answer, and a conversation has none",
    BLACK_BOX,
    (r"v_head\.weight",),
    "polar",
)
QUANTISED = Refusal(
    "other quantised formats",
    "GPTQ, AWQ, HQQ, quanto, torchao, MXFP4, NVFP4; zero points; stored activation scales",
    "their weights are read by their own library alone, so they cannot be compared with the files",
    "give the unquantised checkpoint, or one in bitsandbytes, compressed-tensors or FP8",
)
PREFERENCE = Refusal(
    "GPM: a preference head that is no scalar",
    "GPM-Llama-3.1-8B, GPM-Gemma-2B",
    "a preference is a skew-symmetric form of two answers' vectors",
    BLACK_BOX,
    (r"prompt_head\.weight", r"value_head\.weight"),
)
REFUSED = (
    PREFERENCE,
    PAIRWISE,
    REFERENCED,
    PIECEWISE,
    ENCODER,
    ENCODER_DECODER,
    GENERATIVE,
    QUANTISED,
    GGUF,
    NOT_TRANSFORMERS,
)


def refuse_known_head(keys: Iterable[str], name: str, where: str) -> None:
    """Raise UnknownRewardHeadError with the reason, for a head that is known and not supported.

    name: of the checkpoint, as given. where: its folder.
    """
    keys = list(keys)
    if (Path(where) / "decision_tree.pkl").exists():
        raise UnknownRewardHeadError(f"{where}: a decision tree over attributes (decision_tree.pkl): {PAIRWISE.told}")
    for refusal in (PREFERENCE, REFERENCED, PIECEWISE):
        told = all(any(re.fullmatch(pattern, key) for key in keys) for pattern in refusal.keys)
        if told and refusal.name in name.lower():
            raise UnknownRewardHeadError(f"{where}: {refusal.title}: {refusal.told}")
