"""The chat template that writes a conversation as text: the tokenizer's own, or one that the user gives."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from rmaudit.errors import MissingChatTemplateError, UsageError

#: Llama 3 writes the date into its system turn; a fixed one (its own default) keeps scores the same from day to day.
_FIXED_DATE = datetime(2024, 7, 26)


#: A call with the format as plain text; transformers passes no function of ours on to a template.
_TODAY = re.compile(r"""strftime_now\(\s*(['"])([^'"]*)\1\s*\)""")


def with_fixed_date(template: str) -> str:
    """A template that writes the same date every day, as far as it asks for today's in plain words."""
    return _TODAY.sub(lambda call: repr(_FIXED_DATE.strftime(call.group(2))), template)


def fixed_date(template: str) -> dict[str, Any]:
    """What to give a template that takes the date from its caller."""
    return {"date_string": _FIXED_DATE.strftime("%d %b %Y")} if "date_string" in template else {}


def template_of(tokenizer: PreTrainedTokenizerBase, given: str | Path | None) -> str:
    """The text of the template to use."""
    if given is not None:
        return _given_template(given)
    try:
        template = tokenizer.get_chat_template()
    except ValueError as error:  # none, or several of which none is the default
        names = ", ".join(tokenizer.chat_template) if isinstance(tokenizer.chat_template, dict) else ""
        found = f"several chat templates ({names}) and no default among them" if names else "no chat template"
        raise MissingChatTemplateError(
            f"the tokenizer has {found}. How the model was trained to see a conversation cannot be guessed: give the "
            "template it was trained with as a Jinja file (--chat-template FILE, chat_template=...)"
        ) from error
    return str(template)


def _given_template(given: str | Path) -> str:
    # A template without any {{ }} or {% %} would write the same text for every conversation.
    if isinstance(given, str) and "{" in given:
        return given
    try:
        is_file = Path(given).is_file()
    except (OSError, TypeError, ValueError):  # too long for a path, no text at all, a zero byte in it
        is_file = False
    if not is_file:
        raise UsageError(
            f"chat template: {str(given)!r:.80} is no file, and no Jinja template either (no {{{{ or {{% in it)"
        )
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"chat template: {str(given)!r} cannot be read as UTF-8 text ({error}); save it as a Jinja file in UTF-8"
        ) from error
