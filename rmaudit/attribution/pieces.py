"""The piece of text behind each token: joined, the pieces give the rendered text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rmaudit.conversations import Conversation
from rmaudit.models.reward_model import RewardModel


def token_texts(rm: RewardModel, conversation: Conversation, ids: Sequence[int]) -> tuple[str, ...]:
    """One piece of text per id, from the tokenizer's character offsets where it has them, else by decoding.

    A character that several tokens share (an emoji in bytes) belongs to one of them, and the others have an empty piece.
    BOS tokens that the template did not write have a piece, and prompt tokens that were cut away have none.
    """
    if getattr(rm.tokenizer, "is_fast", False):
        text = rm.formatter.render(conversation)
        encoded = rm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        pieces = _cut(text, encoded["offset_mapping"])
        front = rm.formatter.leading_bos(ids)
        body = len(ids) - front
        if body and list(encoded["input_ids"][-body:]) == list(ids[front:]):
            return tuple([str(rm.tokenizer.bos_token)] * front + pieces[-body:])
    return tuple(decoded_pieces(rm.tokenizer, ids))


def _cut(text: str, offsets: Sequence[tuple[int, int]]) -> list[str]:
    """`text` cut at the ends of its tokens."""
    ends, reached = [], 0
    for _, end in offsets:
        reached = max(reached, end)  # what lies between two offsets (blanks) stays with the token that follows
        ends.append(reached)
    ends[-1:] = [len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def decoded_pieces(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """What each id adds to the decoded text of those before it; an incomplete character waits for its last byte."""
    pieces, start = [], 0
    for end in range(1, len(ids) + 1):
        # Decoding restarts where the last piece was complete, one token earlier, which shows the blank before a word.
        anchor = max(0, start - 1)
        before = _decode(tokenizer, ids[anchor:start])
        piece = _decode(tokenizer, ids[anchor:end])[len(before) :]
        complete = not piece.endswith("\ufffd") or end == len(ids)
        pieces.append(piece if complete else "")
        start = end if complete else start
    return pieces


def _decode(tokenizer: Any, ids: Sequence[int]) -> str:
    text: str = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text
