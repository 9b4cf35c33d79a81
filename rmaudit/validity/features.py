"""Features that are planted: numbers of a text that some probe must find paid for.

A package offers features by the entry point group `rmaudit.features`, as a dict {name: "module:FEATURE"}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rmaudit.battery import Battery
from rmaudit.conversations import Conversation
from rmaudit.entry_points import catalogue, resolved
from rmaudit.errors import UnknownNameError

FEATURES = "rmaudit.features"

Value = Callable[[Conversation], float]


@dataclass(frozen=True)
class Feature:
    """What is planted. A scorer with `alpha` of it has an effect of about alpha in the target's unit: by construction where no
    natural answer has the feature, else a little less, since the feature then widens the unit too.

    name: for a table. says: what is paid for, in words. target: the headline `probe.metric` that must find it. of: makes the
    feature's value for a battery, whose passages it may need to know.
    """

    name: str
    says: str
    target: str
    of: Callable[[Battery], Value]


def load_features(wanted: Iterable[str] | None = None) -> list[Feature]:
    """The registered features with these names (all, if None). Raises UnknownNameError with the nearest name."""
    known = catalogue(FEATURES)
    names = list(known if wanted is None else wanted)
    for name in names:
        if name not in known:
            raise UnknownNameError("feature", name, known)
    return [resolved(known[name]) for name in names]
