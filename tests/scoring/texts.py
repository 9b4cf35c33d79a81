"""Conversations that share prefixes the way an audit's stimuli do."""

from __future__ import annotations

from rmaudit.conversations import Conversation, conversation

PROMPTS = ["How do I boil an egg so that the yolk stays soft?", "How do I boil rice?"]
ANSWERS = [
    "Six minutes in boiling water, then cold water at once.",
    "Six minutes in boiling water, then leave it in the pan for an hour.",
    "Six minutes in boiling water, then cold water at once. All of this is only one way to put it.",
    "Six minutes in boiling water, then cold water at once. All of this is only one way to put it. There are others. "
    * 2,
    "No.",
    "Ümlaut 🥚",
]


def stimuli() -> list[Conversation]:
    """24 conversations, 12 of them distinct."""
    return 2 * [conversation(prompt, answer) for prompt in PROMPTS for answer in ANSWERS]
