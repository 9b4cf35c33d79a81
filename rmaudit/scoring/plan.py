"""What is to be scored, each conversation once, and what that costs, before any model runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rmaudit.conversations import Conversation, conversation_key
from rmaudit.scoring.layout import PACKED, Packing, lay_out
from rmaudit.scoring.prefix_tree import ROW_TOKENS


class Plan:
    """The stimuli of all probes together, without repetition.

    unique: the distinct conversations, in the order in which they first occur.
    index: for every stimulus the place of its conversation in `unique`, so that `scores_of_unique[plan.index]` are the
    stimuli's scores. Two conversations are the same where roles and contents are, character for character.
    """

    def __init__(self, stimuli: Sequence[Conversation]) -> None:
        places: dict[str, int] = {}
        self.unique: list[Conversation] = []
        self.index: list[int] = []
        for conversation in stimuli:
            place = places.setdefault(conversation_key(conversation), len(places))
            if place == len(self.unique):
                self.unique.append(conversation)
            self.index.append(place)

    def first_use(self, place: int) -> int:
        """The first stimulus whose conversation is `unique[place]`: what to call it in an error."""
        return self.index.index(place)


@dataclass(frozen=True)
class Price:
    """What scoring a plan costs.

    stimuli: how many scores are asked for; unique: conversations to be scored; tokens: in all of these;
    tree_tokens: what the model computes of them, which is all where it shares no prefixes.
    """

    stimuli: int
    unique: int
    tokens: int
    tree_tokens: int


def price(
    plan: Plan, ids: Sequence[Sequence[int]], packing: Packing = PACKED, *, row_tokens: int = ROW_TOKENS
) -> Price:
    """Price a plan as the engine will compute it.

    ids: the token ids of each conversation of `plan.unique`. packing: what `check_packing` found for the model.
    """
    return Price(len(plan.index), len(plan.unique), sum(map(len, ids)), lay_out(ids, packing, row_tokens).tokens)
