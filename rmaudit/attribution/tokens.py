"""The tokens' parts: integrated gradients of the score along a straight line of token embeddings.

The baseline is the same sequence with every ordinary token replaced by one neutral token; special tokens (BOS, EOS, the
template's markers) stay, so that both ends of the line have the same length and the same roles. The parts add up to
`score - baseline score` only in the limit of many steps: the steps are doubled until the gap is small, and where it
stays large there are no parts but a refusal in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients
from numpy.typing import NDArray
from torch import Tensor

from rmaudit.attribution.head import EXACT
from rmaudit.attribution.pieces import token_texts
from rmaudit.conversations import Conversation
from rmaudit.errors import AttributionError, UsageError
from rmaudit.models.reward_model import RewardModel

FIRST_STEPS = 32
MAX_STEPS = 256
TOLERANCE = 0.01
#: Tokens in one forward and backward pass: bounds the memory, whatever the number of steps.
TOKEN_BUDGET = 1024


@dataclass(frozen=True)
class TokenParts:
    """`score - baseline_score = values.sum()` up to `error`, by integrated gradients of `steps` steps.

    ids, texts (n): the tokens and the pieces of the rendered text that they cover; joined, the pieces give that text.
    values (n,) float64 in score units, or None where the method did not converge: then `refusal` says so.
    error: absolute, |values.sum() - (score - baseline_score)|; allowed: the largest error that counts as converged.
    baseline: in words, what the score is compared with.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    values: NDArray[np.float64] | None
    score: float
    baseline_score: float
    baseline: str
    steps: int
    error: float
    allowed: float
    refusal: str = ""

    @property
    def converged(self) -> bool:
        """Whether the values may be shown."""
        return self.values is not None


def token_parts(
    rm: RewardModel,
    conversation: Conversation,
    *,
    max_steps: int = MAX_STEPS,
    tolerance: float = TOLERANCE,
    token_budget: int = TOKEN_BUDGET,
) -> TokenParts:
    """Attribute the score to the tokens of the whole conversation, prompt and answer.

    max_steps: at least 1; the number of steps starts at 32 (or at max_steps, if that is smaller) and doubles up to it.
    tolerance: share of |score - baseline score| that the completeness error may reach. A floor of
    1e-5 * max(1, |score|) keeps fp32 rounding from counting as a failure where the two scores are nearly equal.
    Raises UsageError for settings that make no sense, AttributionError for a tokenizer without any neutral token, and
    for a head that is stored quantised.
    """
    if max_steps < 1 or not tolerance >= 0:
        raise UsageError(
            f"max_steps={max_steps}, tolerance={tolerance}: expected at least 1 step, and a share of 0 or more"
        )
    rm.require_exact_head()
    ids = rm.encode(conversation).ids
    neutral, kind = _neutral_token(rm)
    special = special_ids(rm)
    baseline_ids = tuple(token if token in special else neutral for token in ids)
    path = _Path(rm, ids, baseline_ids, token_budget)
    allowed = max(tolerance * abs(path.difference), EXACT * max(1.0, abs(path.score)))
    values, error, steps = _refined(path, max_steps, allowed)
    converged = error <= allowed
    return TokenParts(
        ids=ids,
        texts=token_texts(rm, conversation, ids),
        values=values if converged else None,
        score=path.score,
        baseline_score=path.baseline_score,
        baseline=f"the same tokens with every non-special one replaced by the {kind}",
        steps=steps,
        error=error,
        allowed=allowed,
        refusal="" if converged else _refusal(rm, steps, error, path.difference),
    )


def _refined(path: _Path, max_steps: int, allowed: float) -> tuple[NDArray[np.float64], float, int]:
    """Parts, their completeness error, and the steps they took: doubled until the error is allowed, or to the most."""
    steps = min(FIRST_STEPS, max_steps)
    while True:
        values, error = path.integrate(steps)
        if error <= allowed or steps >= max_steps:
            return values, error, steps
        steps = min(2 * steps, max_steps)


class _Path:
    """The straight line from the baseline's embeddings to the tokens' embeddings, and the score along it."""

    def __init__(self, rm: RewardModel, ids: tuple[int, ...], baseline_ids: tuple[int, ...], token_budget: int) -> None:
        embedding = rm.backbone.get_input_embeddings()
        device = rm.device
        self._rm, self._places = rm, list(rm.positions(ids))
        self._ends = torch.tensor([ids], device=device), torch.tensor([baseline_ids], device=device)
        self._batch = max(1, token_budget // len(ids))
        self._method = LayerIntegratedGradients(self._scores, embedding)
        with torch.no_grad():
            self.score, self.baseline_score = (float(self._scores(end)) for end in self._ends)
        self.difference = self.score - self.baseline_score

    def integrate(self, steps: int) -> tuple[NDArray[np.float64], float]:
        """One part per token, (n,), by Gauss-Legendre quadrature with `steps` points, and the completeness error."""
        ids, baseline_ids = self._ends
        # inference_mode(False): a caller that scores under inference mode would otherwise get no gradients.
        with torch.inference_mode(False), torch.enable_grad():
            gradients = self._method.attribute(
                ids, baselines=baseline_ids, n_steps=steps, internal_batch_size=self._batch
            )
        values = gradients[0].detach().double().sum(-1).cpu().numpy()
        return values, abs(float(values.sum()) - self.difference)

    def _scores(self, ids: Tensor) -> Tensor:
        """Scores (batch,) of equally long rows of ids (batch, n); captum puts its own embeddings in their place."""
        states = self._rm.hidden_states(input_ids=ids)[:, self._places]
        scores: Tensor = self._rm.head(self._rm.pooled(states))
        return scores


def special_ids(rm: RewardModel) -> frozenset[int]:
    """Ids of the tokenizer's special tokens: BOS, EOS, pad and every added token marked special (template markers)."""
    added = rm.tokenizer.added_tokens_decoder
    return frozenset(rm.tokenizer.all_special_ids) | {index for index, token in added.items() if token.special}


def _neutral_token(rm: RewardModel) -> tuple[int, str]:
    """The id that stands for "no token here", and its description: pad, else unknown, else end of sequence."""
    rows = rm.load_report.vocabulary
    tokenizer = rm.tokenizer
    candidates = {
        "pad token": tokenizer.pad_token_id,
        "unknown token": tokenizer.unk_token_id,
        "end-of-sequence token": tokenizer.eos_token_id,
    }
    for kind, index in candidates.items():
        if index is not None and index < rows:
            return int(index), f"{kind} {tokenizer.convert_ids_to_tokens(index)} (id {index})"
    raise AttributionError(
        "token attribution compares with a neutral token, and the tokenizer has no pad, unknown or end-of-sequence "
        "token that the model has an embedding for; set pad_token in tokenizer_config.json"
    )


def _refusal(rm: RewardModel, steps: int, error: float, difference: float) -> str:
    what = "the difference between the score and the baseline's score"
    # A difference of zero has no percentage, nor has an error that is not a number.
    measurable = error < 1000 * abs(difference)
    size = (
        f"{100 * error / abs(difference):.3g} % of {what}"
        if measurable
        else f"{error:.3g}, where {what} is {difference:.3g}"
    )
    coarse = rm.backbone.dtype in (torch.bfloat16, torch.float16)
    hint = "; gradients in half precision are coarse, load the model in float32" if coarse else ""
    return f"integrated gradients did not converge in {steps} steps: error {size}{hint}; no token attribution is given"
