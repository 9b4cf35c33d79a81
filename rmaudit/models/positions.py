"""Which tokens of a sequence a reward is read at.

Six rules are in use, and a checkpoint's files do not always say which one it was trained with. They agree where the padding
token does not occur in a text; where it does (an end-of-sequence token that is also the padding token), they read
different tokens. Every rule here looks at one sequence alone, without padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rmaudit.errors import FormattingError

Ids = Sequence[int]


@dataclass(frozen=True)
class Rule:
    """Where a reward is read.

    title: for the load report. find: the positions in a sequence of ids, ascending unless the head wants another order,
    from 0; raises FormattingError where there is none. mean: what is read is the mean over these positions. name: what to
    type to ask for the rule, where that can be done. rivals: whether another rule in use could read the same family.
    """

    title: str
    find: Callable[[Ids], tuple[int, ...]]
    mean: bool = False
    name: str = ""
    rivals: bool = False


def last_token() -> Rule:
    """The last real token, whatever its id: OpenRLHF, TRL's value head, Beaver, UltraRM and most others."""
    return Rule("last token", lambda ids: (len(ids) - 1,), name="last", rivals=True)


def last_non_pad(pad: int | None) -> Rule:
    """The last token that is not the padding token: sequence classification in transformers 4.49 and later."""

    def find(ids: Ids) -> tuple[int, ...]:
        last = next((index for index in reversed(range(len(ids))) if ids[index] != pad), None)
        if last is None:
            raise FormattingError("every token is the padding token; there is no position to read a score at")
        return (last,)

    return Rule("last token that is not the padding token", find, name="last-non-pad", rivals=True)


def before_first_pad(pad: int | None) -> Rule:
    """The token before the configuration's first padding token, as transformers 4.32 to 4.48 read it."""
    return replace(before_first(pad, "padding token"), name="before-first-pad")


def before_first(pad: int | None, called: str, skipped: int = 0) -> Rule:
    """The token before the first one of an id, in code of the time of transformers 4.32 to 4.48; else the last token.

    Where the first token is that one, the rule wraps around to the last token. skipped: how many at the beginning do not
    count, as OPT's `</s>` in DeepSpeed-Chat.
    """

    def find(ids: Ids) -> tuple[int, ...]:
        places = [index for index, token in enumerate(ids) if token == pad][skipped:]
        return ((places[0] - 1) % len(ids) if places else len(ids) - 1,)

    return Rule(f"token before the first {called}", find, rivals=True)


def last_of(token: int, name: str) -> Rule:
    """The last occurrence of a special token."""

    def find(ids: Ids) -> tuple[int, ...]:
        return (_places(ids, token, name)[-1],)

    return Rule(f"last {name}", find)


def every(token: int, name: str) -> Rule:
    """Every occurrence of a special token: the ends of the steps, in a process reward model."""
    return Rule(f"every {name}", lambda ids: tuple(_places(ids, token, name)))


def every_in_pattern(pattern: Sequence[int], offset: int, name: str) -> Rule:
    """The token at `offset` in every occurrence of a run of tokens."""
    wanted = tuple(pattern)

    def find(ids: Ids) -> tuple[int, ...]:
        starts = _starts(ids, wanted)
        if not starts:
            raise FormattingError(f"there is no {name} (ids {list(wanted)}) in the text, where this model is read")
        return tuple(start + offset for start in starts)

    return Rule(f"every {name}", find)


def mean_of_all() -> Rule:
    """The mean over all tokens."""
    return Rule("mean over all tokens", lambda ids: tuple(range(len(ids))), mean=True)


def gate_and(final: Rule, pattern: Sequence[int], name: str) -> Rule:
    """Where the prompt ends, for a head that weighs its outputs by the prompt, and then what `final` reads.

    pattern: the tokens that begin an answer; the gate reads the last place where they stand, at their first token.
    """
    wanted = tuple(pattern)

    def find(ids: Ids) -> tuple[int, ...]:
        starts = _starts(ids, wanted)
        if not starts:
            raise FormattingError(
                f"the tokens that begin an answer ({name}: {list(wanted)}) do not occur, so the head's gate has no position to "
                "read; give the chat template that the model was trained with (--chat-template FILE, chat_template=...)"
            )
        return (starts[-1], *final.find(ids))

    return Rule(f"{final.title}; gate: last {name}", find, name=final.name, rivals=final.rivals)


def _starts(ids: Ids, wanted: tuple[int, ...]) -> list[int]:
    ids = tuple(ids)
    return [start for start in range(len(ids) - len(wanted) + 1) if ids[start : start + len(wanted)] == wanted]


def _places(ids: Ids, token: int, name: str) -> list[int]:
    places = [index for index, one in enumerate(ids) if one == token]
    if not places:
        raise FormattingError(f"there is no {name} (id {token}) in the text, where this model is read")
    return places


#: The rules that a user can ask for instead of the family's, by the name to type; each is made from the padding token's id.
BY_NAME: Mapping[str, Callable[[int | None], Rule]] = {
    "last": lambda pad: last_token(),
    "last-non-pad": last_non_pad,
    "before-first-pad": before_first_pad,
}


def readings(ids: Ids, pad: int | None) -> dict[str, int]:
    """Where each of the named rules reads a sequence; a rule that finds no position is left out."""
    found = {}
    for name, rule in BY_NAME.items():
        try:
            found[name] = rule(pad).find(ids)[-1]
        except FormattingError:
            continue
    return found


def disputed(rule: Rule, ids: Ids, pad: int | None) -> bool:
    """Whether the rules in use read a sequence at different tokens."""
    return rule.rivals and set(readings(ids, pad).values()) != {rule.find(ids)[-1]}
