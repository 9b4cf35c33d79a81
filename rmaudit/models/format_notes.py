"""What a short conversation looks like to the model, told to whoever compares scores with another tool's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rmaudit.conversations import Conversation, Message, conversation
from rmaudit.errors import FormattingError
from rmaudit.models.chat_templates import with_fixed_date
from rmaudit.models.formatting import BOS_POLICIES, Formatter
from rmaudit.models.positions import Rule, disputed, readings

#: What a template may write beside the turns without saying anything: markup, openers as of Beaver and OpenChat, roles.
_MARKUP = re.compile(r"<+[^<>\s]*>+|\[/?[A-Z_]+\]")
_OPENERS = ("BEGINNING OF CONVERSATION", "GPT4 Correct")
_ROLES = frozenset(
    [
        "system",
        "user",
        "assistant",
        "human",
        "model",
        "ai",
        "bot",
        "prompter",
        "question",
        "answer",
        "instruction",
        "input",
        "response",
        "q",
        "a",
        "round",
    ]
)


def describe_format(formatter: Formatter, rule: Rule, pad: int | None) -> dict[str, Any]:
    """What a short conversation looks like to the model: facts and notes for the load report.

    pad: the padding token's id in the model's configuration. Raises FormattingError where the template refuses it or does
    not write the answer, or where the rule finds nothing to read.
    """
    user, answer = "What is two plus two?", "It is four."
    sample = conversation(user, answer)
    text = formatter.render(sample)
    formatter.require_answer(sample, text)
    written = formatter.tokenize(text)
    naive = list(formatter.tokenizer(text, verbose=False)["input_ids"])
    ids = formatter.shaping.closed(formatter.with_bos(written))
    disagrees = disagreement(formatter, ids, rule, pad)
    return {
        "disagreement": disagrees,
        "preamble": text.partition(user)[0],
        "ending": [str(formatter.tokenizer.convert_ids_to_tokens(token)) for token in ids[-3:]],
        "notes": [
            *_bos_notes(formatter, written, naive),
            *_text_notes(formatter, text, user, answer),
            *_date_notes(formatter),
            *_words_notes(formatter, text, user, answer),
            *_ignored_notes(formatter, text, sample),
            *filter(None, [disagrees]),
            *_pad_notes(formatter, rule, pad),
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
    return notes


def _date_notes(formatter: Formatter) -> list[str]:
    if "strftime_now(" not in with_fixed_date(formatter.template) or "date_string" in formatter.template:
        return []
    return ["the chat template writes today's date: scores may change from day to day"]


def _words_notes(formatter: Formatter, text: str, user: str, answer: str) -> list[str]:
    """Most reward models were trained without a system prompt, and some templates write one nobody asked for."""
    before, _, rest = text.partition(user)
    between, _, after = rest.partition(answer)
    if user not in text or answer not in rest:
        return []
    notes = []
    for words, where in (
        (before, "in front of the prompt, as a system prompt"),
        (between, "between prompt and answer"),
        (after, "after the answer"),
    ):
        if said := _said(formatter, words):
            notes.append(f"the chat template puts words of its own {where}: {said!r:.100}")
    return notes


def _said(formatter: Formatter, text: str) -> str:
    """What a template's own text says beside special tokens; empty where that is roles and openers alone."""
    special = [token.content for token in formatter.tokenizer.added_tokens_decoder.values() if token.special]
    steps = formatter.shaping.steps
    marks = [steps.mark] if steps is not None else []  # written by the family, not by the template
    for token in sorted([*special, *marks], key=len, reverse=True):
        text = text.replace(token, " ")
    plain = _MARKUP.sub(" ", text)
    for opener in _OPENERS:
        plain = plain.replace(opener, " ")
    says = any(word.lower() not in _ROLES for word in re.findall(r"[^\W\d_]\w*", plain))
    return " ".join(text.split()) if says else ""


def _ignored_notes(formatter: Formatter, text: str, sample: Conversation) -> list[str]:
    """Turns that leave the text as it is; a template that refuses them says so when it meets them."""
    earlier = conversation("Which river is the longest?", "That is disputed.")
    notes = []
    for added, called in ([Message(role="system", content="Mind the gap.")], "system"), (earlier, "earlier"):
        with suppress(FormattingError):
            if formatter.render([*added, *sample]) == text:
                notes.append(f"the chat template ignores {called} turns; they have no say in the score")
    return notes


def _pad_notes(formatter: Formatter, rule: Rule, pad: int | None) -> list[str]:
    """Tools that pool as transformers does find the end of a padded text by the configuration's padding token alone."""
    own = formatter.tokenizer.pad_token_id
    if rule.name != "last-non-pad" or own is None or own == pad:
        return []
    named = "no padding token" if pad is None else f"id {pad} as the padding token"
    told = f"config.json names {named}, and the tokenizer pads with id {own}"
    return [f"{told}; transformers' own pooling then reads padding, or refuses batches, and gives other scores"]


def disagreement(formatter: Formatter, ids: Sequence[int], rule: Rule, pad: int | None) -> str:
    """Where each of the rules in use reads a sequence, and which one counts; empty where they agree.

    Raises FormattingError where the rule that counts finds nothing to read.
    """
    chosen = rule.find(ids)[-1]
    if not disputed(rule, ids, pad):
        return ""

    def place(index: int) -> str:
        return f"{formatter.tokenizer.convert_ids_to_tokens(ids[index])!s} ({len(ids) - index} from the end)"

    told = ", ".join(f"{name} reads {place(index)}" for name, index in readings(ids, pad).items())
    return (
        f"the rules for where a reward is read disagree: {told}. This model is read at {place(chosen)}, the {rule.title}. "
        "transformers 4.49 and later read last-non-pad, OpenRLHF and servers the last token, older transformers "
        "before-first-pad; if it was trained with another rule: --position NAME (position=...)"
    )
