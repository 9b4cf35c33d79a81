"""Conversations -> scores, each computed once.

The names below are loaded on first use, so that planning an audit does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmaudit import lazily

if TYPE_CHECKING:
    from rmaudit.scoring.engine_local import LocalEngine as LocalEngine
    from rmaudit.scoring.engine_local import score_all as score_all
    from rmaudit.scoring.layout import Mode as Mode
    from rmaudit.scoring.layout import Packing as Packing
    from rmaudit.scoring.naming import convert_all as convert_all
    from rmaudit.scoring.naming import encode_all as encode_all
    from rmaudit.scoring.packing import check_packing as check_packing
    from rmaudit.scoring.packing import packing_of as packing_of
    from rmaudit.scoring.plan import Plan as Plan
    from rmaudit.scoring.plan import Price as Price
    from rmaudit.scoring.plan import price as price

_HOME_OF = {
    "LocalEngine": "engine_local",
    "Mode": "layout",
    "Packing": "layout",
    "Plan": "plan",
    "Price": "plan",
    "check_packing": "packing",
    "convert_all": "naming",
    "encode_all": "naming",
    "packing_of": "packing",
    "price": "plan",
    "score_all": "engine_local",
}

__all__ = [
    "LocalEngine",
    "Mode",
    "Packing",
    "Plan",
    "Price",
    "check_packing",
    "convert_all",
    "encode_all",
    "packing_of",
    "price",
    "score_all",
]

__getattr__ = lazily.names(__name__, _HOME_OF)
