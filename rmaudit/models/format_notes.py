"""What a short conversation looks like to the model, told to whoever compares scores with another tool's."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rmaudit.conversations import conversation
from rmaudit.errors import FormattingError
from rmaudit.models.formatting import BOS_POLICIES, Formatter


def describe_format(formatter: Formatter) -> dict[str, Any]:
    """What a short conversation looks like to the model: facts and notes for the load report.

    Raises FormattingError where the template refuses it or does not write the answer.
    """
    user, answer = "What is two plus two?", "It is four."
    sample = conversation(user, answer)
    text = formatter.render(sample)
    formatter.require_answer(sample, text)
    written = formatter.tokenize(text)
    naive = list(formatter.tokenizer(text, verbose=False)["input_ids"])
    ids = formatter.with_bos(written)
    return {
        "preamble": text.partition(user)[0],
        "ending": [str(formatter.tokenizer.convert_ids_to_tokens(token)) for token in ids[-3:]],
        "notes": [
            *_bos_notes(formatter, written, naive),
            *_text_notes(formatter, text, user, answer),
            *_pad_notes(formatter, ids),
        ],
    }


def _bos_notes(formatter: Formatter, written: list[int], naive: list[int]) -> list[str]:
    bos = formatter.tokenizer.bos_token
    if bos is None:
        return []
    notes = []
    count, wanted = formatter.leading_bos(written), BOS_POLICIES[formatter.bos_policy]
    if count != 1:
        done = "left so" if wanted is None or wanted == count else f"the model reads {wanted}"
        notes.append(
            f"the chat template writes {count} BOS tokens ({bos}); {done} (BOS policy {formatter.bos_policy!r})"
        )
    doubled = formatter.leading_bos(naive)
    if doubled > 1:
        notes.append(
            f"tools that tokenise the rendered text with special tokens read {doubled} BOS tokens ({bos}) "
            "and give other scores"
        )
    return notes


def _text_notes(formatter: Formatter, text: str, user: str, answer: str) -> list[str]:
    notes = []
    if user not in text or answer not in text:
        notes.append("the chat template does not write the turns word for word; scores may not see the whole text")
    with suppress(FormattingError):  # a template may refuse this one
        if "Adding them." not in formatter.render(conversation(user, f"<think>Adding them.</think>{answer}")):
            notes.append(
                "the chat template leaves out <think>...</think> in an answer; what it holds has no say in the score"
            )
    if "strftime_now" in formatter.template and "date_string" not in formatter.template:
        notes.append("the chat template writes today's date: scores may change from day to day")
    return notes


def _pad_notes(formatter: Formatter, ids: list[int]) -> list[str]:
    pad = formatter.tokenizer.pad_token_id
    if pad is None or not ids or ids[-1] != pad:
        return []
    pad_token = formatter.tokenizer.pad_token
    note = (
        f"conversations end in the padding token ({pad_token}): rmaudit reads the score there, at the last token; "
        "transformers takes it for padding and reads an earlier one"
    )
    return [note]
