from __future__ import annotations

import subprocess
import sys

from rmaudit.conversations import conversation
from rmaudit.scoring import Plan, price
from tests.scoring.texts import stimuli


def test_each_conversation_once_in_the_order_of_first_use() -> None:
    a, b, c = (conversation("Why?", answer) for answer in "abc")
    plan = Plan([b, a, b, conversation("Why?", "a"), c])
    assert plan.unique == [b, a, c]
    assert plan.index == [0, 1, 0, 1, 2]


def test_a_space_or_a_role_makes_another_conversation() -> None:
    plain = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "a"}]
    system = [{"role": "system", "content": "Why?"}, {"role": "assistant", "content": "a"}]
    assert len(Plan([plain, system, conversation("Why? ", "a")]).unique) == 3


def test_price_in_numbers() -> None:
    plan = Plan([conversation("p", answer) for answer in ("x", "x y", "x y z", "x y z")])
    found = price(plan, [(1, 2, *range(10, 10 + len(talk[-1]["content"]))) for talk in plan.unique])
    assert (found.stimuli, found.unique, found.tokens, found.tree_tokens) == (4, 3, 3 + 5 + 7, 7)


def test_the_price_counts_the_rows_that_are_scored() -> None:
    plan = Plan(stimuli())
    ids = [tuple("".join(message["content"] for message in talk).encode()) for talk in plan.unique]
    found = price(plan, ids, row_tokens=100)
    assert (found.stimuli, found.unique) == (24, 12)
    assert found.tree_tokens < found.tokens


def test_nothing_costs_nothing() -> None:
    assert price(Plan([]), []).tree_tokens == 0


def test_planning_does_not_load_torch() -> None:
    code = "import sys; from rmaudit.scoring import Plan, price; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
