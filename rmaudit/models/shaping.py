"""What a family does to a conversation beside its chat template: a final token, steps marked in the answer, a judge's turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rmaudit.conversations import Conversation, Message
from rmaudit.errors import FormattingError


@dataclass(frozen=True)
class Steps:
    """How the steps of an answer are marked: it is cut at `separator`, and `token` is written after every step.

    An answer that is marked already is left as it is: the token ends every step, the last one too. joined: what stands
    between a step's token and the next step.
    """

    token: str
    separator: str = "\n\n"
    joined: str = ""

    @property
    def mark(self) -> str:
        """What ends a step, without white space around it; a token of white space as it is."""
        return self.token.strip() or self.token

    def marked(self, conversation: Conversation) -> Conversation:
        """The conversation with the steps of its last turn marked. Raises as `count`."""
        *prompt, answer = conversation
        steps = self._steps(answer["content"])
        if self._marks(answer["content"]):
            return conversation
        text = self.joined.join(step + self.token for step in steps)
        return [*prompt, {"role": answer["role"], "content": text}]

    def count(self, conversation: Conversation) -> int:
        """How many steps the answer has. Raises FormattingError for an answer without any, or marked in part."""
        return len(self._steps(conversation[-1]["content"]))

    def strays(self, conversation: Conversation) -> list[str]:
        """Where the mark stands and ends no step of the answer."""
        *prompt, answer = conversation
        found = [
            f"in turn {place} ({turn['role']})" for place, turn in enumerate(prompt, 1) if self.mark in turn["content"]
        ]
        inside = self.token.strip() and answer["content"].count(self.mark) > len(self._marks(answer["content"]))
        return [*found, "inside a word of the answer"] if inside else found

    def _steps(self, answer: str) -> list[str]:
        if not self._marks(answer):
            return steps_of(answer, self.separator)
        *steps, rest = re.split(self._pattern, answer)
        if rest.strip() or not all(step.strip() for step in steps):
            raise FormattingError(
                f"the answer {answer!r:.80} holds {self.mark!r}, which ends a step for this model, but not at the end of every "
                "step; mark the steps yourself (write it once after each, the last one too), or take it out"
            )
        return steps

    def _marks(self, answer: str) -> list[str]:
        # White space as a mark is what steps are cut at anyway, so an answer with it is not marked yet.
        return re.findall(self._pattern, answer) if self.token.strip() else []

    @property
    def _pattern(self) -> str:
        """The mark; one of letters only as a word of its own: within a word it ends nothing."""
        before = r"(?<!\w)" if self.mark[0].isalnum() else ""
        after = r"(?!\w)" if self.mark[-1].isalnum() else ""
        return before + re.escape(self.mark) + after


@dataclass(frozen=True)
class Turns:
    """Every step as a turn of its own, which is answered by `verdict`: the first one stands behind the question."""

    verdict: str
    separator: str = "\n\n"

    @property
    def mark(self) -> str:
        """What ends a step."""
        return self.verdict

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

    def count(self, conversation: Conversation) -> int:
        """How many steps the answer has. Raises FormattingError for an answer without any."""
        return len(steps_of(conversation[-1]["content"], self.separator))

    def strays(self, conversation: Conversation) -> list[str]:
        """Where a turn or a step ends as a verdict does."""
        *prompt, answer = conversation
        steps = steps_of(answer["content"], self.separator)
        turns = [
            f"at the end of turn {place} ({turn['role']})"
            for place, turn in enumerate(prompt, 1)
            if self._ends(turn["content"])
        ]
        return turns + [
            f"at the end of step {place} of the answer" for place, step in enumerate(steps, 1) if self._ends(step)
        ]

    def _ends(self, text: str) -> bool:
        return text.rstrip().endswith(self.verdict)


def check_steps(steps: Steps | Turns, conversation: Conversation, found: int) -> None:
    """Raise FormattingError where the model would be read at another number of places than the answer has steps.

    found: how many step ends there are in what the model reads.
    """
    count = steps.count(conversation)
    if found > count:
        where = " and ".join(steps.strays(conversation)) or "elsewhere"
        raise FormattingError(
            f"the model reads {found} step ends in this conversation, and its answer has {count} steps: {steps.mark!r}, which "
            f"ends a step for this model, stands {where}, too; leave the conversation out, or take it out there"
        )
    if found < count:
        raise FormattingError(
            f"the model reads {found} step ends in this conversation, and its answer has {count} steps: the chat template or the "
            f"tokenizer changes {steps.mark!r} at the end of a step; leave the conversation out, or give the template that the "
            "model was trained with (--chat-template FILE, chat_template=...)"
        )


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
