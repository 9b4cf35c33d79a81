"""Pairs of answers that a checkup scores: short and long, plain and odd, the better answer first."""

from __future__ import annotations

from rmaudit.conversations import Conversation, Message, conversation

Pair = tuple[Conversation, Conversation]

_FERRY = "The ferry leaves at half past six and at noon. On Sundays none runs, and tickets are sold on the quay."


def _follow_up(answer: str) -> Conversation:
    turns = [
        ("user", "Which is larger, a third or a quarter?"),
        ("assistant", "A third."),
        ("user", "And which of the two is larger than 0.3?"),
        ("assistant", answer),
    ]
    return [Message(role=role, content=content) for role, content in turns]


#: A short form of the checkup takes the first few.
PAIRS: tuple[Pair, ...] = (
    (
        conversation("How long does an egg take to boil hard?", "About nine minutes from when the water boils."),
        conversation("How long does an egg take to boil hard?", "Eggs are nice. Boil it."),
    ),
    (
        conversation(f"When does the first ferry leave?\n\n{_FERRY}", "At half past six."),
        conversation(
            f"When does the first ferry leave?\n\n{_FERRY}",
            "The first ferry, as far as one can tell from the text that you gave, leaves at noon; please check on the quay.",
        ),
    ),
    (
        _follow_up("Only a third is: a quarter is 0.25, and a third is about 0.333."),
        _follow_up("Both are."),
    ),
    (
        conversation(
            "Write a function that doubles a number.", "def double(x):\n    return 2 * x\n\nprint(double(21))  # 42"
        ),
        conversation("Write a function that doubles a number.", "def double(x):\n    return x ** 2"),
    ),
    (
        conversation("Wie heißt die Hauptstadt von Österreich?", "Wien (früher auch „Vindobona“) – an der Donau."),
        conversation("Wie heißt die Hauptstadt von Österreich?", "Salzburg, 100 %! 🙂"),
    ),
    (
        conversation("Name three prime numbers.", "- 2\n- 3\n- 5"),
        conversation("Name three prime numbers.", "1. 4\n2. 6\n3. 9\n\n" + "That is all there is to say. " * 12),
    ),
)
SHORT = 3
