"""What a family does to a conversation beside its chat template: a final token, steps marked in the answer, a judge's turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rmaudit.conversations import Conversation, Message
from rmaudit.errors import FormattingError


@dataclass(frozen=True)
class Steps:
    """How the steps of an answer are marked: it is cut at `separator`, and `token` is written after every step.

    An answer that holds the token already is left as it is. joined: what stands between a step's token and the next step.
    """

    token: str
    separator: str = "\n\n"
    joined: str = ""

    def marked(self, conversation: Conversation) -> Conversation:
        """The conversation with the steps of its last turn marked. Raises FormattingError for an answer without any."""
        *prompt, answer = conversation
        if self.token in answer["content"]:
            return conversation
        text = self.joined.join(step + self.token for step in steps_of(answer["content"], self.separator))
        return [*prompt, {"role": answer["role"], "content": text}]


@dataclass(frozen=True)
class Turns:
    """Every step as a turn of its own, which is answered by `verdict`: the first one stands behind the question."""

    verdict: str
    separator: str = "\n\n"

    def marked(self, conversation: Conversation) -> Conversation:
        """The conversation with the steps of its last turn as turns. Raises FormattingError for an answer without any."""
        if len(conversation) < 2:
            raise FormattingError(
                "there is no question before the answer, and this model reads its steps as turns after one"
            )
        *before, question, answer = conversation
        first, *others = steps_of(answer["content"], self.separator)
        asked: Conversation = [{"role": "user", "content": f"{question['content']} {first}"}]
        asked += [{"role": "user", "content": step} for step in others]
        return [*before, *(turn for step in asked for turn in (step, Message(role="assistant", content=self.verdict)))]


def steps_of(text: str, separator: str) -> list[str]:
    """The steps of an answer. Raises FormattingError where there is none."""
    steps = [step.strip() for step in text.split(separator) if step.strip()]
    if not steps:
        raise FormattingError(f"the answer {text!r:.80} has no step, and this model scores steps; leave it out")
    return steps


@dataclass(frozen=True)
class Shaping:
    """What is done beside the template.

    generation_prompt: the template opens the next turn, as before a judge's verdict. end_of_text: OpenRLHF's rule: line
    breaks at the end of the text are taken off, and this text is put there, after a space, unless it stands there.
    final_token: the id that a sequence must end with; put there where it does not. steps: how the answer's steps are
    marked.
    """

    generation_prompt: bool = False
    end_of_text: str | None = None
    final_token: int | None = None
    steps: Steps | Turns | None = None

    def prepared(self, conversation: Conversation) -> Conversation:
        """The conversation as the template gets it."""
        answered = conversation[-1]["role"] == "assistant"
        return self.steps.marked(conversation) if self.steps is not None and answered else conversation

    def finished(self, text: str) -> str:
        """The rendered text as the tokenizer gets it."""
        if self.end_of_text is None:
            return text
        text = text.rstrip("\n")
        return text if text.endswith(self.end_of_text) else f"{text} {self.end_of_text}"

    def closed(self, ids: Sequence[int]) -> list[int]:
        """The ids as the model gets them, with exactly one final token where the family asks for one.

        Raises FormattingError where that token stands elsewhere, too: the model would be read at a place of the text's choice.
        """
        if self.final_token is None:
            return list(ids)
        body = list(ids[:-1]) if ids and ids[-1] == self.final_token else list(ids)
        if self.final_token in body:
            raise FormattingError(
                f"the reward token (id {self.final_token}), which ends a text for this model, stands inside it; take it out"
            )
        return [*body, self.final_token]
