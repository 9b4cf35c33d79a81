"""Two processes that train one model: each takes half of every step, and both add up their gradients.

Threads inside one operation gain little on models this small; two processes with a thread each take half the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import torch
from torch import multiprocessing

COUNT = 2


@dataclass(frozen=True)
class Half:
    """One of the two processes; ``shared`` (2, values) holds what each of them brings."""

    rank: int
    barrier: Barrier
    shared: torch.Tensor

    def mine(self, batches: list[list[int]]) -> list[list[int]]:
        """This process' share of the batches of a step."""
        return batches[self.rank :: COUNT]

    def add_up(self, parameters: Iterable[torch.nn.Parameter], loss: float) -> float:
        """Give every parameter the gradient of both halves; the sum of both losses."""
        owned = list(parameters)
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in owned]
        own = torch.cat([*(part.flatten() for part in parts), torch.tensor([loss])])
        self.shared[self.rank, : len(own)] = own
        self.barrier.wait()
        total = self.shared[:, : len(own)].sum(0)
        self.barrier.wait()  # nobody writes the next step's before both have read
        for parameter, part in zip(owned, total[:-1].split([p.numel() for p in owned]), strict=True):
            # What neither half uses stays without a gradient, or the optimiser would let it decay.
            parameter.grad = part.view_as(parameter).clone() if part.any() else None
        return float(total[-1])


def make_halves(values: int) -> list[Half]:
    """Both halves of a training of at most ``values`` parameters, to be handed to the two processes."""
    barrier = multiprocessing.get_context("spawn").Barrier(COUNT)
    shared = torch.zeros(COUNT, values + 1).share_memory_()
    return [Half(rank, barrier, shared) for rank in range(COUNT)]
