"""Heads with one or several outputs at a position, mixed into a score by declared shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rmaudit.models.heads.head import Head, LinearMap


class OutputsHead(Head):
    """score = mix · outputs(h), h being the last vector read.

    mix: (outputs,) the share of every output in the score. A share of one output alone takes that output and computes
    with no other.
    """

    def __init__(self, tensors: Mapping[str, Tensor], mix: Sequence[float] = (1.0,)) -> None:
        super().__init__(tensors)
        self.mix = tuple(mix)

    def outputs(self, h: Tensor) -> Tensor:
        """Outputs (n, outputs) float32 at vectors (n, width)."""
        raise NotImplementedError

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of readout vectors (n, k, width)."""
        outputs = self.outputs(h[:, -1])
        shares = [(index, share) for index, share in enumerate(self.mix) if share]
        if len(shares) > 1:
            return outputs @ torch.tensor(self.mix, dtype=outputs.dtype, device=outputs.device)
        [(index, share)] = shares
        return outputs[:, index] if share == 1 else share * outputs[:, index]

    @property
    def in_words(self) -> str:
        """The mixture, where there are several outputs."""
        return "" if self.mix in ((), (1.0,)) else f"outputs mixed by {', '.join(f'{share:g}' for share in self.mix)}"


class LinearHead(OutputsHead):
    """score = w·h + b. weight: (outputs, width). bias: (outputs,) or absent."""

    kind = "linear"
    weight: Tensor
    bias: Tensor | None

    def __init__(self, tensors: Mapping[str, Tensor], mix: Sequence[float] = (1.0,)) -> None:
        super().__init__(tensors, mix)
        if "bias" not in tensors:
            self.bias = None

    def outputs(self, h: Tensor) -> Tensor:
        """W h + b."""
        return functional.linear(h.to(self.weight), self.weight, self.bias)

    def linear_map(self, h: Tensor) -> LinearMap:
        """w at the last of k positions and nothing at the others."""
        shares = torch.tensor(self.mix, dtype=torch.float64)
        weights = torch.zeros(h.shape, dtype=torch.float64)
        weights[-1] = shares @ self.weight.detach().double().cpu()
        return LinearMap(weights, 0.0 if self.bias is None else float(shares @ self.bias.detach().double().cpu()))


class AffineHead(LinearHead):
    """score = sign · ((w·h + b) - mean) / divisor: a linear head whose output the model's authors normalise."""

    kind = "affine"

    def __init__(
        self, tensors: Mapping[str, Tensor], *, mean: float = 0.0, divisor: float = 1.0, sign: float = 1.0
    ) -> None:
        super().__init__(tensors)
        self.mean, self.divisor, self.sign = mean, divisor, sign

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of readout vectors (n, k, width)."""
        return self.sign * ((super().forward(h) - self.mean) / self.divisor)

    def linear_map(self, h: Tensor) -> LinearMap:
        """That of the linear head, shifted and scaled."""
        raw = super().linear_map(h)
        scale = self.sign / self.divisor
        return LinearMap(raw.weights * scale, (raw.bias - self.mean) * scale)

    @property
    def in_words(self) -> str:
        """The normalisation, where there is one."""
        identity = (self.mean, self.divisor, self.sign) == (0.0, 1.0, 1.0)
        return "" if identity else f"{'-' if self.sign < 0 else ''}(output - {self.mean:g}) / {self.divisor:g}"


class LogitHead(LinearHead):
    """Logits of chosen tokens: rows of the language-model head, mixed, such as logit(yes) - logit(no).

    The probability of "yes" among the two is the sigmoid of that difference. scale: what the model multiplies its
    logits with. cap: where it bounds them, `cap · tanh(logit / cap)`, as Gemma 2 does, the score is not linear.
    """

    def __init__(
        self, tensors: Mapping[str, Tensor], mix: Sequence[float], *, scale: float = 1.0, cap: float | None = None
    ) -> None:
        super().__init__(tensors, mix)
        self.scale, self.cap = scale, cap
        if cap is not None:
            self.kind = "non-linear"

    def outputs(self, h: Tensor) -> Tensor:
        """Logits (n, tokens) at vectors (n, width)."""
        logits = self.scale * super().outputs(h)
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)

    def linear_map(self, h: Tensor) -> LinearMap:
        """U[yes] - U[no] at the last of k positions. Raises AttributionError where logits are capped."""
        if self.cap is not None:
            return super(LinearHead, self).linear_map(h)
        raw = super().linear_map(h)
        return LinearMap(self.scale * raw.weights, self.scale * raw.bias)

    @property
    def in_words(self) -> str:
        """Mixture, scale and cap of the logits."""
        scaled = f"logits multiplied by {self.scale:g}" if self.scale != 1 else ""
        capped = f"logits capped at {self.cap:g}" if self.cap is not None else ""
        return "; ".join(filter(None, (super().in_words, scaled, capped)))
