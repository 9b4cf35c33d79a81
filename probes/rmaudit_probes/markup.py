"""Markup put on plain answers by rule. Words and their order stay;
a text with code or lines of its own is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from rmaudit_probes.transforms import code_spans, sentences

LEAD = 3
"""Words at the head of a sentence that are set in bold."""


def _plain_only(mark: Callable[[list[str]], str]) -> Callable[[str], str]:
    """Mark up the sentences of a text of one paragraph and at least two sentences, without code; else nothing."""

    @wraps(mark)
    def marked(text: str) -> str:
        parts = sentences(text)
        return text if len(parts) < 2 or "\n" in text.strip() or code_spans(text) else mark(parts)

    return marked


@_plain_only
def headed(parts: list[str]) -> str:
    """A heading above, the first words of every sentence in bold.

    >>> headed("Boil them for ten minutes. Then peel them under water!")
    '## Answer\\n\\n**Boil them for** ten minutes. **Then peel them** under water!'
    """
    return "## Answer\n\n" + " ".join(map(_bold_lead, parts))


@_plain_only
def bold(parts: list[str]) -> str:
    """The first words of every sentence in bold, no heading."""
    return " ".join(map(_bold_lead, parts))


@_plain_only
def bulleted(parts: list[str]) -> str:
    """Every sentence a bullet.

    >>> bulleted("Boil them. Peel them!")
    '- Boil them.\\n- Peel them!'
    """
    return "\n".join(f"- {part}" for part in parts)


@_plain_only
def numbered(parts: list[str]) -> str:
    """Every sentence a numbered entry."""
    return "\n".join(f"{number}. {part}" for number, part in enumerate(parts, start=1))


@_plain_only
def full_dress(parts: list[str]) -> str:
    """A heading, and every sentence a bullet with its first words in bold."""
    return "## Answer\n\n" + "\n".join(f"- {_bold_lead(part)}" for part in parts)


def _bold_lead(sentence: str) -> str:
    words = sentence.split(" ")
    head, tail = words[:LEAD], words[LEAD:]
    return " ".join([f"**{' '.join(head)}**", *tail]) if tail else sentence
