"""A reward head that rmaudit does not know, in one file: two linear layers with a tanh between them.

    rmaudit doctor MODEL --family examples/own_head.py
    rmaudit audit MODEL --family examples/own_head.py

The class says how a score is computed from what is read; the family says which tensors of a checkpoint it is made of,
and where a text is read. In a package of your own, offer the family under an entry point, and it is recognised by its
keys:

    [project.entry-points."rmaudit.families"]
    mine = "my_package:FAMILIES"        # FAMILIES = {"tanh_head": "my_package.own_head:FAMILY"}
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear

from rmaudit.models import Head, HeadFamily, Part


class TanhHead(Head):
    """score = v · tanh(W h + b). Every tensor of the head is here by its role: W is `inner`, b `shift`, v `outer`."""

    kind = "non-linear"
    inner: Tensor
    shift: Tensor
    outer: Tensor

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of readout vectors (n, k, width): k is 1, since the family reads one position."""
        hidden = torch.tanh(linear(h[:, -1].to(self.inner), self.inner, self.shift))
        return linear(hidden, self.outer)[:, 0]


FAMILY = HeadFamily(
    name="tanh_head",
    title="two layers with tanh: v tanh(W h + b)",
    kind="non-linear",
    # Role -> key in the files and shape. `width` is that of the readout vector; any other name stands for one number.
    parts={
        "inner": Part("reward.inner.weight", "hidden width"),
        "shift": Part("reward.inner.bias", "hidden"),
        "outer": Part("reward.outer.weight", "1 hidden"),
    },
    head=lambda tensors, given: TanhHead(tensors),
    # The last token; "last-non-pad" is transformers' own rule.
    position=lambda given: given.rule("last"),
)
