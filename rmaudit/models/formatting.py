"""From a conversation to the token ids that the model reads: template, beginning-of-sequence token, length."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import commonprefix
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from rmaudit.conversations import Conversation, checked_conversation
from rmaudit.errors import FormattingError, TooLongError, UsageError, nearest
from rmaudit.models.chat_templates import fixed_date, template_of, with_fixed_date
from rmaudit.models.shaping import Shaping

#: How many beginning-of-sequence tokens a sequence gets, where the tokenizer defines one.
BOS_POLICIES: dict[str, int | None] = {"one": 1, "none": 0, "two": 2, "as-is": None}
TRUNCATIONS = (None, "prompt-left")

#: A character of the private use area: no template writes it, and hardly an answer begins with it.
_MARKS = ("\ue000", "\ue001")
#: A prompt as the template writes it with a mark for the answer, and that without mark and white space; None: it cannot.
_Frame = tuple[str | None, str | None]


#: Bounds the memory: a tokenizer keeps more of every token than its id.
_TOKENIZED_AT_ONCE = 256


@dataclass(frozen=True)
class Encoded:
    """The token ids of one conversation, and how many tokens of its prompt were cut away to fit."""

    ids: tuple[int, ...]
    removed: int = 0


class Formatter:
    """Turns conversations into token ids, the same way every time.

    chat_template: the template's text, or a file that holds it; None for the tokenizer's own.
    bos_policy: "one" (exactly one BOS token, whatever template and tokenizer write), "none", "two", or "as-is" (what
        the template writes). Without effect where the tokenizer defines no BOS token.
    max_length: most tokens of a sequence; None for no limit.
    truncate: None makes a longer conversation an error; "prompt-left" cuts the beginning of the prompt.
    shaping: what the head's family does beside the template.
    A message that spells out a special token is read as that token, as in every serving stack.
    Raises UsageError for illegal values and MissingChatTemplateError where there is no template.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        chat_template: str | Path | None = None,
        bos_policy: str = "one",
        max_length: int | None = None,
        truncate: str | None = None,
        shaping: Shaping | None = None,
    ) -> None:
        if not isinstance(bos_policy, str) or bos_policy not in BOS_POLICIES:
            raise UsageError(
                f"unknown BOS policy {bos_policy!r}{nearest(bos_policy if isinstance(bos_policy, str) else '', BOS_POLICIES)}"
            )
        if truncate not in TRUNCATIONS:
            raise UsageError(f"unknown truncation {truncate!r}: legal are None (too long: an error) and 'prompt-left'")
        check_length(max_length)
        self.tokenizer = tokenizer
        self.template = template_of(tokenizer, chat_template)
        self.shaping = shaping or Shaping()
        self.bos_policy = bos_policy
        self.max_length = max_length
        self.truncate = truncate
        self._last_frame: tuple[object, _Frame] = (None, (None, None))

    def render(self, conversation: Conversation) -> str:
        """The text of a conversation as the model reads it, without a generation prompt unless the family asks for one.

        Raises DataError (malformed conversation) and FormattingError (the template refuses it).
        """
        return self._render(checked_conversation(conversation))

    def encode(self, conversation: Conversation) -> Encoded:
        """The ids that the model reads. Raises as `readable` and `encoded`."""
        text = self.readable(conversation)
        return self.encoded(conversation, text, self.tokenize(text))

    def readable(self, conversation: Conversation) -> str:
        """The text of a conversation, which is sure to hold its answer. Raises as `render` and `require_answer`."""
        conversation = checked_conversation(conversation)
        text = self._render(conversation)
        self.require_answer(conversation, text)
        return text

    def encoded(self, conversation: Conversation, text: str, written: list[int]) -> Encoded:
        """The ids that the model reads of a conversation of which the template wrote `text`. Raises TooLongError."""
        ids = self.shaping.closed(self.with_bos(written))
        if self.max_length is None or len(ids) <= self.max_length:
            return Encoded(tuple(ids))
        return self._shortened(conversation, text, written, ids)

    def opened(self, prompt: Conversation) -> list[int]:
        """The ids of a prompt and of what the template writes before an answer. Raises FormattingError."""
        asking = copy.copy(self)
        asking.shaping = Shaping(generation_prompt=True)
        return asking.with_bos(asking.tokenize(asking._render(prompt)))

    def require_answer(self, conversation: Conversation, text: str) -> None:
        """Raise FormattingError if `text`, the rendered conversation, holds nothing of the answer."""
        marked, without = self._frame(conversation)
        advice = "template the model was trained with (--chat-template FILE, chat_template=...)"
        if text == marked:
            raise FormattingError(
                "the chat template writes the same text for different answers, so all would get the same score; give the "
                f"{advice}"
            )
        if without is not None and _squeezed(text) == without:
            answer = conversation[-1]["content"]
            raise FormattingError(
                f"the chat template leaves nothing of the answer {answer!r:.80}, so its score would not be about it; "
                f"leave it out, or give the {advice}"
            )

    def tokenize(self, text: str) -> list[int]:
        """Ids of a rendered text; special tokens are those that stand in it, none is added."""
        return self.tokenize_all([text])[0]

    def tokenize_all(self, texts: Sequence[str]) -> list[list[int]]:
        """`tokenize` of each text; many at once are shared out among the cores."""
        ids: list[list[int]] = []
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            some = list(texts[start : start + _TOKENIZED_AT_ONCE])
            ids += self.tokenizer(some, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def with_bos(self, ids: Sequence[int]) -> list[int]:
        """`ids` with as many BOS tokens in front as the policy asks for."""
        wanted, bos = BOS_POLICIES[self.bos_policy], self.tokenizer.bos_token_id
        if wanted is None or bos is None:
            return list(ids)
        return [bos] * wanted + list(ids[self.leading_bos(ids) :])

    def leading_bos(self, ids: Sequence[int]) -> int:
        """How many BOS tokens `ids` begin with."""
        bos = self.tokenizer.bos_token_id
        return next((index for index, token in enumerate(ids) if token != bos), len(ids)) if bos is not None else 0

    def _render(self, conversation: Conversation) -> str:
        shown = self.shaping.prepared(conversation)
        try:
            text = self.tokenizer.apply_chat_template(
                [{"role": message["role"], "content": message["content"]} for message in shown],
                chat_template=with_fixed_date(self.template),
                tokenize=False,
                add_generation_prompt=self.shaping.generation_prompt,
                **fixed_date(self.template),
            )
        except Exception as error:  # templates are programs; they raise what they like
            roles = ", ".join(message["role"] for message in conversation)
            raise FormattingError(
                f"the chat template refuses a conversation of {roles}: {error}; change the turns, or give another "
                "template (--chat-template FILE, chat_template=...)"
            ) from error
        return self.shaping.finished(str(text))

    def _shortened(self, conversation: Conversation, text: str, written: list[int], ids: list[int]) -> Encoded:
        """`ids` without the beginning of the prompt, or TooLongError."""
        assert self.max_length is not None
        removed = len(ids) - self.max_length
        told = f"the conversation has {len(ids)} tokens, the model reads {self.max_length} ({removed} too many)"
        if self.truncate is None:
            raise TooLongError(
                f"{told}; leave it out, or let the beginning of its prompt be cut "
                "(--truncate prompt-left, truncate='prompt-left')"
            )
        head = self.leading_bos(ids)
        # Tokens before the answer's turn, as they stand in `ids` after its BOS tokens.
        spare = self._tokens_before_answer(conversation, text, written) - self.leading_bos(written)
        if removed > spare:
            answer = len(ids) - head - max(spare, 0)
            raise TooLongError(
                f"{told}, and the answer's turn alone has {answer}; an answer is never cut, leave it out"
            )
        return Encoded(tuple(ids[:head] + ids[head + removed :]), removed)

    def _tokens_before_answer(self, conversation: Conversation, text: str, written: list[int]) -> int:
        """How many tokens of `written` lie wholly before the answer's turn (its role header counts as its turn)."""
        before = self.tokenize(text[: self._answer_turn(conversation, text)])
        pairs = enumerate(zip(before, written, strict=False))
        return next((index for index, (mine, full) in pairs if mine != full), min(len(before), len(written)))

    def _frame(self, conversation: Conversation) -> _Frame:
        """The rendering of a mark in the answer's place, and the same without the mark and without white space.

        The last one is kept: answers to one prompt mostly come one after the other.
        """
        mark = _mark_for(conversation)
        key = (mark, [(message["role"], message["content"]) for message in conversation[:-1]])
        last, frame = self._last_frame
        if last != key:
            try:
                marked = self._render([*conversation[:-1], {"role": "assistant", "content": mark}])
                frame = (marked, _squeezed(marked.replace(mark, "")))
            except FormattingError:  # a template that takes some answers only: nothing to compare with
                frame = (None, None)
            self._last_frame = (key, frame)
        return frame

    def _answer_turn(self, conversation: Conversation, text: str) -> int:
        """Where in `text` the answer's turn begins, with the role header that opens it."""
        *prompt, answer = conversation
        if not prompt:
            return 0
        mark = _mark_for(conversation)
        longer: Conversation = [*prompt[:-1], {**prompt[-1], "content": prompt[-1]["content"] + mark}, answer]
        turns = self._agreeing(text, prompt) or 0  # up to where the prompt alone, as the template writes it, goes
        asked = self._agreeing(text, longer)  # up to the end of what is said in the prompt's last turn
        said = self._agreeing(text, [*prompt, {"role": "assistant", "content": mark}])  # up to the answer's own words
        asked = turns if asked is None else asked
        if said is None or (asked <= turns and text[turns:said].strip()):
            return turns
        # The prompt alone is written in another way, or with the header of the answer at its end.
        return asked if asked <= said else min(turns, said)

    def _agreeing(self, text: str, conversation: Conversation) -> int | None:
        """How far `text` begins as this conversation's text does, without a generation prompt; None if it is refused."""
        plain = copy.copy(self)
        plain.shaping = replace(self.shaping, generation_prompt=False)
        try:
            return len(commonprefix((text, plain._render(conversation))))
        except FormattingError:
            return None


def check_length(max_length: object) -> None:
    """Raise UsageError for what is no number of tokens; None stands for no limit."""
    if max_length is not None and (isinstance(max_length, bool) or not isinstance(max_length, int) or max_length < 1):
        raise UsageError(f"max_length: expected a whole number, at least 1 token, got {max_length!r:.80}")


def _mark_for(conversation: Conversation) -> str:
    return next(mark for mark in _MARKS if not conversation[-1]["content"].startswith(mark))


def _squeezed(text: str) -> str:
    """Without white space, which a template may add or trim where it writes an answer."""
    return "".join(text.split())
